'use strict';
// The page of a network study: figures, latency over load, how latency is made up, links, energy.

class NetworkStudy {
  constructor(element) {
    const files = JSON.parse(element.textContent);
    this.result = files.result;
    this.links = parseCsv(files.links).filter((wire) => wire.kind === 'link');
    this.histogram = parseCsv(files.histogram);
    this.classes = parseCsv(files.classes);
    this.grid = gridOf(this.result, this.links);
    this.bins = this.binsOf(parseCsv(files.series));
  }
  /** Time bins: rows by number of the wire; a link that has none saw no traffic. */
  binsOf(series) {
    const {bin_cycles: width, cycles} = this.result;
    const bins = Array.from({length: width > 0 ? Math.ceil(cycles / width) : 0}, () => new Map());
    for (const wire of series)
      if (wire.kind === 'link') bins[Math.floor(wire.bin_start_cycle / width)]?.set(wire.wire, wire);
    return bins;
  }
  binBegin(bin) { return bin * this.result.bin_cycles; }
  /** Cycles of a bin, of which the run ends the last; -1: of the whole run. */
  cyclesOf(bin) { return bin < 0 ? this.result.cycles : Math.min(this.result.bin_cycles, this.result.cycles - this.binBegin(bin)); }
}

const cyclesText = (value) => value.toFixed(2);

function summarySection(page) {
  const {result} = page.study;
  const latency = result.packet_latency_cycles;
  const confidence = latency.mean_ci95 === undefined ? '' : ` \u00b1 ${cyclesText(latency.mean_ci95)}`;
  const saturation = result.saturation_flits_per_node_cycle;
  section(page, 'summary', 'Summary', 'Latency is counted in cycles from a packet\u2019s creation to its last flit, traffic in flits per node and cycle.')
    .append(table('figures', [], [
      ['network', `${result.topology}: ${result.routers} routers, ${result.nodes} nodes, ${result.links} links`],
      ['routing', result.routing],
      ['traffic', result.traffic],
      ['cycles', grouped(result.cycles)],
      ['packets measured', grouped(latency.count)],
      ['packet latency, mean', `${cyclesText(latency.mean)}${confidence}`],
      ['packet latency: 50th, 95th, 99th percentile, most', [latency.p50, latency.p95, latency.p99, latency.max].map(grouped).join(', ')],
      ['traffic offered', result.offered_flits_per_node_cycle.toFixed(4)],
      ['traffic accepted', `${result.accepted_flits_per_node_cycle.toFixed(4)}${result.saturated ? ', saturated' : ''}`],
      ...(saturation === undefined ? [] : [['saturation', `${saturation.toFixed(4)}, --rate ${short(result.saturation_rate)}`]]),
      ['routers visited, mean', result.routers_visited.mean.toFixed(2)],
      ['flit-hops', short(result.flit_hops)],
      ['busiest link', `router ${result.worst_link.from} to ${result.worst_link.to}, ${percent(result.worst_link.utilisation)}`],
      ['energy', energy(result.energy_pj.total)],
    ].map((cells) => row(cells))));
}

// Latency over load -------------------------------------------------------------------------------------------------

/** A bar from mean - ci95 to mean + ci95. */
function confidenceBar(api, colour) {
  const [x, top] = api.coord([api.value(0), api.value(1) + api.value(2)]);
  const bottom = api.coord([api.value(0), api.value(1) - api.value(2)])[1];
  const line = (x1, y1, x2, y2) => ({type: 'line', shape: {x1, y1, x2, y2}, style: {stroke: colour, lineWidth: 1.2}});
  return {type: 'group', children: [line(x, top, x, bottom), line(x - 4, top, x + 4, top), line(x - 4, bottom, x + 4, bottom)]};
}

const LOAD_AXIS = {type: 'value', name: 'offered, flits per node and cycle', nameLocation: 'middle', nameGap: 28};

/** Behind saturation latency has no end: the axis stops near six times the lowest. */
function latencyLimit(lowest) {
  const step = 10 ** Math.floor(Math.log10(6 * lowest)) / 2;
  return Math.ceil(6 * lowest / step) * step;
}

