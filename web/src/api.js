// Asks the collector. One question after the other: a page holds one of its
// connections at a time, and that for no longer than an answer takes.

/** An answer that is none. */
export class Refusal extends Error {}

const PATIENCE_MS = 5_000;

export async function get(path, parameters = {}) {
  const query = new URLSearchParams(
    Object.entries(parameters).filter(([, value]) => value !== '' && value !== null),
  ).toString();
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), PATIENCE_MS);
  try {
    const response = await fetch(`api/v1/${path}${query ? `?${query}` : ''}`, {
      signal: giveUp.signal,
      cache: 'no-store',
      credentials: 'omit',
    });
    const answer = await response.json();
    if (!response.ok) throw new Refusal([response.status, answer.parameter, answer.message].filter(Boolean).join(' '));
    return answer;
  } finally {
    clearTimeout(timer);
  }
}
