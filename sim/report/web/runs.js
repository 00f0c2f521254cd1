'use strict';
// The runs of the page: what their files hold.

/** Causes of the cycle stack in the order in which they are stacked; idle and waiting last. */
const CAUSES = [
  {key: 'compute', name: 'computing', colour: '#2f6fde'},
  {key: 'array_fill_drain', name: 'array fill and drain', colour: '#7eaaf0'},
  {key: 'buffer_and_delivery', name: 'buffer slots and delivery', colour: '#17a2a2'},
  {key: 'vector', name: 'vector unit', colour: '#8250df'},
  {key: 'control', name: 'issuing', colour: '#b79bf0'},
  {key: 'wait_dram', name: 'waiting for DRAM', colour: '#e8762c'},
  {key: 'wait_shared_buffer', name: 'waiting for shared buffers', colour: '#a05c33'},
  {key: 'wait_network', name: 'waiting for the network', colour: '#d6336c'},
  {key: 'wait_peer', name: 'waiting for a peer', colour: '#e5b92e'},
  {key: 'idle', name: 'idle', colour: '#a3abb8'},
];

/** What a DRAM data bus did. All but the first is lost bandwidth. */
const BUS_CAUSES = [
  {key: 'data', name: 'data', colour: '#2f6fde'},
  {key: 'refresh', name: 'refresh', colour: '#8250df'},
  {key: 'row', name: 'opening rows', colour: '#d6336c'},
  {key: 'turnaround', name: 'turnaround', colour: '#e8762c'},
  {key: 'group_spacing', name: 'bank group spacing', colour: '#e5b92e'},
  {key: 'arbitration', name: 'arbitration', colour: '#17a2a2'},
  {key: 'no_requests', name: 'no requests', colour: '#a3abb8'},
];

const COMPONENTS = [
  {key: 'mac', name: 'MAC', colour: '#2f6fde'},
  {key: 'register_file', name: 'registers', colour: '#7eaaf0'},
  {key: 'array', name: 'array wires', colour: '#17a2a2'},
  {key: 'buffer', name: 'buffer', colour: '#57b36a'},
  {key: 'vector_unit', name: 'vector unit', colour: '#8250df'},
  {key: 'network', name: 'network', colour: '#d6336c'},
  {key: 'dram', name: 'DRAM', colour: '#e8762c'},
  {key: 'shared_buffer', name: 'shared buffers', colour: '#c98a4b'},
  {key: 'static', name: 'static', colour: '#a3abb8'},
];

class Run {
  constructor(element) {
    const files = JSON.parse(element.textContent);
    this.name = files.name;
    this.result = files.result;
    this.history = files.history;
    this.validation = files.validation;
    this.tiles = parseCsv(files.tiles);
    this.links = parseCsv(files.links);
    this.stage = -1;
  }
  get bins() { return this.history.cycle_stack[0].tile_cycles.length; }
  binBegin(bin) { return bin * this.history.bin_cycles; }
  binCycles(bin) {
    return Math.min(this.history.cycles, (bin + 1) * this.history.bin_cycles) - this.binBegin(bin);
  }
  binNames() { return Array.from({length: this.bins}, (_, bin) => short(this.binBegin(bin))); }
  /** Bin that a slider at `position` of `last` stands for; -1: the whole run. */
  binAt(position, last) {
    return position === 0 ? -1 : Math.min(this.bins - 1, Math.floor((position - 1) * this.bins / last));
  }
  rangeName(bin) {
    return bin < 0 ? 'whole run' : `cycles ${grouped(this.binBegin(bin))} to ${grouped(this.binBegin(bin) + this.binCycles(bin))}`;
  }
  /** Tile-cycles of a cause, bin by bin; a run of an older version may not know it. */
  causeOverTime(cause) {
    return this.history.cycle_stack.find((entry) => entry.cause === cause)?.tile_cycles ?? Array(this.bins).fill(0);
  }
  layerName(index) { return index >= 0 ? this.result.layers[index].name : 'none'; }
}

const readRuns = () => [...document.querySelectorAll('script.run')].map((element) => new Run(element));
