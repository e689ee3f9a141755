// Conversion of points for a chart and a table. Pure.

const MIB = 1024 * 1024;
const GAP_FACTOR = 2.5;
const TABLE_ROWS = 20;

// Points are {ts, cpu_percent, memory_usage, memory_limit}, ts in seconds; those of long windows are averages and have
// cpu_percent_max and memory_usage_max beside them. Where samples are missing an explicit null
// is inserted, so that the line breaks instead of bridging the gap.
export function withGaps(points) {
  const usual = median(points.slice(1).map((point, index) => point.ts - points[index].ts)) || 15;
  const filled = [];
  for (const point of points) {
    const last = filled.at(-1);
    if (last && point.ts - last.ts > usual * GAP_FACTOR) {
      filled.push({ ts: last.ts + usual, cpu_percent: null, memory_usage: null, memory_limit: null });
    }
    filled.push(point);
  }
  return filled;
}

export function lines(points) {
  const line = (value) => points.map((point) => [point.ts * 1000, value(point)]);
  const mib = (bytes) => (bytes === null ? null : bytes / MIB);
  const most = (name, value) => (points.some((point) => point[name] != null) ? line((point) => value(point[name] ?? null)) : []);
  return {
    cpuMost: most('cpu_percent_max', (percent) => percent),
    memoryMost: most('memory_usage_max', mib),
    cpu: line((point) => point.cpu_percent),
    memory: line((point) => mib(point.memory_usage)),
    limit: points.some((point) => point.memory_limit !== null) ? line((point) => mib(point.memory_limit)) : [],
  };
}

export function tableRows(points, language) {
  const time = new Intl.DateTimeFormat(language, { dateStyle: 'short', timeStyle: 'medium' });
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const text = (value) => (value === null ? '—' : number.format(value));
  const real = points.filter((point) => point.memory_usage !== null);
  const step = Math.max(1, Math.ceil(real.length / TABLE_ROWS));
  return real
    .reverse()
    .filter((_, index) => index % step === 0)
    .map((point) => [time.format(point.ts * 1000), text(point.cpu_percent), text(point.memory_usage / MIB)]);
}

export function fill(text, values) {
  return text.replace(/%\((\w+)\)s/g, (_, name) => values[name]).replaceAll('%%', '%');
}

function median(numbers) {
  const sorted = numbers.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)];
}
