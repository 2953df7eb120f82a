import type BetterSqlite3 from 'better-sqlite3';
import { createHash } from 'node:crypto';
import type { DimensionIds } from './dimensions.ts';
import {
  EVENT_COLUMNS,
  eventParams,
  type EventExtra,
  type Param,
  type PreparedEvent,
  type StoredCost,
} from './event-row.ts';
import { STORED_HASH_SELECT, storedHash, type StoredHashRow } from './stored-event.ts';
import type { Db } from './sqlite.ts';

/** Where `dup` stands in the parameters. */
const DUP = EVENT_COLUMNS.indexOf('dup');

/** By what an event is recognised: time and 64 bits of its hash in the index, and the whole hash. */
export interface EventIdentity {
  readonly timestampMs: number;
  readonly hash64: bigint;
  /** Asked only where the other two are there already. */
  readonly hash: () => string;
}

/** A row of `event_extra`. */
export interface StoredExtra extends EventExtra {
  readonly authSnapshotAtMs: number | null;
  readonly failSummary: string;
}

/** Writes event rows, each event once. Inside the caller's transaction. */
export class EventInsert {
  readonly #insert: BetterSqlite3.Statement<Param[]>;
  readonly #same: BetterSqlite3.Statement<[number, bigint], StoredHashRow>;
  readonly #extra: BetterSqlite3.Statement<Param[]>;
  readonly #findText: BetterSqlite3.Statement<[Buffer], number>;
  readonly #addText: BetterSqlite3.Statement<[Buffer, string], number>;
  #lastWasKnown = false;
  /** Within a savepoint: row and extra, or neither. */
  readonly #withExtra: (params: Param[], identity: EventIdentity, extra: StoredExtra) => number | null;

  constructor(db: Db) {
    const marks = EVENT_COLUMNS.map(() => '?').join(', ');
    // The target is named: `OR IGNORE` would also swallow a violated NOT NULL, and with it the event.
    this.#insert = db.prepare<Param[]>(
      `INSERT INTO event (${EVENT_COLUMNS.join(', ')}) VALUES (${marks})
       ON CONFLICT (timestamp_ms, hash64, dup) DO NOTHING`,
    );
    this.#same = db.prepare<[number, bigint], StoredHashRow>(
      `${STORED_HASH_SELECT} WHERE e.timestamp_ms = ? AND e.hash64 = ?`,
    );
    this.#extra = db.prepare<Param[]>(
      `INSERT INTO event_extra (event_id, hash, timestamp, auth_snapshot_at_ms, fail_text_id)
       VALUES (?, ?, ?, ?, ?)`,
    );
    this.#findText = db.prepare<[Buffer], number>('SELECT id FROM fail_text WHERE digest = ?').pluck();
    this.#addText = db
      .prepare<[Buffer, string], number>('INSERT INTO fail_text (digest, text) VALUES (?, ?) RETURNING id')
      .pluck();
    this.#withExtra = db.transaction((params: Param[], identity: EventIdentity, extra: StoredExtra) => {
      const id = this.#insertRow(params, identity);
      if (id !== null) this.#insertExtra(id, extra);
      return id;
    });
  }

  /** The id of the new row, or null when this event is stored already. When it throws, nothing of it is stored. */
  insert(prepared: PreparedEvent, ids: DimensionIds, cost: StoredCost): number | null {
    const { event, hash64 } = prepared;
    const identity = { timestampMs: event.timestampMs, hash64, hash: () => event.hash };
    return this.insertParams(eventParams(prepared, ids, cost), identity, extraOf(prepared));
  }

  /** The same for a row that was made elsewhere. `extra` is null where `event_extra` has nothing to say. */
  insertParams(params: Param[], identity: EventIdentity, extra: StoredExtra | null): number | null {
    return extra === null ? this.#insertRow(params, identity) : this.#withExtra(params, identity, extra);
  }

  /** Known events come in runs: within one, looking is cheaper than an attempt. */
  get inRun(): boolean {
    return this.#lastWasKnown;
  }

  /** Whether the event is stored already. */
  isKnown(identity: EventIdentity): boolean {
    return this.#nextDup(identity) === null;
  }

  #insertRow(params: Param[], identity: EventIdentity): number | null {
    if (!this.#lastWasKnown) {
      const result = this.#insert.run(...params);
      if (result.changes > 0) return Number(result.lastInsertRowid);
    }
    const dup = this.#nextDup(identity);
    this.#lastWasKnown = dup === null;
    if (dup === null) return null;
    params[DUP] = dup;
    const result = this.#insert.run(...params);
    if (result.changes === 0) throw new Error('an event was neither stored nor found');
    return Number(result.lastInsertRowid);
  }

  /** Same time and same 64 bits: the whole hashes decide. Null when one of those rows is this event. */
  #nextDup({ timestampMs, hash64, hash }: EventIdentity): number | null {
    let next = 0;
    let whole = '';
    // Not sorted: SQLite would plan that anew whenever a bound value changes.
    for (const row of this.#same.all(timestampMs, hash64)) {
      whole ||= hash();
      if (storedHash(row) === whole) return null;
      next = Math.max(next, row.dup + 1);
    }
    return next;
  }

  #insertExtra(id: number, extra: StoredExtra): void {
    const textId = extra.failSummary === '' ? null : this.#textId(extra.failSummary);
    this.#extra.run(id, extra.hash, extra.timestamp, extra.authSnapshotAtMs, textId);
  }

  #textId(text: string): number {
    const digest = createHash('sha256').update(text).digest().subarray(0, 16);
    const id = this.#findText.get(digest) ?? this.#addText.get(digest, text);
    if (id === undefined) throw new Error('a failure text was neither found nor added');
    return id;
  }
}

/** What `event_extra` says of an event; null where it says nothing. */
export function extraOf({ event, extra }: PreparedEvent): StoredExtra | null {
  const { hash, timestamp } = extra;
  const { authSnapshotAtMs, failSummary } = event;
  const isEmpty = hash === null && timestamp === null && authSnapshotAtMs === null && failSummary === '';
  return isEmpty ? null : { hash, timestamp, authSnapshotAtMs, failSummary };
}
