/** One element of the array: its own bytes, untouched. */
export interface ArrayElement {
  readonly bytes: Uint8Array;
  /** Full length in bytes where the element was longer than is kept; `bytes` is then its beginning. */
  readonly truncatedFrom?: number;
}

export interface ArrayLimits {
  /** An element longer than this (bytes) is read past: only its head is kept. */
  readonly maxElement: number;
  /** How much of such an element is kept. */
  readonly head: number;
  /** Once this many bytes are kept in all, of every further element only the head is kept. */
  readonly maxTotal: number;
  /** `null` is an element like any other, and not skipped. */
  readonly keepNull: boolean;
}

export const ARRAY_LIMITS: ArrayLimits = {
  maxElement: 8 << 20,
  head: 64 << 10,
  maxTotal: 256 << 20,
  keepNull: false,
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const BYTE_ORDER_MARK = new Set([0xef, 0xbb, 0xbf]);

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

type State = 'start' | 'between' | 'nest' | 'string' | 'scalar' | 'done' | 'foreign';

/**
 * Finds the elements of a JSON array in a stream of bytes without building them: a body that breaks off, or has
 * rubbish between its elements, still gives every element that came whole. `null` is skipped, a string gives its
 * content (CLIProxyAPI wraps a record that is not JSON in one), anything else its raw bytes.
 */
export class JsonArrayReader {
  readonly elements: ArrayElement[] = [];
  readonly #limits: ArrayLimits;
  #state: State = 'start';
  #depth = 0;
  #inString = false;
  #escaped = false;
  #parts: Uint8Array[] = [];
  #length = 0;
  #kept = 0;
  #total = 0;
  #damage: string | null = null;
  /** Elements so far, those that were taken away included. */
  #found = 0;
  #trailing = false;

  constructor(limits: Partial<ArrayLimits> = {}) {
    this.#limits = { ...ARRAY_LIMITS, ...limits };
  }

  /** The body does not begin like an array at all. */
  get foreign(): boolean {
    return this.#state === 'foreign';
  }

  /** Something follows the array. */
  get trailing(): boolean {
    return this.#trailing;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'done':
          this.#trailing ||= chunk.subarray(at).some((byte) => !isSpace(byte));
          return;
        case 'foreign':
          return;
        case 'start':
          at = this.#open(chunk, at);
          break;
        case 'between':
          at = this.#seek(chunk, at);
          break;
        case 'nest':
        case 'string':
          at = this.#nested(chunk, at);
          break;
        case 'scalar':
          at = this.#scalar(chunk, at);
          break;
      }
    }
  }

  /** Tells what is wrong with the body, `null` if nothing. To be called once, after the last chunk. */
  end(): string | null {
    if (this.#state === 'foreign') return 'not a JSON array';
    if (this.#state === 'start') return 'empty body';
    if (this.#state === 'done') return this.#damage;
    const where = this.#state === 'between' ? 'after' : 'in the middle of';
    const count = this.#found + (this.#state === 'between' ? 0 : 1);
    return `it broke off ${where} record ${count}`;
  }

  #open(chunk: Uint8Array, from: number): number {
    const byte = chunk[from]!;
    if (byte === OPEN_ARRAY) this.#state = 'between';
    else if (!isSpace(byte) && !BYTE_ORDER_MARK.has(byte)) this.#state = 'foreign';
    return from + 1;
  }

  /** Between two elements: commas and spaces, until one begins or the array ends. */
  #seek(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (isSpace(byte) || byte === COMMA) continue;
      if (byte === CLOSE_ARRAY) {
        this.#state = 'done';
        return at + 1;
      }
      this.#depth = 0;
      this.#inString = false;
      this.#escaped = false;
      this.#state =
        byte === OPEN_OBJECT || byte === OPEN_ARRAY ? 'nest' : byte === QUOTE ? 'string' : 'scalar';
      return at;
    }
    return chunk.length;
  }

  /** The hot loop: an object, an array or a string, up to the byte that closes it. */
  #nested(chunk: Uint8Array, from: number): number {
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    const end = chunk.length;
    let at = from;
    for (; at < end; at += 1) {
      const byte = chunk[at]!;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) {
          inString = false;
          if (depth === 0) break;
        }
      } else if (byte === QUOTE) inString = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth += 1;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        depth -= 1;
        if (depth === 0) break;
      }
    }
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    if (at === end) {
      this.#keep(chunk.subarray(from));
      return end;
    }
    this.#keep(chunk.subarray(from, at + 1));
    this.#finish(this.#state === 'string');
    return at + 1;
  }

  /** A number, a word, or rubbish: up to a comma, the end of the array, or the beginning of something better. */
  #scalar(chunk: Uint8Array, from: number): number {
    let at = from;
    for (; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (byte === COMMA || byte === CLOSE_ARRAY || byte === OPEN_OBJECT) break;
    }
    this.#keep(chunk.subarray(from, at));
    if (at < chunk.length) this.#finishScalar();
    return at;
  }

  #keep(slice: Uint8Array): void {
    this.#length += slice.length;
    const { maxElement, head, maxTotal } = this.#limits;
    const room = this.#length > maxElement || this.#total + this.#length > maxTotal ? head : this.#length;
    if (this.#kept < room) {
      const part = slice.subarray(0, room - this.#kept);
      this.#parts.push(part);
      this.#kept += part.length;
    } else if (this.#kept > room) {
      this.#parts = [Uint8Array.from(this.#bytes().subarray(0, room))];
      this.#kept = room;
    }
  }

  #bytes(): Uint8Array {
    return this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
  }

  #finish(string: boolean): void {
    const whole = this.#kept === this.#length;
    let bytes = this.#bytes();
    if (string && whole) {
      const content = stringContent(bytes);
      if (content === null) this.#damage ??= `record ${this.#found + 1} is not JSON`;
      bytes = content ?? bytes;
    }
    if (bytes.some((byte) => !isSpace(byte))) {
      this.#found += 1;
      this.elements.push(whole ? { bytes } : { bytes, truncatedFrom: this.#length });
      this.#total += this.#kept;
    }
    this.#reset();
  }

  #finishScalar(): void {
    const text = Buffer.from(this.#bytes()).toString('utf8').trim();
    if (text === 'null' && !this.#limits.keepNull) this.#reset();
    else if (/^(?:null|true|false|-?\d[\d.eE+-]*)$/.test(text)) {
      this.#parts = [Buffer.from(text)];
      this.#length = text.length;
      this.#kept = text.length;
      this.#finish(false);
    } else {
      this.#damage ??= `something that is no record after record ${this.#found}`;
      this.#reset();
    }
  }

  #reset(): void {
    this.#parts = [];
    this.#length = 0;
    this.#kept = 0;
    this.#state = 'between';
  }
}

function stringContent(bytes: Uint8Array): Uint8Array | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'string' ? Buffer.from(value) : null;
  } catch {
    return null;
  }
}
