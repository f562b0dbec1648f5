// How long things took in the last minute, from two readings of histograms.

const WINDOW_MS = 60_000;
const readings = [];

/** Remembers the phases of every vendor. */
export function remember(milliseconds, vendors) {
  const last = readings.at(-1);
  if (last && milliseconds <= last.milliseconds) return;
  const phases = new Map();
  for (const vendor of vendors) {
    for (const {phase, counters} of vendor.phases) {
      phases.set(`${vendor.vendor}\n${phase}`, counters.buckets.map(Number));
    }
  }
  readings.push({milliseconds, phases});
  while (readings.length > 2 && milliseconds - readings[1].milliseconds >= WINDOW_MS) readings.shift();
}

/** Counts by bucket since the oldest reading of the window; null: not known. */
export function recent(vendor, phase) {
  if (readings.length < 2) return null;
  const key = `${vendor}\n${phase}`;
  const now = readings.at(-1).phases.get(key);
  if (!now) return null;
  const before = readings[0].phases.get(key);
  const growth = now.map((count, i) => count - (before ? before[i] : 0));
  return growth.some((count) => count < 0) ? null : growth;
}

/** Seconds that the window spans. */
export function span() {
  return readings.length < 2 ? 0 : (readings.at(-1).milliseconds - readings[0].milliseconds) / 1000;
}

/**
 * Within which the part `q` was over, as if the durations of a bucket were
 * spread evenly over it. Infinity in the last bucket; null without durations.
 */
export function quantile(buckets, q, bounds) {
  const count = buckets.reduce((sum, bucket) => sum + bucket, 0);
  if (count === 0) return null;
  let before = 0;
  let begin = 0;
  for (let i = 0; i < bounds.length; i += 1) {
    if (buckets[i] > 0 && before + buckets[i] >= q * count) {
      return begin + ((bounds[i] - begin) * Math.max(q * count - before, 0)) / buckets[i];
    }
    before += buckets[i];
    begin = bounds[i];
  }
  return Infinity;
}
