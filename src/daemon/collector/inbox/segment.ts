import { join } from 'node:path';
import { FRAME_HEADER_BYTES, HEADER_BYTES } from './format.ts';

export interface FramePlace {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

/** One segment file as the running program knows it: where its frames are, and how far it is released. */
export class Segment {
  readonly id: string;
  readonly path: string;
  readonly key: Buffer;
  readonly createdMs: number;
  /** Where the next frame goes; behind it may lie what a failed write left. */
  end = HEADER_BYTES;
  /** Bytes beyond `end` that are still on disk. */
  excess = 0;
  /** No frame will be added. */
  sealed: boolean;
  /** Something in it could not be read back: it is kept aside, not deleted. */
  damaged = false;
  /** Is being taken off the disk. */
  leaving = false;
  // By frame number. Three flat arrays, because a long outage of the store can leave some 100,000 frames.
  readonly #offsets: number[] = [];
  readonly #sizes: number[] = [];
  /** Records up to and including the frame. */
  readonly #totals: number[] = [];
  readonly #lost = new Set<number>();
  #released = -1;

  constructor(dir: string, id: string, key: Buffer, createdMs: number, sealed: boolean) {
    this.id = id;
    this.path = join(dir, `${id}.seg`);
    this.key = key;
    this.createdMs = createdMs;
    this.sealed = sealed;
  }

  /** Frame numbers given so far, lost ones included: the number of the next frame. */
  get frames(): number {
    return this.#offsets.length;
  }

  get bytes(): number {
    return this.end + this.excess;
  }

  /** Records in it that are not released. */
  get records(): number {
    return (this.#totals.at(-1) ?? 0) - (this.#totals[this.#released] ?? 0);
  }

  /** Every frame in it is released or lost. */
  get spent(): boolean {
    return this.#released === this.frames - 1;
  }

  /** Adds the frame with number `frames`, which ends the file so far. */
  add(place: FramePlace): void {
    this.#offsets.push(place.offset);
    this.#sizes.push(place.size);
    this.#totals.push((this.#totals.at(-1) ?? 0) + place.count);
    this.end = place.offset + place.size;
  }

  /** Counts frame numbers up to but not including `seq` as lost: there is nothing to find on disk for them. */
  addLost(seq: number): void {
    while (this.frames < seq) {
      this.#lost.add(this.frames);
      this.add({ offset: this.end, size: 0, count: 0 });
    }
    this.#advance();
  }

  place(seq: number): FramePlace | null {
    const offset = this.#offsets[seq];
    const size = this.#sizes[seq];
    const total = this.#totals[seq];
    if (offset === undefined || size === undefined || total === undefined) return null;
    if (size < FRAME_HEADER_BYTES || this.#lost.has(seq)) return null;
    return { offset, size, count: total - (this.#totals[seq - 1] ?? 0) };
  }

  /** The frame cannot be read: nobody can release it, so it must not hold the segment back. */
  lose(seq: number): void {
    this.damaged = true;
    this.#lost.add(seq);
    this.#advance();
  }

  release(seq: number): void {
    this.#released = Math.max(this.#released, Math.min(seq, this.frames - 1));
    this.#advance();
  }

  #advance(): void {
    while (this.#lost.has(this.#released + 1)) this.#released += 1;
  }
}

/** The segments on disk in the order of their ids. */
export class Catalog {
  #segments: Segment[] = [];

  get all(): readonly Segment[] {
    return this.#segments;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  get records(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.records, 0);
  }

  /** Its id must be above all others. */
  add(segment: Segment): void {
    this.#segments.push(segment);
  }

  remove(segment: Segment): void {
    this.#segments = this.#segments.filter((other) => other !== segment);
  }

  atOrAfter(id: string): Segment | null {
    return this.#segments.find((segment) => segment.id >= id) ?? null;
  }

  after(id: string): Segment | null {
    return this.#segments.find((segment) => segment.id > id) ?? null;
  }

  release(id: string, seq: number): void {
    for (const segment of this.#segments) {
      if (segment.id > id) return;
      segment.release(segment.id === id ? seq : segment.frames - 1);
    }
  }
}
