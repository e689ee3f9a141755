// Keeps the parts marked data-live as the server has them: fetches the same page and takes over what changed.
// Stops while the tab is hidden; goes faster while a deploy is under way.

const RETRY_FACTOR = 3;

export function keepFresh(after) {
  const page = document.querySelector('[data-poll]');
  if (!page) return;
  let timer;

  const wait = (factor = 1) => {
    clearTimeout(timer);
    const busy = document.querySelector('[data-busy]') && page.dataset.pollBusy;
    timer = setTimeout(refresh, Number(busy || page.dataset.poll) * 1000 * factor);
  };

  async function refresh() {
    if (document.hidden) return;
    try {
      const response = await fetch(location.href, { headers: { Accept: 'text/html' }, redirect: 'manual' });
      if (response.type === 'opaqueredirect') return location.reload(); // the session is over
      if (response.ok) {
        takeOver(new DOMParser().parseFromString(await response.text(), 'text/html'));
        after();
      }
      wait(response.ok ? 1 : RETRY_FACTOR);
    } catch {
      wait(RETRY_FACTOR);
    }
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : refresh()));
  wait();
}

function takeOver(fresh) {
  for (const old of document.querySelectorAll('[data-live]')) {
    const found = fresh.getElementById(old.id);
    if (!found) continue;
    old.toggleAttribute('data-busy', found.hasAttribute('data-busy'));
    replaceChanged(old, found);
  }
}

// Goes down to the rows (data-key) when both sides have the same frame, so that focus and selection elsewhere stay.
function replaceChanged(old, found) {
  if (same(old, found)) return;
  const [oldRows, newRows] = [keyed(old), keyed(found)];
  const frame = (rows) => [...rows.keys()].join('\n');
  if (!oldRows.size || frame(oldRows) !== frame(newRows)) {
    keepOpen(old, found);
    old.replaceChildren(...found.childNodes);
    return;
  }
  for (const [key, row] of oldRows) {
    const next = newRows.get(key);
    if (same(row, next)) continue;
    keepOpen(row, next);
    row.replaceWith(next);
  }
}

function keyed(root) {
  return new Map([...root.querySelectorAll('[data-key]')].map((row) => [row.dataset.key, row]));
}

// What this script itself writes into the page is no difference.
function same(left, right) {
  const plain = (node) => {
    const copy = node.cloneNode(true);
    for (const time of copy.querySelectorAll('time[data-time]')) time.removeAttribute('title');
    for (const since of copy.querySelectorAll('[data-since]')) since.textContent = '';
    for (const details of copy.querySelectorAll('details')) details.removeAttribute('open');
    for (const copied of copy.querySelectorAll('.is-copied')) copied.classList.remove('is-copied');
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
