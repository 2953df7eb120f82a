import { AppError } from './errors.ts';
import { Zone } from './zoned-time.ts';

/** From `fromMs` on, and before `untilMs`; epoch ms, null is without an end. */
export interface TimeRange {
  readonly fromMs: number | null;
  readonly untilMs: number | null;
}

export interface TimeRangeOptions {
  /** IANA name of the zone in which days begin, such as `Europe/Berlin`. */
  readonly timeZone: string;
  /** Epoch ms. */
  readonly nowMs: number;
}

/** What help and errors say of the forms. */
const TIME_FORMS =
  '7d, 24h, 30min, today, yesterday, now, 2026-11, 2026-11-01, 2026-11-01T10:30, 2026-11-01T10:30:00Z, or two with .. between';

/** From the start of `from` to the end of `until`: a day or a month has both, an instant is its own end. */
interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The range of `--since` and `--until`. A day or a month as `until` is meant with all of it; an instant is not in the
 * range itself. `since` alone may be a whole range, such as `2026-11-01..2026-11-15` or `..yesterday`. Lengths such as `7d`
 * count back from now, in elapsed time. Throws `invalid_time` for what is none of the forms, and for a range that ends
 * before it begins; `invalid_time_zone`.
 */
export function parseTimeRange(
  given: { readonly since?: string | undefined; readonly until?: string | undefined },
  options: TimeRangeOptions,
): TimeRange {
  const zone = new Zone(options.timeZone);
  let { since, until } = given;
  const [, first = '', second] = /^(.*?)\.\.(.*)$/.exec(since ?? '') ?? [];
  if (second !== undefined) {
    if (until !== undefined) throw invalid(`${since} is a range already, and there is an end beside it`);
    [since, until] = [first, second];
    if (first.trim() === '' && second.trim() === '') throw invalid('.. has neither a start nor an end');
  }
  const from = blank(since) ? null : parseSpan(since, zone, options.nowMs).startMs;
  const to = blank(until) ? null : parseSpan(until, zone, options.nowMs).endMs;
  if (from !== null && to !== null && to < from) throw invalid(`${until} is before ${since}`);
  return { fromMs: from, untilMs: to };
}

/** One instant, or the beginning of what is longer. Throws as {@link parseTimeRange}. */
export function parseInstant(text: string, { timeZone, nowMs }: TimeRangeOptions): number {
  return parseSpan(text, new Zone(timeZone), nowMs).startMs;
}

function blank(text: string | undefined): text is undefined {
  return text === undefined || text.trim() === '';
}

function invalid(detail: string): AppError {
  return new AppError('invalid_time', { detail, hint: `A time is one of: ${TIME_FORMS}` });
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const LENGTH = /^(\d{1,6})(s|min|m|h|d|w)$/;
const MONTH = /^(\d{4})-(\d{2})$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

function parseSpan(given: string, zone: Zone, nowMs: number): Span {
  const text = given.trim();
  const word = text.toLowerCase();
  if (word === 'now') return { startMs: nowMs, endMs: nowMs };
  if (word === 'today') return daysFrom(zone, nowMs, 0);
  if (word === 'yesterday') return daysFrom(zone, nowMs, -1);
  const [, amount, unit] = LENGTH.exec(word) ?? [];
  if (amount !== undefined && unit !== undefined) {
    const at = nowMs - Number(amount) * (UNIT_MS[unit] ?? 0);
    return { startMs: at, endMs: at };
  }
  const span = parseMonth(text, zone) ?? parseDate(text, zone) ?? parseTime(text, zone);
  if (span === null) throw invalid(`"${text}" is no time`);
  return span;
}

function daysFrom(zone: Zone, nowMs: number, days: number): Span {
  const { year, month, day } = zone.wallTime(nowMs);
  return {
    startMs: zone.instantOf({ year, month, day: day + days }),
    endMs: zone.instantOf({ year, month, day: day + days + 1 }),
  };
}

function parseMonth(text: string, zone: Zone): Span | null {
  const [, year = 0, month = 0] = MONTH.exec(text)?.map(Number) ?? [];
  if (month < 1 || month > 12) return null;
  return {
    startMs: zone.instantOf({ year, month, day: 1 }),
    endMs: zone.instantOf({ year, month: month + 1, day: 1 }),
  };
}

function parseDate(text: string, zone: Zone): Span | null {
  const [, year = 0, month = 0, day = 0] = DATE.exec(text)?.map(Number) ?? [];
  if (!isDate(year, month, day)) return null;
  return {
    startMs: zone.instantOf({ year, month, day }),
    endMs: zone.instantOf({ year, month, day: day + 1 }),
  };
}

function parseTime(text: string, zone: Zone): Span | null {
  const [, date, hours, minutes, seconds = '0', fraction = '', offset] = TIME.exec(text) ?? [];
  const [, year = 0, month = 0, day = 0] = DATE.exec(date ?? '')?.map(Number) ?? [];
  const [hour, minute, second] = [Number(hours), Number(minutes), Number(seconds)];
  if (!isDate(year, month, day) || hour > 23 || minute > 59 || second > 59) return null;
  const ms = Number(fraction.padEnd(3, '0').slice(0, 3));
  if (offset === undefined) {
    const at = zone.instantOf({ year, month, day, hour, minute, second, ms });
    return { startMs: at, endMs: at };
  }
  const at = Date.UTC(year, month - 1, day, hour, minute, second, ms) - offsetMs(offset);
  return Number.isNaN(at) ? null : { startMs: at, endMs: at };
}

/** `Z`, `+02`, `-0330`, `+05:30`. */
function offsetMs(text: string): number {
  if (/^z$/i.test(text)) return 0;
  const digits = text.slice(1).replace(':', '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || 0);
  return (text.startsWith('-') ? -minutes : minutes) * 60_000;
}

/** Whether the calendar has this day. */
function isDate(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return year >= 1970 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
