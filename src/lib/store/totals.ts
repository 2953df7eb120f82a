import type BetterSqlite3 from 'better-sqlite3';
import type { UsageEvent } from '../contract/event.ts';
import type { Db } from './sqlite.ts';

/** Width of a bucket of `total_5min`. */
export const BUCKET_MS = 300_000;

/** Columns that are summed, in the order of the statement. */
const SUMS = [
  'calls',
  'failed',
  'uncached_input',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
  'output',
  'reasoning',
  'cost_nano',
  'unpriced',
  'latency_sum_ms',
  'latency_count',
] as const;

/** Sums stop here. Past 2^63 SQLite would turn them into REAL, which a STRICT column refuses: the batch would fail. */
const MOST = Number.MAX_SAFE_INTEGER;

/** Start of the five minutes that a time lies in. */
export function bucketOf(timestampMs: number): number {
  return Math.floor(timestampMs / BUCKET_MS) * BUCKET_MS;
}

/** What sums take of an event. */
export type Counted = Pick<UsageEvent, 'gatewayId' | 'timestampMs' | 'failed' | 'tokens' | 'latencyMs'>;

interface Bucket {
  readonly gatewayId: number;
  readonly bucketMs: number;
  readonly sums: number[];
}

/** Adds sums to the row with this key, or makes it. */
function upsert(db: Db, table: string, key: string): BetterSqlite3.Statement<number[]> {
  const add = SUMS.map((column) => `${column} = min(${column} + excluded.${column}, ${MOST})`);
  const columns = `${key}, ${SUMS.join(', ')}`;
  const marks = columns.replaceAll(/\w+/g, '?');
  return db.prepare<number[]>(
    `INSERT INTO ${table} (${columns}) VALUES (${marks}) ON CONFLICT (${key}) DO UPDATE SET ${add.join(', ')}`,
  );
}

/** `sum` and `added`, number by number. */
function plus(sum: readonly number[] | undefined, added: readonly number[]): number[] {
  return added.map((value, index) => Math.min((sum?.[index] ?? 0) + value, MOST));
}

/** In the order of {@link SUMS}. */
function addTo(sums: number[], index: number, value: number): void {
  sums[index] = Math.min((sums[index] ?? 0) + value, MOST);
}

/** Collects what a transaction adds to `total_5min` and `total_ever` and writes it in the same transaction. */
export class Totals {
  readonly #addToBucket: BetterSqlite3.Statement<number[]>;
  readonly #addToGateway: BetterSqlite3.Statement<number[]>;
  readonly #buckets = new Map<string, Bucket>();

  constructor(db: Db) {
    this.#addToBucket = upsert(db, 'total_5min', 'gateway_id, bucket_ms');
    this.#addToGateway = upsert(db, 'total_ever', 'gateway_id');
  }

  add(event: Counted, costNano: number | null): void {
    const bucketMs = bucketOf(event.timestampMs);
    const key = `${event.gatewayId}:${bucketMs}`;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = { gatewayId: event.gatewayId, bucketMs, sums: SUMS.map(() => 0) };
      this.#buckets.set(key, bucket);
    }
    const { sums } = bucket;
    const { tokens } = event;
    addTo(sums, 0, 1);
    addTo(sums, 1, event.failed ? 1 : 0);
    addTo(sums, 2, tokens.uncachedInput);
    addTo(sums, 3, tokens.cacheRead);
    addTo(sums, 4, tokens.cacheWrite5m);
    addTo(sums, 5, tokens.cacheWrite1h);
    addTo(sums, 6, tokens.output);
    addTo(sums, 7, tokens.reasoning);
    addTo(sums, 8, costNano ?? 0);
    addTo(sums, 9, costNano === null ? 1 : 0);
    addTo(sums, 10, event.latencyMs ?? 0);
    addTo(sums, 11, event.latencyMs === null ? 0 : 1);
  }

  write(): void {
    const gateways = new Map<number, readonly number[]>();
    for (const { gatewayId, bucketMs, sums } of this.#buckets.values()) {
      this.#addToBucket.run(gatewayId, bucketMs, ...sums);
      gateways.set(gatewayId, plus(gateways.get(gatewayId), sums));
    }
    for (const [gatewayId, sums] of gateways) this.#addToGateway.run(gatewayId, ...sums);
    this.#buckets.clear();
  }

  discard(): void {
    this.#buckets.clear();
  }
}
