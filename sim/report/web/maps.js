'use strict';
// Maps: what stands where on the chip, links as arrows and values as colours.

/** Grid of the routers; routers without one stand in order on a square. */
function gridOf({router_columns: columns, router_rows: rows}, links) {
  if (columns > 0) return {columns, rows, regular: true};
  const routers = 1 + largest(links.flatMap((link) => [link.from, link.to]));
  const side = Math.ceil(Math.sqrt(routers));
  return {columns: side, rows: Math.ceil(routers / side), regular: false};
}

/** Square cells in the middle of the box: {grid, xAxis, yAxis}. */
function mapFrame(colours, box, columns, rows) {
  const width = box.clientWidth || 600;
  const height = box.clientHeight || 500;
  const margin = {left: 34, right: 84, top: 12, bottom: 28};
  const cell = Math.min((width - margin.left - margin.right) / columns, (height - margin.top - margin.bottom) / rows);
  const side = axis(colours, {type: 'value', axisLine: {show: false}, axisTick: {show: false}, splitLine: {show: false},
    minInterval: 1, axisLabel: {color: colours.muted, fontSize: 10, formatter: (at) => (Number.isInteger(at) ? String(at) : '')}});
  return {
    cell,
    grid: {left: margin.left, top: margin.top, width: cell * columns, height: cell * rows},
    xAxis: {...side, min: -0.5, max: columns - 0.5, interval: Math.max(1, Math.ceil(columns / 16))},
    yAxis: {...side, min: -0.5, max: rows - 0.5, inverse: true, interval: Math.max(1, Math.ceil(rows / 16))},
  };
}

/** Whole numbers under the cells' middles: the axes begin half a cell before them. */
function cellLabels(frame, columns, rows, colours) {
  const place = (count) => ({customValues: Array.from({length: count}, (_, i) => i).filter((i) => i % Math.ceil(count / 16) === 0),
    color: colours.muted, fontSize: 10});
  frame.xAxis.axisLabel = place(columns);
  frame.yAxis.axisLabel = place(rows);
  delete frame.xAxis.interval;
  delete frame.yAxis.interval;
  return frame;
}

function scaleLegend(colours, box, frame, max, format) {
  return {type: 'continuous', min: 0, max: max || 1, dimension: 4, seriesIndex: 0, calculable: false, left: frame.grid.left + frame.grid.width + 14, top: 16, itemWidth: 12,
    itemHeight: Math.min(220, box.clientHeight - 80), inRange: {color: colours.scale}, text: [format(max || 1), '0'], textStyle: {color: colours.muted}};
}

/** An arrow from router to router, beside the one that leads back; links over several routers are bent. */
function linkShape(api, cell) {
  const [x1, y1] = api.coord([api.value(0), api.value(1)]);
  const [x2, y2] = api.coord([api.value(2), api.value(3)]);
  const length = Math.hypot(x2 - x1, y2 - y1);
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const [nx, ny] = [-uy, ux];
  const colour = api.visual('color');
  const half = Math.min(6, Math.max(0.9, cell * 0.09));
  const at = (along, across) => [x1 + ux * along + nx * across, y1 + uy * along + ny * across];
  if (length > 1.5 * cell) {
    const bend = Math.min(0.42 * cell, 6 + length * 0.05);
    const [cpx1, cpy1] = at(length / 2, 2 * bend);
    return {type: 'bezierCurve', shape: {x1: at(0, half)[0], y1: at(0, half)[1], x2: at(length, half)[0], y2: at(length, half)[1], cpx1, cpy1},
      style: {stroke: colour, lineWidth: Math.max(1, half), fill: 'none'}};
  }
  const begin = 0.2 * length;
  const end = 0.8 * length;
  const tip = Math.min(2.4 * half, 0.3 * (end - begin));
  const shift = half * 1.35;
  const points = [at(begin, shift - half), at(end - tip, shift - half), at(end, shift), at(end - tip, shift + half), at(begin, shift + half)];
  return {type: 'polygon', shape: {points}, style: {fill: colour}};
}

/** Squares of the routers; `marks` are texts on those that stand out, by router. */
function routerSeries(grid, marks, colours, cell) {
  const routers = Array.from({length: grid.columns * grid.rows}, (_, i) => [i % grid.columns, Math.floor(i / grid.columns), i]);
  return {name: 'routers', type: 'custom', silent: true, data: routers, renderItem: (params, api) => {
    const [x, y] = api.coord([api.value(0), api.value(1)]);
    const text = marks.get(api.value(2));
    const half = cell * 0.17;
    const square = {type: 'rect', shape: {x: x - half, y: y - half, width: 2 * half, height: 2 * half},
      style: {fill: text === undefined ? colours.cell : '#e8762c', stroke: colours.line}};
    if (text === undefined || cell < 26) return square;
    return {type: 'group', children: [square, {type: 'text', style: {text, x, y, align: 'center', verticalAlign: 'middle', fill: '#000', font: `${Math.min(12, cell * 0.22)}px sans-serif`}}]};
  }};
}

/** Links in the colours of their values; `describe(i)` gives the lines that a pointer at link i is told. */
function linkMap(colours, box, {grid, links, values, scale, format, describe, marks = new Map()}) {
  const frame = cellLabels(mapFrame(colours, box, grid.columns, grid.rows), grid.columns, grid.rows, colours);
  const x = (router) => router % grid.columns;
  const y = (router) => Math.floor(router / grid.columns);
  const data = links.map(({from, to}, i) => [x(from), y(from), x(to), y(to), values[i], i]);
  return {
    tooltip: tooltip(colours, {formatter: ({value}) => {
      const {from, to} = links[value[5]];
      return [`<b>router ${from} to ${to}</b>`, ...describe(value[5])].join('<br>');
    }}),
    ...frame,
    visualMap: scaleLegend(colours, box, frame, scale, format),
    series: [
      {name: 'links', type: 'custom', data, renderItem: (params, api) => linkShape(api, frame.cell), encode: {tooltip: 4}, clip: false},
      routerSeries(grid, marks, colours, frame.cell),
    ],
  };
}

/** What 999 of 1000 values stay below: the end of a colour scale that one of them shall not hide the rest of. */
function scaleEnd(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length > 0 ? sorted[Math.floor(0.999 * (sorted.length - 1))] : 1;
}
