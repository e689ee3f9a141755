// The time window of the metrics: its links choose one without a reload, the address keeps it, and the chart is notified.
// Listens from the first script on: a chart that loads later finds the choice made meanwhile.
import { isPlain } from './clicks.js';

export function offerWindows() {
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-window]');
    if (!link || !isPlain(event)) return;
    event.preventDefault();
    chooseWindow(link.dataset.window);
  });
}

export function chosenWindow() {
  return document.querySelector('a[data-window][aria-current]').dataset.window;
}

export function chooseWindow(name) {
  for (const link of document.querySelectorAll('a[data-window]')) {
    if (link.dataset.window === name) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  for (const link of document.querySelectorAll('a[data-of-window]')) link.setAttribute('href', inWindow(link.href, name));
  history.replaceState(null, '', inWindow(location.href, name));
  document.dispatchEvent(new CustomEvent('backstay:window', { detail: { window: name } }));
}

// Return an address of this page with the window that is shown now, replacing any that it names.
export function keepWindow(address) {
  return inWindow(address, new URLSearchParams(location.search).get('window'));
}

function inWindow(address, name) {
  const url = new URL(address, location.href);
  if (name) url.searchParams.set('window', name);
  else url.searchParams.delete('window');
  return url.pathname + url.search + url.hash;
}
