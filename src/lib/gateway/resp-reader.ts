/** One value of RESP2. */
export type RespValue =
  | { readonly kind: 'simple' | 'error'; readonly text: string }
  | { readonly kind: 'integer'; readonly value: number }
  | RespBulk
  | { readonly kind: 'array'; readonly items: readonly RespValue[] | null };

export interface RespBulk {
  readonly kind: 'bulk';
  /** `null` is RESP's own null. May be a part of the chunk it came in. */
  readonly bytes: Buffer | null;
  /** Full length in bytes where it was longer than is kept; `bytes` is then its beginning. */
  readonly truncatedFrom?: number;
}

export interface RespLimits {
  /** A bulk string longer than this (bytes) is read past: only its head is kept. */
  readonly maxBulk: number;
  /** How much of such a string is kept. */
  readonly head: number;
}

/** Where the stream stopped being RESP. */
export interface RespFault {
  readonly detail: string;
  /** The bytes from there on, as far as they are here; at most 64. */
  readonly bytes: Buffer;
}

const LIMITS: RespLimits = { maxBulk: 8 << 20, head: 64 << 10 };
/** Errors and acknowledgements are short; anything longer is not from the gateway. */
const MAX_LINE = 64 << 10;
const MAX_ITEMS = 1 << 20;
const MAX_DEPTH = 8;
const MAX_LENGTH = 2 ** 40;

const CR = 0x0d;
const LF = 0x0a;
const SIMPLE = 0x2b;
const ERROR = 0x2d;
const INTEGER = 0x3a;
const BULK = 0x24;
const ARRAY = 0x2a;
const KINDS = new Set([SIMPLE, ERROR, INTEGER, BULK, ARRAY]);

interface OpenArray {
  readonly items: RespValue[];
  missing: number;
}

/** A bulk string of which only a part has come. */
interface OpenBulk {
  readonly length: number;
  /** As much of it as is kept; filled from the start. */
  readonly bytes: Buffer;
  /** Bytes read so far, its own line end included. */
  read: number;
}

/**
 * Reads RESP2 from a stream, whatever the chunks are. Complete values come out at once; after a fault nothing more
 * does. Payloads are views of the chunk where they lie in one, so that a record is not copied on its way in.
 */
export class RespReader {
  readonly #limits: RespLimits;
  /** The beginning of a line whose end has not come. */
  #rest: Buffer = Buffer.alloc(0);
  #bulk: OpenBulk | null = null;
  readonly #arrays: OpenArray[] = [];
  #values: RespValue[] = [];
  #fault: RespFault | null = null;

  constructor(limits: Partial<RespLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
  }

  get fault(): RespFault | null {
    return this.#fault;
  }

  /** In the middle of a value. */
  get unfinished(): boolean {
    return this.#rest.length > 0 || this.#bulk !== null || this.#arrays.length > 0;
  }

