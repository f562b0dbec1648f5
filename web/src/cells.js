// Cells of tables: what is shown, and exactly in the title.

import * as format from './format.js';

let exactly = false;

/** Whether figures are shown with all their digits. */
export function showExactly(yes) {
  exactly = yes;
}

export function plain(text, title = null, level = null) {
  return {text, title, level};
}

export function nothing(title) {
  return {text: format.NONE, title, level: 'none'};
}

export function count(value, {unit = '', inferred = 0n, level = null} = {}) {
  const all = format.exact(value);
  const some = BigInt(inferred);
  const sign = some > 0n ? '≈ ' : '';
  const told = some > 0n ? `, of which ${format.exact(some)} inferred` : '';
  return {text: sign + (exactly ? all : format.count(value)), title: `${all}${unit}${told}`, level: BigInt(value) === 0n ? 'none' : level};
}

export function bytes(value, more = '') {
  const all = format.exact(value);
  return {text: exactly ? all : format.bytes(value), title: `${all} bytes${more}`, level: BigInt(value) === 0n ? 'none' : null};
}

const exactRate = new Intl.NumberFormat('en', {maximumFractionDigits: 3, minimumFractionDigits: 3});

export function rate(rates, key, show = format.rate, unit = '') {
  if (!rates) return nothing('No rate yet');
  const value = Array.isArray(key) ? key.reduce((sum, one) => sum + rates[one], 0) : rates[key];
  const all = exactRate.format(value);
  return {text: exactly ? all : show(value), title: `${all}${unit} per second`, level: value === 0 ? 'none' : null};
}

export function byteRate(rates, key) {
  return rate(rates, key, format.bytes, ' bytes');
}

export function costs(list, key) {
  const priced = list.filter((cost) => cost[key] !== undefined);
  if (priced.length === 0) return nothing(key === 'per_hour' ? 'No rate yet, or no price' : 'No price');
  const all = priced.map((cost) => (key === 'per_hour' ? format.moneyRate : format.exactMoney)(cost[key], cost.currency)).join(' + ');
  return {
    text: exactly ? all : priced.map((cost) => format.money(cost[key], cost.currency)).join(' + '),
    title: key === 'per_hour' ? `${all} per hour, at the pace of the last seconds` : all,
    level: null,
  };
}
