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
const SECONDS_PER_DAY = 86_400;
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
  if (DIGITS.test(written)) return ofNumber(Number(written));
  return parsePlain(written) ?? parseDateTime(written);
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
  const local = days * SECONDS_PER_DAY + clock[0] * 3600 + clock[1] * 60 + clock[2];
  return {
    seconds: sign === '-' ? local + offset : local - offset,
    fraction: fraction === undefined ? '' : withoutTrailingZeros(fraction.slice(0, 9)),
  };
}

// Go, which writes and reads these times, takes offsets of 24 hours and of 60 minutes for granted.
function zoneSeconds(hours: number, minutes: number): number | null {
  return hours > 24 || minutes > 60 ? null : hours * 3600 + minutes * 60;
}

/** The last date that was read. */
let lastDate = '';
let lastDays: number | null = null;

/** The form that everybody writes, `2026-01-31T23:59:59.123456789Z`; null for any other, and for what is no time. */
function parsePlain(written: string): Instant | null {
  const end = written.length - 1;
  if (end < 19 || end > 29 || written.charCodeAt(end) !== UPPER_Z) return null;
  const hour = twoDigits(written, 11);
  const minute = twoDigits(written, 14);
  const second = twoDigits(written, 17);
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return null;
  if (written[10] !== 'T' || written[13] !== ':' || written[16] !== ':') return null;
  for (let at = 20; at < end; at += 1) if (!isDigit(written.charCodeAt(at))) return null;
  if (end !== 19 && (written[19] !== '.' || end === 20)) return null;
  const date = written.slice(0, 10);
  if (date !== lastDate) {
    const match = DATE.exec(date);
    lastDays = match && civilDays(Number(match[1]), Number(match[2]), Number(match[3]));
    lastDate = date;
  }
  if (lastDays === null) return null;
  return {
    seconds: lastDays * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second,
    fraction: end === 19 ? '' : withoutTrailingZeros(written.slice(20, end)),
  };
}

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const UPPER_Z = 0x5a;
const ZERO = 0x30;

function isDigit(code: number): boolean {
  return code >= ZERO && code <= ZERO + 9;
}

/** NaN where there are none. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at);
  const ones = text.charCodeAt(at + 1);
  return isDigit(tens) && isDigit(ones) ? 10 * (tens - ZERO) + (ones - ZERO) : Number.NaN;
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

function toText(instant: Instant): string {
  const whole = secondText(instant.seconds);
  return instant.fraction === '' ? `${whole}Z` : `${whole}.${instant.fraction}Z`;
}

/** The last day that was written, as `2026-01-31T`: events come in the order of their times. */
let lastDay = Number.NaN;
let dayText = '';
const TWO_DIGITS = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));

/** `2026-01-31T23:59:59` in UTC of whole seconds since 1970. Throws where there is no such date. */
export function secondText(seconds: number): string {
  const day = Math.floor(seconds / SECONDS_PER_DAY);
  if (day !== lastDay) {
    dayText = new Date(day * MS_PER_DAY).toISOString().slice(0, -'00:00:00.000Z'.length);
    lastDay = day;
  }
  const second = seconds - day * SECONDS_PER_DAY;
  const minute = Math.floor(second / 60);
  const hour = Math.floor(minute / 60);
  return `${dayText}${TWO_DIGITS[hour]}:${TWO_DIGITS[minute - 60 * hour]}:${TWO_DIGITS[second - 60 * minute]}`;
}

function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === ZERO) end -= 1;
  return digits.slice(0, end);
}
