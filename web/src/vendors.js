// The table of vendors, and one of them in detail.

import * as cells from './cells.js';
import {byId, el, setText, swatch} from './dom.js';
import * as format from './format.js';
import * as latency from './latency.js';
import * as palette from './palette.js';
import {Table, turned} from './table.js';

const number = (key, group, label, more = {}) => ({key, group, label, kind: 'number', sort: 'descending', ...more});

const COLUMNS = [
  {key: 'vendor', label: 'Vendor', kind: 'text', sort: 'ascending', header: true},
  number('request_rate', 'Requests', '/s'),
  number('requests', 'Requests', 'total'),
  number('sent_rate', 'Sent', '/s'),
  number('sent', 'Sent', 'total'),
  number('received_rate', 'Received', '/s'),
  number('received', 'Received', 'total'),
  number('proxy_errors', 'Errors', 'proxy', {title: 'What the proxy did not do: refused, timed out, denied, broke off ...'}),
  number('error_rate', 'Errors', 'proxy /s'),
  number('responses_4xx', 'Errors', '4xx', {title: 'Responses of class 4xx, of destinations'}),
  number('responses_5xx', 'Errors', '5xx', {title: 'Responses of class 5xx, of destinations'}),
  number('p50', 'First byte, 1 min', 'p50', {title: 'End of a request until the response begins: half of them took no longer'}),
  number('p95', 'First byte, 1 min', 'p95', {title: 'End of a request until the response begins: 95 of 100 took no longer'}),
  number('connections', 'Connections', 'made'),
  number('connections_bad', 'Connections', 'failed', {title: 'Refused, timed out or failed otherwise'}),
  number('coverage', null, 'Covered', {sort: 'ascending', title: 'Part of the bytes between pod and vendor, by the kernel, that crawlers reported'}),
  number('cost_rate', 'Cost', '/h'),
  number('cost', 'Cost', 'total'),
];

export function failedConnections(vendor) {
  const c = vendor.connections;
  return BigInt(c.connections_refused) + BigInt(c.connections_timed_out) + BigInt(c.connections_failed);
}

/** {covered, witnessed} of a vendor, bytes; null while the kernel is not asked. */
export function coverage(vendor) {
  const {kernel} = vendor;
  if (!kernel) return null;
  const witnessed = BigInt(kernel.sent_bytes) + BigInt(kernel.received_bytes);
  if (witnessed === 0n) return null;
  return {covered: BigInt(kernel.covered_sent_bytes) + BigInt(kernel.covered_received_bytes), witnessed};
}

function coverageCell(vendor) {
  const part = coverage(vendor);
  if (!part) return cells.nothing('Not compared with the kernel');
  const full = part.covered >= part.witnessed;
  return cells.plain(
    format.percent(part.covered, part.witnessed),
    `${format.exact(part.covered)} of ${format.exact(part.witnessed)} bytes that the kernel moved`,
    full ? null : 'note',
  );
}

function latencyCell(seconds, bounds) {
  if (seconds === null) return cells.nothing('No response in the last minute, as far as this page has looked');
  return cells.plain(format.latency(seconds, bounds.at(-1)), `Over the last ${Math.round(latency.span())} s, by the bounds of buckets`);
}

