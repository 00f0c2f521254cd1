'use strict';
// Roofline, and the ladder of a prediction's error where a validation has left one.

/** Layers that multiply, with operations per DRAM byte; those that need no DRAM have none. */
function rooflinePoints(run) {
  const predicted = new Map((run.validation?.layers ?? []).map((layer) => [layer.name, layer.predicted_cycles]));
  const {macs_per_cycle: peak, dram_bytes_per_cycle: bandwidth} = run.result.machine;
  return run.result.layers.filter((layer) => layer.macs > 0 && layer.cycles > 0).map((layer) => {
    const bound = Math.max(layer.macs / peak, bandwidth > 0 ? layer.dram_bytes / bandwidth : 0);
    return {
      name: layer.name, cycles: layer.cycles, onChip: layer.dram_bytes === 0,
      intensity: layer.dram_bytes > 0 ? layer.macs / layer.dram_bytes : Infinity,
      simulated: layer.macs / layer.cycles,
      predicted: layer.macs / (predicted.get(layer.name) ?? bound),
      predictedCycles: predicted.get(layer.name) ?? bound,
    };
  });
}

/** The power of ten below or above. */
const decade = (value, round) => 10 ** round(Math.log10(value));

function rooflineOption(run, colours) {
  const points = rooflinePoints(run);
  const {macs_per_cycle: peak, dram_bytes_per_cycle: bandwidth} = run.result.machine;
  const finite = points.map((point) => point.intensity).filter(Number.isFinite);
  const ridge = peak / bandwidth;
  const left = decade(Math.min(ridge, ...finite) / 1.5, Math.floor);
  const right = decade(Math.max(ridge, ...finite) * 1.5, Math.ceil);
  const x = (point) => (point.onChip ? right : point.intensity);
  const most = largest(points.map((point) => point.cycles));
  const size = (value, item) => 5 + 17 * Math.sqrt(item.data.point.cycles / most);
  const data = (y) => points.map((point) => ({name: point.name, value: [x(point), y(point)], point}));
  const values = points.flatMap((point) => [point.simulated, point.predicted]);
  const log = (name, extra) => axis(colours, {type: 'log', name, nameLocation: 'middle', ...extra,
    axisLabel: {color: colours.muted, formatter: (value) => short(value)}});
  return {
    tooltip: tooltip(colours, {formatter: ({data: {point}}) => (point ? [`<b>${escaped(point.name)}</b>`,
      `simulated: ${short(point.cycles)} cycles, ${short(point.simulated)} MAC/cycle`,
      `predicted: ${short(point.predictedCycles)} cycles, ${short(point.predicted)} MAC/cycle`,
      point.onChip ? 'no DRAM traffic' : `${short(point.intensity)} MAC per DRAM byte`].join('<br>') : '')}),
    legend: legend(colours),
    grid: {top: 40, bottom: 48, left: 70, right: 30},
    xAxis: log('MAC per byte of DRAM traffic (at the right edge: none)', {nameGap: 28, min: left, max: right}),
    yAxis: log('MAC per cycle', {nameGap: 48, min: decade(Math.min(peak, ...values), Math.floor), max: decade(peak * 1.1, Math.ceil)}),
    series: [
      {name: 'roof', type: 'line', symbol: 'none', data: [[left, left * bandwidth], [ridge, peak], [right, peak]],
        lineStyle: {color: colours.muted, width: 2}, itemStyle: {color: colours.muted}, silent: true},
      {name: run.validation ? `predicted by ${run.validation.model}` : 'predicted by the roof', type: 'scatter', data: data((point) => point.predicted), symbolSize: 7,
        itemStyle: {color: 'transparent', borderColor: '#e8762c', borderWidth: 1.5}},
      {name: 'simulated', type: 'scatter', data: data((point) => point.simulated), symbolSize: size, itemStyle: {color: '#2f6fde', opacity: 0.8}},
    ],
  };
}

function rooflineSection(page) {
  const place = section(page, 'roofline', 'Roofline',
    'One pair of points per layer that multiplies: what it reached (area: its cycles) and what was predicted for it. The roof is the peak of all multipliers and of all DRAM channels; '
    + 'a layer whose data came while the one before was at work can stand above it.');
  const row = sideBySide(place);
  for (const run of page.runs) page.book.add(row, run, 'roofline', 420, (colours) => rooflineOption(run, colours));
}

/** Waterfall from the prediction to the simulation; only when a run's folder holds validation.json. */
function ladderOption(run, colours) {
  const {ladder, predicted_cycles: start} = run.validation;
  const names = ['predicted', ...ladder.map((step) => step.name), 'simulated'];
  const base = [0];
  const up = ['-'];
  const down = ['-'];
  let level = start;
  for (const step of ladder) {
    base.push(Math.min(level, level + step.cycles));
    up.push(step.cycles >= 0 ? step.cycles : '-');
    down.push(step.cycles < 0 ? -step.cycles : '-');
    level += step.cycles;
  }
  const ends = [start, ...ladder.map(() => '-'), level];
  const bar = (name, data, colour) => ({name, type: 'bar', stack: 'all', data, itemStyle: {color: colour}});
  return {
    tooltip: tooltip(colours, {trigger: 'axis', axisPointer: {type: 'shadow'}, formatter: (points) => {
      const shown = points.filter((point) => point.seriesName !== 'base' && point.value !== '-');
      return [`<b>${points[0].name}</b>`, ...shown.map((point) => `${point.marker}${point.seriesName}: ${short(point.value)} cycles`)].join('<br>');
    }}),
    legend: legend(colours, {data: ['cycles', 'added', 'taken away']}),
    grid: {top: 34, bottom: 60, left: 70, right: 24},
    xAxis: axis(colours, {type: 'category', data: names, splitLine: {show: false}, axisLabel: {color: colours.muted, interval: 0, rotate: names.length > 8 ? 30 : 0}}),
    yAxis: axis(colours, {type: 'value', axisLabel: {color: colours.muted, formatter: (value) => short(value)}}),
    series: [bar('base', [...base, 0], 'transparent'), bar('cycles', ends, '#2f6fde'), bar('added', [...up, '-'], '#e8762c'), bar('taken away', [...down, '-'], '#22a884')],
  };
}

function ladderSection(page) {
  const runs = page.runs.filter((run) => run.validation?.ladder?.length > 0);
  if (runs.length === 0) return;
  const place = section(page, 'ladder', 'Ladder of the prediction\u2019s error',
    'From the predicted cycles to the simulated ones: every idealisation of the model taken away, one by one, with the cycles that it hid.');
  const row = sideBySide(place);
  for (const run of runs) page.book.add(row, run, 'ladder', 320, (colours) => ladderOption(run, colours), run.validation.model);
}
