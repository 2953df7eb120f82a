import type { Clock } from '../../lib/contract/clock.ts';
import type { ContactState, GapOpen, Writer } from '../../lib/contract/writer.ts';

/** Pauses between tries, in ms: the first, and the longest that doubling leads to. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/** A gap that is written, or will be. */
export interface GapHandle {
  /** Null until it is written. */
  id: number | null;
  readonly estimate: number | null;
}

/**
 * Writes gaps and contacts in the order in which they came, each until it is written: a database that is locked for an
 * hour must not cost the knowledge of what was lost in that hour. Of the contacts only the newest waits.
 */
export class GapWriter {
  readonly #writer: Pick<Writer, 'openGap' | 'closeGap' | 'saveContact'>;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #gaps: Array<() => Promise<void>> = [];
  readonly #givenUp = new AbortController();
  #contact: ContactState | null = null;
  #working: Promise<void> | null = null;

  constructor(
    writer: Pick<Writer, 'openGap' | 'closeGap' | 'saveContact'>,
    clock: Clock,
    onError: (error: unknown) => void,
  ) {
    this.#writer = writer;
    this.#clock = clock;
    this.#onError = onError;
  }

  open(gap: GapOpen): GapHandle {
    const handle: GapHandle = { id: null, estimate: gap.estimate };
    this.#add(async () => {
      handle.id = await this.#writer.openGap(gap);
    });
    return handle;
  }

  close(handle: GapHandle, toMs: number): void {
    this.#add(async () => {
      if (handle.id !== null) await this.#writer.closeGap(handle.id, toMs, handle.estimate);
    });
  }

  contact(state: ContactState): void {
    this.#contact = state;
    this.#work();
  }

  /** Resolves when nothing waits any more, because it is written or given up. */
  async settled(): Promise<void> {
    while (this.#working) await this.#working;
  }

  /** Drops what is not written by now. Whether all of it was. */
  giveUp(): boolean {
    this.#givenUp.abort();
    return this.#gaps.length === 0 && this.#contact === null;
  }

  #add(write: () => Promise<void>): void {
    this.#gaps.push(write);
    this.#work();
  }

  #work(): void {
    this.#working ??= this.#writeAll().finally(() => {
      this.#working = null;
    });
  }

  async #writeAll(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.#givenUp.signal.aborted && (this.#gaps.length > 0 || this.#contact !== null)) {
      try {
        await this.#writeOne();
        pause = FIRST_PAUSE_MS;
      } catch (error) {
        if (pause === FIRST_PAUSE_MS) this.#onError(error);
        await this.#clock.sleep(pause, this.#givenUp.signal);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  /** Gaps first: a clean stop must not be written before them. */
  async #writeOne(): Promise<void> {
    const gap = this.#gaps[0];
    if (gap) {
      await gap();
      this.#gaps.shift();
      return;
    }
    const contact = this.#contact;
    if (contact === null) return;
    await this.#writer.saveContact(contact);
    if (this.#contact === contact) this.#contact = null;
  }
}
