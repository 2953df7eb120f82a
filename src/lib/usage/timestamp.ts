import { trim } from './text.ts';

/** When the request of a record began. */
export interface EventTime {
  /** Epoch ms, 0..9999-12-31. */
  readonly ms: number;
  /** RFC 3339 in UTC, up to nine fraction digits, trailing zeros removed. */
  readonly text: string;
  /** The same before clamping: what the hash is taken over. */
  readonly hashText: string;
  readonly clamped: boolean;
  /** The record had no usable time. */
  readonly missing: boolean;
}

/** A moment with the fraction's own digits, which a `Date` would round to milliseconds. */
interface Instant {
  readonly seconds: number;
  /** 0..9 digits, no trailing zeros. */
  readonly fraction: string;
}

export const MAX_TIME_MS = 253_402_300_799_999;
const MAX_DATE_MS = 8.64e15;
const MS_PER_DAY = 86_400_000;
/** Numbers below this are seconds, the rest milliseconds (both CPA-Manager programs read them so). */
const SECONDS_BELOW = 10_000_000_000;

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)([T ])(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|([+-])(\d\d):(\d\d))?$/;
const DIGITS = /^-?\d{1,18}$/;

/** Reads a record's time; `receivedAtMs` stands in where there is none that can be understood. */
export function eventTime(value: unknown, receivedAtMs: number): EventTime {
  const instant = readInstant(value);
  if (!instant) return { ...fromInstant(ofMs(receivedAtMs)), missing: true };
  return fromInstant(instant);
}

function readInstant(value: unknown): Instant | null {
  if (typeof value === 'number') return ofNumber(value);
  if (typeof value !== 'string') return null;
  const written = trim(value);
  return DIGITS.test(written) ? ofNumber(Number(written)) : parseDateTime(written);
}

function ofNumber(value: number): Instant {
  const whole = Math.trunc(value);
  return ofMs(whole < SECONDS_BELOW ? whole * 1000 : whole);
}

function ofMs(ms: number): Instant {
  const seconds = Math.floor(ms / 1000);
  const rest = ms - seconds * 1000;
  const fraction = rest > 0 && rest < 1000 ? withoutTrailingZeros(String(rest).padStart(3, '0')) : '';
  return { seconds, fraction };
}

/**
 * Epoch ms of RFC 3339, `YYYY-MM-DD HH:MM:SS[.f]` or `YYYY-MM-DDTHH:MM:SS[.f]` (without a zone: UTC); null for
 * anything else.
 */
export function dateTimeMs(written: string): number | null {
  const instant = parseDateTime(written);
  return instant && toMs(instant);
}

function parseDateTime(written: string): Instant | null {
  const match = DATE_TIME.exec(written);
  if (!match) return null;
  const [, year, month, day, separator, hour, minute, second, fraction, zone, sign, zoneHour, zoneMinute] =
    match;
  if (separator === ' ' && zone !== undefined) return null;
  const days = civilDays(Number(year), Number(month), Number(day));
  const clock = [Number(hour), Number(minute), Number(second)] as const;
  if (days === null || clock[0] > 23 || clock[1] > 59 || clock[2] > 59) return null;
  const offset = sign === undefined ? 0 : zoneSeconds(Number(zoneHour), Number(zoneMinute));
  if (offset === null) return null;
  const local = days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2];
  return {
    seconds: sign === '-' ? local + offset : local - offset,
    fraction: fraction === undefined ? '' : withoutTrailingZeros(fraction.slice(0, 9)),
  };
}

// Go, which writes and reads these times, takes offsets of 24 hours and of 60 minutes for granted.
function zoneSeconds(hours: number, minutes: number): number | null {
  return hours > 24 || minutes > 60 ? null : hours * 3600 + minutes * 60;
}

/** Days since 1970-01-01 in the Gregorian calendar; null for a date that does not exist. */
function civilDays(year: number, month: number, day: number): number | null {
  if (month < 1 || month > 12 || day < 1 || day > 31) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1) return null;
  return date.getTime() / MS_PER_DAY;
}

function fromInstant(instant: Instant): EventTime {
  const ms = toMs(instant);
  if (ms >= 0 && ms <= MAX_TIME_MS) {
    const written = toText(instant);
    return { ms, text: written, hashText: written, clamped: false, missing: false };
  }
  const clampedMs = ms > MAX_TIME_MS ? MAX_TIME_MS : 0;
  const inDateRange = Math.abs(ms) <= MAX_DATE_MS;
  return {
    ms: clampedMs,
    text: toText(ofMs(clampedMs)),
    hashText: inDateRange ? toText(instant) : String(ms),
    clamped: true,
    missing: false,
  };
}

function toMs(instant: Instant): number {
  return instant.seconds * 1000 + Number(instant.fraction.slice(0, 3).padEnd(3, '0'));
}

/** The last second that was written: events come in the order of their times. */
let lastSecond = 0;
let lastText = '1970-01-01T00:00:00';

function toText(instant: Instant): string {
  if (instant.seconds !== lastSecond) {
    lastText = new Date(instant.seconds * 1000).toISOString().slice(0, -5);
    lastSecond = instant.seconds;
  }
  const whole = lastText;
  return instant.fraction === '' ? `${whole}Z` : `${whole}.${instant.fraction}Z`;
}

function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end -= 1;
  return digits.slice(0, end);
}