function latencyCurve(colours, {curve, saturation_flits_per_node_cycle: saturation}) {
  const load = (point) => point.offered_flits_per_node_cycle;
  const mean = (point) => point.mean_packet_latency_cycles;
  const lines = saturation === undefined ? undefined : {symbol: 'none', silent: true, precision: 6, data: [{xAxis: saturation}],
    lineStyle: {color: '#d6336c', type: 'dashed'}, label: {formatter: 'saturation', color: colours.muted}};
  return {
    tooltip: tooltip(colours, {trigger: 'axis', valueFormatter: (value) => (typeof value === 'number' ? cyclesText(value) : value)}),
    legend: legend(colours, {data: ['mean', '95th percentile']}),
    grid: {top: 46, bottom: 48, left: 66, right: 24},
    xAxis: axis(colours, LOAD_AXIS),
    yAxis: axis(colours, {type: 'value', name: 'cycles', nameLocation: 'middle', nameGap: 46, min: 0,
      max: latencyLimit(Math.min(...curve.map(mean)))}),
    series: [
      {name: 'mean', type: 'line', markLine: lines, itemStyle: {color: '#2f6fde'}, symbolSize: 7,
        data: curve.map((point) => ({value: [load(point), mean(point)], itemStyle: point.saturated ? {color: '#d6336c'} : {}}))},
      {name: '95th percentile', type: 'line', itemStyle: {color: '#e8762c'}, lineStyle: {type: 'dashed'}, symbolSize: 5,
        data: curve.map((point) => [load(point), point.p95_packet_latency_cycles])},
      {name: 'confidence', type: 'custom', silent: true, tooltip: {show: false}, clip: true,
        data: curve.map((point) => [load(point), mean(point), point.mean_packet_latency_ci95_cycles]),
        renderItem: (params, api) => confidenceBar(api, colours.text)},
    ],
  };
}

function acceptedCurve(colours, {curve}) {
  const most = largest(curve.map((point) => point.offered_flits_per_node_cycle));
  return {
    tooltip: tooltip(colours, {trigger: 'axis', valueFormatter: (value) => value.toFixed(4)}),
    grid: {top: 20, bottom: 48, left: 66, right: 24},
    xAxis: axis(colours, LOAD_AXIS),
    yAxis: axis(colours, {type: 'value', name: 'accepted', nameLocation: 'middle', nameGap: 46, min: 0}),
    series: [
      {name: 'accepted', type: 'line', itemStyle: {color: '#2f6fde'}, symbolSize: 7,
        data: curve.map((point) => [point.offered_flits_per_node_cycle, point.accepted_flits_per_node_cycle])},
      {name: 'as offered', type: 'line', symbol: 'none', silent: true, tooltip: {show: false},
        lineStyle: {color: colours.muted, type: 'dashed', width: 1}, data: [[0, 0], [most, most]]},
    ],
  };
}

function curveSection(page) {
  const {result} = page.study;
  if (result.curve.length === 0) return;
  const place = section(page, 'curve', 'Latency over load',
    'Red marks are saturated, the axis ends near six times the lowest latency. Bars are 95 % confidence intervals over the seeds. All else on this page is of the last load.');
  const controls = element('div', {class: 'controls'});
  place.append(controls);
  const row = sideBySide(place);
  saveButton(page.book, controls, () => ['latency-curve', 'accepted-curve'].map((key) => ({key, file: `${result.topology}, ${key}`, width: 700, height: 420})));
  page.book.add(row, null, 'latency-curve', 380, (colours) => latencyCurve(colours, result), 'Packet latency');
  page.book.add(row, null, 'accepted-curve', 380, (colours) => acceptedCurve(colours, result), 'Accepted traffic');
}

// Latency -----------------------------------------------------------------------------------------------------------

/** Packets by latency, at most some 100 bars, for every virtual network. */
function histogram(colours, {histogram: rows, classes}) {
  const latencies = rows.map((row) => row.latency_cycles);
  const [first, last] = [Math.min(...latencies), largest(latencies)];
  const width = Math.max(1, Math.ceil((last - first + 1) / 100));
  const count = Math.floor((last - first) / width) + 1;
  const names = Array.from({length: count}, (_, i) => String(first + i * width));
  const parts = classes.map(({virtual_network: name}, i) => {
    const values = Array(count).fill(0);
    for (const row of rows)
      if (row.virtual_network === name) values[Math.floor((row.latency_cycles - first) / width)] += row.packets;
    return {name: String(name), colour: CATEGORIES[i % CATEGORIES.length], values};
  });
  const option = stackedBars(colours, names, parts, {horizontal: false, unit: 'packets', format: grouped});
  Object.assign(option.xAxis, {name: width > 1 ? `cycles, in steps of ${width}` : 'cycles', nameLocation: 'middle', nameGap: 28});
  return option;
}

const LATENCY_PARTS = [
  {key: 'mean_zero_load_cycles', name: 'empty network', colour: '#2f6fde'},
  {key: 'mean_contention_cycles', name: 'contention', colour: '#d6336c'},
  {key: 'mean_source_queueing_cycles', name: 'source queue', colour: '#e5b92e'},
];

function latencySection(page) {
  const {study} = page;
  if (study.histogram.length === 0) return;
  const place = section(page, 'latency', 'Packet latency', 'By virtual network. The parts are means and add up to the mean latency.');
  const row = sideBySide(place);
  page.book.add(row, null, 'histogram', 320, (colours) => histogram(colours, study), 'Packets by latency');
  page.book.add(row, null, 'latency-parts', 320, (colours) => stackedBars(colours, study.classes.map((row) => String(row.virtual_network)),
    LATENCY_PARTS.map(({key, name, colour}) => ({name, colour, values: study.classes.map((row) => row[key])})),
    {unit: 'cycles'}), 'What latency is made of');
}

// Links -------------------------------------------------------------------------------------------------------------

