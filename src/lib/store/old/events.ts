import type BetterSqlite3 from 'better-sqlite3';
import type { Db } from '../sqlite.ts';
import { columnsOf, type OldSchema } from './schema.ts';

/** A row of `usage_events` as it came: any column may be missing, any value may be of any type. */
export interface OldRow {
  readonly id: number;
  readonly [column: string]: unknown;
}

/** Rowids behind which nothing could be read, both ends included. */
export interface LostRows {
  readonly fromId: number;
  readonly toId: number;
}

export interface OldBatch {
  readonly rows: readonly OldRow[];
  /** In order, and none next to another. Not every rowid in there need have been an event. */
  readonly lost: readonly LostRows[];
  /** Rows of which not everything could be read; what could is in `rows`, their counts among it. */
  readonly shortened: readonly number[];
  /** Everything up to here was looked at. */
  readonly last: number;
  readonly end: boolean;
}

export interface OldBatchLimits {
  readonly rows: number;
  /** Characters of the long texts: a batch ends behind the row that passes this. */
  readonly characters: number;
}

const SHORT = (
  'request_id event_hash timestamp_ms timestamp provider executor_type model requested_model resolved_model endpoint ' +
  'method path client_ip x_forwarded_for user_agent auth_type auth_index source source_hash api_key_hash ' +
  'account_snapshot auth_label_snapshot auth_file_snapshot auth_provider_snapshot auth_project_id_snapshot ' +
  'auth_snapshot_at_ms reasoning_effort service_tier request_service_tier response_service_tier cache_input_mode ' +
  'input_tokens output_tokens reasoning_tokens cached_tokens cache_tokens cache_read_tokens cache_creation_tokens ' +
  'total_tokens latency_ms ttft_ms failed fail_status_code header_quota_recover_at_ms header_quota_used_percent ' +
  'header_quota_plan_type header_error_kind header_error_code header_trace_id created_at_ms'
).split(' ');
/** No record of a gateway is longer: a longer text is left where it is. */
const MOST_BYTES = 8 * 1024 * 1024;
const bounded = (column: string): string =>
  `CASE WHEN octet_length(${column}) <= ${MOST_BYTES} THEN ${column} END`;
/** Texts that can be long, by what they are selected as. A success has headers in the place of a failure. */
const LONG: ReadonlyMap<string, string> = new Map([
  ['fail_summary', `CASE WHEN failed IS NOT 0 THEN ${bounded('fail_summary')} END`],
  ['fail_body', `CASE WHEN failed IS NOT 0 THEN ${bounded('fail_body')} END`],
  ['response_metadata_json', bounded('response_metadata_json')],
  ['raw_json', bounded('raw_json')],
]);
/** Without these a row is none, or its counts are wrong. */
const NEEDED = /^(event_hash|timestamp_ms|model|failed|\w+_tokens)$/;
const INDEX_OF_HASHES = 'sqlite_autoindex_usage_events_1';
/** Rows that are asked for one by one before whole runs are tried again. */
const CALM = 64;
/** Rowids that are tried in one batch where nothing can be read. */
const TRIES = 5000;

type Rows = BetterSqlite3.Statement<[number, number], OldRow>;
type One = BetterSqlite3.Statement<[number], OldRow>;

/**
 * Reads the events of an old database in the order of their rowids. What a damaged page takes away is left out and
 * named; everything around it is read.
 */
export class OldEvents {
  readonly #db: Db;
  readonly #run: Rows;
  readonly #one: One;
  /** Each column alone: what lies behind a damaged page in a row takes nothing that lies before it. */
  readonly #pieces: ReadonlyMap<string, One>;
  /** Rowids up to here are asked for one by one, because somewhere before it a page is damaged. */
  #carefulTo = 0;
  #lastId: number | null = null;

