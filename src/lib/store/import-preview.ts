import Database from 'better-sqlite3';
import type BetterSqlite3 from 'better-sqlite3';
import type { PriceBook } from '../contract/pricing.ts';
import type { ImportOutcome } from '../contract/writer.ts';
import type { StandardPricing } from '../pricing/standard-pricing.ts';
import { BatchReader, ROW } from './event-batch-reader.ts';
import type { EventBatch } from './event-batch.ts';
import { ImportTally } from './import-outcome.ts';
import { openDatabase } from './open.ts';
import { readPriceCards } from './price-store.ts';
import { Revisions } from './revisions.ts';
import { guarded, type Db } from './sqlite.ts';

/**
 * What storing batches would do, without storing anything. The events that it saw are kept in a file without a name, which
 * SQLite removes. An event is taken for known by its time and the first 64 bits of its hash.
 */
export class ImportPreview {
  readonly #db: Db | null;
  readonly #seen: Db;
  readonly #find: BetterSqlite3.Statement<[number, bigint], number> | null;
  readonly #note: BetterSqlite3.Statement<[number, bigint]>;
  readonly #pricing: StandardPricing;
  readonly #book: PriceBook;

  /** `dbPath` is null where there is no database yet. */
  constructor(dbPath: string | null, pricing: StandardPricing, busyTimeoutMs: number) {
    this.#db = dbPath === null ? null : openDatabase(dbPath, { mode: 'read', busyTimeoutMs });
    this.#pricing = pricing;
    const db = this.#db;
    this.#book =
      db === null
        ? pricing.book([], 0)
        : guarded(() => pricing.book(readPriceCards(db), new Revisions(db).of('prices')));
    this.#find =
      db
        ?.prepare<[number, bigint], number>('SELECT 1 FROM event WHERE timestamp_ms = ? AND hash64 = ?')
        .pluck() ?? null;
    this.#seen = new Database('');
    this.#seen.pragma('journal_mode = OFF');
    this.#seen.pragma('synchronous = OFF');
    this.#seen.exec(
      'CREATE TABLE seen (timestamp_ms INTEGER, hash64 INTEGER, PRIMARY KEY (timestamp_ms, hash64)) WITHOUT ROWID',
    );
    this.#note = this.#seen.prepare<[number, bigint]>(
      'INSERT INTO seen VALUES (?, ?) ON CONFLICT DO NOTHING',
    );
  }

  store(batch: EventBatch): ImportOutcome {
    return guarded(() => this.#seen.transaction(() => this.#look(batch)).exclusive());
  }

  close(): void {
    this.#seen.close();
    this.#db?.close();
  }

  #look(batch: EventBatch): ImportOutcome {
    const reader = new BatchReader(batch);
    const tally = new ImportTally();
    for (let row = 0; row < batch.rows; row += 1) {
      const timestampMs = reader.number(row, ROW.timestampMs);
      const hash64 = batch.hash64[row] ?? 0n;
      const isNew =
        this.#find?.get(timestampMs, hash64) === undefined && this.#note.run(timestampMs, hash64).changes > 0;
      if (isNew) tally.add(reader.text('model', row, 0), reader.counted(row), this.#cost(reader, row));
      else tally.duplicates += 1;
    }
    return tally.outcome();
  }

  #cost(reader: BatchReader, row: number): number | null {
    const known = reader.knownCost(row);
    if (known !== null) return known.costNano;
    const priced = this.#pricing.price(reader.priceInput(row), this.#book);
    return priced.kind === 'priced' ? priced.nanoUsd : null;
  }
}
