'use strict';
// Sections of a page, their parts, tables and controls.

/** A section with a heading, a line that says how to read it, and a place for the runs side by side. */
function section(page, id, title, note) {
  const place = element('section', {id});
  place.append(element('h2', {}, title), element('p', {class: 'note'}, note));
  page.main.append(place);
  page.nav.append(element('a', {href: `#${id}`}, title), ' ');
  return place;
}

function sideBySide(place, title = '') {
  if (title) place.append(element('h3', {}, title));
  const row = element('div', {class: 'runs'});
  place.append(row);
  return row;
}

/** A part of a section with its own heading and controls. Parts of one run stand beside each other. */
function part(parts, title) {
  const place = element('div', {class: 'part'});
  const controls = element('div', {class: 'controls'});
  place.append(element('h3', {}, title), controls);
  parts.append(place);
  return {controls, row: sideBySide(place)};
}

function choice(controls, label, entries, changed) {
  const select = element('select', {}, ...entries.map(([value, text]) => element('option', {value}, text)));
  select.addEventListener('change', () => changed(select.value));
  controls.append(element('label', {}, label, select));
  return select;
}

const row = (cells, attributes = {}) => element('tr', attributes, ...cells.map((text) => element('td', {}, text)));

function table(id, head, rows) {
  const titles = head.length > 0 ? [element('thead', {}, element('tr', {}, ...head.map((text) => element('th', {}, text))))] : [];
  return element('div', {class: 'scroll'}, element('table', {id}, ...titles, element('tbody', {}, ...rows)));
}

/** A button that saves charts as drawings, for papers: `charts()` gives {key, file, width, height} of each. */
function saveButton(book, controls, charts) {
  const button = element('button', {type: 'button', class: 'save'}, 'save as SVG');
  button.addEventListener('click', () => {
    for (const {key, file, width, height} of charts()) {
      const link = element('a', {download: `${file}.svg`, href: URL.createObjectURL(new Blob([book.svg(key, width, height)], {type: 'image/svg+xml'}))});
      link.click();
      URL.revokeObjectURL(link.href);
    }
  });
  controls.append(button);
}
