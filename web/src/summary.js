// The figures that are looked at first.

import * as cells from './cells.js';
import {byId, el, setAttribute, setText} from './dom.js';
import * as format from './format.js';
import {coverage} from './vendors.js';

const TILES = [
  ['requests', 'Requests'],
  ['sent', 'Sent'],
  ['received', 'Received'],
  ['errors', 'Proxy errors'],
  ['covered', 'Covered'],
  ['cost', 'Cost'],
];
const tiles = new Map();

export function make() {
  for (const [key, label] of TILES) {
    const big = el('span', {class: 'big'}, format.NONE);
    const small = el('span', {class: 'total'}, 'no data yet');
    tiles.set(key, {big, small});
    byId('summary').append(el('div', {class: 'panel tile'}, el('dt', {}, label), el('dd', {}, big, small)));
  }
}

function show(key, big, small) {
  const tile = tiles.get(key);
  for (const [element, cell] of [[tile.big, big], [tile.small, small]]) {
    setText(element, cell.text);
    setAttribute(element, 'title', cell.title);
    setAttribute(element, 'data-level', cell.level);
  }
}

function sumRates(vendors) {
  const rates = vendors.map((vendor) => vendor.rates);
  // One that has none yet would make too little of the sum.
  if (rates.length === 0 || rates.some((rate) => !rate)) return null;
  const sum = {requests: 0, sent_bytes: 0, received_bytes: 0, proxy_errors: 0};
  for (const rate of rates) for (const key of Object.keys(sum)) sum[key] += rate[key];
  return sum;
}

function sumCosts(vendors) {
  const sums = new Map();
  for (const {costs} of vendors) {
    for (const {currency, amount, per_hour: perHour} of costs) {
      const sum = sums.get(currency) ?? {currency, amount: 0, per_hour: 0};
      sum.amount += amount;
      sum.per_hour = perHour === undefined || sum.per_hour === undefined ? undefined : sum.per_hour + perHour;
      sums.set(currency, sum);
    }
  }
  return [...sums.values()].sort((a, b) => (a.currency < b.currency ? -1 : 1));
}

/** Of all vendors, or of the one that is selected. */
export function update(answer, selected) {
  const vendors = answer.vendors.filter((vendor) => selected === '' || vendor.vendor === selected);
  const sum = (get) => vendors.reduce((total, vendor) => total + BigInt(get(vendor)), 0n);
  const rates = sumRates(vendors);
  const per = (cell) => ({...cell, text: cell.text === format.NONE ? cell.text : `${cell.text}/s`});
  const total = (cell) => ({...cell, text: `${cell.text} in all`, level: null});

  const requests = sum((v) => v.counters.requests);
  const errors = sum((v) => v.proxy_errors);
  show('requests', per(cells.rate(rates, 'requests')), total(cells.count(requests, {inferred: sum((v) => v.inferred_requests)})));
  show('sent', per(cells.byteRate(rates, 'sent_bytes')), total(cells.bytes(sum((v) => v.counters.sent_bytes))));
  show('received', per(cells.byteRate(rates, 'received_bytes')), total(cells.bytes(sum((v) => v.counters.received_bytes))));
  const errorRate = per(cells.rate(rates, 'proxy_errors'));
  if (rates && rates.proxy_errors > 0) errorRate.level = 'bad';
  show('errors', errorRate, total(cells.count(errors)));

  const parts = vendors.map(coverage).filter(Boolean);
  const covered = parts.reduce((all, part) => all + part.covered, 0n);
  const witnessed = parts.reduce((all, part) => all + part.witnessed, 0n);
  const missing = witnessed - covered;
  show(
    'covered',
    cells.plain(format.percent(covered, witnessed), `${format.exact(covered)} of ${format.exact(witnessed)} bytes that the kernel moved`, missing > 0n ? 'note' : null),
    witnessed === 0n ? cells.plain('not compared') : cells.plain(missing > 0n ? `${format.bytes(missing)} are not` : 'all by the library', `${format.exact(missing)} bytes`),
  );

  const costs = sumCosts(vendors);
  // Currencies stand beside each other, as they cannot be added.
  setAttribute(tiles.get('cost').big, 'data-many', costs.length > 1 ? 'true' : null);
  const hourly = cells.costs(costs, 'per_hour');
  show('cost', hourly.text === format.NONE ? hourly : {...hourly, text: hourly.text.split(' + ').map((one) => `${one}/h`).join(' + ')}, costs.length === 0 ? cells.plain('no prices') : total(cells.costs(costs, 'amount')));
}