function figures(vendor, bounds) {
  const {counters, rates, connections} = vendor;
  const buckets = latency.recent(vendor.vendor, 'first_byte');
  const p50 = buckets && latency.quantile(buckets, 0.5, bounds);
  const p95 = buckets && latency.quantile(buckets, 0.95, bounds);
  const failed = failedConnections(vendor);
  const kernelOnly = (bytes) => (bytes === '0' ? '' : `, of which ${format.exact(bytes)} by the kernel's word alone`);
  const part = coverage(vendor);
  return {
    cells: {
      request_rate: cells.rate(rates, 'requests'),
      requests: cells.count(counters.requests, {inferred: vendor.inferred_requests}),
      sent_rate: cells.byteRate(rates, 'sent_bytes'),
      sent: cells.bytes(counters.sent_bytes, kernelOnly(vendor.kernel_only_sent_bytes)),
      received_rate: cells.byteRate(rates, 'received_bytes'),
      received: cells.bytes(counters.received_bytes, kernelOnly(vendor.kernel_only_received_bytes)),
      proxy_errors: cells.count(vendor.proxy_errors),
      error_rate: {...cells.rate(rates, 'proxy_errors'), level: rates ? (rates.proxy_errors > 0 ? 'bad' : 'none') : 'none'},
      responses_4xx: cells.count(counters.responses_4xx),
      responses_5xx: cells.count(counters.responses_5xx),
      p50: latencyCell(p50, bounds),
      p95: latencyCell(p95, bounds),
      connections: cells.count(connections.connections_ok),
      connections_bad: cells.count(failed),
      coverage: coverageCell(vendor),
      cost_rate: cells.costs(vendor.costs, 'per_hour'),
      cost: cells.costs(vendor.costs, 'amount'),
    },
    // What is sorted by; null stands last.
    keys: {
      vendor: vendor.vendor,
      request_rate: rates ? rates.requests : null,
      requests: Number(counters.requests),
      sent_rate: rates ? rates.sent_bytes : null,
      sent: Number(counters.sent_bytes),
      received_rate: rates ? rates.received_bytes : null,
      received: Number(counters.received_bytes),
      proxy_errors: Number(vendor.proxy_errors),
      error_rate: rates ? rates.proxy_errors : null,
      responses_4xx: Number(counters.responses_4xx),
      responses_5xx: Number(counters.responses_5xx),
      p50,
      p95,
      connections: Number(connections.connections_ok),
      connections_bad: Number(failed),
      coverage: part ? Number(part.covered) / Number(part.witnessed) : null,
      cost_rate: vendor.costs[0]?.per_hour ?? null,
      cost: vendor.costs[0]?.amount ?? null,
    },
  };
}

function inOrder(rows, key, direction) {
  const sign = direction === 'ascending' ? 1 : -1;
  return rows.sort((a, b) => {
    const [x, y] = [a.keys[key], b.keys[key]];
    if (x === y) return a.key < b.key ? -1 : 1;
    if (x === null) return 1;
    if (y === null) return -1;
    return x < y ? -sign : sign;
  });
}

export class Vendors {
  /** `onSelect` is told the vendor that was picked, or "" for none. */
  constructor(onSelect, onChange) {
    this.sort = 'received';
    this.direction = 'descending';
    this.onSelect = onSelect;
    this.table = new Table(byId('vendors'), {
      caption: 'Vendors: rates, totals, errors, latency, connections, coverage and cost',
      columns: COLUMNS,
      empty: 'No data yet.',
      onSort: (column) => {
        this.direction = turned(column, this.sort, this.direction);
        this.sort = column.key;
        onChange();
      },
    });
  }

