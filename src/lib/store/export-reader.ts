import type BetterSqlite3 from 'better-sqlite3';
import { STORED_EVENT_SELECT, storedEvent, type StoredEvent, type StoredEventRow } from './stored-event.ts';
import { guarded, type Db } from './sqlite.ts';

/** Which events to read; every field narrows. */
export interface ExportFilter {
  /** Epoch ms, inclusive. */
  readonly fromMs?: number;
  /** Epoch ms, exclusive. */
  readonly toMs?: number;
  readonly gatewayId?: number;
}

/** A step reads at most this much, then its read transaction is over: a longer one would keep the WAL from shrinking. */
const STEP_ROWS = 500;
const STEP_MS = 20;

interface Cursor {
  readonly timestampMs: number;
  readonly hash64: bigint;
  readonly dup: number;
}

/** An event with the base URL of its gateway, and the name by which its price version is the same everywhere. */
export interface ExportRow {
  readonly stored: StoredEvent;
  readonly gateway: string;
  /** Hex SHA-256 of the price version (its row's id means something in this database only); `''` without a price. */
  readonly price: string;
}

/**
 * Reads all events that are there when it is made, oldest first, a step at a time. Events stored meanwhile are left
 * out, also those with older times.
 */
export class ExportReader {
  readonly #step: BetterSqlite3.Statement<Array<number | bigint>, StoredEventRow>;
  readonly #gateways: ReadonlyMap<number, string>;
  readonly #priceSha: BetterSqlite3.Statement<[number], string>;
  readonly #prices = new Map<number, string>();
  readonly #filter: ExportFilter;
  readonly #upTo: number;
  /** Null when the last row was read. */
  #cursor: Cursor | null;

  constructor(db: Db, filter: ExportFilter = {}) {
    const upTo = guarded(() => db.prepare<[], number | null>('SELECT max(id) FROM event').pluck().get());
    this.#gateways = new Map(
      guarded(() =>
        db.prepare<[], { id: number; baseUrl: string }>('SELECT id, base_url AS baseUrl FROM gateway').all(),
      ).map(({ id, baseUrl }) => [id, baseUrl]),
    );
    this.#priceSha = db
      .prepare<[number], string>('SELECT lower(hex(sha256)) FROM price_version WHERE id = ?')
      .pluck();
    this.#filter = filter;
    this.#upTo = upTo ?? 0;
    this.#step = db.prepare<Array<number | bigint>, StoredEventRow>(
      `${STORED_EVENT_SELECT}
       WHERE (e.timestamp_ms, e.hash64, e.dup) > (?, ?, ?) AND e.timestamp_ms < ? AND e.id <= ?
       ORDER BY e.timestamp_ms, e.hash64, e.dup LIMIT ${STEP_ROWS}`,
    );
    // Just before the first millisecond: no row has a dup that high.
    const before = (filter.fromMs ?? Number.MIN_SAFE_INTEGER) - 1;
    this.#cursor = { timestampMs: before, hash64: 2n ** 63n - 1n, dup: Number.MAX_SAFE_INTEGER };
  }

  /** The next rows; none when all are read. */
  next(): ExportRow[] {
    while (this.#cursor !== null) {
      const rows = this.#read(this.#cursor);
      if (rows.length > 0) return rows;
    }
    return [];
  }

  #read(cursor: Cursor): ExportRow[] {
    const { timestampMs, hash64, dup } = cursor;
    const before = this.#filter.toMs ?? Number.MAX_SAFE_INTEGER;
    // Not in the statement: looking for the few rows of one gateway could take it very long.
    const { gatewayId } = this.#filter;
    const rows: ExportRow[] = [];
    const deadline = performance.now() + STEP_MS;
    let last: StoredEventRow | null = null;
    guarded(() => {
      for (const row of this.#step.iterate(timestampMs, hash64, dup, before, this.#upTo)) {
        last = row;
        if (gatewayId === undefined || gatewayId === row.gateway_id) {
          rows.push({
            stored: storedEvent(row),
            gateway: this.#gateways.get(row.gateway_id) ?? '',
            price: this.#priceOf(row.price_id),
          });
        }
        if (performance.now() > deadline) break;
      }
    });
    this.#cursor = last === null ? null : cursorOf(last);
    return rows;
  }

  #priceOf(id: number | null): string {
    if (id === null) return '';
    let sha = this.#prices.get(id);
    if (sha === undefined) {
      sha = this.#priceSha.get(id) ?? '';
      this.#prices.set(id, sha);
    }
    return sha;
  }
}

function cursorOf(row: StoredEventRow): Cursor {
  return {
    timestampMs: row.timestamp_ms,
    hash64: BigInt.asIntN(64, BigInt(`0x${row.hash_hex}`)),
    dup: row.dup,
  };
}
