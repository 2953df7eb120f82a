import type { Clock } from '../lib/contract/clock.ts';
import type { PriceSyncAnswer, PricesAnswer } from '../lib/contract/api/prices.ts';
import type { PriceRow } from '../lib/pricing/price-row.ts';
import type { SourceName } from '../lib/pricing/sync/catalog.ts';
import { syncAnswer } from '../lib/pricing/sync/sync-answer.ts';
import { syncApart } from '../lib/pricing/sync/sync-apart.ts';
import { refuseEmpty, type SyncReport } from '../lib/pricing/sync/sync-prices.ts';
import type { ReadStore } from '../lib/store/read-store.ts';
import type { Desk } from '../lib/store/writer.ts';

export interface PriceServiceOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly store: Pick<ReadStore, 'syncState'>;
  readonly desk: Pick<Desk, 'changePrices' | 'listPrices'>;
  readonly mirrors: ReadonlyMap<SourceName, string>;
  /** Tests put another in its place. */
  readonly find?: typeof syncApart;
}

/** The saved prices as HTTP clients see and change them. Every method rejects with an AppError. */
export class PriceService {
  readonly #options: PriceServiceOptions;
  readonly #closing = new AbortController();
  /** The end of the sync before: two at once would fetch everything twice, and the older could win. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(options: PriceServiceOptions) {
    this.#options = options;
  }

  async list(): Promise<PricesAnswer> {
    return { prices: await this.#options.desk.listPrices() };
  }

  /** The saved prices are these and no others. */
  async replace(rows: readonly PriceRow[]): Promise<PricesAnswer> {
    await this.#options.desk.changePrices({ kind: 'replace', rows });
    return this.list();
  }

  /** Fetches prices of these models, or of all; throws `model_price_sync_failed` when no source answered. */
  sync(models: readonly string[] | null): Promise<PriceSyncAnswer> {
    const done = this.#before.then(() => this.#sync(models));
    this.#before = done.catch(() => {});
    return done;
  }

  /** A sync under way ends without changing anything. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#before;
  }

  async #sync(models: readonly string[] | null): Promise<PriceSyncAnswer> {
    const { clock, desk, mirrors, store, find = syncApart } = this.#options;
    const report: SyncReport = await find(
      { ...store.syncState(), models, mirrors, nowMs: clock.now() },
      this.#closing.signal,
    );
    refuseEmpty(report);
    const changed = await desk.changePrices({ kind: 'sync', rows: report.rows, catalogs: report.catalogs });
    return syncAnswer(report, changed, await desk.listPrices());
  }
}
