import type { Logger } from 'pino';
import type { Clock } from '../../lib/contract/clock.ts';
import type { ReadStore } from '../../lib/store/read-store.ts';
import type { Desk } from '../../lib/store/writer.ts';
import type { DatabaseWatch } from '../database-watch.ts';
import { FillPrices } from './fill-prices.ts';
import { forgetRecalcs } from './forget-recalcs.ts';

export interface JobsOptions {
  readonly clock: Clock;
  readonly store: Pick<ReadStore, 'dataVersion' | 'revision'>;
  readonly desk: Desk;
  readonly log: Logger;
}

/** What the daemon does by itself, beside collecting and answering. */
export class Jobs {
  readonly #options: JobsOptions;
  readonly #fill: FillPrices;
  readonly #closing = new AbortController();
  #forgetting: Promise<void> | null = null;

  constructor(options: JobsOptions) {
    const { clock, store, desk, log } = options;
    this.#options = options;
    this.#fill = new FillPrices({
      clock,
      store,
      desk,
      onFilled: (events) => log.info({ event: 'priced', events }, 'events without a price have one now'),
      onError: (error) => log.error({ err: error }, 'pricing events without a price failed'),
    });
  }

  /** Beginning may be tried again. */
  begin(watch: DatabaseWatch): void {
    if (this.#forgetting !== null) return;
    const { clock, desk, log } = this.#options;
    const { signal } = this.#closing;
    this.#forgetting = forgetRecalcs(desk, clock, signal, (error) =>
      log.error({ err: error }, 'forgetting old recalculations failed'),
    );
    signal.addEventListener(
      'abort',
      watch.each(() => this.#fill.look()),
    );
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#fill.close();
    await this.#forgetting;
  }
}
