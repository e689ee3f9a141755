// The metrics panel: fetches samples and deploys, draws them with ECharts, and writes the same numbers as a table.
// What the series are made of is in series.js, how the chart looks in options.js.
import { withGaps, tableRows, deployMarks } from './series.js';
import { chartOptions } from './options.js';

const POLL_MS = 15_000;
const SECONDS = { '30m': 1800, '2h': 7200, '6h': 21_600 };

export async function drawCharts() {
  for (const element of document.querySelectorAll('[data-chart]')) await startPanel(element);
}

async function startPanel(element) {
  const echarts = await import(element.dataset.echarts);
  const words = JSON.parse(element.dataset.words);
  const panel = element.closest('section');
  const canvas = element.querySelector('[data-canvas]');
  const chart = echarts.init(canvas, null, { renderer: 'canvas' });
  const state = { window: '30m', points: [], marks: [], failed: false, asked: 0 };
  let timer;

  const draw = () => {
    const data = { ...state, seconds: SECONDS[state.window], now: Date.now() };
    chart.setOption(chartOptions(data, words, colours(element), canvas.clientWidth), { replaceMerge: ['series'] });
    hint(element, words, state);
    table(element, state.points);
  };

  async function load() {
    clearTimeout(timer);
    if (document.hidden) return;
    const asked = ++state.asked;
    try {
      const [points, deploys] = await Promise.all([
        json(`${element.dataset.source}?window=${state.window}`),
        element.dataset.marks ? json(element.dataset.marks) : { deploys: [] },
      ]);
      if (asked !== state.asked) return; // another window was chosen meanwhile
      const since = Date.now() - SECONDS[state.window] * 1000;
      if ('noLimit' in element.dataset) for (const point of points) point.memory_limit = null;
      Object.assign(state, { points: withGaps(points), marks: deployMarks(deploys.deploys, words, since), failed: false });
    } catch {
      if (asked !== state.asked) return;
      state.failed = true;
    }
    draw();
    timer = setTimeout(load, POLL_MS);
  }

  panel.querySelector('[data-windows]').addEventListener('click', (event) => {
    const button = event.target.closest('[data-window]');
    if (!button) return;
    choose(panel, button, element.dataset.source);
    state.window = button.dataset.window;
    load();
  });
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

function choose(panel, chosen, source) {
  for (const button of panel.querySelectorAll('[data-window]')) {
    button.setAttribute('aria-pressed', String(button === chosen));
  }
  const link = panel.querySelector('a.json');
  if (link) link.href = `${source}?window=${chosen.dataset.window}`;
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

// A custom property may hold light-dark(): only a real property tells which of the two it is now.
function colours(element) {
  const probe = element.appendChild(document.createElement('i'));
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = ['text', 'muted', 'line', 'surface', 'cpu', 'memory', 'good', 'bad', 'warn'];
  const found = Object.fromEntries(names.map((name) => [name, colour(name)]));
  probe.remove();
  return { ...found, font: getComputedStyle(document.body).fontFamily };
}
