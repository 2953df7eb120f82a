import type { PriceBook } from '../contract/pricing.ts';
import { analyticsModel } from '../pricing/model-names.ts';
import { priceObjectFromCard, type PriceObject } from '../pricing/price-object.ts';
import { embeddedCard, objectFromRow, sameAsEmbedded, type PriceRow } from '../pricing/price-row.ts';
import { PriceRows, readPriceRows, readSeenModels, saveCatalog, type StoredCatalog } from './price-rows.ts';
import { Revisions } from './revisions.ts';
import { guarded, type Db } from './sqlite.ts';

/** Names of models from clients can be without end, and each takes 0.05 ms to look up; nobody looks at more. */
const MOST_SEEN = 1000;

/** One change of the saved prices, done whole or not at all. */
export type PriceChange =
  /** The saved prices are these and no others; what says the same as the embedded book is not kept. */
  | { readonly kind: 'replace'; readonly rows: readonly PriceRow[] }
  /** These are saved in place of what their source had for the model. */
  | { readonly kind: 'set'; readonly rows: readonly PriceRow[] }
  | {
      readonly kind: 'unset';
      readonly models: readonly string[];
      readonly sources: ReadonlyArray<'manual' | 'synced'>;
    }
  /** What a sync found: synced rows, and the lists it came from. */
  | {
      readonly kind: 'sync';
      readonly rows: readonly PriceRow[];
      readonly catalogs: readonly StoredCatalog[];
    };

export interface PriceChanged {
  /** Models whose saved prices were written or removed. */
  readonly changed: readonly string[];
  /** Models of a sync that have a manual price: that one counts on. */
  readonly protected: readonly string[];
}

/** Every price that counts, by model: saved ones, and embedded ones of models seen in traffic. */
export type PriceList = Readonly<Record<string, PriceObject>>;

/** Changes and lists the saved prices. Synchronous; each method is one transaction and throws an AppError. */
export class PriceWriter {
  readonly #db: Db;
  readonly #embedded: PriceBook;
  readonly #now: () => number;
  readonly #rows: PriceRows;
  readonly #revisions: Revisions;

  constructor(db: Db, embedded: PriceBook, now: () => number) {
    this.#db = db;
    this.#embedded = embedded;
    this.#now = now;
    this.#rows = new PriceRows(db);
    this.#revisions = new Revisions(db);
  }

  change(change: PriceChange): PriceChanged {
    const nowMs = this.#now();
    // Looking up thousands of embedded prices takes a while, and needs no lock.
    const same = new Set(
      change.kind === 'replace' || change.kind === 'sync'
        ? change.rows.filter(({ card }) => sameAsEmbedded(card, this.#embedded, nowMs))
        : [],
    );
    return guarded(() => this.#db.transaction(() => this.#change(change, same, nowMs)).immediate());
  }

  list(): PriceList {
    return guarded(() => this.#db.transaction(() => listPrices(this.#db, this.#embedded, this.#now()))());
  }

  #change(change: PriceChange, same: ReadonlySet<PriceRow>, nowMs: number): PriceChanged {
    const done = this.#apply(change, same);
    if (done.changed.length > 0 || change.kind === 'replace') this.#revisions.raise('prices', nowMs);
    return done;
  }

  #apply(change: PriceChange, same: ReadonlySet<PriceRow>): PriceChanged {
    if (change.kind === 'replace') {
      const kept = change.rows.filter((row) => !same.has(row));
      this.#rows.clear();
      for (const row of kept) this.#rows.put(row);
      return { changed: kept.map(({ card }) => card.model), protected: [] };
    }
    if (change.kind === 'set') {
      for (const row of change.rows) this.#rows.put(row);
      return { changed: change.rows.map(({ card }) => card.model), protected: [] };
    }
    if (change.kind === 'unset') {
      const removed = change.models.filter((model) => {
        const removed = change.sources.map((source) => this.#rows.remove(source, model));
        return removed.includes(true);
      });
      return { changed: removed, protected: [] };
    }
    return this.#sync(change.rows, same, change.catalogs);
  }

  #sync(
    rows: readonly PriceRow[],
    same: ReadonlySet<PriceRow>,
    catalogs: readonly StoredCatalog[],
  ): PriceChanged {
    for (const catalog of catalogs) saveCatalog(this.#db, catalog);
    const manual = new Set(
      readPriceRows(this.#db).flatMap(({ card }) => (card.source === 'manual' ? [card.model] : [])),
    );
    const changed = rows.filter((row) => {
      if (same.has(row)) return this.#rows.remove('synced', row.card.model);
      this.#rows.put(row);
      return true;
    });
    const names = (list: readonly PriceRow[]): string[] => list.map(({ card }) => card.model);
    return { changed: names(changed), protected: names(rows).filter((model) => manual.has(model)) };
  }
}

/** A manual price stands before a synced one, and both before the embedded. In a transaction. */
export function listPrices(db: Db, embedded: PriceBook, nowMs: number): PriceList {
  const prices = new Map<string, PriceObject>();
  const rows = readPriceRows(db);
  for (const source of ['synced', 'manual'] as const) {
    for (const row of rows) if (row.card.source === source) prices.set(row.card.model, objectFromRow(row));
  }
  for (const name of seenNames(db)) {
    if (prices.has(name)) continue;
    const card = embeddedCard(embedded, name, nowMs);
    if (card !== null) prices.set(name, priceObjectFromCard(card));
  }
  return Object.fromEntries([...prices].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The names by which models seen in traffic are priced: what was asked for, and what answered. */
export function seenNames(db: Db): Set<string> {
  const names = new Set<string>();
  for (const { name, requested, resolved } of readSeenModels(db, MOST_SEEN)) {
    names.add(analyticsModel(requested === '' ? name : requested));
    if (resolved !== '') names.add(resolved);
  }
  names.delete('');
  names.delete('-');
  return names;
}
