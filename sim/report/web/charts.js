'use strict';
// Charts on the page: where they stand, their colours in light and dark, and how they are drawn again.

/** Colour scales whose low end recedes into the page. */
const SEQUENTIAL = {
  light: ['#e9eef2', '#c0e0c2', '#73c6bd', '#3397be', '#225ea8', '#0b1f5c'],
  dark: ['#30224f', '#414487', '#2a788e', '#22a884', '#7ad151', '#fde725'],
};
const CATEGORIES = ['#2f6fde', '#e8762c', '#22a884', '#d6336c', '#8250df', '#e5b92e', '#17a2a2', '#a05c33',
  '#7eaaf0', '#57b36a', '#b79bf0', '#6b7688'];

function palette() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return {scale: SEQUENTIAL[document.documentElement.dataset.theme], text: of('--text'), muted: of('--muted'), line: of('--line'), card: of('--card'), cell: of('--cell')};
}

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** What all charts have: the page's font, and nothing that moves. */
const stillText = (colours) => ({animation: false, textStyle: {color: colours.text, fontFamily: 'system-ui, "DejaVu Sans", sans-serif'}});

/** Tooltips are HTML; what users have named may look like it. */
const escaped = (text) => String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** All charts by name. `build(colours, box)` gives a chart's option; it is asked again whenever something changes. */
class ChartBook {
  constructor(single) {
    this.single = single;
    this.charts = new Map();
  }
  keyOf(name, run) { return run ? `${name}@${run.name}` : name; }
  /** A figure with a chart of one run. */
  add(parent, run, name, height, build, title = '') {
    const box = element('div', {class: 'chart', role: 'img', 'aria-label': title || name});
    box.style.height = `${height}px`;
    const caption = [title, this.single || !run ? '' : run.name].filter(Boolean).join(' \u2013 ');
    parent.append(element('figure', {}, element('figcaption', {}, caption), box));
    const key = this.keyOf(name, run);
    this.charts.set(key, {instance: echarts.init(box, null, {renderer: 'canvas'}), build, box});
    this.draw(key);
    return key;
  }
  draw(key) {
    const {instance, build, box} = this.charts.get(key);
    const colours = palette();
    instance.setOption({...build(colours, box), ...stillText(colours)}, {notMerge: true});
  }
  /** A chart as a drawing of its own, for papers. */
  svg(key, width, height) {
    const {build} = this.charts.get(key);
    const box = {clientWidth: width, clientHeight: height};
    const drawing = echarts.init(null, null, {renderer: 'svg', ssr: true, width, height});
    drawing.setOption({...build(palette(), box), ...stillText(palette()), backgroundColor: palette().card});
    const text = drawing.renderToSVGString();
    drawing.dispose();
    return text;
  }
  drawAll() { for (const key of this.charts.keys()) this.draw(key); }
  resizeAll() { for (const {instance} of this.charts.values()) instance.resize(); }
}

/** Options that most charts share. */
function axis(colours, extra = {}) {
  return {
    axisLine: {lineStyle: {color: colours.line}}, axisTick: {lineStyle: {color: colours.line}},
    axisLabel: {color: colours.muted}, splitLine: {lineStyle: {color: colours.line, opacity: 0.6}},
    nameTextStyle: {color: colours.muted}, ...extra,
  };
}

function tooltip(colours, extra = {}) {
  return {confine: true, backgroundColor: colours.card, borderColor: colours.line, textStyle: {color: colours.text, fontSize: 12}, ...extra};
}

const legend = (colours, extra = {}) => ({top: 0, type: 'scroll', textStyle: {color: colours.text}, pageIconColor: colours.muted,
  pageTextStyle: {color: colours.muted}, itemWidth: 14, itemHeight: 10, ...extra});

/** Tooltip of a stack: every part that is not 0, then their sum. */
function stackTooltip(format) {
  return (points) => {
    const lines = points.filter((point) => point.value > 0)
      .map((point) => `${point.marker}${escaped(point.seriesName)}: ${format(point.value)}`);
    const total = sum(points.map((point) => point.value));
    return [`<b>${escaped(points[0].name)}</b>`, ...lines, `sum: ${format(total)}`].join('<br>');
  };
}

/** Stacked bars, one per name; `parts` are {name, colour, values}. */
function stackedBars(colours, names, parts, {horizontal = true, format = short, unit = '', limit, zoom = false, offset = 0} = {}) {
  const category = axis(colours, {type: 'category', data: names, splitLine: {show: false}});
  if (horizontal) Object.assign(category, {inverse: true, axisLabel: {color: colours.muted, fontSize: 11, interval: names.length > 150 ? 'auto' : 0}});
  const value = axis(colours, {type: 'value', name: unit, nameLocation: 'middle', nameGap: horizontal ? 24 : 52, max: limit,
    axisLabel: {color: colours.muted, showMaxLabel: limit === undefined || limit === 1, formatter: (number) => format(number)}});
  return {
    tooltip: tooltip(colours, {trigger: 'axis', axisPointer: {type: 'shadow'}, formatter: stackTooltip(format)}),
    legend: legend(colours),
    grid: {top: 34, bottom: horizontal ? 40 : (zoom ? 70 : 44), left: horizontal ? 12 : 66, right: 24, containLabel: horizontal},
    xAxis: horizontal ? value : category,
    yAxis: horizontal ? category : value,
    dataZoom: zoom ? [{type: 'slider', height: 18, bottom: 8, textStyle: {color: colours.muted}}, {type: 'inside', zoomOnMouseWheel: 'ctrl'}] : [],
    series: parts.map((part) => ({name: part.name, type: 'bar', stack: 'all', data: part.values, barCategoryGap: names.length > 100 ? '0%' : '18%',
      itemStyle: {color: part.colour}, emphasis: {focus: 'none'}})),
  };
}

/** Bins of a run, named by their first cycle. */
function cycleAxis(colours, run) {
  return axis(colours, {type: 'category', data: run.binNames(), name: 'cycle', nameLocation: 'middle', nameGap: 26, splitLine: {show: false}});
}

/** Shares of every bin of a run, stacked without gaps. */
function stackedShares(colours, run, parts, format) {
  return {
    tooltip: tooltip(colours, {trigger: 'axis', formatter: stackTooltip(format)}),
    legend: legend(colours),
    grid: {top: 34, bottom: 42, left: 66, right: 24},
    xAxis: cycleAxis(colours, run),
    yAxis: axis(colours, {type: 'value', min: 0, max: 1, axisLabel: {color: colours.muted, formatter: (share) => `${Math.round(100 * share)} %`}}),
    series: parts.map((part) => ({name: part.name, type: 'bar', stack: 'all', data: part.values, barCategoryGap: '0%', itemStyle: {color: part.colour}})),
  };
}