  /** `only`: columns that are wanted; all without. */
  constructor(db: Db, schema: OldSchema, only?: readonly string[]) {
    const there = columnsOf(schema, 'usage_events');
    const wanted = (name: string): boolean => there.has(name) && (only?.includes(name) ?? true);
    const short = ['rowid AS id', ...SHORT.filter(wanted)];
    const long = [...LONG].filter(([name]) => wanted(name)).map(([name, sql]) => `${sql} AS ${name}`);
    const all = [...short, ...long].join(', ');
    this.#db = db;
    this.#run = db.prepare(`SELECT ${all} FROM usage_events WHERE rowid > ? ORDER BY rowid LIMIT ?`);
    this.#one = db.prepare(`SELECT ${all} FROM usage_events WHERE rowid = ?`);
    this.#pieces = new Map(
      [
        ...SHORT.filter(wanted).map((name) => [name, name] as const),
        ...[...LONG].filter(([name]) => wanted(name)),
      ].map(([name, sql]) => [
        name,
        db.prepare(`SELECT rowid AS id, ${sql} AS ${name} FROM usage_events WHERE rowid = ?`),
      ]),
    );
  }

  /** The highest rowid that there is or was, as far as it can be found out; 0 without events. */
  get lastId(): number {
    this.#lastId ??= Math.max(
      this.#number('SELECT max(rowid) FROM usage_events') ?? 0,
      this.#number(`SELECT max(rowid) FROM usage_events INDEXED BY ${INDEX_OF_HASHES}`) ?? 0,
      this.#number(`SELECT seq FROM sqlite_sequence WHERE name = 'usage_events'`) ?? 0,
    );
    return this.#lastId;
  }

  /** How many events there are; where that cannot be counted, the highest rowid. */
  get count(): number {
    return (
      this.#number('SELECT count(*) FROM usage_events') ??
      this.#number('SELECT count(*) FROM usage_events NOT INDEXED') ??
      this.lastId
    );
  }

  /** How many events the index of hashes knows among these rowids; null where it cannot tell. */
  countedIn({ fromId, toId }: LostRows): number | null {
    return this.#number(
      `SELECT count(*) FROM usage_events INDEXED BY ${INDEX_OF_HASHES} WHERE +rowid BETWEEN ${fromId} AND ${toId}`,
    );
  }

  /** Whether an event with this hash is among those up to a rowid; false also where that cannot be found out. */
  hasHash(hash: string, upToId: number): boolean {
    try {
      const found = this.#db
        .prepare<[string], number>('SELECT rowid FROM usage_events WHERE event_hash = ?')
        .pluck();
      return (found.get(hash) ?? Infinity) <= upToId;
    } catch {
      return false;
    }
  }

  /** The row with this rowid, as far as it can be read. */
  row(id: number): OldRow | null {
    try {
      return this.#one.get(id) ?? null;
    } catch {
      return this.#piecewise(id);
    }
  }

  /** Null where so much is missing that the row would say something else. */
  #piecewise(id: number): OldRow | null {
    let row: OldRow = { id };
    for (const [name, statement] of this.#pieces) {
      try {
        row = { ...row, ...statement.get(id) };
      } catch {
        if (NEEDED.test(name)) return null;
      }
    }
    return row;
  }

  /** The events behind the rowid `after`. */
  read(after: number, limits: OldBatchLimits): OldBatch {
    const batch = new Collected(after, limits);
    if (after >= this.#carefulTo) this.#readRun(batch);
    if (after < this.#carefulTo || batch.broken) this.#readSingly(batch);
    return batch.done();
  }

  #readRun(batch: Collected): void {
    try {
      for (const row of this.#run.iterate(batch.last, batch.limits.rows)) {
        // In a damaged tree rows can come twice, or without end.
        if (!(row.id > batch.last)) {
          batch.broken = true;
          return;
        }
        batch.add(row);
        if (batch.isFull) return;
      }
      batch.end = batch.size < batch.limits.rows;
    } catch {
      batch.broken = true;
    }
  }

  #readSingly(batch: Collected): void {
    let calm = 0;
    for (let tries = 0; tries < TRIES && !batch.isFull; tries += 1) {
      const id = batch.last + 1;
      if (id > this.lastId) {
        batch.end = true;
        break;
      }
      calm = this.#readOne(id, batch) ? calm + 1 : 0;
      if (calm === CALM) break;
    }
    this.#carefulTo = calm === CALM || batch.end ? batch.last : Math.max(this.#carefulTo, batch.last + 1);
  }

  /** Whether all went well; a rowid that no event has is well. */
  #readOne(id: number, batch: Collected): boolean {
    try {
      const row = this.#one.get(id);
      if (row === undefined) batch.last = id;
      else batch.add(row);
      return true;
    } catch {
      const row = this.#piecewise(id);
      if (row === null) batch.lose(id);
      else {
        batch.add(row);
        batch.shortened.push(id);
      }
      return false;
    }
  }

  #number(sql: string): number | null {
    try {
      const value = this.#db.prepare<[]>(sql).pluck().get();
      return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
    } catch {
      return null;
    }
  }
}

/** A batch that is being read. */
class Collected {
  readonly limits: OldBatchLimits;
  readonly shortened: number[] = [];
  last: number;
  end = false;
  /** A damaged page was met. */
  broken = false;
  readonly #rows: OldRow[] = [];
  readonly #lost: LostRows[] = [];
  #characters = 0;

  constructor(after: number, limits: OldBatchLimits) {
    this.limits = limits;
    this.last = after;
  }

  get size(): number {
    return this.#rows.length;
  }

  get isFull(): boolean {
    return this.#rows.length >= this.limits.rows || this.#characters > this.limits.characters;
  }

  add(row: OldRow): void {
    this.#rows.push(row);
    this.last = row.id;
    for (const name of ['raw_json', 'fail_summary', 'fail_body']) {
      const value = row[name];
      if (typeof value === 'string') this.#characters += value.length;
    }
  }

  lose(id: number): void {
    this.last = id;
    addLost(this.#lost, { fromId: id, toId: id });
  }

  done(): OldBatch {
    return {
      rows: this.#rows,
      lost: this.#lost,
      shortened: this.shortened,
      last: this.last,
      end: this.end,
    };
  }
}

/** Adds a range behind the others; what touches the last one becomes one with it. */
export function addLost(ranges: LostRows[], range: LostRows): void {
  const before = ranges.at(-1);
  if (before !== undefined && before.toId + 1 >= range.fromId) {
    ranges[ranges.length - 1] = { fromId: before.fromId, toId: Math.max(before.toId, range.toId) };
  } else ranges.push(range);
}
