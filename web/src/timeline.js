// What the collector remembers of the last minutes, and what comes after.

import * as palette from './palette.js';

export const WINDOW_SECONDS = 900;
const KINDS = ['requests', 'sent_bytes', 'received_bytes', 'proxy_errors'];

export class Timeline {
  constructor() {
    this.times = [];
    // By vendor: {requests, sent_bytes, ...}, each a value for each time.
    this.vendors = new Map();
    this.interval = 5;
  }

  get last() {
    return this.times.at(-1) ?? null;
  }

  /** Takes the samples after those that are known. */
  add(answer) {
    this.interval = answer.interval_seconds;
    const from = answer.unix_seconds.findIndex((time) => this.last === null || time > this.last);
    if (from < 0) return;
    const before = this.times.length;
    this.times.push(...answer.unix_seconds.slice(from));
    const added = this.times.length - before;
    for (const history of answer.vendors) {
      if (!this.vendors.has(history.vendor)) {
        this.vendors.set(history.vendor, Object.fromEntries(KINDS.map((kind) => [kind, new Array(before).fill(0)])));
      }
    }
    const news = new Map(answer.vendors.map((history) => [history.vendor, history]));
    for (const [name, series] of this.vendors) {
      for (const kind of KINDS) {
        series[kind].push(...(news.get(name)?.[kind].slice(from) ?? new Array(added).fill(0)));
      }
    }
    this.#forget();
  }

  #forget() {
    const old = this.times.filter((time) => time <= this.last - WINDOW_SECONDS).length;
    if (old === 0) return;
    this.times.splice(0, old);
    for (const [name, series] of this.vendors) {
      for (const kind of KINDS) series[kind].splice(0, old);
      if (KINDS.every((kind) => series[kind].every((value) => value === 0))) this.vendors.delete(name);
    }
  }

  /** Values of a vendor; of several kinds, their sum. */
  values(name, kinds) {
    const series = this.vendors.get(name);
    return this.times.map((_, i) => (series ? kinds.reduce((sum, kind) => sum + series[kind][i], 0) : 0));
  }

  /** Of all vendors, or of `only` one. */
  total(kinds, only = '') {
    const sum = new Array(this.times.length).fill(0);
    for (const name of this.vendors.keys()) {
      if (only !== '' && name !== only) continue;
      this.values(name, kinds).forEach((value, i) => {
        sum[i] += value;
      });
    }
    return sum;
  }

  /** {name: values} of who has a line; then all others, if there are any. */
  lines(kinds) {
    const lines = new Map();
    for (const name of palette.told()) lines.set(name, this.values(name, kinds));
    const rest = [...this.vendors.keys()].filter((name) => !palette.isTold(name));
    if (rest.length > 0) {
      const sum = new Array(this.times.length).fill(0);
      for (const name of rest) {
        this.values(name, kinds).forEach((value, i) => {
          sum[i] += value;
        });
      }
      lines.set(palette.OTHERS_NAME, sum);
    }
    return lines;
  }

  /** Where samples are missing, such as while the collector was stopped. */
  gaps() {
    const at = [];
    for (let i = 1; i < this.times.length; i += 1) {
      if (this.times[i] - this.times[i - 1] > 3 * this.interval) at.push(i);
    }
    return at;
  }
}
