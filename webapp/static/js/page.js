// Enhancements of every page: local times, copying, the theme, dialogs, and keeping panels fresh.
// All pages work without it.
import { announce } from './announce.js';
import { followBuild } from './build.js';
import { keepFresh } from './fresh.js';
import { offerDialogs } from './dialog.js';
import { markChosen, offerHistory } from './history.js';
import { offerLog } from './log.js';
import { offerWindows } from './windows.js';

document.documentElement.classList.replace('no-js', 'scripted');
const language = document.documentElement.dataset.locale;

export function sayTimes(root = document) {
  const full = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' });
  const short = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
  for (const element of root.querySelectorAll('time[data-time]')) {
    const moment = new Date(element.dateTime);
    element.title = full.format(moment);
    const exact = element.querySelector('[data-exact]');
    if (exact) exact.textContent = short.format(moment);
  }
}

function countUp() {
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 0, style: 'unit', unit: 'second' });
  for (const element of document.querySelectorAll('[data-since]')) {
    const passed = Math.max(0, (Date.now() - Date.parse(element.dataset.since)) / 1000);
    element.textContent = number.format(Math.floor(passed));
  }
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return; // not allowed on plain HTTP; the title has the whole text
  }
  button.classList.add('is-copied');
  announce(button.dataset.copied ?? '');
  setTimeout(() => button.classList.remove('is-copied'), 1500);
}

function sayNoChart() {
  for (const chart of document.querySelectorAll('[data-chart]')) {
    const line = chart.querySelector('[data-hint]');
    line.textContent = JSON.parse(chart.dataset.words).no_chart;
    line.hidden = false;
  }
}

function switchTheme(link) {
  const order = ['auto', 'dark', 'light'];
  const next = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
  document.documentElement.dataset.theme = next;
  const secure = location.protocol === 'https:' ? '; secure' : '';
  document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax${secure}`;
  const name = JSON.parse(link.dataset.names)[next];
  link.title = name;
  link.setAttribute('aria-label', name);
  announce(name);
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-copy]');
  if (button) copy(button);
  const theme = event.target.closest('[data-theme-switch]');
  if (theme) {
    event.preventDefault();
    switchTheme(theme);
  }
  const other = event.target.closest('.langs a');
  if (other) other.href = inLanguage(other);
});

// The page in its current state, not as loaded: with its filter, its window, the chosen version. The address of a
// response to a form cannot be opened; its links lead elsewhere.
function inLanguage(link) {
  const [url, now] = [new URL(link.href), new URL(location.href)];
  if (url.pathname !== now.pathname) return link.href;
  now.searchParams.set('lang', link.hreflang);
  return now.href;
}

// A second press must not start a second deploy.
document.addEventListener('submit', (event) => {
  if (event.defaultPrevented) return;
  for (const button of event.target.querySelectorAll('button')) setTimeout(() => (button.disabled = true));
});

// A page restored from the browser's back/forward cache has not been submitted again.
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll('form button')) button.disabled = false;
});

sayTimes();
countUp();
setInterval(countUp, 1000);
offerDialogs();
offerWindows();
offerHistory();
offerLog();
followBuild();
keepFresh(() => {
  sayTimes();
  countUp();
  markChosen();
});
if (document.querySelector('[data-chart]')) {
  import('./chart.js').then(({ drawCharts }) => drawCharts(), sayNoChart);
}
