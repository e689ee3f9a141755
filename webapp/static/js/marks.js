// Deploys over time: marks where one ended, the span in which one served or tried to, and the one nearest a click. Pure.
import { fill } from './series.js';

export const NEAR_PX = 8;

// Return a mark per finished deploy within the window: its end and its outcome.
export function deployMarks(deploys, words, since) {
  return deploys
    .filter((row) => row.finished_at && Date.parse(row.finished_at) >= since)
    .map((row) => ({ at: Date.parse(row.finished_at), status: row.status, version: row.version, text: markText(row, words) }))
    .reverse();
}

// Return the span of a deploy: if it succeeded, from when it went live until the next did; otherwise its attempt.
export function spanOf(version, deploys, now) {
  const row = deploys.find((one) => one.version === version);
  if (!row) return null;
  const ended = row.finished_at ? Date.parse(row.finished_at) : now;
  if (row.status !== 'succeeded') return { row, from: Date.parse(row.started_at ?? row.queued_at), to: ended };
  const after = deploys.filter((one) => one.version > version && one.status === 'succeeded').map((one) => Date.parse(one.finished_at));
  return { row, from: ended, to: after.length ? Math.min(...after) : now };
}

// Return the deploy for a click: the nearest mark, else the one that served then.
export function deployAt(moment, msPerPixel, marks, deploys, now) {
  const near = marks
    .map((mark) => ({ ...mark, far: Math.abs(mark.at - moment) }))
    .filter((mark) => mark.far <= NEAR_PX * msPerPixel)
    .sort((left, right) => left.far - right.far)[0];
  if (near) return near.version;
  const serving = deploys
    .filter((row) => row.status === 'succeeded')
    .map((row) => spanOf(row.version, deploys, now))
    .find(({ from, to }) => from <= moment && moment < to);
  return serving?.row.version ?? null;
}

const ENDS = ['crash', 'oom', 'finished'];

// Return the ends of containers that nobody asked for. A job that was done is not started again, and is none.
export function endMarks(found, words) {
  return found
    .filter((mark) => ENDS.includes(mark.kind) && (mark.kind !== 'finished' || mark.restarted))
    .map((mark) => ({ at: Date.parse(mark.ts), text: fill(words[mark.kind], { version: mark.version }) }));
}

// Draw ends that are too close to tell apart as one, with their number.
export function bundled(ends, msPerPixel) {
  const bundles = [];
  for (const end of ends) {
    const last = bundles.at(-1);
    if (last && end.text === last.text && end.at - last.at <= NEAR_PX * msPerPixel) last.count += 1;
    else bundles.push({ ...end, count: 1 });
  }
  return bundles.map(({ at, text, count }) => ({ at, text: count > 1 ? `${text} × ${count}` : text }));
}

function markText(row, words) {
  const isBack = row.status === 'succeeded' && row.rollback_of !== null;
  const text = isBack ? words.rollback : (words[row.status] ?? words.version);
  return fill(text, { version: row.version, target: row.rollback_of });
}
