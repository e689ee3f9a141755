// How the chart looks: an ECharts option from data, words and colours. Pure.
// The tooltip is drawn on the canvas (richText): one made of HTML would need inline styles, which the policy forbids.
import { fill, lines } from './series.js';

const LABEL_WIDTH = 110;
const TICKS = 4;
const SHORTEST_SPAN = 120;
// Below this a label without seconds would stand there several times.
const SECONDS_BELOW = 600;

export function chartOptions({ points, marks, seconds: window, now }, words, colours, width) {
  const seconds = span(points, window, now);
  const language = document.documentElement.dataset.locale;
  const { cpu, memory, limit } = lines(points);
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const text = { color: colours.muted, fontFamily: colours.font, fontSize: 12 };
  const isNarrow = width < 520;
  return {
    animation: false,
    textStyle: { fontFamily: colours.font },
    aria: { enabled: true, label: { description: words.aria } },
    grid: { left: 8, right: 8, top: 62, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    legend: { left: 0, top: 0, icon: 'roundRect', itemWidth: 14, itemHeight: 3, itemGap: 18, textStyle: text, inactiveColor: colours.line },
    tooltip: tooltip(words, colours, language, number),
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
      axis(words.percent, colours, text, number, true, cpu),
      axis(words.mib, colours, text, number, false, [...memory, ...limit]),
    ],
    series: [
      series(words.cpu, cpu, 0, colours.cpu, { markLine: markLine(marks, colours, seconds, width) }),
      series(words.memory, memory, 1, colours.memory, { lineStyle: { width: 1.75, type: [6, 4] } }),
      ...(limit.length
        ? [series(words.limit, limit, 1, colours.warn, { lineStyle: { width: 1, type: [2, 4] }, step: 'end' })]
        : []),
    ],
  };
}

// The whole window, but no more than there are samples of: an app that is a minute old shows its minute, not a blank.
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
    // An idle app must not look like a busy one: the scale never gets finer than this.
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

function markLine(marks, colours, seconds, width) {
  const colour = { succeeded: colours.good, failed: colours.bad, interrupted: colours.warn, cancelled: colours.muted };
  const apart = ((seconds * 1000) / Math.max(width, 1)) * LABEL_WIDTH;
  const rows = [-Infinity, -Infinity];
  return {
    symbol: 'none',
    silent: true,
    data: marks.map((mark) => {
      // Two rows of labels; one that fits into neither is left out, its line stays.
      const row = rows.findIndex((last) => mark.at - last >= apart);
      if (row >= 0) rows[row] = mark.at;
      const color = colour[mark.status] ?? colours.muted;
      return {
        xAxis: mark.at,
        lineStyle: { color, width: 1, type: mark.status === 'succeeded' ? 'solid' : 'dashed' },
        label: { show: row >= 0, formatter: mark.text, color, fontSize: 11, distance: 4 + 14 * row, rotate: 0 },
      };
    }),
  };
}

function tooltip(words, colours, language, number) {
  const when = new Intl.DateTimeFormat(language, { dateStyle: 'short', timeStyle: 'medium' });
  const unit = { [words.cpu]: words.percent, [words.memory]: words.mib, [words.limit]: words.mib };
  const value = (entry) => (entry.value[1] === null ? words.none : fill(unit[entry.seriesName], { value: number.format(entry.value[1]) }));
  return {
    trigger: 'axis',
    renderMode: 'richText',
    confine: true,
    backgroundColor: colours.surface,
    borderColor: colours.line,
    textStyle: { color: colours.text, fontFamily: colours.font, fontSize: 12 },
    axisPointer: { type: 'line', lineStyle: { color: colours.muted, type: 'solid', width: 1 } },
    formatter: (entries) => {
      const rows = entries.map((entry) => `${entry.seriesName}: ${value(entry)}`);
      return [when.format(entries[0].value[0]), ...rows].join('\n');
    },
  };
}

function clock(language, seconds) {
  const second = seconds < SECONDS_BELOW ? '2-digit' : undefined;
  const time = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second, hourCycle: 'h23' });
  return (value) => time.format(value);
}
