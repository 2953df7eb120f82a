/** An event's time as it is stored: whole milliseconds, and the nanoseconds (0..999999) below them. */
export interface StoredTime {
  readonly ms: number;
  readonly ns: number;
}

const FRACTION = /\.(\d{1,9})Z$/;

/** The nanoseconds below the millisecond of an RFC 3339 text in UTC; 0 where it has none. */
export function nanosBelowMs(timestamp: string): number {
  const dot = timestamp.lastIndexOf('.');
  // At most three digits: none below the millisecond.
  if (dot < 0 || timestamp.length - dot <= 5) return 0;
  const digits = FRACTION.exec(timestamp)?.[1];
  return digits === undefined || digits.length <= 3 ? 0 : Number(digits.slice(3).padEnd(6, '0'));
}

/** RFC 3339 in UTC with up to nine fraction digits, trailing zeros removed; `''` for a time that has no such text. */
export function timestampText(time: StoredTime): string {
  const second = Math.floor(time.ms / 1000);
  if (second !== lastSecond) {
    const date = new Date(second * 1000);
    if (Number.isNaN(date.getTime())) return '';
    lastText = date.toISOString().slice(0, -5);
    lastSecond = second;
  }
  const below = (time.ms - second * 1000) * 1_000_000 + time.ns;
  if (below === 0) return `${lastText}Z`;
  const digits = String(below).padStart(9, '0');
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === ZERO) end -= 1;
  return `${lastText}.${digits.slice(0, end)}Z`;
}

const ZERO = 0x30;
/** The last second that was written: rows come in the order of their times. */
let lastSecond = 0;
let lastText = '1970-01-01T00:00:00';

/** The same in SQL for the views. `ms` and `ns` are column expressions. */
export function timestampTextSql(ms: string, ns: string): string {
  const below = `(((${ms}) % 1000 + 1000) % 1000)`;
  const seconds = `strftime('%Y-%m-%dT%H:%M:%S', (${ms} - ${below}) / 1000, 'unixepoch')`;
  return `rtrim(rtrim(${seconds} || '.' || printf('%03d%06d', ${below}, ${ns}), '0'), '.') || 'Z'`;
}