  /** Takes the next bytes and gives the values that are complete now. `chunk` must not be reused by the caller. */
  push(chunk: Buffer): RespValue[] {
    this.#values = [];
    let data = chunk;
    if (this.#rest.length > 0) {
      data = Buffer.concat([this.#rest, chunk]);
      this.#rest = Buffer.alloc(0);
    }
    let at = 0;
    while (at < data.length && this.#fault === null) {
      const next = this.#bulk === null ? this.#line(data, at) : this.#continueBulk(this.#bulk, data, at);
      if (next === null) break;
      at = next;
    }
    return this.#values;
  }

  /** Reads a line, and the bulk string it announces where that lies in `data` as a whole. */
  #line(data: Buffer, from: number): number | null {
    const kind = data[from]!;
    if (!KINDS.has(kind)) return this.#fail('a byte that begins no value', data, from);
    const end = data.indexOf(CR, from + 1);
    if (end < 0 || end + 1 === data.length) {
      const length = (end < 0 ? data.length : end) - from;
      if (length > MAX_LINE) return this.#fail('a line without end', data, from);
      this.#rest = data.subarray(from);
      return null;
    }
    if (end - from > MAX_LINE) return this.#fail('a line that is too long', data, from);
    if (data[end + 1] !== LF) return this.#fail('a line that ends wrongly', data, from);
    if (kind === SIMPLE || kind === ERROR) {
      const text = data.toString('utf8', from + 1, end);
      return this.#give({ kind: kind === SIMPLE ? 'simple' : 'error', text }, end + 2);
    }
    const number = integer(data, from + 1, end);
    if (number === null) return this.#fail('a number that is none', data, from);
    if (kind === INTEGER) return this.#give({ kind: 'integer', value: number }, end + 2);
    if (kind === ARRAY) return this.#openArray(number, data, from, end + 2);
    return this.#openBulk(number, data, from, end + 2);
  }

  #openArray(count: number, data: Buffer, from: number, next: number): number | null {
    if (count === -1) return this.#give({ kind: 'array', items: null }, next);
    if (count < 0 || count > MAX_ITEMS) return this.#fail('an array of impossible length', data, from);
    if (count === 0) return this.#give({ kind: 'array', items: [] }, next);
    if (this.#arrays.length === MAX_DEPTH) return this.#fail('arrays nested too deep', data, from);
    this.#arrays.push({ items: [], missing: count });
    return next;
  }

  #openBulk(length: number, data: Buffer, from: number, start: number): number | null {
    if (length === -1) return this.#give({ kind: 'bulk', bytes: null }, start);
    if (length < 0 || length > MAX_LENGTH) return this.#fail('a string of impossible length', data, from);
    const end = start + length;
    const whole = length <= this.#limits.maxBulk;
    if (whole && end + 2 <= data.length) {
      if (data[end] !== CR || data[end + 1] !== LF)
        return this.#fail('a string that ends wrongly', data, end);
      return this.#give({ kind: 'bulk', bytes: data.subarray(start, end) }, end + 2);
    }
    const kept = whole ? length : Math.min(length, this.#limits.head);
    this.#bulk = { length, bytes: Buffer.allocUnsafe(kept), read: 0 };
    return start;
  }

  #continueBulk(bulk: OpenBulk, data: Buffer, from: number): number | null {
    const { length, bytes } = bulk;
    let at = from;
    if (bulk.read < length) {
      const taken = Math.min(length - bulk.read, data.length - at);
      if (bulk.read < bytes.length) data.copy(bytes, bulk.read, at, at + taken);
      bulk.read += taken;
      at += taken;
    }
    for (; bulk.read >= length && bulk.read < length + 2 && at < data.length; at += 1) {
      if (data[at] !== (bulk.read === length ? CR : LF)) {
        return this.#fail('a string that ends wrongly', data, at);
      }
      bulk.read += 1;
    }
    if (bulk.read < length + 2) return at;
    this.#bulk = null;
    const value: RespBulk =
      bytes.length === length ? { kind: 'bulk', bytes } : { kind: 'bulk', bytes, truncatedFrom: length };
    return this.#give(value, at);
  }

  /** Puts a finished value where it belongs, and finishes the arrays that it completes. */
  #give(value: RespValue, next: number): number {
    let done = value;
    for (;;) {
      const open = this.#arrays.at(-1);
      if (!open) {
        this.#values.push(done);
        return next;
      }
      open.items.push(done);
      open.missing -= 1;
      if (open.missing > 0) return next;
      this.#arrays.pop();
      done = { kind: 'array', items: open.items };
    }
  }

  #fail(detail: string, data: Buffer, at: number): null {
    this.#fault = { detail, bytes: Buffer.from(data.subarray(at, at + 64)) };
    this.#bulk = null;
    this.#arrays.length = 0;
    return null;
  }
}

/** Digits with a sign, within what a number holds exactly. */
function integer(data: Buffer, from: number, end: number): number | null {
  const negative = data[from] === 0x2d;
  const start = negative || data[from] === 0x2b ? from + 1 : from;
  if (end === start || end - start > 15) return null;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = data[at]! - 0x30;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}
