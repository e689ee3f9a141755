// The metrics panel: fetches samples and deploys, draws them with ECharts, and writes the same numbers as a table.
// The series are built in series.js, the look of the chart in options.js.
import { fill, withGaps, tableRows } from './series.js';
import { deployAt, deployMarks, endMarks, spanOf } from './marks.js';
import { chartOptions } from './options.js';
import { choose } from './history.js';
import { chooseWindow, chosenWindow } from './windows.js';

const POLL_MS = 15_000;
// A point of a long window spans minutes: polling more often shows nothing new.
const SLOW_POLL_MS = 60_000;
const SECONDS = { '30m': 1800, '2h': 7200, '6h': 21_600, '24h': 86_400, '7d': 604_800, '30d': 2_592_000 };

export async function drawCharts() {
  for (const element of document.querySelectorAll('[data-chart]')) await startPanel(element);
}

async function startPanel(element) {
  const echarts = await import(element.dataset.echarts);
  const words = JSON.parse(element.dataset.words);
  const canvas = element.querySelector('[data-canvas]');
  const chart = echarts.init(canvas, null, { renderer: 'canvas' });
  const state = { window: chosenWindow(), points: [], marks: [], ends: [], deploys: [], chosen: null, failed: false, asked: 0 };
  let timer;

  const draw = () => {
    const now = Date.now();
    const span = state.chosen && spanOf(state.chosen, state.deploys, now);
    const data = { ...state, span, seconds: SECONDS[state.window], now };
    note(element, words, span);
    chart.setOption(chartOptions(data, words, colours(element), canvas.clientWidth), { replaceMerge: ['series'] });
    hint(element, words, state);
    table(element, state.points);
  };

  async function load() {
    clearTimeout(timer);
    if (document.hidden) return;
    const asked = ++state.asked;
    try {
      const [points, deploys, happened] = await Promise.all([
        json(`${element.dataset.source}?window=${state.window}`),
        element.dataset.marks ? json(element.dataset.marks) : { deploys: [] },
        element.dataset.ends ? json(`${element.dataset.ends}?window=${state.window}`) : [],
      ]);
      if (asked !== state.asked) return; // another window was chosen meanwhile
      const since = Date.now() - SECONDS[state.window] * 1000;
      if ('noLimit' in element.dataset) for (const point of points) point.memory_limit = null;
      const marks = deployMarks(deploys.deploys, words, since);
      const ends = endMarks(happened, words);
      Object.assign(state, { points: withGaps(points), deploys: deploys.deploys, marks, ends, failed: false });
    } catch {
      if (asked !== state.asked) return;
      state.failed = true;
    }
    draw();
    timer = setTimeout(load, SECONDS[state.window] > SECONDS['6h'] ? SLOW_POLL_MS : POLL_MS);
  }

  document.addEventListener('backstay:window', ({ detail }) => {
    state.window = detail.window;
    load();
  });
  if (element.dataset.marks) shareChoice(chart, state, draw);
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : load()));
  new ResizeObserver(() => {
    chart.resize();
    draw();
  }).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ['data-theme'] });
  await load();
}

async function json(address) {
  const response = await fetch(address, { headers: { Accept: 'application/json' } });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

// The chart and the history share one chosen deploy: set here by a click, there by a link.
function shareChoice(chart, state, draw) {
  const chooseIn = ({ detail }) => {
    state.chosen = detail.version;
    const span = state.chosen && spanOf(state.chosen, state.deploys, Date.now());
    const wanted = span ? (Date.now() - span.to) / 1000 : 0;
    const wide = Object.keys(SECONDS).find((window) => SECONDS[window] > wanted);
    if (wide && SECONDS[wide] > SECONDS[state.window]) chooseWindow(wide);
    else draw();
  };
  document.addEventListener('backstay:choose', chooseIn);
  chart.getZr().on('click', ({ offsetX, offsetY }) => {
    if (!chart.containPixel('grid', [offsetX, offsetY])) return;
    const at = (x) => chart.convertFromPixel({ xAxisIndex: 0 }, x);
    const moment = at(offsetX);
    const version = deployAt(moment, at(offsetX + 1) - moment, state.marks, state.deploys, Date.now());
    if (version) choose(version, { reveal: true });
  });
  const asked = document.querySelector('#history [data-chosen]');
  if (asked) state.chosen = Number(asked.id.slice(1));
}

function note(element, words, span) {
  const line = element.querySelector('[data-note]');
  if (!line) return;
  const time = new Intl.DateTimeFormat(document.documentElement.dataset.locale, { dateStyle: 'short', timeStyle: 'medium' });
  const text = span ? fill(words.span, { version: span.row.version, range: time.formatRange(span.from, span.to) }) : words.choose;
  if (line.textContent !== text) line.textContent = text;
}

function hint(element, words, { points, failed }) {
  const text = failed ? words.unavailable : points.length ? '' : words.empty;
  const line = element.querySelector('[data-hint]');
  line.textContent = text;
  line.hidden = !text;
  element.classList.toggle('is-empty', !points.length);
}

function table(element, points) {
  const language = document.documentElement.dataset.locale;
  const body = element.querySelector('[data-table]');
  body.replaceChildren(
    ...tableRows(points, language).map((cells) => {
      const row = document.createElement('tr');
      row.append(...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })));
      return row;
    }),
  );
}

// A custom property may hold light-dark(): only a real property resolves to the current one.
function colours(element) {
  const probe = element.appendChild(document.createElement('i'));
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = ['text', 'muted', 'line', 'surface', 'cpu', 'memory', 'good', 'bad', 'warn', 'accent'];
  const found = Object.fromEntries(names.map((name) => [name, colour(name)]));
  probe.remove();
  return { ...found, font: getComputedStyle(document.body).fontFamily };
}
