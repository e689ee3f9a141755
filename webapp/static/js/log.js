// The log panel: the last lines, and with "follow" the new ones as they come. Polls only while visible. Fetches the page
// for browsers without scripts, which answers also while Docker does not.
const FOLLOW_MS = 2000;
const NEAR_END = 24;

export function offerLog() {
  const panel = document.querySelector('[data-log]');
  if (!panel) return;
  const box = panel.querySelector('[data-log-lines]');
  const follow = panel.querySelector('[data-log-follow]');
  const state = panel.querySelector('[data-log-state]');
  let timer;
  let isSeen = false;
  let asked = 0;

  async function load() {
    clearTimeout(timer);
    if (document.hidden || !isSeen) return;
    const mine = ++asked;
    let text = panel.dataset.down;
    try {
      const response = await fetch(panel.dataset.log, { headers: { Accept: 'text/html' }, redirect: 'manual' });
      if (!response.ok) throw new Error(String(response.status));
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      if (mine !== asked) return;
      const lines = page.querySelector('pre.log');
      if (lines) show(lines.textContent);
      text = lines ? '' : page.querySelector('.hint').textContent;
    } catch {
      // reported below
    }
    state.textContent = text;
    state.hidden = !text;
    box.hidden = Boolean(text);
    if (follow.checked) timer = setTimeout(load, FOLLOW_MS);
  }

  function show(fresh) {
    if (box.textContent === fresh) return;
    const wasAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END || !box.textContent;
    box.textContent = fresh;
    if (wasAtEnd) box.scrollTop = box.scrollHeight;
  }

  follow.addEventListener('change', load);
  panel.querySelector('[data-log-again]').addEventListener('click', load);
  document.addEventListener('visibilitychange', load);
  new IntersectionObserver(([entry]) => {
    isSeen = entry.isIntersecting;
    load();
  }).observe(panel);
}
