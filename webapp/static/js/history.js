// The history panel: filters without a reload, more rows, and the chosen deploy, which the chart shares.
import { refresh } from './fresh.js';
import { announce } from './announce.js';
import { isPlain } from './clicks.js';
import { keepWindow } from './windows.js';

let chosen = null;

export function offerHistory() {
  document.addEventListener('change', (event) => {
    const form = event.target.closest('form[data-filter]');
    if (form) refresh(addressOf(form));
  });
  let typing;
  document.addEventListener('input', (event) => {
    if (!event.target.matches('form[data-filter] input')) return;
    clearTimeout(typing);
    typing = setTimeout(() => refresh(addressOf(event.target.form)), 200);
  });
  document.addEventListener('submit', (event) => {
    if (!event.target.matches('form[data-filter]')) return;
    event.preventDefault();
    refresh(addressOf(event.target));
  });
  document.addEventListener('click', (event) => {
    const more = event.target.closest('a[data-more]');
    const version = event.target.closest('a[data-choose]');
    if (!isPlain(event) || !(more || version)) return;
    event.preventDefault();
    if (more) refresh(keepWindow(more.getAttribute('href').split('#')[0]));
    else choose(Number(version.dataset.choose));
  });
  for (const form of document.querySelectorAll('form[data-filter]')) catchUp(form);
  const asked = location.hash.match(/^#v(\d+)$/);
  if (asked) choose(Number(asked[1]));
}

// Choose one deploy or none; choosing it again clears it. `reveal` scrolls its row into view.
export function choose(version, { reveal = false } = {}) {
  chosen = version === chosen ? null : version;
  history.replaceState(null, '', chosen ? `#v${chosen}` : location.pathname + location.search);
  markChosen();
  const row = chosen && document.getElementById(`v${chosen}`);
  if (reveal && row) row.scrollIntoView({ block: 'nearest', behavior: isCalm() ? 'instant' : 'smooth' });
  if (row) announce(row.querySelector('.area-title, .area-status')?.textContent.trim() ?? '');
  document.dispatchEvent(new CustomEvent('backstay:choose', { detail: { version: chosen } }));
}

// Respect the system's reduced motion, which scrolling by a script ignores by default.
function isCalm() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

export function markChosen() {
  for (const row of document.querySelectorAll('#history [data-key]')) {
    const isIt = chosen !== null && row.id === `v${chosen}`;
    row.toggleAttribute('data-chosen', isIt);
    const link = row.querySelector('[data-choose]');
    if (isIt) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}

// Input made before this script listened is in the form, and not yet in the address.
function catchUp(form) {
  const asked = new URLSearchParams(location.search);
  const isAhead = [...new FormData(form)].some(([name, value]) => value !== (asked.get(name) ?? ''));
  if (isAhead) refresh(addressOf(form));
}

function addressOf(form) {
  const given = [...new FormData(form)].filter(([, value]) => value);
  const query = new URLSearchParams(given).toString();
  return keepWindow(form.getAttribute('action') + (query ? `?${query}` : ''));
}
