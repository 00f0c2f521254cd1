'use strict';
// Points of a parameter study against two of their metrics, and the front of those that no other one beats.

/** Metrics of which people want more; of all others they want less. */
const MORE_IS_BETTER = /utilisation|bandwidth_fraction|row_hit_rate|cycle_stack\.compute$/;

class Study {
  constructor(element) {
    Object.assign(this, JSON.parse(element.textContent));
    this.points = this.point.map((point, index) => ({
      index,
      values: point.value,
      finished: point.finished,
      failure: point.failure,
      hash: point.configuration_hash,
      metrics: Object.fromEntries((point.metric ?? []).map(({name, value}) => [name, value])),
    }));
    this.finished = this.points.filter((point) => point.finished);
    this.failed = this.points.filter((point) => !point.finished);
    this.metrics = Object.keys(this.finished[0]?.metrics ?? {});
  }
  /** Different values of a key, in the order of the study. */
  valuesOf(key) { return [...new Set(this.points.map((point) => point.values[key]))]; }
  /** The settings of a point that are not the same everywhere. */
  nameOf(point) {
    return this.key.map((key, k) => [key, k]).filter(([, k]) => this.valuesOf(k).length > 1)
      .map(([key, k]) => `${shortKey(key)} ${point.values[k]}`).join(', ');
  }
}

/** `schedule.dram_placement.interleave_bytes` is told from others by its end. */
const shortKey = (key) => key.replace(/^--/, '').split('.').at(-1);

/**
 * The points that no other point beats: better in one metric and at least as good in the other. Sorted by x; of
 * points that are alike in both, all.
 */
function paretoFront(points, x, y, moreX, moreY) {
  const cost = (point, metric, more) => (more ? -point.metrics[metric] : point.metrics[metric]);
  const sorted = points.map((point) => ({point, a: cost(point, x, moreX), b: cost(point, y, moreY)}))
    .sort((one, other) => one.a - other.a || one.b - other.b || one.point.index - other.point.index);
  const front = [];
  for (const candidate of sorted) {
    const last = front.at(-1);
    if (!last || candidate.b < last.b || (candidate.b === last.b && candidate.a === last.a)) front.push(candidate);
  }
  return front.map(({point}) => point);
}

/** Names of metrics as they are, numbers as people read them. */
function metricText(name, value) {
  if (name.includes('energy_pj')) return energy(value);
  return short(value);
}

function pareto(colours, study, view) {
  const front = paretoFront(study.finished, view.x, view.y, view.moreX, view.moreY);
  const best = new Set(front);
  const at = (point) => [point.metrics[view.x], point.metrics[view.y]];
  const groups = study.valuesOf(view.colour);
  const log = (metric) => view.log && study.finished.every((point) => point.metrics[metric] > 0);
  const valueAxis = (metric, more, gap) => axis(colours, {type: log(metric) ? 'log' : 'value', scale: true, name: `${metric} (${more ? 'more' : 'less'} is better)`,
    nameLocation: 'middle', nameGap: gap, axisLabel: {color: colours.muted, formatter: (value) => metricText(metric, value)},
    ...(log(metric) ? logRange(study.finished.map((point) => point.metrics[metric])) : {})});
  return {
    tooltip: tooltip(colours, {formatter: ({data}) => pointText(study, data.point, best)}),
    legend: legend(colours),
    grid: {top: 40, bottom: 52, left: 84, right: 30},
    xAxis: valueAxis(view.x, view.moreX, 30),
    yAxis: valueAxis(view.y, view.moreY, 66),
    series: [
      {name: 'Pareto front', type: 'line', step: 'end', symbol: 'none', silent: true, z: 1, data: front.map(at),
        lineStyle: {color: colours.muted, width: 1.5, type: 'dashed'}, itemStyle: {color: colours.muted}},
      ...groups.map((value, i) => ({
        name: `${shortKey(study.key[view.colour])} ${value}`, type: 'scatter', z: 2,
        itemStyle: {color: CATEGORIES[i % CATEGORIES.length]},
        data: study.finished.filter((point) => point.values[view.colour] === value).map((point) => ({
          value: at(point), point, symbolSize: best.has(point) ? 14 : 8,
          itemStyle: best.has(point) ? {borderColor: colours.text, borderWidth: 1.8} : {opacity: 0.55},
        })),
      })),
    ],
  };
}

/** Room around the values on a logarithmic axis, which would else begin at a power of ten. */
function logRange(values) {
  const room = 1.08;
  const round = (value) => Number(value.toPrecision(3));
  return {min: round(Math.min(...values) / room), max: round(Math.max(...values) * room)};
}

function pointText(study, point, best) {
  return [`<b>${escaped(study.nameOf(point))}</b>`, best.has(point) ? 'on the front' : '',
    ...study.metrics.slice(0, 14).map((name) => `${escaped(name)}: ${metricText(name, point.metrics[name])}`)].filter(Boolean).join('<br>');
}
