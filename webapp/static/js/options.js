// The look of the chart: an ECharts option from data, words and colours. Pure.
// The tooltip is drawn on the canvas (richText): one made of HTML would need inline styles, which the policy forbids.
import { NEAR_PX, bundled } from './marks.js';
import { fill, lines } from './series.js';

// In pixels: a letter of a mark's label and the space between two labels, each about; and both axes' labels.
const [LETTER_WIDTH, LABEL_GAP, AXES_WIDTH] = [6.5, 10, 120];
const TICKS = 4;
const SHORTEST_SPAN = 120;
// Below this a label without seconds would repeat.
const SECONDS_BELOW = 600;
// From here on a label is a day.
const DAYS_ABOVE = 2 * 86_400;

export function chartOptions({ points, marks, ends: ended, span: chosen, seconds: window, now }, words, colours, width) {
  const seconds = span(points, window, now);
  const language = document.documentElement.dataset.locale;
  const ends = bundled(ended, (seconds * 1000) / Math.max(width - AXES_WIDTH, 1));
  const { cpu, memory, limit, cpuMost, memoryMost } = lines(points);
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const text = { color: colours.muted, fontFamily: colours.font, fontSize: 12 };
  const isNarrow = width < 520;
  const legend = [words.cpu, words.memory, ...(limit.length ? [words.limit] : [])];
  return {
    animation: false,
    textStyle: { fontFamily: colours.font },
    aria: { enabled: true, label: { description: words.aria } },
    grid: { left: 8, right: 8, top: 62, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    legend: { data: legend, left: 0, top: 0, icon: 'roundRect', itemWidth: 14, itemHeight: 3, itemGap: isNarrow ? 9 : 18, textStyle: isNarrow ? { ...text, fontSize: 11 } : text, inactiveColor: colours.line },
    tooltip: tooltip(words, colours, language, number, near([...marks, ...ends], seconds, width)),
    xAxis: {
      type: 'time',
      min: now - seconds * 1000,
      max: now,
      minInterval: (seconds * 1000) / (isNarrow ? 3 : 6),
      axisLine: { lineStyle: { color: colours.line } },
      axisTick: { show: false },
      axisLabel: { ...text, hideOverlap: true, formatter: clock(language, seconds) },
    },
    yAxis: [
      axis(words.percent, colours, text, number, true, [...cpu, ...cpuMost]),
      axis(words.mib, colours, text, number, false, [...memory, ...limit, ...memoryMost]),
      { type: 'value', min: 0, max: 1, show: false },
    ],
    series: [
      series(words.cpu, cpu, 0, colours.cpu, { markLine: markLine(marks, colours, seconds, width, now) }),
      series(words.memory, memory, 1, colours.memory, { lineStyle: { width: 1.75, type: [6, 4] } }),
      ...(limit.length
        ? [series(words.limit, limit, 1, colours.warn, { lineStyle: { width: 1, type: [2, 4] }, step: 'end' })]
        : []),
      ...(cpuMost.length
        ? [
            series(words.cpu_most, cpuMost, 0, colours.cpu, { lineStyle: { width: 1, opacity: 0.45 } }),
            series(words.memory_most, memoryMost, 1, colours.memory, { lineStyle: { width: 1, opacity: 0.45, type: [2, 3] } }),
          ]
        : []),
      ...(ends.length ? [endPoints(ends, colours)] : []),
      ...(chosen ? [spanArea(chosen, colours, now - seconds * 1000)] : []),
    ],
  };
}

// The span of the chosen deploy as a coloured background: a line along the top whose area reaches down.
function spanArea({ from, to, row }, colours, since) {
  const color = row.status === 'succeeded' ? colours.accent : colours.bad;
  const data = [[Math.max(from, since), 1], [Math.max(to, since), 1]];
  return series('', data, 2, color, { silent: true, z: 0, lineStyle: { width: 0 }, areaStyle: { color, opacity: 0.13 } });
}

// Containers that ended by themselves: triangles that stand on the axis of time.
function endPoints(ends, colours) {
  const data = ends.map(({ at }) => [at, 0]);
  const look = { showSymbol: true, showAllSymbol: true, symbol: 'triangle', symbolSize: 9, symbolOffset: [0, -4] };
  return series('', data, 2, colours.bad, { ...look, silent: true, z: 5, lineStyle: { width: 0 } });
}

// The window, but no longer than its samples: an app that is a minute old shows that minute, not a blank.
function span(points, window, now) {
  const age = points.length ? now / 1000 - points[0].ts : window;
  return Math.min(window, Math.max(age * 1.05, SHORTEST_SPAN));
}

function series(name, data, yAxisIndex, color, more) {
  return {
    name,
    type: 'line',
    data,
    yAxisIndex,
    showSymbol: false,
    connectNulls: false,
    itemStyle: { color },
    lineStyle: { width: 1.75 },
    emphasis: { disabled: true },
    ...more,
  };
}

function axis(unit, colours, text, number, isLeft, data) {
  const largest = data.reduce((most, [, value]) => Math.max(most, value ?? 0), 0);
  const step = niceStep(Math.max(largest * 1.05, isLeft ? 4 : 8) / TICKS);
  return {
    type: 'value',
    min: 0,
    // An idle app must not look busy: the scale never gets finer than this.
    max: step * TICKS,
    interval: step,
    axisLabel: { ...text, formatter: (value) => fill(unit, { value: number.format(value) }) },
    splitLine: { show: isLeft, lineStyle: { color: colours.line } },
  };
}

// The next of 1, 2, 2.5, 5 times a power of ten: both axes have the same number of steps, so one grid fits both.
function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough);
}

