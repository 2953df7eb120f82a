import type BetterSqlite3 from 'better-sqlite3';
import type { ContextTier, PriceCard, PriceVersion, Rates, ServiceTier } from '../contract/pricing.ts';
import { canonicalPriceVersion, priceVersionId } from '../pricing/version.ts';
import type { Db } from './sqlite.ts';

export interface RateRow {
  readonly input: number | null;
  readonly output: number | null;
  readonly output_image: number | null;
  readonly cache_read: number | null;
  readonly cache_write_5m: number | null;
  readonly cache_write_1h: number | null;
}

export function rates(row: RateRow): Rates {
  return {
    input: row.input,
    output: row.output,
    ...(row.output_image !== null && { outputImage: row.output_image }),
    cacheRead: row.cache_read,
    cacheWrite5m: row.cache_write_5m,
    cacheWrite1h: row.cache_write_1h,
  };
}

export const RATE_COLUMNS = 'input, output, output_image, cache_read, cache_write_5m, cache_write_1h';

/** All manual and synced price cards. Call it in the transaction that also reads the revision. */
export function readPriceCards(db: Db): PriceCard[] {
  const context = new Map<number, ContextTier[]>();
  const service = new Map<number, ServiceTier[]>();
  const contextRows = db
    .prepare<[], RateRow & { card_id: number; threshold: number }>(
      `SELECT card_id, threshold, ${RATE_COLUMNS} FROM price_context_tier ORDER BY card_id, threshold`,
    )
    .all();
  for (const row of contextRows) {
    append(context, row.card_id, { threshold: row.threshold, rates: rates(row) });
  }
  const serviceRows = db
    .prepare<[], RateRow & { card_id: number; mode: string; service_tier: string }>(
      `SELECT card_id, mode, service_tier, ${RATE_COLUMNS} FROM price_service_tier
       ORDER BY card_id, mode, service_tier`,
    )
    .all();
  for (const row of serviceRows) {
    append(service, row.card_id, { mode: row.mode, serviceTier: row.service_tier, rates: rates(row) });
  }
  return db
    .prepare<[], RateRow & { id: number; source: 'manual' | 'synced'; model: string; origin: string }>(
      `SELECT id, source, model, origin, ${RATE_COLUMNS} FROM price_card ORDER BY id`,
    )
    .all()
    .map((row) => ({
      model: row.model,
      source: row.source,
      origin: row.origin,
      rates: rates(row),
      contextTiers: context.get(row.id) ?? [],
      serviceTiers: service.get(row.id) ?? [],
    }));
}

function append<T>(lists: Map<number, T[]>, key: number, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/** Stands in for a price that an imported event names and nothing here knows: it has no model, so nothing is shown of it. */
const NOT_KNOWN: PriceVersion = {
  model: '',
  source: 'embedded',
  origin: '',
  basis: 'imported',
  rates: { input: null, output: null, cacheRead: null, cacheWrite5m: null, cacheWrite1h: null },
};

/** Ids of price versions; each is stored once. `publish` after a commit, `discard` after a rollback. */
export class PriceVersions {
  readonly #find: BetterSqlite3.Statement<[Buffer], number>;
  readonly #add: BetterSqlite3.Statement<[Buffer, string, number], number>;
  readonly #learn: BetterSqlite3.Statement<[string, Buffer, string]>;
  readonly #known = new Map<string, number>();
  readonly #pending = new Map<string, number>();

  constructor(db: Db) {
    this.#learn = db.prepare<[string, Buffer, string]>(
      'UPDATE price_version SET json = ? WHERE sha256 = ? AND json = ?',
    );
    this.#find = db.prepare<[Buffer], number>('SELECT id FROM price_version WHERE sha256 = ?').pluck();
    this.#add = db
      .prepare<[Buffer, string, number], number>(
        'INSERT INTO price_version (sha256, json, created_at_ms) VALUES (?, ?, ?) RETURNING id',
      )
      .pluck();
  }

  /** Inside a transaction. */
  id(version: PriceVersion, nowMs: number): number {
    const key = priceVersionId(version);
    const known = this.#known.get(key) ?? this.#pending.get(key);
    if (known !== undefined) return known;
    const sha = Buffer.from(key, 'hex');
    const text = canonicalPriceVersion(version);
    const found = this.#find.get(sha);
    if (found !== undefined) this.#learn.run(text, sha, canonicalPriceVersion(NOT_KNOWN));
    return this.#remember(key, found ?? this.#add.get(sha, text, nowMs));
  }

  /**
   * The same for a version that is known by its hash (hex SHA-256) alone. `guess` is asked when it is not stored yet; a
   * version with another hash is not it, and only the hash is kept then.
   */
  idOfHash(sha256: string, guess: () => PriceVersion | null, nowMs: number): number {
    const known = this.#known.get(sha256) ?? this.#pending.get(sha256);
    if (known !== undefined) return known;
    const sha = Buffer.from(sha256, 'hex');
    const found = this.#find.get(sha);
    if (found !== undefined) return this.#remember(sha256, found);
    const version = guess();
    if (version !== null && priceVersionId(version) === sha256) return this.id(version, nowMs);
    return this.#remember(sha256, this.#add.get(sha, canonicalPriceVersion(NOT_KNOWN), nowMs));
  }

  #remember(sha256: string, id: number | undefined): number {
    if (id === undefined) throw new Error('a price version was neither found nor added');
    this.#pending.set(sha256, id);
    return id;
  }

  publish(): void {
    for (const [key, id] of this.#pending) this.#known.set(key, id);
    this.#pending.clear();
  }

  discard(): void {
    this.#pending.clear();
  }
}
