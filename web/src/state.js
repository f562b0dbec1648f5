// What the reader has asked for, kept in the address so that it can be passed
// on.

// What the collector takes: as many characters are never more bytes than that.
const LONGEST_TEXT = 80;
const LARGEST_NUMBER = 10_000_000;
const DEFAULTS = {vendor: '', search: '', sort: 'received', direction: 'descending', limit: 50, offset: 0};

export function load() {
  const state = {...DEFAULTS};
  const given = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(DEFAULTS)) {
    const value = given.get(key);
    if (value === null) continue;
    state[key] = typeof DEFAULTS[key] === 'number' ? Math.min(Math.max(0, Math.trunc(Number(value)) || 0), LARGEST_NUMBER) : value.slice(0, LONGEST_TEXT);
  }
  if (state.direction !== 'ascending') state.direction = 'descending';
  return state;
}

export function save(state) {
  const kept = new URLSearchParams();
  for (const [key, value] of Object.entries(DEFAULTS)) {
    if (state[key] !== value) kept.set(key, String(state[key]));
  }
  const hash = kept.toString();
  history.replaceState(null, '', hash ? `#${hash}` : location.pathname);
}
