'use strict';
// A run's maps: its links and tiles where they stand, over time.

// Links -------------------------------------------------------------------------------------------------------------

/** What packets are sent for, by their columns in links.csv. */
const TRAFFIC = [
  ['fill', 'from memories to tiles'], ['forward', 'feature maps from tiles'], ['rotation', 'rotation of shared operands'],
  ['sums', 'partial sums'], ['store', 'from tiles to memories'], ['control', 'requests and grants'],
];

/** Cycles that flits occupy a link; a run of an older version does not say how long one does. */
const busyCycles = (run, i, flits) => flits * (run.links[i].cycles_per_flit ?? 1);

/** Share of a link's cycles that one class of traffic takes. Classes are counted for the whole run, and only by
 * `tessera run`. */
const trafficMetric = ([key, name]) => {
  const whole = (run, i) => busyCycles(run, i, run.links[i][`${key}_flits`] ?? 0) / run.result.cycles;
  return {name: `${name}, whole run`, format: percent, whole, bin: whole};
};

const LINK_METRICS = {
  utilisation: {
    name: 'utilisation', format: percent,
    whole: (run, i) => run.links[i].utilisation,
    bin: (run, i, bin) => busyCycles(run, i, run.history.links[i].flits[bin]) / run.binCycles(bin),
  },
  queue: {
    name: 'flits queued behind it', format: (flits) => short(flits),
    whole: (run, i) => run.links[i].occupancy_flit_cycles / run.result.cycles,
    bin: (run, i, bin) => run.history.links[i].queued_flit_cycles[bin] / run.binCycles(bin),
  },
  ...Object.fromEntries(TRAFFIC.map((entry) => [entry[0], trafficMetric(entry)])),
};

const linkValue = (run, metric, link, bin) => (bin < 0 ? metric.whole(run, link) : metric.bin(run, link, bin));

/** End of the colour scale of all runs and bins. */
function linkScale(runs, metric) {
  const values = [];
  for (const run of runs)
    for (let link = 0; link < run.history.links.length; ++link)
      for (let bin = 0; bin < run.bins; ++bin) values.push(metric.bin(run, link, bin));
  return scaleEnd(values);
}

function linkMapOption(run, metric, bin, scale, colours, box) {
  const {links, channels} = run.history;
  return linkMap(colours, box, {
    grid: gridOf(run.history, links), links, scale, format: metric.format,
    values: links.map((_, i) => linkValue(run, metric, i, bin)),
    describe: (i) => Object.values(LINK_METRICS).map((each) => `${each.name}: ${each.format(linkValue(run, each, i, bin))}`),
    marks: new Map(channels.map((channel, i) => [channel.router, `D${i}`])),
  });
}

// Tiles -------------------------------------------------------------------------------------------------------------

/** Layer that most bins of a tile belong to. */
function mainLayer(tile) {
  const bins = new Map();
  for (const layer of tile.layer) if (layer >= 0) bins.set(layer, (bins.get(layer) ?? 0) + 1);
  return [...bins].reduce((best, entry) => (entry[1] > best[1] ? entry : best), [-1, 0])[0];
}

const TILE_METRICS = {
  layer: {
    name: 'layer being computed', format: () => '',
    value: (run, tile, bin) => (bin < 0 ? mainLayer(run.history.tiles[tile]) : run.history.tiles[tile].layer[bin]),
  },
  busy: {
    name: 'busy', format: percent, scale: () => 1,
    value: (run, tile, bin) => {
      const busy = run.history.tiles[tile].busy_cycles;
      return bin < 0 ? sum(busy) / run.result.cycles : busy[bin] / run.binCycles(bin);
    },
  },
  buffer: {
    name: 'bytes in the buffer', format: (bytes) => short(bytes, 'B'), scale: (run) => run.result.machine.buffer_bytes,
    value: (run, tile, bin) => {
      const held = run.history.tiles[tile].held_byte_cycles;
      return bin < 0 ? sum(held) / run.result.cycles : held[bin] / run.binCycles(bin);
    },
  },
};

const layerColour = (layer, colours) => (layer < 0 ? colours.cell : CATEGORIES[layer % CATEGORIES.length]);

/** Squares of a value per tile; `colourOf` instead of the scale for what is no quantity. */
function tileMapOption(run, values, {scale, format, describe, colourOf}, colours, box) {
  const {rows, columns} = run.result.machine;
  const frame = cellLabels(mapFrame(colours, box, columns, rows), columns, rows, colours);
  const data = values.map((value, tile) => [tile % columns, Math.floor(tile / columns), tile, 0, value]);
  const square = (params, api) => {
    const [x, y] = api.coord([api.value(0), api.value(1)]);
    const half = frame.cell / 2 - Math.min(1, frame.cell * 0.06);
    return {type: 'rect', shape: {x: x - half, y: y - half, width: 2 * half, height: 2 * half},
      style: {fill: colourOf ? colourOf(api.value(4)) : api.visual('color')}};
  };
  return {
    tooltip: tooltip(colours, {formatter: ({value}) => `<b>tile ${value[2]}</b> (row ${value[1]}, column ${value[0]})<br>${describe(value[4])}`}),
    ...frame,
    visualMap: colourOf ? undefined : scaleLegend(colours, box, frame, scale, format),
    series: [{name: 'tiles', type: 'custom', data, renderItem: square, encode: {tooltip: 4}}],
  };
}

function timedTileOption(run, name, bin, colours, box) {
  const metric = TILE_METRICS[name];
  const values = run.history.tiles.map((_, tile) => metric.value(run, tile, bin));
  if (name === 'layer')
    return tileMapOption(run, values, {describe: (layer) => escaped(run.layerName(layer)), colourOf: (layer) => layerColour(layer, colours)}, colours, box);
  return tileMapOption(run, values, {scale: metric.scale(run), format: metric.format, describe: (value) => `${metric.name}: ${metric.format(value)}`}, colours, box);
}

