import { trim } from './text.ts';

/** A JSON object as it came: any key may be missing, any value may be of any type. */
export type JsonObject = { readonly [key: string]: unknown };

/**
 * A counter as a record reports it: an integer of 64 bits. Only one outside the safe range is a bigint, so that
 * its digits in the hash stay what other programs print.
 */
export type Counter = number | bigint;

const INT64_MAX = 9_223_372_036_854_775_807n;
const INT64_MIN = -9_223_372_036_854_775_808n;
const TWO_63 = 2 ** 63;
const DECIMAL = /^[+-]?\d+$/;

export function asObject(value: unknown): JsonObject | null {
  return isObject(value) ? value : null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The value of the first key that is present, even when it is null, empty or of a wrong type; later keys are then
 * not looked at. Equal hashes depend on this. `undefined` when none is present. The keys are constants of ours,
 * never names found on `Object.prototype`.
 */
export function first(record: JsonObject, keys: readonly string[]): unknown {
  for (const key of keys) {
    const value = record[key];
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Strings trimmed, numbers as plain decimals, booleans as words; everything else is ''. */
export function text(value: unknown): string {
  if (typeof value === 'string') return trim(value.isWellFormed() ? value : value.toWellFormed());
  if (typeof value === 'number') return plainDecimal(value);
  return typeof value === 'boolean' ? String(value) : '';
}

export function firstText(record: JsonObject, keys: readonly string[]): string {
  return text(first(record, keys));
}

/** Numbers truncated toward zero, decimal strings parsed, everything else 0. Numbers beyond 64 bits saturate. */
export function integer(value: unknown): Counter {
  if (typeof value === 'number') {
    const whole = Math.trunc(value) + 0;
    if (Number.isSafeInteger(whole)) return whole;
    if (whole >= TWO_63) return INT64_MAX;
    if (whole < -TWO_63) return INT64_MIN;
    return Number.isNaN(whole) ? 0 : BigInt(whole);
  }
  if (typeof value !== 'string') return 0;
  const digits = trim(value);
  if (!DECIMAL.test(digits)) return 0;
  if (digits.length <= 15) return Number(digits) + 0;
  if (digits.length > 64) return 0;
  const exact = BigInt(digits.startsWith('+') ? digits.slice(1) : digits);
  if (exact > INT64_MAX || exact < INT64_MIN) return 0;
  return narrow(exact);
}

/** Whether it is a decimal text that {@link integer} reads as 0 only because 64 bits do not hold it. */
export function isBeyond64Bits(value: unknown): boolean {
  if (typeof value !== 'string' || integer(value) !== 0) return false;
  const digits = trim(value);
  return DECIMAL.test(digits) && /[1-9]/.test(digits);
}

function narrow(exact: bigint): Counter {
  const small = Number(exact);
  return Number.isSafeInteger(small) ? small : exact;
}

/** An integer that may be unknown: null only where no key is present or its value is null. An explicit 0 is 0. */
export function optionalInteger(record: JsonObject, keys: readonly string[]): Counter | null {
  const value = first(record, keys);
  return value === undefined || value === null ? null : integer(value);
}

/** The value of the first key present, when it is a boolean. */
export function firstBoolean(record: JsonObject, keys: readonly string[]): boolean | null {
  const value = first(record, keys);
  return typeof value === 'boolean' ? value : null;
}

// What Go prints for a float64: integers of 64 bits in full, other numbers with the fewest digits, never an exponent.
function plainDecimal(value: number): string {
  if (Number.isSafeInteger(value)) return String(value + 0);
  if (Number.isInteger(value) && value >= -TWO_63 && value < TWO_63) return BigInt(value).toString();
  const shortest = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(shortest);
  if (!match) return shortest;
  const [, sign = '', lead = '', rest = '', exponent = '0'] = match;
  const digits = lead + rest;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}
