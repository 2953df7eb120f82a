import type BetterSqlite3 from 'better-sqlite3';
import { afterEvent, signed, type ExportCursor, type TimeKey } from './export-cursor.ts';
import type { Condition } from './id-prefix.ts';
import { EVERY_EVENT, filterConditions, type EventFilter } from './queries/event-filter.ts';
import { TIME_INDEX } from './queries/events.ts';
import type { Steps } from './queries/index.ts';
import { guarded, type Db } from './sqlite.ts';
import { STORED_EVENT_SELECT, storedEvent, type StoredEvent, type StoredEventRow } from './stored-event.ts';

/** Which events to export. What is left out does not narrow. */
export interface ExportSelection {
  readonly filter?: Partial<EventFilter>;
  /** Where an export before this one has ended. */
  readonly after?: ExportCursor | null;
  /** At most so many, the oldest. */
  readonly limit?: number | null;
}

/**
 * A step finds at most so many rows, or takes so long, and looks through at most so many of the index. The rows of a step
 * are so few that most of them are gone before the nursery of the heap is full: what is not is copied, twice.
 */
const STEP_ROWS = 200;
const STEP_MS = 20;
const STEP_SCAN = 5000;
const STEP_IDS = 5000;

/** An event with the base URL of its gateway, and the name by which its price version is the same everywhere. */
export interface ExportRow {
  readonly stored: StoredEvent;
  readonly gateway: string;
  /** Hex SHA-256 of the price version (its row's id means something in this database only); `''` without a price. */
  readonly price: string;
}

type Parameter = string | number | bigint | Buffer;

/** Events of one set of ids, on the way from their oldest to their newest. */
interface Walk {
  readonly afterId: number;
  readonly upToId: number;
  /** Null: not begun. */
  at: TimeKey | null;
  /** The id up to which the times of new events were looked at, to know where to begin. */
  lookedTo: number;
  earliestMs: number;
}

/**
 * Reads the events that are there when it is made, oldest first, a step at a time. Events stored meanwhile are left out,
 * also those with older times. Each step is a read transaction of its own: what stands between two of them, however long,
 * holds nothing.
 */
