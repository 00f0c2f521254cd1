'use strict';
// The page of runs: summary first, then one section after the other.

/** Rows of the summary: name, value of a run, how it prints, and whether less is better (-1), more (1) or neither. */
const FIGURES = [
  ['cycles', (run) => run.result.cycles, grouped, -1],
  ['milliseconds', (run) => run.result.milliseconds, (value) => value.toFixed(3), -1],
  ['MACs', (run) => run.result.macs, short, 0],
  ['multipliers used', (run) => run.result.utilisation, percent, 1],
  ['energy', (run) => run.result.energy_pj.total, energy, -1],
  ['DRAM read', (run) => sum(run.result.dram_channels.map((channel) => channel.read_bytes)), (value) => short(value, 'B'), -1],
  ['DRAM written', (run) => sum(run.result.dram_channels.map((channel) => channel.written_bytes)), (value) => short(value, 'B'), -1],
  ['DRAM bandwidth used', (run) => sum(run.result.dram_channels.map((channel) => channel.bandwidth_fraction)) / Math.max(1, run.result.dram_channels.length), percent, 0],
  ['flit-hops', (run) => run.result.network_on_chip.flit_hops, short, -1],
  ['links busy, mean', (run) => run.result.network_on_chip.mean_link_utilisation, percent, 0],
  ['links busy, busiest', (run) => run.result.network_on_chip.max_link_utilisation, percent, -1],
  ['buffer, fullest tile', (run) => run.result.peak_buffer_bytes, (value) => short(value, 'B'), 0],
];

function changeFrom(first, value, better) {
  const change = value / first - 1;
  const tone = better === 0 || change === 0 ? '' : (change > 0) === (better > 0) ? ' better' : ' worse';
  return element('span', {class: `change${tone}`}, `${change >= 0 ? '+' : '\u2212'}${percent(Math.abs(change))}`);
}

function figureRow(runs, [name, value, format, better]) {
  const row = element('tr', {}, element('td', {}, name));
  runs.forEach((run, i) => {
    const cell = element('td', {}, format(value(run)));
    if (i > 0 && value(runs[0]) !== 0) cell.append(changeFrom(value(runs[0]), value(run), better));
    row.append(cell);
  });
  return row;
}

function textRow(runs, name, value) {
  return element('tr', {}, element('td', {}, name), ...runs.map((run) => element('td', {}, value(run))));
}

function summarySection(page) {
  const {runs} = page;
  const place = section(page, 'summary', 'Summary', runs.length > 1 ? 'Changes are relative to the first run.' : '');
  const parts = partsOf(page, place);
  const body = element('tbody', {},
    textRow(runs, 'network', (run) => `${run.result.network}, batch ${run.result.manifest.batch}`),
    textRow(runs, 'accelerator', (run) => run.result.accelerator),
    textRow(runs, 'tiles', (run) => `${run.result.machine.rows} \u00d7 ${run.result.machine.columns}, ${run.result.machine.topology}`),
    textRow(runs, 'schedule', (run) => run.result.schedule),
    textRow(runs, 'options', (run) => [...run.result.manifest.set, ...run.result.manifest.ideal.map((name) => `ideal ${name}`)].join(' ') || 'none'),
    ...FIGURES.map((figure) => figureRow(runs, figure)));
  const table = element('table', {id: 'figures'});
  if (runs.length > 1) table.append(element('thead', {}, element('tr', {}, element('th'), ...runs.map((run) => element('th', {}, run.name)))));
  table.append(body);
  parts.append(element('div', {class: 'scroll'}, table));
  slowestLayers(page, part(parts, 'Slowest layers').row);
  for (const run of runs)
    for (const note of run.result.notes ?? []) place.append(element('p', {class: 'note'}, runs.length > 1 ? `${run.name}: ${note}` : note));
}

/** The ten layers with most cycles. */
function slowestLayers(page, row) {
  for (const run of page.runs) {
    const layers = [...run.result.layers].sort((a, b) => b.cycles - a.cycles).slice(0, 10);
    const head = ['layer', 'kind', 'cycles', 'of the run', 'multipliers used', 'energy'];
    const table = element('table', {}, element('thead', {}, element('tr', {}, ...head.map((name) => element('th', {}, name)))),
      element('tbody', {}, ...layers.map((layer) => element('tr', {}, ...[layer.name, layer.kind, grouped(layer.cycles), percent(layer.cycles / run.result.cycles),
        percent(layer.utilisation), energy(layer.energy_pj.total)].map((text) => element('td', {}, text))))));
    row.append(element('figure', {}, element('figcaption', {}, page.runs.length > 1 ? run.name : ''), element('div', {class: 'scroll'}, table)));
  }
}

function manifestSection(page) {
  const place = section(page, 'manifest', 'How to repeat it', 'Everything that decides the result; runs with equal hashes are the same run.');
  for (const run of page.runs) {
    const {manifest} = run.result;
    const text = element('pre', {}, manifest.accelerator);
    place.append(element('details', {}, element('summary', {}, `${run.name}: tessera ${manifest.version}, configuration ${manifest.configuration_hash}, seed ${manifest.seed}`), text));
  }
}

function buildPage() {
  const runs = readRuns();
  const page = {runs, book: new ChartBook(runs.length === 1), main: document.querySelector('main'), nav: document.querySelector('nav')};
  page.theme = new Theme(page);
  summarySection(page);
  cyclesSection(page);
  page.maps = mapsSection(page);
  rooflineSection(page);
  ladderSection(page);
  energySection(page);
  buffersSection(page);
  dramSection(page);
  manifestSection(page);
  window.tesseraReport = page;
}

buildPage();
