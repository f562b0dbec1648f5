// The live page: asks the collector every two seconds, and shows what it says.

import * as api from './api.js';
import * as cells from './cells.js';
import {Charts} from './charts.js';
import {Destinations} from './destinations.js';
import {byId, setAttribute, setText} from './dom.js';
import * as format from './format.js';
import * as health from './health.js';
import * as latency from './latency.js';
import * as palette from './palette.js';
import * as kept from './state.js';
import * as summary from './summary.js';
import {Timeline} from './timeline.js';
import {Vendors} from './vendors.js';

const INTERVAL_MS = 2000;
const LONGEST_PAUSE_MS = 15_000;

const state = kept.load();
const timeline = new Timeline();
let latest = null; // {vendors, destinations, status} of the last answers
let paused = false;
let failures = 0;
let answeredAt = 0;
let nextAt = 0;
let asking = false;
let refusal = ''; // what it said instead of an answer
let again = false;

summary.make();
const charts = new Charts();
const vendors = new Vendors((name) => {
  state.vendor = name;
  state.offset = 0;
  changed();
}, show);
const destinations = new Destinations(state, () => changed());

// The reader wants something else: at once, not with the next round.
async function changed() {
  kept.save(state);
  show();
  await ask();
  if (latest) setText(byId('said'), `Destinations: ${byId('range').textContent}`);
}

async function read() {
  const vendorsNow = await api.get('vendors');
  const statusNow = await api.get('status');
  let destinationsNow = await api.get('destinations', destinations.parameters());
  // Fewer than before: what was the last page may be none.
  const matched = Number(destinationsNow.matched);
  if (state.offset > 0 && state.offset >= matched) {
    state.offset = Math.max(0, Math.floor((matched - 1) / state.limit) * state.limit);
    destinationsNow = await api.get('destinations', destinations.parameters());
  }
  if (timeline.last === null || Date.now() / 1000 - timeline.last >= timeline.interval || vendorsNow.unix_ns / 1e9 - timeline.last >= timeline.interval) {
    timeline.add(await api.get('history', {after: timeline.last ?? ''}));
  }
  return {vendors: vendorsNow, destinations: destinationsNow, status: statusNow};
}

async function ask() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  let answers = null;
  try {
    do {
      again = false;
      answers = await read();
    } while (again);
    failures = 0;
  } catch (error) {
    failures += 1;
    refusal = error instanceof api.Refusal ? error.message : '';
  } finally {
    asking = false;
  }
  nextAt = Date.now() + (failures === 0 ? INTERVAL_MS : Math.min(INTERVAL_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS));
  if (failures === 0) {
    latest = answers;
    answeredAt = Date.now();
    latency.remember(format.milliseconds(latest.vendors.unix_ns), latest.vendors.vendors);
    show();
  }
  showAge();
}

function show() {
  if (!latest) return;
  const {status} = latest;
  const names = latest.vendors.vendors.map((vendor) => vendor.vendor);
  palette.meet(names);
  destinations.offer(names);
  summary.update(latest.vendors, state.vendor);
  charts.show(timeline, state.vendor);
  vendors.show(latest.vendors, status.phase_bounds_seconds, state.vendor);
  destinations.show(latest.destinations);
  health.show(status, latest.vendors.vendors);
  const pod = [status.pod_namespace, status.pod_name].filter(Boolean).join('/');
  setText(byId('where'), `${pod || location.host} · version ${status.version} · up ${format.duration((format.milliseconds(status.unix_ns) - format.milliseconds(status.started_unix_ns)) / 1000)}`);
  setText(document.querySelector('title'), pod ? `${pod} · proxymeter` : 'proxymeter');
}

function showAge() {
  const now = Date.now();
  const banner = byId('banner');
  const failing = failures > 0;
  banner.hidden = !failing;
  setAttribute(document.body, 'data-stale', failing && latest ? 'true' : null);
  if (failing) {
    const since = answeredAt ? `since ${format.clock(answeredAt)}` : 'and has not since this page was opened';
    setText(byId('banner-text'), `${refusal ? `The collector refuses to answer (${refusal})` : 'The collector does not answer'} ${since}.${latest ? ' The figures below are of then.' : ''}`);
    const wait = Math.max(0, Math.ceil((nextAt - now) / 1000));
    setText(byId('banner-next'), asking ? 'Trying ...' : paused ? 'Paused.' : `Next try in ${wait} s.`);
  }
  const age = byId('age');
  if (!latest) setText(age, failing ? 'no data' : 'no data yet');
  else if (failing) setText(age, `of ${format.clock(answeredAt)}, ${format.duration((now - answeredAt) / 1000)} old`);
  else setText(age, `${paused ? 'paused' : 'live'}, ${format.clockWithZone(format.milliseconds(latest.vendors.unix_ns))}`);
  setAttribute(age, 'title', latest ? format.utc(format.milliseconds(latest.vendors.unix_ns)) : null);
  setAttribute(age, 'data-level', failing ? 'bad' : paused ? 'note' : latest ? 'ok' : null);
}

byId('retry').addEventListener('click', () => ask());
byId('pause').addEventListener('click', () => {
  paused = !paused;
  byId('pause').setAttribute('aria-pressed', String(paused));
  nextAt = 0;
  showAge();
});
byId('exact').addEventListener('click', () => {
  const yes = byId('exact').getAttribute('aria-pressed') !== 'true';
  byId('exact').setAttribute('aria-pressed', String(yes));
  cells.showExactly(yes);
  setAttribute(document.body, 'data-exact', yes ? 'true' : null);
  show();
});
byId('minutes').closest('details').addEventListener('toggle', () => charts.showMinutes());
palette.onSchemeChange(show);

// Nobody looks at a hidden page: it asks nothing, and at once when shown again.
setInterval(() => {
  if (!paused && !document.hidden && !asking && Date.now() >= nextAt) ask();
  showAge();
}, 250);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) nextAt = 0;
});
ask();
