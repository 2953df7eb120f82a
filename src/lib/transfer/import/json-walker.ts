/** Where a value stands: names of members and places in lists, from the outermost in. */
export type JsonPath = ReadonlyArray<string | number>;
export type JsonKind = 'object' | 'array' | 'scalar';

/** What to do with a value that begins: walk into it, hand it over whole, or pass over it. */
export type JsonChoice = 'descend' | 'capture' | 'skip';

export interface JsonVisitor {
  /** A value begins. Only objects and arrays can be walked into. */
  enter(path: JsonPath, kind: JsonKind): JsonChoice;
  /** A value that was asked for, as it was written. */
  captured?(path: JsonPath, bytes: Buffer): void;
  /** The end of an object or array that was walked into. */
  leave?(path: JsonPath, kind: JsonKind): void;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const MOST_LEVELS = 64;
const LONGEST_NAME = 64 * 1024;

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

type State = 'value' | 'first' | 'name' | 'in name' | 'colon' | 'next' | 'whole' | 'scalar' | 'done';

/** Thrown for bytes that are no JSON. Its text never quotes them. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
}

interface Level {
  readonly kind: 'object' | 'array';
  items: number;
}

/**
 * Walks through one JSON value as its bytes arrive, without building it: what it holds can be larger than memory. Values
 * that are captured or passed over are not looked into, so what they hold may still be no JSON.
 */
export class JsonWalker {
  readonly #visitor: JsonVisitor;
  readonly #maxCapture: number;
  #state: State = 'value';
  readonly #levels: Level[] = [];
  readonly #path: Array<string | number> = [];
  #parts: Buffer[] = [];
  #length = 0;
  #keeping = false;
  /** Of the value that is passed over or captured. */
  #depth = 0;
  #inString = false;
  #escaped = false;
  #seen = 0;

  /** A captured value longer than `maxCapture` bytes is an error. */
  constructor(visitor: JsonVisitor, maxCapture: number) {
    this.#visitor = visitor;
    this.#maxCapture = maxCapture;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** How many bytes of `chunk` belong to the value: fewer than all where it ended. Throws {@link JsonError}. */
  push(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && this.#state !== 'done') {
      if (this.#state === 'whole') at = this.#nested(chunk, at);
      else if (this.#state === 'scalar') at = this.#scalar(chunk, at);
      else if (this.#state === 'in name') at = this.#name(chunk, at);
      else at = this.#step(chunk, at);
    }
    this.#seen += at;
    return at;
  }

  /** To be called behind the last chunk. Throws {@link JsonError} where the value is not complete. */
  end(): void {
    if (this.#state === 'scalar' && this.#levels.length === 0) this.#finish();
    if (this.#state !== 'done') throw new JsonError('it breaks off');
  }

  /** Between values: spaces and punctuation. */
  #step(chunk: Buffer, at: number): number {
    const byte = chunk[at] ?? 0;
    if (isSpace(byte)) return at + 1;
    const level = this.#levels.at(-1);
    const closes = byte === CLOSE_OBJECT || byte === CLOSE_ARRAY;
    if (closes && (this.#state === 'first' || this.#state === 'next')) return this.#close(byte, at);
    if (this.#state === 'value') return this.#open(byte, at);
    if (this.#state === 'name') {
      if (byte !== QUOTE) this.#fail(at);
      this.#begin('in name', true);
      return at;
    }
    if (this.#state === 'colon') {
      if (byte !== COLON) this.#fail(at);
      this.#state = 'value';
      return at + 1;
    }
    // Before the first item nothing stands, before every other one a comma.
    if (this.#state === 'next' && byte !== COMMA) this.#fail(at);
    const isNext = this.#state === 'next';
    this.#state = level?.kind === 'object' ? 'name' : 'value';
    return isNext ? at + 1 : at;
  }

  #open(byte: number, at: number): number {
    const level = this.#levels.at(-1);
    if (level?.kind === 'array') this.#path.push(level.items);
    if (level) level.items += 1;
    const kind: JsonKind = byte === OPEN_OBJECT ? 'object' : byte === OPEN_ARRAY ? 'array' : 'scalar';
    const choice = this.#visitor.enter(this.#path, kind);
    if (kind !== 'scalar' && choice === 'descend') {
      if (this.#levels.length >= MOST_LEVELS) throw new JsonError('it is nested too deeply');
      this.#levels.push({ kind, items: 0 });
      this.#state = 'first';
      return at + 1;
    }
    const isWhole = kind !== 'scalar' || byte === QUOTE;
    if (!isWhole && !/[-0-9tfn]/.test(String.fromCharCode(byte))) this.#fail(at);
    this.#begin(isWhole ? 'whole' : 'scalar', choice === 'capture');
    return at;
  }

  #begin(state: State, keeping: boolean): void {
    this.#state = state;
    this.#keeping = keeping;
    this.#parts = [];
    this.#length = 0;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
  }

  #close(byte: number, at: number): number {
    const level = this.#levels.pop();
    if (level === undefined || (level.kind === 'object') !== (byte === CLOSE_OBJECT)) this.#fail(at);
    else this.#visitor.leave?.(this.#path, level.kind);
    this.#after();
    return at + 1;
  }

  /** An object, an array or a string up to the byte that closes it. */
  #nested(chunk: Buffer, from: number): number {
    const at = this.#endOfNested(chunk, from);
    this.#keep(chunk, from, at);
    if (at < chunk.length || this.#isClosed()) this.#finish();
    return at;
  }

  #isClosed(): boolean {
    return this.#depth === 0 && !this.#inString;
  }

  /** Just behind the byte that closes the value, or the end of the chunk. */
  #endOfNested(chunk: Buffer, from: number): number {
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    let at = from;
    const end = chunk.length;
    for (; at < end; at += 1) {
      const byte = chunk[at];
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
    return at < end ? at + 1 : end;
  }

  #scalar(chunk: Buffer, from: number): number {
    let at = from;
    for (; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (isSpace(byte) || byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) break;
    }
    this.#keep(chunk, from, at);
    if (at < chunk.length) this.#finish();
    return at;
  }

  #name(chunk: Buffer, from: number): number {
    const at = this.#endOfNested(chunk, from);
    this.#keep(chunk, from, at);
    if (this.#length > LONGEST_NAME) throw new JsonError('a name in it is too long');
    if (!this.#isClosed()) return at;
    let name: unknown;
    try {
      name = JSON.parse(Buffer.concat(this.#parts).toString('utf8'));
    } catch {
      this.#fail(at);
    }
    this.#path.push(String(name));
    this.#parts = [];
    this.#state = 'colon';
    return at;
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    this.#length += to - from;
    if (!this.#keeping) return;
    if (this.#state !== 'in name' && this.#length > this.#maxCapture)
      throw new JsonError('a part of it is too long');
    // A copy: the chunk's memory is used again for the next one.
    this.#parts.push(Buffer.from(chunk.subarray(from, to)));
  }

  #finish(): void {
    if (this.#keeping) this.#visitor.captured?.(this.#path, Buffer.concat(this.#parts));
    this.#parts = [];
    this.#after();
  }

  /** A value ended; what is around it goes on. */
  #after(): void {
    this.#path.pop();
    this.#state = this.#levels.length === 0 ? 'done' : 'next';
  }

  #fail(at: number): never {
    throw new JsonError(`it is not JSON (at byte ${this.#seen + at + 1})`);
  }
}
