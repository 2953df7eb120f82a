/** Whole lines of a file, or the end of a line that was too long to be kept. */
export type Block =
  | { readonly kind: 'lines'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'too long' };

const LINE_FEED = 0x0a;

/** Cuts a stream of bytes between lines into blocks of about `blockBytes`, so that others can read the lines in them. */
export class BlockCutter {
  readonly #blockBytes: number;
  readonly #maxLine: number;
  #parts: Buffer[] = [];
  #length = 0;
  /** Bytes up to and with the end of the last line that is whole. */
  #linesEnd = 0;
  /** Within a line that is read past. */
  #skipping = false;

  constructor(blockBytes: number, maxLine: number) {
    this.#blockBytes = blockBytes;
    this.#maxLine = maxLine;
  }

  push(chunk: Buffer): Block[] {
    let rest = chunk;
    const blocks: Block[] = [];
    if (this.#skipping) {
      const end = rest.indexOf(LINE_FEED);
      if (end < 0) return blocks;
      this.#skipping = false;
      blocks.push({ kind: 'too long' });
      rest = rest.subarray(end + 1);
    }
    const lastEnd = rest.lastIndexOf(LINE_FEED) + 1;
    if (lastEnd > 0) this.#linesEnd = this.#length + lastEnd;
    this.#keep(rest);
    if (this.#linesEnd > 0 && this.#length >= this.#blockBytes) blocks.push(this.#take(this.#linesEnd));
    // Nothing of it ends a line: then all of it is one.
    if (this.#linesEnd === 0 && this.#length > this.#maxLine) this.#skip();
    return blocks;
  }

  /** The last lines; the very last may have no end. */
  end(): Block[] {
    if (this.#skipping) return [{ kind: 'too long' }];
    return this.#length > 0 ? [this.#take(this.#length)] : [];
  }

  #skip(): void {
    this.#parts = [];
    this.#length = 0;
    this.#skipping = true;
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    // A copy: the memory of a chunk may be used again.
    this.#parts.push(Buffer.from(part));
    this.#length += part.length;
  }

  /** The first `count` bytes; the others stay. */
  #take(count: number): Block {
    const whole = Buffer.concat(this.#parts);
    const bytes = new Uint8Array(count);
    bytes.set(whole.subarray(0, count));
    this.#parts = [];
    this.#length = 0;
    this.#linesEnd = 0;
    this.#keep(whole.subarray(count));
    return { kind: 'lines', bytes };
  }
}
