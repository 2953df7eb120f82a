import type { Position } from '../../../lib/contract/inbox.ts';

/** The plaintext of the newest frames, so that a reader that keeps up needs no disk. Older ones fall out at the limit. */
export class Tail {
  readonly #limitBytes: number;
  /** In the order they came, which is the order of their positions. */
  readonly #frames = new Map<string, { readonly position: Position; readonly plain: Buffer }>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  put(position: Position, plain: Buffer): void {
    this.#frames.set(`${position.segment}:${position.seq}`, { position, plain });
    this.#bytes += plain.length;
    for (const key of this.#frames.keys()) {
      if (this.#bytes <= this.#limitBytes) return;
      this.#drop(key);
    }
  }

  get(segment: string, seq: number): Buffer | null {
    return this.#frames.get(`${segment}:${seq}`)?.plain ?? null;
  }

  release(upTo: Position): void {
    for (const [key, { position }] of this.#frames) {
      if (position.segment > upTo.segment) return;
      if (position.segment === upTo.segment && position.seq > upTo.seq) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#frames.get(key)?.plain.length ?? 0;
    this.#frames.delete(key);
  }
}
