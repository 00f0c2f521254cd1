'use strict';
// The page of a parameter study: the front, its points, what failed, and all points.

const pointCells = (study, point) => [...point.values, ...study.metrics.map((name) => metricText(name, point.metrics[name]))];

function frontSection(page) {
  const {study, view} = page;
  const place = section(page, 'front', 'Pareto front',
    'One mark per point that finished. Large marks lie on the front: no other point is better in one of the two metrics and as good in the other.');
  const controls = element('div', {class: 'controls'});
  place.append(controls);
  const metrics = study.metrics.map((name) => [name, name]);
  const redraw = () => { page.book.draw('pareto'); page.showFront(); };
  for (const [letter, more] of [['x', 'moreX'], ['y', 'moreY']]) {
    const better = choice(controls, `${letter} wanted`, [['less', 'less'], ['more', 'more']], (value) => { view[more] = value === 'more'; redraw(); });
    better.id = `${letter}-better`;
    better.value = view[more] ? 'more' : 'less';
    const metric = choice(controls, letter, metrics, (name) => {
      view[letter] = name;
      view[more] = MORE_IS_BETTER.test(name);
      better.value = view[more] ? 'more' : 'less';
      redraw();
    });
    metric.id = `${letter}-metric`;
    metric.value = view[letter];
    controls.insertBefore(metric.parentElement, better.parentElement);
  }
  choice(controls, 'colour', study.key.map((key, k) => [String(k), key]), (value) => { view.colour = Number(value); redraw(); }).id = 'colour';
  controls.querySelector('#colour').value = String(view.colour);
  choice(controls, 'axes', [['linear', 'linear'], ['log', 'logarithmic']], (value) => { view.log = value === 'log'; redraw(); }).id = 'axes';
  saveButton(page.book, controls, () => [{key: 'pareto', file: study.study, width: 900, height: 480}]);
  page.book.add(sideBySide(place), null, 'pareto', 480, (colours) => pareto(colours, study, view));
  const list = element('div', {});
  place.append(element('h3', {}, 'Points of the front'), list);
  page.showFront = () => {
    const front = paretoFront(study.finished, view.x, view.y, view.moreX, view.moreY);
    list.replaceChildren(table('front-points', [...study.key, ...study.metrics], front.map((point) => row(pointCells(study, point)))));
  };
  page.showFront();
}

function failedSection(page) {
  const {study} = page;
  if (study.failed.length === 0) return;
  const place = section(page, 'failed', 'Failed points', `${study.failed.length} of ${study.points.length} points ended without a result.`);
  place.append(table('failed-points', [...study.key, 'exit code', 'message'],
    study.failed.map((point) => row([...point.values, String(point.failure.exit_code), point.failure.message]))));
}

/** Sorted by the column whose head is clicked; once more: the other way round. */
function allSection(page) {
  const {study} = page;
  const place = section(page, 'all', 'All points', 'A click on the head of a column sorts by it. The last column is the folder below points/.');
  const head = [...study.key, ...study.metrics, 'folder'];
  const cells = (point) => [...(point.finished ? pointCells(study, point) : [...point.values, ...study.metrics.map(() => 'failed')]), point.hash];
  const holder = table('all-points', head, study.points.map((point) => row(cells(point))));
  place.append(holder);
  let sorted = -1;
  holder.querySelectorAll('th').forEach((title, column) => title.addEventListener('click', () => {
    const sign = sorted === column ? -1 : 1;
    sorted = sign > 0 ? column : -1;
    const points = [...study.points].sort((one, other) => sign * compare(sortValue(study, one, column), sortValue(study, other, column)) || one.index - other.index);
    holder.querySelector('tbody').replaceChildren(...points.map((point) => row(cells(point))));
  }));
}

function sortValue(study, point, column) {
  const metric = study.metrics[column - study.key.length];
  if (metric) return point.metrics[metric] ?? Infinity;
  const text = point.values[column] ?? point.hash;
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

function compare(one, other) {
  if (typeof one === 'number' && typeof other === 'number') return one < other ? -1 : Number(one > other);
  return String(one).localeCompare(String(other));
}

/** Cycles against energy where the study has them, coloured by the first key that varies. */
function firstView(study) {
  const x = study.metrics.find((name) => name === 'cycles') ?? study.metrics[0];
  const y = study.metrics.find((name) => name === 'energy_pj.total') ?? study.metrics.find((name) => name !== x) ?? x;
  const colour = Math.max(0, study.key.findIndex((key, k) => study.valuesOf(k).length > 1));
  return {x, y, moreX: MORE_IS_BETTER.test(x), moreY: MORE_IS_BETTER.test(y), colour, log: false};
}

function buildPage() {
  const study = new Study(document.querySelector('script.study'));
  const page = {study, view: firstView(study), book: new ChartBook(true), main: document.querySelector('main'), nav: document.querySelector('nav')};
  page.theme = new Theme(page);
  if (study.metrics.length > 0) frontSection(page);
  failedSection(page);
  allSection(page);
  window.tesseraReport = page;
}

buildPage();
