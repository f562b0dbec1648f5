// What is to be thought of the figures: how the meter itself is doing.

import {byId, el, setAttribute, setText} from './dom.js';
import * as format from './format.js';
import {coverage} from './vendors.js';

const WORDS = {ok: 'OK', note: 'Note', bad: 'Wrong'};
const NEARLY_FULL = 0.8;

function counts(list, but = []) {
  return list
    .filter(({name, count}) => count !== '0' && !but.includes(name))
    .map(({name, count}) => `${name.replaceAll('_', ' ')} ${format.exact(count)}`)
    .join(', ');
}

function full(used, most) {
  return Number(used) >= NEARLY_FULL * Number(most);
}

function ofMost(used, most, show = format.exact) {
  return `${show(used)} of ${show(most)}`;
}

// Each: [name, level, what is to be said].
function checks(status, vendors) {
  const {policy, ledger, audit, use} = status;
  const since = format.utc(policy.since_unix_seconds * 1000);
  const list = [];
  const say = (name, level, text) => list.push([name, level, text]);

  if (!status.known) say('Totals', 'bad', 'Not known: the ledger of before cannot be read yet. Crawlers are metered meanwhile.');
  else say('Totals', 'ok', `Count since ${format.utc(format.milliseconds(status.since_unix_ns))}.`);

  if (ledger.degraded) say('Ledger', 'bad', `Cannot be written: what no journal holds would be lost with this collector. ${format.exact(ledger.failures)} attempts failed.`);
  else if (ledger.set_aside !== '0' || ledger.failures !== '0') say('Ledger', 'note', `Written now; ${format.exact(ledger.failures)} attempts failed, ${format.exact(ledger.set_aside)} ledgers were set aside.`);
  else say('Ledger', 'ok', `Written ${format.exact(ledger.commits)} times.`);

  const inForce = `${format.exact(policy.vendors)} vendors, ${format.exact(policy.rules)} rules, in force since ${since} (generation ${policy.generation}, checksum ${policy.checksum})`;
  if (policy.failing) say('Configuration', 'bad', `What the file says is not in force: it cannot be taken. Still: ${inForce}.`);
  else if (policy.degraded) say('Configuration', 'bad', `The policy cannot be written: crawlers go by an older one. Wanted: ${inForce}.`);
  else if (policy.vendors === '0') say('Configuration', 'note', 'No vendors: whatever leaves the cluster is `direct`.');
  else say('Configuration', 'ok', `${inForce}.`);

  const gaps = counts(audit.gaps);
  if (!audit.wanted) say('Kernel as witness', 'note', 'Off (--no-audit): what the library does not see is not metered, and coverage is not known.');
  else if (!audit.running) say('Kernel as witness', 'bad', 'Does not answer: what the library does not see is not metered, and coverage is not known.');
  else if (gaps !== '') say('Kernel as witness', 'note', `Running; what it knows that it does not know: ${gaps}.`);
  else say('Kernel as witness', 'ok', `Running; ${format.exact(audit.connections)} connections followed.`);

  if (audit.running) {
    const lacking = vendors.map((vendor) => [vendor.vendor, coverage(vendor)]).filter(([, part]) => part && part.covered < part.witnessed);
    if (lacking.length > 0) say('Coverage', 'note', `Not all metered by the library: ${lacking.map(([name, part]) => `${name} ${format.percent(part.covered, part.witnessed)}`).join(', ')}. Who it is: proxymeter doctor --pod.`);
    else say('Coverage', 'ok', 'All bytes that the kernel moved were metered by the library.');
  }

  const inferred = vendors.reduce((sum, vendor) => sum + BigInt(vendor.inferred_requests), 0n);
  const requests = vendors.reduce((sum, vendor) => sum + BigInt(vendor.counters.requests), 0n);
  if (inferred > 0n) say('Inferred', 'note', `${format.exact(inferred)} of ${format.exact(requests)} requests (${format.percent(inferred, requests)}) could not be read and are inferred.`);
  else say('Inferred', 'ok', 'No request is inferred.');

  say('Crawlers', full(use.sessions, use.max_sessions) || full(use.session_rows, use.max_session_rows) || full(use.journal_bytes, use.max_journal_bytes) ? 'note' : 'ok',
    `${ofMost(use.sessions, use.max_sessions)} sessions, ${ofMost(use.session_rows, use.max_session_rows)} rows, ${ofMost(use.journal_bytes, use.max_journal_bytes, format.bytes)} of journals.`);

  const series = `${ofMost(use.total_rows, use.max_total_rows)} rows`;
  if (use.overflowed !== '0') say('Series', 'note', `${series}; ${format.exact(use.overflowed)} additions went to _other for want of room.`);
  else say('Series', full(use.total_rows, use.max_total_rows) ? 'note' : 'ok', `${series}.`);

  const rejected = counts(status.rejected);
  say('Refused input', rejected ? 'note' : 'ok', rejected ? `${rejected}.` : 'None.');

  const events = [counts(status.shim_events, ['frames_sent']), counts(status.desynchronised).replace(/^./, 'lost its place in $&')].filter(Boolean).join('; ');
  say('Libraries', events ? 'note' : 'ok', events ? `They report: ${events}.` : 'They report nothing amiss.');
  return list;
}

const made = new Map();

function item(name) {
  if (!made.has(name)) {
    const word = el('span', {class: 'word'});
    const text = el('span', {class: 'text'});
    const element = el('li', {}, word, el('b', {}, name), text);
    made.set(name, {element, word, text});
  }
  return made.get(name);
}

export function show(status, vendors) {
  const list = checks(status, vendors);
  const names = new Set(list.map(([name]) => name));
  let previous = null;
  for (const [name, level, text] of list) {
    const one = item(name);
    setText(one.word, WORDS[level]);
    setText(one.text, text);
    setAttribute(one.element, 'data-level', level);
    const next = previous ? previous.nextSibling : byId('checks').firstChild;
    if (next !== one.element) byId('checks').insertBefore(one.element, next);
    previous = one.element;
  }
  for (const [name, {element}] of made) if (!names.has(name)) element.remove();

  const bad = list.filter(([, level]) => level === 'bad').length;
  const notes = list.filter(([, level]) => level === 'note').length;
  const plural = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;
  const meter = byId('meter');
  setText(meter, bad > 0 ? `Meter: ${bad} wrong${notes > 0 ? `, ${plural(notes, 'note')}` : ''}` : notes > 0 ? `Meter: ${plural(notes, 'note')}` : 'Meter: all well');
  setAttribute(meter, 'data-level', bad > 0 ? 'bad' : notes > 0 ? 'note' : 'ok');
}
