import { secondText } from '../usage/timestamp.ts';

/** An event's time as it is stored: whole milliseconds, and the nanoseconds (0..999999) below them. */
export interface StoredTime {
  readonly ms: number;
  readonly ns: number;
}

const ZERO = 0x30;
/** Seconds to the farthest times that have a date, on both sides of 1970. */
const MOST_SECONDS = 8.64e12;

/** The nanoseconds below the millisecond of an RFC 3339 text in UTC; 0 where it has none. */
export function nanosBelowMs(timestamp: string): number {
  const dot = timestamp.lastIndexOf('.');
  const end = timestamp.length - 1;
  // At most three digits: none below the millisecond.
  if (dot < 0 || end - dot <= 4 || end - dot > 10 || timestamp[end] !== 'Z') return 0;
  let nanos = 0;
  for (let at = dot + 1; at < dot + 10; at += 1) {
    const digit = at < end ? timestamp.charCodeAt(at) - ZERO : 0;
    if (!(digit >= 0 && digit <= 9)) return 0;
    if (at > dot + 3) nanos = 10 * nanos + digit;
  }
  return nanos;
}

/** RFC 3339 in UTC with up to nine fraction digits, trailing zeros removed; `''` for a time that has no such text. */
export function timestampText(time: StoredTime): string {
  const second = Math.floor(time.ms / 1000);
  if (!(Math.abs(second) <= MOST_SECONDS)) return '';
  const whole = secondText(second);
  const below = (time.ms - second * 1000) * 1_000_000 + time.ns;
  if (below === 0) return `${whole}Z`;
  const digits = String(below).padStart(9, '0');
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === ZERO) end -= 1;
  return `${whole}.${digits.slice(0, end)}Z`;
}

/** The same in SQL for the views. `ms` and `ns` are column expressions. */
export function timestampTextSql(ms: string, ns: string): string {
  const below = `(((${ms}) % 1000 + 1000) % 1000)`;
  const seconds = `strftime('%Y-%m-%dT%H:%M:%S', (${ms} - ${below}) / 1000, 'unixepoch')`;
  return `rtrim(rtrim(${seconds} || '.' || printf('%03d%06d', ${below}, ${ns}), '0'), '.') || 'Z'`;
}
