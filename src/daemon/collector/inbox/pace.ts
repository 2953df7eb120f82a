import type { Clock } from '../../../lib/contract/clock.ts';
import type { InboxLimits } from './options.ts';

/** Stands where the system's error code would: no write failed, but the disk does not keep up. */
export const SLOW = 'SLOW';

type PaceLimits = Pick<InboxLimits, 'pendingBytes' | 'slowMs'>;

/**
 * Whether the disk keeps up. A disk that hangs reports no error, and what waits for it is held in memory: before that
 * runs out, nothing more may be taken.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #limits: PaceLimits;
  readonly #changed: (slow: boolean) => void;
  #pending = 0;
  #slow = false;

  constructor(clock: Clock, limits: PaceLimits, changed: (slow: boolean) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#changed = changed;
  }

  /** So many bytes more wait for the disk. */
  appended(bytes: number): void {
    this.#pending += bytes;
    if (this.#pending > this.#limits.pendingBytes) this.#set(true);
  }

  /** So many bytes of them are durable. */
  durable(bytes: number): void {
    this.#pending -= bytes;
  }

  /** Does one piece of work on the disk, and looks whether it takes too long. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const done = new AbortController();
    void this.#watch(done.signal);
    try {
      return await work();
    } finally {
      done.abort();
      if (this.#pending < this.#limits.pendingBytes / 2) this.#set(false);
    }
  }

  async #watch(done: AbortSignal): Promise<void> {
    await this.#clock.sleep(this.#limits.slowMs, done);
    if (!done.aborted) this.#set(true);
  }

  #set(slow: boolean): void {
    if (slow === this.#slow) return;
    this.#slow = slow;
    this.#changed(slow);
  }
}