/** Names beside the colours of the layers that the map shows. */
function layerLegend(run, bin, colours) {
  const counts = new Map();
  run.history.tiles.forEach((_, tile) => {
    const layer = TILE_METRICS.layer.value(run, tile, bin);
    counts.set(layer, (counts.get(layer) ?? 0) + 1);
  });
  return [...counts].sort((a, b) => a[0] - b[0]).map(([layer, tiles]) => {
    const chip = element('span', {class: 'chip'});
    chip.style.background = layerColour(layer, colours);
    return element('span', {class: 'entry'}, chip, `${run.layerName(layer)} (${tiles})`);
  });
}

// The section with the slider ---------------------------------------------------------------------------------------

class TimedMaps {
  constructor(page, place) {
    this.page = page;
    this.metric = 'utilisation';
    this.tileMetric = 'layer';
    this.position = 0;
    this.last = largest(page.runs.map((run) => run.bins));
    this.scales = Object.fromEntries(Object.entries(LINK_METRICS).map(([key, metric]) => [key, linkScale(page.runs, metric)]));
    this.legends = [];
    this.addControls(place);
    this.addMaps(place);
    this.moved();
  }

  addControls(place) {
    const controls = element('div', {class: 'controls'});
    this.slider = element('input', {type: 'range', min: 0, max: this.last, value: 0, id: 'time', 'aria-label': 'time'});
    this.slider.addEventListener('input', () => { this.position = Number(this.slider.value); this.moved(); });
    this.play = element('button', {type: 'button', id: 'play'}, 'play');
    this.play.addEventListener('click', () => this.togglePlay());
    this.output = element('output', {id: 'time-name'});
    controls.append(element('label', {}, 'time', this.slider), this.play, this.output);
    place.append(controls);
  }

  addMaps(place) {
    const {runs, book} = this.page;
    const height = 40 + Math.min(560, Math.max(340, 36 * largest(runs.map((run) => run.result.machine.rows))));
    const parts = partsOf(this.page, place);
    const maps = (title, name, id, entries, changed) => {
      const {controls, row} = part(parts, title);
      choice(controls, 'show', entries, changed).id = id;
      saveButton(book, controls, () => runs.map((run) => ({key: book.keyOf(name, run), file: `${run.name}, ${name}`, width: 800, height})));
      return row;
    };
    const names = (metrics) => Object.entries(metrics).map(([key, metric]) => [key, metric.name]);
    const links = maps('Links', 'links', 'link-metric', names(LINK_METRICS), (value) => { this.metric = value; this.moved(); });
    this.linkKeys = runs.map((run) => book.add(links, run, 'links', height, (colours, box) =>
      linkMapOption(run, LINK_METRICS[this.metric], this.bin(run), this.scales[this.metric], colours, box)));
    const tiles = maps('Tiles', 'tiles', 'tile-metric', names(TILE_METRICS), (value) => { this.tileMetric = value; this.moved(); });
    this.tileKeys = runs.map((run) => {
      const key = book.add(tiles, run, 'tiles', height, (colours, box) => {
        this.showLegend(run, colours);
        return timedTileOption(run, this.tileMetric, this.bin(run), colours, box);
      });
      const legendBox = element('div', {class: 'layers'});
      tiles.lastElementChild.append(legendBox);
      this.legends.push([run, legendBox]);
      return key;
    });
  }

  showLegend(run, colours) {
    const entry = this.legends.find(([of]) => of === run);
    if (entry) entry[1].replaceChildren(...(this.tileMetric === 'layer' ? layerLegend(run, this.bin(run), colours) : []));
  }

  bin(run) { return run.binAt(this.position, this.last); }

  moved() {
    const {runs, book} = this.page;
    this.output.textContent = [...new Set(runs.map((run) => run.rangeName(this.bin(run))))].join(' | ');
    [...this.linkKeys, ...this.tileKeys].forEach((key) => book.draw(key));
  }

  togglePlay() {
    if (this.timer) {
      clearInterval(this.timer);
      this.timer = undefined;
    } else {
      this.timer = setInterval(() => {
        this.position = this.position >= this.last ? 1 : this.position + 1;
        this.slider.value = this.position;
        this.moved();
      }, 250);
    }
    this.play.textContent = this.timer ? 'pause' : 'play';
  }
}

function mapsSection(page) {
  const irregular = page.runs.some((run) => !gridOf(run.history, run.history.links).regular);
  const place = section(page, 'mesh', 'Network and tiles over time',
    'The slider at its left end shows the whole run, elsewhere one time bin. Arrows are links, orange squares routers with a DRAM channel. '
    + 'A link\u2019s queue is the mean number of flits in the buffer that it fills. What links carried for which purpose is shown for the whole run.' + (irregular ? ' Routers that stand on no grid are shown in order.' : ''));
  return new TimedMaps(page, place);
}

/** Cycles of one cause, tile by tile, for the section of cycle stacks. */
function causeMap(page, {controls, row}) {
  let cause = 'wait_dram';
  const height = 360;
  const shares = (run) => run.tiles.map((tile) => (tile[`${cause}_cycles`] ?? 0) / run.result.cycles);
  const keys = page.runs.map((run) => page.book.add(row, run, 'cause-map', height, (colours, box) =>
    tileMapOption(run, shares(run), {scale: largest(page.runs.flatMap(shares)), format: percent, describe: percent}, colours, box)));
  const select = choice(controls, 'share of cycles', CAUSES.map((entry) => [entry.key, entry.name]), (value) => {
    cause = value;
    keys.forEach((key) => page.book.draw(key));
  });
  select.id = 'cause';
  select.value = cause;
}
