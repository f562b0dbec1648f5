// The table of destinations: the collector searches, sorts and cuts, so that
// ten thousand of them are no work here.

import * as cells from './cells.js';
import {byId, el, setText} from './dom.js';
import * as format from './format.js';
import {Table, turned} from './table.js';

const number = (key, label, more = {}) => ({key, label, kind: 'number', sort: 'descending', ...more});

// `key` is what the API sorts by.
const COLUMNS = [
  {key: 'destination', label: 'Destination', kind: 'text', sort: 'ascending', header: true},
  {key: 'vendor', label: 'Vendor', kind: 'text', sort: 'ascending'},
  {key: 'protocol', label: 'Protocol', kind: 'text'},
  number('request_rate', 'Req/s'),
  number('requests', 'Requests'),
  number('errors', '4xx+5xx', {title: 'Responses of classes 4xx and 5xx'}),
  number('byte_rate', 'Bytes/s'),
  number('sent', 'Sent'),
  number('received', 'Received'),
  number('cost', 'Cost', {title: 'Where bytes are billed as they are on the wire'}),
  {key: 'read', label: 'Read', kind: 'text', title: 'How requests were told: read in plaintext, inferred from encrypted records, or not at all'},
];

const SPECIAL = {
  _unknown: 'no host was ever told',
  _invalid: 'what was asked for is no host name',
  _other: 'no room for more destinations; totals stay exact',
  _folded: 'what destinations without traffic for long had',
};

function parts(row) {
  const of = (visibility) => row.parts.filter((part) => part.visibility === visibility);
  const sum = (list, key) => list.reduce((total, part) => total + BigInt(part.counters[key]), 0n);
  const inferred = sum(of('inferred'), 'requests');
  const kernel = of('kernel');
  const kinds = [...new Set(row.parts.map((part) => part.visibility).filter((v) => v !== 'none'))];
  const words = {plaintext: 'plaintext', inferred: 'inferred', kernel: 'kernel alone'};
  return {
    inferred,
    text: kinds.map((kind) => words[kind] ?? kind).join(', ') || format.NONE,
    title: [
      inferred > 0n ? `${format.exact(inferred)} requests inferred, more or less right` : null,
      kernel.length > 0 ? `${format.exact(sum(kernel, 'sent_bytes') + sum(kernel, 'received_bytes'))} bytes by the kernel's word alone, of programs that the library is not in` : null,
    ].filter(Boolean).join('; ') || null,
    level: inferred > 0n || kernel.length > 0 ? 'inferred' : null,
  };
}

function rowOf(row) {
  const {counters, rates} = row;
  const how = parts(row);
  const failures = BigInt(counters.responses_4xx) + BigInt(counters.responses_5xx);
  const protocols = [...new Set(row.parts.map((part) => part.protocol))].sort().join(', ');
  const errors = cells.count(failures);
  errors.title = `4xx: ${format.exact(counters.responses_4xx)}, 5xx: ${format.exact(counters.responses_5xx)}`;
  return {
    key: `${row.vendor}\n${row.destination}`,
    cells: {
      destination: cells.plain(row.destination, SPECIAL[row.destination] ?? row.destination, row.destination.startsWith('_') ? 'special' : null),
      vendor: cells.plain(row.vendor, row.vendor),
      protocol: cells.plain(protocols, protocols),
      request_rate: cells.rate(rates, 'requests'),
      requests: cells.count(counters.requests, {inferred: how.inferred}),
      errors,
      byte_rate: cells.byteRate(rates, ['sent_bytes', 'received_bytes']),
      sent: cells.bytes(counters.sent_bytes),
      received: cells.bytes(counters.received_bytes),
      cost: cells.costs(row.costs, 'amount'),
      read: how,
    },
  };
}

export class Destinations {
  /** `onChange` is called when the reader asks for others. */
  constructor(state, onChange) {
    this.state = state;
    this.onChange = onChange;
    this.matched = 0;
    this.table = new Table(byId('destinations-table'), {
      caption: 'Destinations: rates, totals, errors and cost',
      columns: COLUMNS,
      empty: 'No data yet.',
      onSort: (column) => {
        state.direction = turned(column, state.sort, state.direction);
        state.sort = column.key;
        this.#ask();
      },
    });
    if (!COLUMNS.some((column) => column.sort && column.key === state.sort)) state.sort = 'received';
    this.#controls();
  }

  #controls() {
    const {state} = this;
    const search = byId('search');
    search.value = state.search;
    let timer = 0;
    search.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        state.search = search.value.trim();
        this.#ask();
      }, 150);
    });
    const limit = byId('limit');
    if (![...limit.options].some((option) => option.value === String(state.limit))) state.limit = 50;
    limit.value = String(state.limit);
    limit.addEventListener('change', () => {
      state.limit = Number(limit.value);
      this.#ask();
    });
    byId('vendor').addEventListener('change', () => {
      state.vendor = byId('vendor').value;
      this.#ask();
    });
    byId('previous').addEventListener('click', () => this.#ask(Math.max(0, state.offset - state.limit)));
    byId('next').addEventListener('click', () => this.#ask(state.offset + state.limit));
  }

  #ask(offset = 0) {
    this.state.offset = offset;
    this.onChange();
  }

  parameters() {
    const {vendor, search, sort, direction, limit, offset} = this.state;
    return {vendor, search, sort, order: direction === 'ascending' ? 'asc' : 'desc', limit, offset};
  }

  /** Every vendor can be chosen, and the one that is, though it has gone. */
  offer(vendors) {
    const select = byId('vendor');
    const wanted = [...new Set([...vendors, this.state.vendor].filter(Boolean))].sort();
    const there = [...select.options].slice(1).map((option) => option.value);
    if (wanted.join('\n') !== there.join('\n')) {
      select.replaceChildren(el('option', {value: ''}, 'all'), ...wanted.map((name) => el('option', {value: name}, name)));
    }
    select.value = this.state.vendor;
  }

  show(answer) {
    const {state} = this;
    this.matched = Number(answer.matched);
    const total = Number(answer.total);
    const first = this.matched === 0 ? 0 : state.offset + 1;
    const last = state.offset + answer.destinations.length;
    const range = this.matched === 0 ? `none of ${format.exact(total)}` : `${format.exact(first)}–${format.exact(last)} of ${format.exact(this.matched)}${this.matched < total ? ` (all: ${format.exact(total)})` : ''}`;
    setText(byId('range'), range);
    byId('previous').disabled = state.offset === 0;
    byId('next').disabled = last >= this.matched;
    if (!answer.known) this.table.setEmpty('The collector waits for its ledger: the totals are not known yet.');
    else this.table.setEmpty(total === 0 ? 'No traffic yet.' : 'No destination matches.');
    this.table.setSort(state.sort, state.direction);
    this.table.show(answer.destinations.map(rowOf));
    return range;
  }

}
