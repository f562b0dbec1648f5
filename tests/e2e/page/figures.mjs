// The same figures twice: from /metrics, and from the tables of the page.

import {request} from 'node:http';

/** A document of the collector's, past any proxy and cache. */
export function fetchText(url) {
  return new Promise((resolve, reject) => {
    request(url, {agent: false}, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve(text));
    }).on('error', reject).end();
  });
}

/** [{name, labels, value}] of the Prometheus text format. */
export function samples(text) {
  const list = [];
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] ?? '').matchAll(/([a-z_]+)="([^"]*)"/g)) labels[name] = value;
    list.push({name: match[1], labels, value: Number(match[3])});
  }
  return list;
}

function sums(list, name, key, wanted = {}) {
  const sum = {};
  for (const {labels, value} of list.filter((sample) => sample.name === `proxymeter_${name}`)) {
    if (Object.entries(wanted).some(([label, values]) => !values.includes(labels[label]))) continue;
    const at = key(labels);
    sum[at] = (sum[at] ?? 0) + value;
  }
  return sum;
}

/** {vendor: {column: figure}}, as /metrics has them. */
export function vendorsOfMetrics(list) {
  const vendor = (labels) => labels.proxy_vendor;
  const columns = {
    requests: sums(list, 'vendor_requests_total', vendor),
    sent: sums(list, 'vendor_sent_bytes_total', vendor),
    received: sums(list, 'vendor_received_bytes_total', vendor),
    proxy_errors: sums(list, 'proxy_errors_total', vendor),
    responses_4xx: sums(list, 'vendor_responses_total', vendor, {response_code_class: ['4xx']}),
    responses_5xx: sums(list, 'vendor_responses_total', vendor, {response_code_class: ['5xx']}),
    connections: sums(list, 'connections_total', vendor, {result: ['ok']}),
    connections_bad: sums(list, 'connections_total', vendor, {result: ['refused', 'timed_out', 'failed']}),
    cost: sums(list, 'cost_total', vendor),
  };
  const names = new Set(Object.values(columns).flatMap((column) => Object.keys(column)));
  return Object.fromEntries(
    [...names].map((name) => [name, Object.fromEntries(Object.entries(columns).map(([column, of]) => [column, of[name] ?? 0]))]),
  );
}

/** {"vendor destination": {column: figure}}, as /metrics has them. */
export function destinationsOfMetrics(list) {
  const place = (labels) => `${labels.proxy_vendor} ${labels.destination_host}`;
  const columns = {
    requests: sums(list, 'requests_total', place),
    sent: sums(list, 'sent_bytes_total', place),
    received: sums(list, 'received_bytes_total', place),
    errors: sums(list, 'responses_total', place, {response_code_class: ['4xx', '5xx']}),
    cost: sums(list, 'destination_cost_total', place),
  };
  return Object.fromEntries(
    Object.keys(columns.sent).map((name) => [name, Object.fromEntries(Object.entries(columns).map(([column, of]) => [column, of[name] ?? 0]))]),
  );
}

/** Digits of a cell: without groups, units and the sign of what is inferred. */
export function figure(text) {
  const digits = /[\d,.]+/.exec(text);
  return digits ? Number(digits[0].replaceAll(',', '')) : 0;
}

/** [{column: text}] of a table on the page, by the names of its columns. */
export function rows(page, selector) {
  return page.$$eval(
    `${selector} tbody tr`,
    (list, table) => {
      const names = [...document.querySelectorAll(`${table} col`)].map((col) => col.className.slice(2));
      return list.map((row) => Object.fromEntries([...row.cells].map((cell, i) => [names[i], cell.textContent])));
    },
    selector,
  );
}