export class ExportReader {
  readonly #db: Db;
  readonly #bound: BetterSqlite3.Statement<Parameter[], { ms: number; hash: string; dup: number }>;
  readonly #rows: BetterSqlite3.Statement<Parameter[], StoredEventRow>;
  readonly #parameters: readonly Parameter[];
  readonly #gateways: ReadonlyMap<number, string>;
  readonly #priceSha: BetterSqlite3.Statement<[number], string>;
  readonly #prices = new Map<number, string>();
  readonly #filter: EventFilter;
  /** Behind the last row that is wanted. */
  readonly #end: TimeKey;
  readonly #walks: Walk[];
  readonly #upToId: number;
  readonly #span: { readonly fromMs: number; readonly toMs: number };
  /** Rows up to here can be looked for in one step; null: find out. */
  #reach: TimeKey | null = null;
  #left: number;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(db: Db, { filter = {}, after = null, limit = null }: ExportSelection = {}) {
    this.#db = db;
    this.#filter = { ...EVERY_EVENT, ...filter };
    const newest = guarded(() => db.prepare<[], number | null>('SELECT max(id) FROM event').pluck().get());
    const start = after ?? afterEvent(0);
    this.#upToId = Math.max(newest ?? 0, start.upToId);
    const conditions = guarded(() => whole(filterConditions(db, this.#filter)));
    this.#walks = conditions === null ? [] : walksOf(start, this.#upToId);
    const { sql, params } = joined(conditions ?? []);
    this.#parameters = params;
    this.#gateways = new Map(
      guarded(() =>
        db.prepare<[], { id: number; baseUrl: string }>('SELECT id, base_url AS baseUrl FROM gateway').all(),
      ).map(({ id, baseUrl }) => [id, baseUrl]),
    );
    this.#priceSha = db
      .prepare<[number], string>('SELECT lower(hex(sha256)) FROM price_version WHERE id = ?')
      .pluck();
    this.#bound = db.prepare(
      `SELECT timestamp_ms AS ms, printf('%016x', hash64) AS hash, dup FROM event INDEXED BY ${TIME_INDEX}
       WHERE (timestamp_ms, hash64, dup) > (?, ?, ?) AND timestamp_ms < ?
       ORDER BY timestamp_ms, hash64, dup LIMIT 1 OFFSET ${STEP_SCAN - 1}`,
    );
    this.#rows = db.prepare(
      `${STORED_EVENT_SELECT}
       WHERE (e.timestamp_ms, e.hash64, e.dup) > (?, ?, ?) AND (e.timestamp_ms, e.hash64, e.dup) <= (?, ?, ?)
         AND e.id > ? AND e.id <= ?${sql}
       ORDER BY e.timestamp_ms, e.hash64, e.dup LIMIT ?`,
    );
    this.#end = before(this.#filter.toMs ?? Number.MAX_SAFE_INTEGER);
    this.#left = limit ?? Number.MAX_SAFE_INTEGER;
    this.#span = guarded(() => spanOf(db, this.#filter));
  }

  /** The next rows; none when all are read. */
  next(): ExportRow[] {
    for (;;) {
      const rows = this.step();
      if (rows === null) return [];
      if (rows.length > 0) return rows;
    }
  }

  /** What one step finds, which may be nothing; null when all are read. */
  step(): ExportRow[] | null {
    const [walk] = this.#walks;
    if (walk === undefined || this.#left === 0) return null;
    return guarded(() => {
      if (walk.at === null && !this.#begin(walk)) return [];
      return this.#read(walk, walk.at ?? this.#beginning(walk));
    });
  }

  /** Where another export goes on. */
  get cursor(): ExportCursor {
    const [walk] = this.#walks;
    if (walk === undefined) return afterEvent(this.#upToId);
    const { afterId, upToId, at } = walk;
    // Nothing of it was read.
    return at === null ? afterEvent(afterId) : { afterId, upToId, at };
  }

  /** How much of the time that there are events of is behind, 0 to 1. */
  get fraction(): number {
    if (this.#walks.length === 0) return 1;
    const { fromMs, toMs } = this.#span;
    return toMs <= fromMs ? 0 : Math.min(1, Math.max(0, (this.#lastMs - fromMs) / (toMs - fromMs)));
  }

  /**
   * Looks where the events that are new since an export before begin: mostly at the end of all. Answers whether that is
   * known.
   */
  #begin(walk: Walk): boolean {
    if (walk.afterId === 0 || walk.lookedTo >= walk.upToId) return true;
    const upTo = Math.min(walk.upToId, walk.lookedTo + STEP_IDS);
    const earliest = this.#db
      .prepare<[number, number], number | null>(
        'SELECT min(timestamp_ms) FROM event WHERE id > ? AND id <= ?',
      )
      .pluck()
      .get(walk.lookedTo, upTo);
    walk.lookedTo = upTo;
    walk.earliestMs = Math.min(walk.earliestMs, earliest ?? Number.MAX_SAFE_INTEGER);
    return false;
  }

  #beginning(walk: Walk): TimeKey {
    const fromMs = this.#filter.fromMs ?? Number.MIN_SAFE_INTEGER + 1;
    return before(walk.afterId === 0 ? fromMs : Math.max(fromMs, walk.earliestMs));
  }

  #read(walk: Walk, from: TimeKey): ExportRow[] {
    this.#reach ??= this.#reachFrom(from);
    const reach = this.#reach;
    const most = Math.min(STEP_ROWS, this.#left);
    const deadline = performance.now() + STEP_MS;
    const rows: ExportRow[] = [];
    let last: StoredEventRow | null = null;
    let isWhole = true;
    for (const row of this.#rows.iterate(
      ...values(from),
      ...values(reach),
      walk.afterId,
      walk.upToId,
      ...this.#parameters,
      most,
    )) {
      last = row;
      rows.push({
        stored: storedEvent(row),
        gateway: this.#gateways.get(row.gateway_id) ?? '',
        price: this.#priceOf(row.price_id),
      });
      if (rows.length === most || performance.now() > deadline) {
        isWhole = false;
        break;
      }
    }
    this.#left -= rows.length;
    if (!isWhole && last !== null) {
      walk.at = { timestampMs: last.timestamp_ms, hash64: signed(last.hash_hex), dup: last.dup };
      this.#lastMs = last.timestamp_ms;
    } else {
      walk.at = reach;
      this.#lastMs = reach.timestampMs;
      this.#reach = null;
      if (reach === this.#end) this.#walks.shift();
    }
    return rows;
  }

  #reachFrom(from: TimeKey): TimeKey {
    const found = this.#bound.get(...values(from), this.#end.timestampMs + 1);
    return found === undefined
      ? this.#end
      : { timestampMs: found.ms, hash64: signed(found.hash), dup: found.dup };
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

/** First what an export before has left, then what is new since. */
function walksOf({ afterId, upToId, at }: ExportCursor, newest: number): Walk[] {
  const all: Walk[] = [];
  const walk = (after: number, upTo: number, key: TimeKey | null): void => {
    const earliestMs = Number.MAX_SAFE_INTEGER;
    if (upTo > after) all.push({ afterId: after, upToId: upTo, at: key, lookedTo: after, earliestMs });
  };
  if (at !== null) walk(afterId, upToId, at);
  walk(upToId, newest, null);
  return all;
}

/** Behind all that is before this millisecond: no row has a hash and a dup that high. */
function before(ms: number): TimeKey {
  return { timestampMs: ms - 1, hash64: 2n ** 63n - 1n, dup: Number.MAX_SAFE_INTEGER };
}

function values({ timestampMs, hash64, dup }: TimeKey): [number, bigint, number] {
  return [timestampMs, hash64, dup];
}

function joined(conditions: readonly Condition[]): { sql: string; params: Parameter[] } {
  return {
    sql: conditions.map(({ sql }) => ` AND ${sql}`).join(''),
    params: conditions.flatMap(({ params }) => params),
  };
}

/** All steps at once: they are short, and nobody else waits here. */
function whole<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

function spanOf(db: Db, { fromMs, toMs }: EventFilter): { fromMs: number; toMs: number } {
  const end = (which: 'min' | 'max'): number | null | undefined =>
    db
      .prepare<[number, number], number | null>(
        `SELECT ${which}(timestamp_ms) FROM event WHERE timestamp_ms >= ? AND timestamp_ms < ?`,
      )
      .pluck()
      .get(fromMs ?? Number.MIN_SAFE_INTEGER, toMs ?? Number.MAX_SAFE_INTEGER);
  return { fromMs: end('min') ?? 0, toMs: end('max') ?? 0 };
}
