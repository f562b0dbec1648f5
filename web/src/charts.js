// Charts of rates, a line for each vendor.

import uPlot from 'uplot';

import {byId, el, setText} from './dom.js';
import * as format from './format.js';
import * as palette from './palette.js';
import {WINDOW_SECONDS} from './timeline.js';

const HEIGHT = 148;
const LEAST_SECONDS = 180;
const CHARTS = [
  {title: 'Requests per second', kinds: ['requests'], show: format.rate},
  {title: 'Bytes per second, sent and received', kinds: ['sent_bytes', 'received_bytes'], show: format.bytes},
  {title: 'Proxy errors per second', kinds: ['proxy_errors'], show: format.rate},
];

// All that is known, and no less than some minutes, so that the first samples
// are not stretched over the whole width.
function spanOf(timeline) {
  return Math.min(Math.max(timeline.last - timeline.times[0], LEAST_SECONDS), WINDOW_SECONDS);
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

class Chart {
  constructor({title, kinds, show}) {
    Object.assign(this, {kinds, show});
    this.names = [];
    this.told = el('p', {class: 'told'}, 'No data yet.');
    this.under = el('p', {class: 'under', 'aria-hidden': 'true'});
    this.plotAt = el('div', {class: 'plot', 'aria-hidden': 'true'});
    this.element = el('figure', {class: 'panel chart'}, el('figcaption', {}, el('h3', {}, title), this.under, this.told), this.plotAt);
    new ResizeObserver(() => this.#resize()).observe(this.plotAt);
  }

  /** Made anew when the lines or the colours are others. */
  make(names) {
    this.names = names;
    this.plot?.destroy();
    const axis = {stroke: color('--muted'), grid: {stroke: color('--grid'), width: 1}, ticks: {show: false}, font: '11px system-ui, sans-serif'};
    this.plot = new uPlot(
      {
        width: Math.max(this.plotAt.clientWidth, 100),
        height: HEIGHT,
        legend: {show: false},
        cursor: {y: false, drag: {x: false, y: false}, points: {size: 6}},
        scales: {
          x: {time: true, range: () => this.window ?? [0, 1]},
          // Never less than a little, so that a quiet minute is not drawn as a storm.
          y: {range: (_, __, most) => [0, Math.max(most * 1.08, this.kinds.length > 1 ? 1000 : 1)]},
        },
        axes: [
          {...axis, size: 22, space: 60, values: (_, times, __, ___, step) => times.map((time) => (step < 60 ? format.clock : format.minute)(time * 1000))},
          {...axis, size: 58, space: 28, values: (_, values) => values.map((value) => this.show(value))},
        ],
        series: [
          {},
          ...names.map((name) => {
            const line = palette.line(name);
            return {label: name, stroke: line.color, dash: line.dash, width: 1.5, points: {show: false}, spanGaps: false};
          }),
        ],
        hooks: {setCursor: [() => this.#read()]},
      },
      [[], ...names.map(() => [])],
      this.plotAt,
    );
  }

  #resize() {
    const width = this.plotAt.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) this.plot.setSize({width, height: HEIGHT});
  }

  update(timeline, selected, remake) {
    const lines = timeline.lines(this.kinds);
    const names = [...lines.keys()];
    if (remake || !this.plot || names.join('\n') !== this.names.join('\n')) this.make(names);
    const times = [...timeline.times];
    const columns = [...lines.values()].map((values) => [...values]);
    // From the back, so that indexes stay right.
    for (const at of timeline.gaps().reverse()) {
      times.splice(at, 0, (times[at - 1] + times[at]) / 2);
      for (const column of columns) column.splice(at, 0, null);
    }
    if (timeline.last !== null) this.window = [timeline.last - spanOf(timeline), timeline.last];
    this.plot.setData([times, ...columns]);
    names.forEach((name, i) => {
      this.plot.series[i + 1].alpha = selected !== '' && name !== selected ? 0.2 : 1;
    });
    this.plot.redraw(false);
    this.#tell(timeline, selected);
    this.#read();
  }

  // The chart in words.
  #tell(timeline, selected) {
    const values = timeline.total(this.kinds, selected);
    if (values.length === 0) {
      setText(this.told, 'No data yet: the first sample takes some seconds.');
      return;
    }
    let peak = 0;
    values.forEach((value, i) => {
      if (value > values[peak]) peak = i;
    });
    const average = values.reduce((sum, value) => sum + value, 0) / values.length;
    const who = selected === '' ? '' : `${selected}: `;
    const at = values[peak] > 0 ? ` at ${format.clock(timeline.times[peak] * 1000)}` : '';
    setText(this.told, `${who}now ${this.show(values.at(-1))} · average ${this.show(average)} · peak ${this.show(values[peak])}${at}`);
  }

  // What is under the cursor, of the lines that are not flat there.
  #read() {
    const i = this.plot?.cursor?.idx;
    if (i === null || i === undefined) {
      this.under.replaceChildren();
      return;
    }
    const time = this.plot.data[0][i];
    const there = this.names
      .map((name, n) => [name, this.plot.data[n + 1][i]])
      .filter(([, value]) => value)
      .map(([name, value]) => `${name} ${this.show(value)}`);
    setText(this.under, `${format.clock(time * 1000)}  ${there.join(' · ') || 'nothing'}`);
  }
}

export class Charts {
  constructor() {
    this.charts = CHARTS.map((chart) => new Chart(chart));
    byId('charts').append(...this.charts.map((chart) => chart.element));
    this.remake = false;
    this.shown = [];
    palette.onSchemeChange(() => {
      this.remake = true;
      if (this.shown.length > 0) this.show(...this.shown);
    });
  }

  show(timeline, selected) {
    this.shown = [timeline, selected];
    for (const chart of this.charts) chart.update(timeline, selected, this.remake);
    this.remake = false;
    if (byId('minutes').closest('details').open) this.showMinutes();
  }

  /** The same by minute, as a table. */
  showMinutes() {
    const [timeline, selected] = this.shown;
    if (!timeline) return;
    const kinds = [['requests'], ['sent_bytes'], ['received_bytes'], ['proxy_errors']];
    const totals = kinds.map((kind) => timeline.total(kind, selected));
    const minutes = new Map();
    timeline.times.forEach((time, i) => {
      const minute = Math.floor(time / 60) * 60;
      if (!minutes.has(minute)) minutes.set(minute, []);
      minutes.get(minute).push(i);
    });
    const average = (values, at) => at.reduce((sum, i) => sum + values[i], 0) / at.length;
    const show = [format.rate, format.bytes, format.bytes, format.rate];
    byId('minutes').replaceChildren(
      el('caption', {}, `Averages of each minute, per second, of ${selected || 'all vendors'}`),
      el('thead', {}, el('tr', {}, ...['Minute', 'Requests', 'Sent', 'Received', 'Proxy errors'].map((head, i) => el('th', {scope: 'col', class: i ? 'number' : 'text'}, head)))),
      el(
        'tbody',
        {},
        ...[...minutes].reverse().map(([minute, at]) =>
          el('tr', {}, el('th', {scope: 'row', class: 'text'}, format.minute(minute * 1000)), ...totals.map((values, i) => el('td', {class: 'number'}, show[i](average(values, at)))))),
      ),
    );
  }
}