/** Columns of links.csv and link_series.csv; counts become shares of the cycles they were counted in. */
const WIRE_METRICS = {
  utilisation: {name: 'utilisation', format: percent, of: (wire) => wire.utilisation},
  queue: {name: 'flits queued behind it', format: (flits) => short(flits), of: (wire) => wire.mean_occupancy_flits},
  credits: {name: 'waiting for credits', format: percent, of: (wire, cycles) => wire.credit_stall_cycles / cycles},
  losses: {name: 'lost arbitrations of the switch, per cycle', format: (losses) => short(losses), of: (wire, cycles) => wire.switch_losses / cycles},
};

class LinkMap {
  constructor(page, place) {
    Object.assign(this, {book: page.book, study: page.study, metric: 'utilisation', bin: -1});
    this.scales = Object.fromEntries(Object.keys(WIRE_METRICS).map((key) => [key, this.scaleOf(key)]));
    const controls = element('div', {class: 'controls'});
    place.append(controls);
    choice(controls, 'show', Object.entries(WIRE_METRICS).map(([key, metric]) => [key, metric.name]), (value) => { this.metric = value; this.draw(); }).id = 'link-metric';
    if (this.study.bins.length > 0) this.addSlider(controls);
    const height = 60 + Math.min(700, Math.max(420, 60 * this.study.grid.rows));
    saveButton(this.book, controls, () => [{key: 'links', file: `${this.study.result.topology}, links`, width: 800, height}]);
    this.book.add(sideBySide(place), null, 'links', height, (colours, box) => this.option(colours, box), 'Links');
  }

  addSlider(controls) {
    const {bins} = this.study;
    const slider = element('input', {type: 'range', min: 0, max: bins.length, value: 0, id: 'time', 'aria-label': 'time'});
    const output = element('output', {id: 'time-name'}, 'whole run');
    slider.addEventListener('input', () => {
      this.bin = Number(slider.value) - 1;
      output.textContent = this.bin < 0 ? 'whole run' : `cycles from ${grouped(this.study.binBegin(this.bin))}`;
      this.draw();
    });
    controls.append(element('label', {}, 'time', slider), output);
  }

  value(key, bin, i) {
    const link = this.study.links[i];
    const wire = bin < 0 ? link : this.study.bins[bin].get(link.wire);
    return wire ? WIRE_METRICS[key].of(wire, this.study.cyclesOf(bin)) : 0;
  }

  values(key, bin) { return this.study.links.map((_, i) => this.value(key, bin, i)); }

  /** End of the colour scale of all bins, so that colours mean the same at every time. */
  scaleOf(key) {
    const {bins} = this.study;
    return scaleEnd(bins.length > 0 ? bins.flatMap((_, bin) => this.values(key, bin)) : this.values(key, -1));
  }

  option(colours, box) {
    const {grid, links} = this.study;
    return linkMap(colours, box, {
      grid, links, values: this.values(this.metric, this.bin), scale: this.scales[this.metric], format: WIRE_METRICS[this.metric].format,
      describe: (i) => Object.entries(WIRE_METRICS).map(([key, each]) => `${each.name}: ${each.format(this.value(key, this.bin, i))}`),
    });
  }

  draw() { this.book.draw('links'); }
}

function linksSection(page) {
  const {grid, links} = page.study;
  if (links.length === 0) return;
  const place = section(page, 'links', 'Links', 'Arrows are links, squares routers. A link\u2019s queue is the mean number of flits in the buffer that it fills.'
    + (grid.regular ? '' : ' Routers that stand on no grid are shown in order.'));
  page.map = new LinkMap(page, place);
}

// Energy ------------------------------------------------------------------------------------------------------------

const ENERGY_PARTS = [
  {key: 'buffer_write', name: 'buffers written', colour: '#57b36a'},
  {key: 'buffer_read', name: 'buffers read', colour: '#22a884'},
  {key: 'crossbar', name: 'crossbar', colour: '#2f6fde'},
  {key: 'arbitration', name: 'arbitration', colour: '#8250df'},
  {key: 'link', name: 'links', colour: '#e8762c'},
  {key: 'hop', name: 'hops', colour: '#17a2a2'},
  {key: 'adder', name: 'adders', colour: '#d6336c'},
];

function energySection(page) {
  const {energy_pj: parts} = page.study.result;
  const place = section(page, 'energy', 'Energy', `Costs: ${parts.source || 'none given'}.`);
  page.book.add(sideBySide(place), null, 'energy', 170, (colours) => stackedBars(colours, ['network'],
    ENERGY_PARTS.map(({key, name, colour}) => ({name, colour, values: [parts[key]]})), {format: energy}));
}

function buildPage() {
  const page = {study: new NetworkStudy(document.querySelector('script.network')), book: new ChartBook(true),
    main: document.querySelector('main'), nav: document.querySelector('nav')};
  page.theme = new Theme(page);
  summarySection(page);
  curveSection(page);
  latencySection(page);
  linksSection(page);
  energySection(page);
  window.tesseraReport = page;
}

buildPage();
