'use strict';
// Sections of the page that need no control but their own: each adds one run's charts beside another's.

const partsOf = (page, place) => (page.runs.length === 1 ? sideBySide(place) : place);

const layerHeight = (runs) => 90 + 15 * Math.min(largest(runs.map((run) => run.result.layers.length)), 220);

// Cycle stacks ------------------------------------------------------------------------------------------------------

function layerStackParts(run, shares) {
  return CAUSES.map((cause) => ({...cause, values: run.result.layers.map((layer) => {
    const cycles = layer.cycle_stack[cause.key] ?? 0;
    const whole = sum(Object.values(layer.cycle_stack));
    return shares ? (whole > 0 ? cycles / whole : 0) : cycles / run.result.tiles;
  })}));
}

function layerStackOption(page, run, shares, colours) {
  const names = run.result.layers.map((layer) => layer.name);
  const limit = shares ? 1 : undefined;
  return stackedBars(colours, names, layerStackParts(run, shares),
    {limit, format: shares ? percent : (cycles) => short(cycles), unit: shares ? 'share of its tile-cycles' : 'cycles, mean of all tiles'});
}

function tileStackOption(run, colours) {
  const parts = CAUSES.map((cause) => ({...cause, values: run.tiles.map((tile) => tile[`${cause.key}_cycles`] ?? 0)}));
  return stackedBars(colours, run.tiles.map((tile) => String(tile.tile)), parts,
    {horizontal: false, unit: 'cycles', zoom: run.tiles.length > 64, limit: run.result.cycles, format: (cycles) => short(cycles)});
}

function stackOverTimeOption(run, colours) {
  const parts = CAUSES.map((cause) => ({...cause, values: run.causeOverTime(cause.key)
    .map((cycles, bin) => cycles / (run.binCycles(bin) * run.result.tiles))}));
  return stackedShares(colours, run, parts, percent);
}

function cyclesSection(page) {
  const place = section(page, 'cycles', 'Where the cycles went',
    'Every cycle of every tile has exactly one cause. A layer has the cycles that its tiles spent while they were at it, waiting included.');
  const time = sideBySide(place, 'All tiles over time');
  for (const run of page.runs) page.book.add(time, run, 'stack-time', 300, (colours) => stackOverTimeOption(run, colours));
  if (page.runs.length > 1) comparisonChart(page, place);

  const {controls, row: layers} = part(place, 'Per layer');
  let shares = false;
  const keys = page.runs.map((run) => page.book.add(layers, run, 'stack-layers', layerHeight(page.runs),
    (colours) => layerStackOption(page, run, shares, colours)));
  choice(controls, 'show', [['cycles', 'cycles'], ['shares', 'shares']], (value) => {
    shares = value === 'shares';
    keys.forEach((key) => page.book.draw(key));
  }).id = 'layer-unit';

  const parts = partsOf(page, place);
  const tiles = part(parts, 'Per tile');
  for (const run of page.runs) page.book.add(tiles.row, run, 'stack-tiles', 360, (colours) => tileStackOption(run, colours));
  causeMap(page, part(parts, 'Per tile, where it stands'));
}

/** Cycles of every layer, run beside run. */
function comparisonChart(page, place) {
  const names = [...new Set(page.runs.flatMap((run) => run.result.layers.map((layer) => layer.name)))];
  const parts = page.runs.map((run, i) => {
    const cycles = new Map(run.result.layers.map((layer) => [layer.name, layer.cycles]));
    return {name: run.name, type: 'bar', itemStyle: {color: CATEGORIES[i % CATEGORIES.length]}, data: names.map((name) => cycles.get(name) ?? 0)};
  });
  const row = sideBySide(place, 'Cycles of each layer, run beside run');
  page.book.add(row, null, 'compare-layers', 340, (colours) => ({
    tooltip: tooltip(colours, {trigger: 'axis', axisPointer: {type: 'shadow'}}),
    legend: legend(colours),
    grid: {top: 34, bottom: 90, left: 66, right: 24},
    xAxis: axis(colours, {type: 'category', data: names, splitLine: {show: false}, axisLabel: {color: colours.muted, rotate: 60, fontSize: 11}}),
    yAxis: axis(colours, {type: 'value', axisLabel: {color: colours.muted, formatter: (cycles) => short(cycles)}}),
    dataZoom: names.length > 40 ? [{type: 'inside', zoomOnMouseWheel: 'ctrl'}] : [],
    series: parts,
  }));
}

// Energy ------------------------------------------------------------------------------------------------------------

function energySection(page) {
  const place = section(page, 'energy', 'Energy',
    `Per layer, stacked by component. Costs per event from: ${[...new Set(page.runs.map((run) => run.result.energy_source))].join('; ') || 'no source given'}.`);
  const row = sideBySide(place);
  const most = largest(page.runs.flatMap((run) => run.result.layers.map((layer) => layer.energy_pj.total)));
  for (const run of page.runs) {
    const parts = COMPONENTS.map((part) => ({...part, values: run.result.layers.map((layer) => (layer.energy_pj[part.key] ?? 0) / 1e6)}));
    page.book.add(row, run, 'energy-layers', layerHeight(page.runs), (colours) =>
      stackedBars(colours, run.result.layers.map((layer) => layer.name), parts,
        {unit: 'microjoule', limit: page.runs.length > 1 ? most / 1e6 : undefined, format: (value) => short(value)}));
  }
}

