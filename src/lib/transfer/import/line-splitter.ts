/** One line of a file, without its end. */
export interface Line {
  /** From 1 on. */
  readonly number: number;
  /** Null for a line longer than is read. */
  readonly text: string | null;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Cuts a stream of bytes into lines. Blank lines are counted and left out. */
export class LineSplitter {
  readonly #take: (line: Line) => void;
  readonly #maxBytes: number;
  #number = 0;
  /** Beginning of a line whose end has not come yet. */
  #parts: Buffer[] = [];
  #length = 0;

  constructor(maxBytes: number, take: (line: Line) => void) {
    this.#maxBytes = maxBytes;
    this.#take = take;
  }

  /** Lines so far, blank ones too. */
  get lines(): number {
    return this.#number;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      if (this.#length === 0) this.#line(chunk, from, end);
      else {
        this.#keep(chunk.subarray(from, end));
        this.#flush();
      }
      from = end + 1;
    }
    if (from < chunk.length) this.#keep(Buffer.from(chunk.subarray(from)));
  }

  /** The last line may have no end. */
  end(): void {
    if (this.#length > 0) this.#flush();
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length <= this.#maxBytes) this.#parts.push(part);
    else this.#parts = [];
  }

  #flush(): void {
    if (this.#length > this.#maxBytes) {
      this.#number += 1;
      this.#take({ number: this.#number, text: null });
    } else {
      const whole = Buffer.concat(this.#parts);
      this.#line(whole, 0, whole.length);
    }
    this.#parts = [];
    this.#length = 0;
  }

  #line(bytes: Buffer, from: number, to: number): void {
    this.#number += 1;
    const end = to > from && bytes[to - 1] === CARRIAGE_RETURN ? to - 1 : to;
    if (end - from > this.#maxBytes) {
      this.#take({ number: this.#number, text: null });
      return;
    }
    const text = bytes.toString('utf8', from, end);
    if (text.trim() !== '') this.#take({ number: this.#number, text });
  }
}
