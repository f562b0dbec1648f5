// Figures for people. Powers of 1000, as vendors bill; three digits.

export const NONE = '–';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
const exactly = new Intl.NumberFormat('en', {maximumFractionDigits: 20});

function threeDigits(value) {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** "999 B", "1.50 kB", "12.3 MB". */
export function bytes(count) {
  let value = Math.round(Number(count));
  let unit = 0;
  // 999.5 would be told as 1000 of its unit.
  while (value >= (unit === 0 ? 1000 : 999.5) && unit + 1 < UNITS.length) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : threeDigits(value)} ${UNITS[unit]}`;
}

/** "0", "0.25", "12.3", "1,234". */
export function rate(perSecond) {
  if (perSecond === 0) return '0';
  if (perSecond < 0.005) return '<0.01';
  if (perSecond >= 99.95) return exactly.format(Math.round(perSecond));
  return threeDigits(perSecond);
}

/** "999", "12,345", "1.23 M": a count that is told exactly elsewhere. */
export function count(value) {
  const number = Number(value);
  if (number < 1e6) return exact(value);
  if (number < 999.5e6) return `${threeDigits(number / 1e6)} M`;
  return `${threeDigits(number / 1e9)} G`;
}

/** All digits, of 64-bit integers as of the API too. */
export function exact(value) {
  return exactly.format(BigInt(value));
}

/** "42 s", "5 min 03 s", "2 h 07 min", "3 d 04 h". */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  const two = (number) => String(number).padStart(2, '0');
  if (minutes === 0) return `${whole} s`;
  if (hours === 0) return `${minutes} min ${two(whole % 60)} s`;
  if (hours < 24) return `${hours} h ${two(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

/** "0.8 ms", "12 ms", "1.5 s"; ">60 s" for infinity, the last bound. */
export function latency(seconds, last) {
  if (seconds === null) return NONE;
  if (seconds === Infinity) return `>${last} s`;
  if (seconds < 0.9995) return `${(seconds * 1e3).toFixed(seconds < 0.00995 ? 1 : 0)} ms`;
  return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
}

/** Of counts; cut, never rounded up: 100 % says that nothing is missing. */
export function percent(part, whole) {
  if (whole === 0n) return NONE;
  if (part >= whole) return '100%';
  const perMille = Number((part * 1000n) / whole);
  return `${(Math.min(perMille, 999) / 10).toFixed(1)}%`;
}

/** "8.40 USD", "0.0124 USD", "<0.0001 USD". */
export function money(amount, currency) {
  if (amount > 0 && amount < 0.00005) return `<0.0001 ${currency}`;
  const decimals = amount === 0 || amount >= 1 ? 2 : 4;
  return `${amount.toLocaleString('en', {minimumFractionDigits: decimals, maximumFractionDigits: decimals})} ${currency}`;
}

export function exactMoney(amount, currency) {
  return `${exactly.format(amount)} ${currency}`;
}

const hourly = new Intl.NumberFormat('en', {maximumFractionDigits: 6});

/** Of an amount that is no exact one anyway. */
export function moneyRate(amount, currency) {
  return `${hourly.format(amount)} ${currency}`;
}

const clockFormat = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit', second: '2-digit'});
const minuteFormat = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit'});
const zoned = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short'});

export function clock(milliseconds) {
  return clockFormat.format(milliseconds);
}
export function clockWithZone(milliseconds) {
  return zoned.format(milliseconds);
}
export function minute(milliseconds) {
  return minuteFormat.format(milliseconds);
}
/** RFC 3339 in UTC, for titles: what logs say. */
export function utc(milliseconds) {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Milliseconds since the epoch of the API's nanoseconds. */
export function milliseconds(unixNs) {
  return Number(BigInt(unixNs) / 1000000n);
}