export function markLine(marks, colours, seconds, width, now) {
  const colour = { succeeded: colours.good, failed: colours.bad, interrupted: colours.warn, cancelled: colours.muted };
  const pixel = (seconds * 1000) / Math.max(width - AXES_WIDTH, 1);
  const rows = [-Infinity, -Infinity];
  return {
    symbol: 'none',
    silent: true,
    data: marks.map((mark) => {
      const { align, from, to } = labelSpan(mark, pixel, now - seconds * 1000, now);
      // Two rows of labels; one that fits into neither is left out, its line stays.
      const row = rows.findIndex((taken) => from >= taken);
      if (row >= 0) rows[row] = to;
      const color = colour[mark.status] ?? colours.muted;
      return {
        xAxis: mark.at,
        lineStyle: { color, width: 1, type: mark.status === 'succeeded' ? 'solid' : 'dashed' },
        label: { show: row >= 0, formatter: mark.text, color, fontSize: 11, distance: 4 + 14 * row, rotate: 0, align },
      };
    }),
  };
}

// The moments that a label covers. It is centred on its line; at an edge it stands beside it, inside, or it would cover
// the label of an axis.
function labelSpan({ at, text }, pixel, first, last) {
  const wide = (text.length * LETTER_WIDTH + LABEL_GAP) * pixel;
  if (at - wide / 2 < first) return { align: 'left', from: at, to: at + wide };
  if (at + wide / 2 > last) return { align: 'right', from: at - wide, to: at };
  return { align: 'center', from: at - wide / 2, to: at + wide / 2 };
}

// Return the deploys that ended near a moment, for the tooltip: they may have no room for a label.
function near(marks, seconds, width) {
  const far = ((seconds * 1000) / Math.max(width, 1)) * NEAR_PX;
  return (moment) => marks.filter((mark) => Math.abs(mark.at - moment) <= far).map((mark) => mark.text);
}

function tooltip(words, colours, language, number, deploysAt) {
  const when = new Intl.DateTimeFormat(language, { dateStyle: 'short', timeStyle: 'medium' });
  const percents = [words.cpu, words.cpu_most];
  const value = (entry) => (entry.value[1] === null ? words.none : fill(percents.includes(entry.seriesName) ? words.percent : words.mib, { value: number.format(entry.value[1]) }));
  return {
    trigger: 'axis',
    renderMode: 'richText',
    confine: true,
    backgroundColor: colours.surface,
    borderColor: colours.line,
    textStyle: { color: colours.text, fontFamily: colours.font, fontSize: 12 },
    axisPointer: { type: 'line', lineStyle: { color: colours.muted, type: 'solid', width: 1 } },
    formatter: (entries) => {
      const rows = entries.filter((entry) => entry.seriesName).map((entry) => `${entry.seriesName}: ${value(entry)}`);
      const [moment] = entries[0].value;
      return [when.format(moment), ...rows, ...deploysAt(moment)].join('\n');
    },
  };
}

function clock(language, seconds) {
  if (seconds > DAYS_ABOVE) {
    const day = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' });
    return (value) => day.format(value);
  }
  const second = seconds < SECONDS_BELOW ? '2-digit' : undefined;
  const time = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second, hourCycle: 'h23' });
  return (value) => time.format(value);
}
