import type { Clock } from '../lib/contract/clock.ts';

const LOOK_MS = 500;

/**
 * The clock of everybody in this process who looks whether the database was changed elsewhere: each `look` is called twice
 * a second, and reads `PRAGMA data_version` before anything else. While nobody looks it does nothing.
 */
export class DatabaseWatch {
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #looks = new Set<() => void>();
  #running: AbortController | null = null;

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock;
  }

  /** Calls `look`, which must not throw, until the function that this answers is called. */
  each(look: () => void): () => void {
    this.#looks.add(look);
    if (this.#running === null) {
      this.#running = new AbortController();
      void this.#run(this.#running.signal);
    }
    return () => {
      this.#looks.delete(look);
      if (this.#looks.size > 0) return;
      this.#running?.abort();
      this.#running = null;
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.sleep(LOOK_MS, signal);
      if (signal.aborted) return;
      for (const look of this.#looks) look();
    }
  }
}
