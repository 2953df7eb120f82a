import type { Clock } from '../../lib/contract/clock.ts';
import { filledTopic } from '../../lib/store/fill-prices.ts';
import type { ReadStore } from '../../lib/store/read-store.ts';
import type { Desk } from '../../lib/store/writer.ts';

export interface FillPricesOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
  readonly store: Pick<ReadStore, 'dataVersion' | 'revision'>;
  readonly desk: Pick<Desk, 'fillPrices'>;
  /** So many events got a price. */
  readonly onFilled: (events: number) => void;
  readonly onError: (error: unknown) => void;
}

/** Before a run that failed is tried again. */
const TRY_AGAIN_MS = 10_000;

/**
 * Prices events that had no price when they came, as soon as prices changed: by a sync, by hand, by a command, or by a
 * version of the program that knows more models. Live events go first: after each step it leaves the writer alone for as
 * long as the step took.
 */
export class FillPrices {
  readonly #options: FillPricesOptions;
  readonly #closing = new AbortController();
  #dataVersion = -1;
  #running: Promise<void> | null = null;
  #failing = false;

  constructor(options: FillPricesOptions) {
    this.#options = options;
  }

  /** Never throws. Called whenever the database may have changed. */
  look(): void {
    if (this.#running !== null || this.#closing.signal.aborted) return;
    try {
      const dataVersion = this.#options.store.dataVersion();
      if (dataVersion === this.#dataVersion) return;
      if (this.#isDue()) this.#running = this.#run();
      else this.#dataVersion = dataVersion;
    } catch (error) {
      this.#failed(error);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  #isDue(): boolean {
    const { store } = this.#options;
    // One more than the revision it was done for: 0 is never.
    return store.revision(filledTopic) !== store.revision('prices') + 1;
  }

  async #run(): Promise<void> {
    const { clock, onFilled } = this.#options;
    const { signal } = this.#closing;
    try {
      const filled = await this.#fill();
      this.#failing = false;
      if (filled > 0) onFilled(filled);
    } catch (error) {
      this.#failed(error);
      await clock.sleep(TRY_AGAIN_MS, signal);
    } finally {
      this.#running = null;
    }
  }

  async #fill(): Promise<number> {
    const { clock, desk } = this.#options;
    const { signal } = this.#closing;
    let filled = 0;
    for (let after = 0; !signal.aborted;) {
      const began = clock.monotonic();
      const step = await desk.fillPrices(after);
      filled += step.filled;
      if (step.done) break;
      after = step.upTo;
      await clock.sleep(clock.monotonic() - began, signal);
    }
    return filled;
  }

  #failed(error: unknown): void {
    if (!this.#failing && !this.#closing.signal.aborted) this.#options.onError(error);
    this.#failing = true;
  }
}
