import type { PriceCard, Rates } from '../contract/pricing.ts';
import { isSourceName } from '../pricing/sync/catalog.ts';
import type { SyncState } from '../pricing/sync/sync-prices.ts';
import type { PriceRow } from '../pricing/price-row.ts';
import { RATE_COLUMNS, readPriceCards } from './price-store.ts';
import type { Db } from './sqlite.ts';

interface KeptRow {
  readonly raw_json: string | null;
  readonly updated_at_ms: number;
  readonly synced_at_ms: number | null;
}

/** All saved prices with what is kept beside them. Inside a transaction. */
export function readPriceRows(db: Db): PriceRow[] {
  const kept = db
    .prepare<[], KeptRow>('SELECT raw_json, updated_at_ms, synced_at_ms FROM price_card ORDER BY id')
    .all();
  // Both are in the order of the ids.
  return readPriceCards(db).map((card, index) => ({
    card,
    rawJson: kept[index]?.raw_json ?? '',
    updatedAtMs: kept[index]?.updated_at_ms ?? 0,
    syncedAtMs: kept[index]?.synced_at_ms ?? null,
  }));
}

type Param = string | number | null;

const rateParams = (rates: Rates): Param[] => [
  rates.input,
  rates.output,
  rates.outputImage ?? null,
  rates.cacheRead,
  rates.cacheWrite5m,
  rates.cacheWrite1h,
];
const RATE_MARKS = '?, ?, ?, ?, ?, ?';

/** Writes saved prices. Inside the caller's transaction, which also raises the revision. */
export class PriceRows {
  readonly #db: Db;
  readonly #add;
  readonly #context;
  readonly #service;
  readonly #remove;

  constructor(db: Db) {
    this.#db = db;
    this.#add = db
      .prepare<Param[], number>(
        `INSERT INTO price_card (source, model, origin, raw_json, updated_at_ms, synced_at_ms, ${RATE_COLUMNS})
         VALUES (?, ?, ?, ?, ?, ?, ${RATE_MARKS}) RETURNING id`,
      )
      .pluck();
    this.#context = db.prepare<Param[]>(
      `INSERT INTO price_context_tier (card_id, threshold, ${RATE_COLUMNS}) VALUES (?, ?, ${RATE_MARKS})`,
    );
    this.#service = db.prepare<Param[]>(
      `INSERT INTO price_service_tier (card_id, mode, service_tier, ${RATE_COLUMNS})
       VALUES (?, ?, ?, ${RATE_MARKS})`,
    );
    this.#remove = db.prepare<[string, string]>('DELETE FROM price_card WHERE source = ? AND model = ?');
  }

  /** In place of a row of the same source and model. */
  put({ card, rawJson, updatedAtMs, syncedAtMs }: PriceRow): void {
    this.remove(card.source, card.model);
    const raw = rawJson === '' ? null : rawJson;
    const id = this.#add.get(
      card.source,
      card.model,
      card.origin,
      raw,
      updatedAtMs,
      syncedAtMs,
      ...rateParams(card.rates),
    );
    if (id === undefined) throw new Error('a price was not added');
    for (const tier of card.contextTiers) this.#context.run(id, tier.threshold, ...rateParams(tier.rates));
    for (const tier of card.serviceTiers) {
      this.#service.run(id, tier.mode, tier.serviceTier, ...rateParams(tier.rates));
    }
  }

  /** Whether there was one. */
  remove(source: PriceCard['source'], model: string): boolean {
    return this.#remove.run(source, model).changes > 0;
  }

  clear(): void {
    this.#db.prepare('DELETE FROM price_card').run();
  }
}

/** A list as a source sent it. */
export interface StoredCatalog {
  readonly source: string;
  readonly etag: string;
  readonly fetchedAtMs: number;
  /** Deflated. */
  readonly body: Uint8Array;
}

export function readCatalogs(db: Db): StoredCatalog[] {
  return db
    .prepare<[], StoredCatalog>(
      'SELECT source, etag, fetched_at_ms AS fetchedAtMs, body FROM price_catalog ORDER BY source',
    )
    .all();
}

export function readSyncState(db: Db): SyncState {
  const rows = db
    .prepare<[], { model: string; origin: string }>(
      `SELECT model, origin FROM price_card WHERE source = 'synced' ORDER BY id`,
    )
    .all();
  const origins = rows.flatMap(({ model, origin }) => {
    const source = origin.split(':', 1)[0] ?? '';
    return isSourceName(source) ? [[model, source] as const] : [];
  });
  return { origins: new Map(origins), catalogs: readCatalogs(db) };
}

export function saveCatalog(db: Db, catalog: StoredCatalog): void {
  db.prepare<[string, string, number, Uint8Array]>(
    `INSERT INTO price_catalog (source, etag, fetched_at_ms, body) VALUES (?, ?, ?, ?)
     ON CONFLICT (source) DO UPDATE SET etag = excluded.etag, fetched_at_ms = excluded.fetched_at_ms,
       body = excluded.body`,
  ).run(catalog.source, catalog.etag, catalog.fetchedAtMs, catalog.body);
}

/** Unpriced events that are counted, the newest. */
const MOST_UNPRICED = 50_000;

/** How many of the newest events without a price each model has, most first; the names are those that were asked for. */
export function readUnpriced(db: Db): Array<SeenModel & { readonly events: number }> {
  return db
    .prepare<[number], SeenModel & { readonly events: number }>(
      `SELECT m.name, m.requested, m.resolved, count(*) AS events
       FROM (SELECT model_id FROM event WHERE cost_nano IS NULL ORDER BY id DESC LIMIT ?) e
         JOIN model m ON m.id = e.model_id
       GROUP BY m.id ORDER BY events DESC, m.name`,
    )
    .all(MOST_UNPRICED);
}

/** Names of models that were seen in traffic: what was asked for without its thinking suffix is up to the caller. */
export interface SeenModel {
  readonly name: string;
  readonly requested: string;
  readonly resolved: string;
}

/** The models that came last. */
export function readSeenModels(db: Db, most: number): SeenModel[] {
  return db
    .prepare<[number], SeenModel>('SELECT name, requested, resolved FROM model ORDER BY id DESC LIMIT ?')
    .all(most);
}
