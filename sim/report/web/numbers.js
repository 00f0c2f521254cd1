'use strict';
// Small calculations, how numbers are written, and tables of them read.

const sum = (values) => values.reduce((total, value) => total + value, 0);
const largest = (values) => values.reduce((most, value) => Math.max(most, value), 0);

/** 1867870 as "1.868 M"; small numbers as they are. */
function short(value, unit = '') {
  const steps = [[1e15, 'P'], [1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
  const step = steps.find(([size]) => Math.abs(value) >= size);
  const digits = (number) => Number(number.toPrecision(4)).toString();
  return step ? `${digits(value / step[0])} ${step[1]}${unit}` : `${digits(value)}${unit ? ' ' + unit : ''}`;
}

/** Picojoules in a unit that leaves a number to read. */
function energy(picojoules) {
  const steps = [[1e12, 'J'], [1e9, 'mJ'], [1e6, '\u00b5J'], [1e3, 'nJ'], [1, 'pJ']];
  const [size, unit] = steps.find(([step]) => picojoules >= step) ?? steps.at(-1);
  return `${Number((picojoules / size).toPrecision(4))} ${unit}`;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const grouped = (number) => Math.round(number).toString().replace(/\B(?=(\d{3})+$)/g, '\u202f');

const cellsOf = (line) => [...line.matchAll(/(?<=^|,)("(?:[^"]|"")*"|[^,]*)/g)]
  .map(([, cell]) => (cell.startsWith('"') ? cell.slice(1, -1).replace(/""/g, '"') : cell));

/** Rows of a CSV table, as objects of numbers and, where a cell is none, text. */
function parseCsv(text) {
  const [head, ...lines] = text.trim().split('\n');
  const columns = cellsOf(head);
  const value = (cell) => (cell === '' || Number.isNaN(Number(cell)) ? cell : Number(cell));
  return lines.map((line) => {
    const cells = cellsOf(line);
    return Object.fromEntries(columns.map((column, i) => [column, value(cells[i])]));
  });
}