// Buffers -----------------------------------------------------------------------------------------------------------

/** Per bin: bytes in the fullest memory, in the mean and in the emptiest. */
function occupancy(run, memories) {
  const lines = {fullest: [], mean: [], emptiest: []};
  for (let bin = 0; bin < run.bins; ++bin) {
    const bytes = memories.map((memory) => memory.held_byte_cycles[bin] / run.binCycles(bin));
    lines.fullest.push(largest(bytes));
    lines.mean.push(sum(bytes) / bytes.length);
    lines.emptiest.push(bytes.reduce((least, value) => Math.min(least, value), Infinity));
  }
  return lines;
}

function occupancyOption(run, colours, memories, size, names) {
  const lines = Object.values(occupancy(run, memories));
  return {
    tooltip: tooltip(colours, {trigger: 'axis', valueFormatter: (bytes) => short(bytes, 'B')}),
    legend: legend(colours),
    grid: {top: 34, bottom: 42, left: 66, right: 24},
    xAxis: cycleAxis(colours, run),
    yAxis: axis(colours, {type: 'value', min: 0, max: size, axisLabel: {color: colours.muted, formatter: (bytes) => short(bytes, 'B')}}),
    series: lines.map((data, i) => ({name: names[i], type: 'line', step: 'middle', symbol: 'none', data,
      lineStyle: {width: 1.8}, itemStyle: {color: CATEGORIES[i]},
      markLine: i > 0 ? undefined : {silent: true, symbol: 'none', label: {show: false}, lineStyle: {color: colours.muted, type: 'dashed'}, data: [{yAxis: size}]}})),
  };
}

function buffersSection(page) {
  const place = section(page, 'buffers', 'Buffer occupancy',
    'Bytes that granules take in the tile buffers, mean of each time bin, for the fullest tile of the bin, all tiles and the emptiest. The dashed line is the size of a buffer.');
  const row = sideBySide(place);
  for (const run of page.runs)
    page.book.add(row, run, 'buffers', 280, (colours) => occupancyOption(run, colours, run.history.tiles, run.result.machine.buffer_bytes,
      ['fullest tile', 'mean of all tiles', 'emptiest tile']));
  const sharing = page.runs.filter((run) => run.history.shared_buffers?.length > 0);
  if (sharing.length === 0) return;
  const shared = sideBySide(place, 'Shared buffers: bytes that are written and that some reader still wants');
  for (const run of sharing)
    page.book.add(shared, run, 'shared-buffers', 280, (colours) => occupancyOption(run, colours, run.history.shared_buffers,
      largest(run.result.shared_buffers.map((buffer) => buffer.bytes)), ['fullest buffer', 'mean of all buffers', 'emptiest buffer']));
}

// DRAM --------------------------------------------------------------------------------------------------------------

function busParts(run, channel) {
  const chosen = channel < 0 ? run.history.channels : run.history.channels.slice(channel, channel + 1);
  const all = Array.from({length: run.bins}, (_, bin) => sum(chosen.flatMap((bus) => BUS_CAUSES.map((cause) => bus[cause.key][bin]))));
  return BUS_CAUSES.map((cause) => ({...cause, values: all.map((whole, bin) =>
    (whole > 0 ? sum(chosen.map((bus) => bus[cause.key][bin])) / whole : 0))}));
}

function dramSection(page) {
  const place = section(page, 'dram', 'DRAM bandwidth',
    'What the data buses of the channels did: moving data, or the reason why not. Data is bandwidth used, everything above it is bandwidth lost.');
  const parts = partsOf(page, place);
  const {controls, row} = part(parts, 'Over time');
  const channels = largest(page.runs.map((run) => run.history.channels.length));
  let chosen = -1;
  const keys = page.runs.map((run) => page.book.add(row, run, 'dram-time', 300, (colours) =>
    stackedShares(colours, run, busParts(run, Math.min(chosen, run.history.channels.length - 1)), percent)));
  choice(controls, 'channel', [['-1', 'all'], ...Array.from({length: channels}, (_, i) => [String(i), String(i)])], (value) => {
    chosen = Number(value);
    keys.forEach((key) => page.book.draw(key));
  }).id = 'dram-channel';

  const totals = part(parts, 'Whole run, per channel').row;
  for (const run of page.runs) {
    const parts = BUS_CAUSES.map((cause) => ({...cause, values: run.result.dram_channels.map((bus) =>
      (bus.cycles > 0 ? bus.bus_cycles[cause.key] / bus.cycles : 0))}));
    const names = run.result.dram_channels.map((bus, i) => `channel ${i}: ${percent(bus.row_hit_rate)} row hits`);
    page.book.add(totals, run, 'dram-channels', 90 + 34 * names.length, (colours) =>
      stackedBars(colours, names, parts, {format: percent, limit: 1, unit: 'share of the bus cycles'}));
  }
}
