// Keeps the parts marked data-live up to date: fetches the same page and applies what changed.
// The server's stream signals each change; without it, and while it is down, the page polls, faster while a deploy is
// under way. Everything stops while the tab is hidden.

const RETRY_FACTOR = 3;
const WITH_STREAM_S = 30;

const page = document.querySelector('[data-poll]');
let after = () => {};
let timer;
let stream;
let asked = 0;

export function keepFresh(done) {
  if (!page) return;
  after = done;
  // A response to a form shows the page of the app: refreshes fetch that page, not the form.
  if (page.dataset.here && location.pathname !== page.dataset.here) history.replaceState(null, '', page.dataset.here);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return pause();
    follow();
    refresh();
  });
  addEventListener('pagehide', pause);
  follow();
  wait();
}

// Fetch the page again and apply what changed; with an address, navigate there without a reload.
export async function refresh(address) {
  clearTimeout(timer);
  if (address) history.replaceState(null, '', address);
  if (document.hidden) return;
  const mine = ++asked;
  try {
    const response = await fetch(location.href, { headers: { Accept: 'text/html' }, redirect: 'manual' });
    if (response.type === 'opaqueredirect') return location.reload(); // the session is over
    const text = response.ok ? await response.text() : '';
    if (mine !== asked) return; // a newer request is under way
    if (text) {
      const fresh = new DOMParser().parseFromString(text, 'text/html');
      takeOver(fresh);
      document.title = fresh.title;
      after();
    }
    wait(response.ok ? 1 : RETRY_FACTOR);
  } catch {
    if (mine === asked) wait(RETRY_FACTOR);
  }
}

function wait(factor = 1) {
  clearTimeout(timer);
  const busy = document.querySelector('[data-busy]') && page.dataset.pollBusy;
  const usual = stream?.readyState === EventSource.OPEN ? WITH_STREAM_S : Number(busy || page.dataset.poll);
  timer = setTimeout(refresh, usual * 1000 * factor);
}

function follow() {
  if (!page.dataset.stream || stream || document.hidden) return;
  stream = new EventSource(page.dataset.stream);
  stream.addEventListener('open', () => wait());
  stream.addEventListener('change', () => refresh());
  // The browser reconnects by itself unless it was refused: then the page polls.
  stream.addEventListener('error', () => wait());
}

function pause() {
  clearTimeout(timer);
  stream?.close();
  stream = undefined;
}

function takeOver(fresh) {
  for (const old of document.querySelectorAll('[data-live]')) {
    const found = fresh.getElementById(old.id);
    if (!found) continue;
    old.toggleAttribute('data-busy', found.hasAttribute('data-busy'));
    replaceChanged(old, found);
  }
}

// Descend to the rows (data-key) when both sides have the same frame, so that focus and selection elsewhere stay.
function replaceChanged(old, found) {
  if (same(old, found)) return;
  const [oldRows, newRows] = [keyed(old), keyed(found)];
  const frame = (rows) => [...rows.keys()].join('\n');
  if (!oldRows.size || frame(oldRows) !== frame(newRows)) {
    keepOpen(old, found);
    keepFocus(old, () => old.replaceChildren(...found.childNodes), () => old);
    return;
  }
  for (const [key, row] of oldRows) {
    const next = newRows.get(key);
    if (same(row, next)) continue;
    keepOpen(row, next);
    keepFocus(row, () => row.replaceWith(next), () => next);
  }
}

function keyed(root) {
  return new Map([...root.querySelectorAll('[data-key]')].map((row) => [row.dataset.key, row]));
}

// Changes that this script itself makes to the page do not count.
function same(left, right) {
  const plain = (node) => {
    const copy = node.cloneNode(true);
    for (const time of copy.querySelectorAll('time[data-time]')) time.removeAttribute('title');
    for (const exact of copy.querySelectorAll('[data-exact], [data-since]')) exact.textContent = '';
    for (const details of copy.querySelectorAll('details')) details.removeAttribute('open');
    for (const copied of copy.querySelectorAll('.is-copied')) copied.classList.remove('is-copied');
    for (const chosen of [copy, ...copy.querySelectorAll('[data-chosen], [data-choose]')]) {
      chosen.removeAttribute('data-chosen');
      chosen.removeAttribute('aria-current');
    }
    return copy.innerHTML + copy.className;
  };
  return plain(left) === plain(right);
}

function keepOpen(old, found) {
  for (const details of old.querySelectorAll('details[open][data-keep]')) {
    found.querySelector(`details[data-keep="${CSS.escape(details.dataset.keep)}"]`)?.setAttribute('open', '');
  }
  // A "…" that was already counting must not jump back to dots.
  for (const since of found.querySelectorAll('[data-since]')) {
    const before = old.querySelector(`[data-since="${since.dataset.since}"]`);
    if (before) since.textContent = before.textContent;
  }
}

// Keep keyboard focus on the same link or button.
function keepFocus(old, replace, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const name = (element) => element.tagName + (element.getAttribute('aria-label') ?? element.textContent);
  const wanted = focused && name(focused);
  replace();
  if (wanted) [...fresh().querySelectorAll('a, button, summary, [tabindex]')].find((one) => name(one) === wanted)?.focus();
}