  show(answer, bounds, selected) {
    const rows = answer.vendors.map((vendor) => ({key: vendor.vendor, selected: vendor.vendor === selected, ...figures(vendor, bounds)}));
    this.table.setEmpty(answer.known ? 'No vendor has had traffic yet.' : 'The collector waits for its ledger: the totals are not known yet.');
    this.table.setSort(this.sort, this.direction);
    this.table.show(
      inOrder(rows, this.sort, this.direction).map((row) => ({
        key: row.key,
        class: row.selected ? 'selected' : null,
        cells: {vendor: {nodes: () => [this.#button(row.key)], title: null, level: null}, ...row.cells},
        update: (element) => {
          const button = element.querySelector('button');
          button.setAttribute('aria-pressed', String(row.selected));
          palette.paint(button.querySelector('svg'), row.key);
        },
      })),
    );
    const beyond = BigInt(answer.vendors_beyond_limit);
    setText(byId('vendors-note'), beyond > 0n ? `${format.exact(beyond)} smaller vendors are not shown.` : '');
    this.#detail(answer.vendors.find((vendor) => vendor.vendor === selected), bounds);
  }

  #button(name) {
    const button = el('button', {type: 'button', class: 'pick', title: 'Show this vendor alone, in detail'}, swatch(), el('span', {}, name));
    button.addEventListener('click', () => {
      this.onSelect(button.getAttribute('aria-pressed') === 'true' ? '' : name);
    });
    return button;
  }

  #detail(vendor, bounds) {
    const place = byId('detail');
    place.hidden = !vendor;
    if (!vendor) {
      place.replaceChildren();
      return;
    }
    place.replaceChildren(el('h3', {}, `${vendor.vendor} in detail`), el('div', {class: 'parts'}, ...details(vendor, bounds)));
  }
}

function part(caption, heads, rows, none) {
  const table = el(
    'table',
    {class: 'small'},
    el('caption', {}, caption),
    el('thead', {}, el('tr', {}, ...heads.map((head, i) => el('th', {scope: 'col', class: i === 0 ? 'text' : 'number'}, head)))),
    el('tbody', {}, ...rows.map(([name, ...values]) => el('tr', {}, el('th', {scope: 'row', class: 'text'}, name), ...values.map(({text, title}) => el('td', {class: 'number', title}, text))))),
  );
  return el('div', {}, table, rows.length === 0 ? el('p', {class: 'empty'}, none) : null);
}

function tunnelCode({protocol, code}) {
  if (protocol === 'PROTOCOL_SOCKS4') return `SOCKS4 ${code}`;
  if (protocol === 'PROTOCOL_SOCKS5') return `SOCKS5 ${code}`;
  return `CONNECT ${code}`;
}

function details(vendor, bounds) {
  const most = (a, b) => (BigInt(b.errors) > BigInt(a.errors) ? 1 : -1);
  const {counters, connections} = vendor;
  const phase = (name) => name.replaceAll('_', ' ');
  return [
    part('Proxy errors', ['reason', 'count'], [...vendor.errors].sort(most).map((e) => [phase(e.reason), cells.count(e.errors)]), 'None.'),
    part('Tunnels', ['reply', 'count'], vendor.tunnels.map((t) => [tunnelCode(t), cells.count(t.replies)]), 'None.'),
    part(
      'Responses',
      ['class', 'count'],
      ['2xx', '3xx', '4xx', '5xx', '1xx', 'other'].map((c) => [c, cells.count(counters[`responses_${c}`])]),
      'None.',
    ),
    part(
      'Connections',
      ['result', 'count'],
      ['ok', 'refused', 'timed_out', 'failed', 'abandoned'].map((r) => [phase(r), cells.count(connections[`connections_${r}`])]),
      'None.',
    ),
    part(
      'Durations, last minute',
      ['phase', 'p50', 'p95', 'count'],
      vendor.phases.map(({phase: name}) => {
        const buckets = latency.recent(vendor.vendor, name);
        const at = (q) => cells.plain(format.latency(buckets && latency.quantile(buckets, q, bounds), bounds.at(-1)));
        return [phase(name), at(0.5), at(0.95), buckets ? cells.count(buckets.reduce((a, b) => a + b, 0)) : cells.nothing(null)];
      }),
      'None measured.',
    ),
    part(
      'Not metered by the library',
      ['why', 'sent', 'received', 'connections'],
      vendor.unmetered
        .filter((u) => [u.counters.sent_bytes, u.counters.received_bytes, u.counters.connections].some((value) => value !== '0'))
        .map((u) => [phase(u.reason), cells.bytes(u.counters.sent_bytes), cells.bytes(u.counters.received_bytes), cells.count(u.counters.connections)]),
      vendor.kernel ? 'Nothing.' : 'Not known: the kernel is not asked.',
    ),
  ];
}
