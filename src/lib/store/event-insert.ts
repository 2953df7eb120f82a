import type BetterSqlite3 from 'better-sqlite3';
import { createHash } from 'node:crypto';
import type { DimensionIds } from './dimensions.ts';
import { EVENT_COLUMNS, eventParams, type Param, type PreparedEvent, type StoredCost } from './event-row.ts';
import { STORED_EVENT_SELECT, storedHash, type StoredEventRow } from './stored-event.ts';
import type { Db } from './sqlite.ts';

/** Where `dup` stands in the parameters. */
const DUP = EVENT_COLUMNS.indexOf('dup');

/** Writes event rows, each event once. Inside the caller's transaction. */
export class EventInsert {
  readonly #insert: BetterSqlite3.Statement<Param[]>;
  readonly #same: BetterSqlite3.Statement<[number, bigint], StoredEventRow>;
  readonly #extra: BetterSqlite3.Statement<Param[]>;
  readonly #findText: BetterSqlite3.Statement<[Buffer], number>;
  readonly #addText: BetterSqlite3.Statement<[Buffer, string], number>;
  /** Within a savepoint: row and extra, or neither. */
  readonly #withExtra: (params: Param[], prepared: PreparedEvent) => number | null;

  constructor(db: Db) {
    const marks = EVENT_COLUMNS.map(() => '?').join(', ');
    // The target is named: `OR IGNORE` would also swallow a violated NOT NULL, and with it the event.
    this.#insert = db.prepare<Param[]>(
      `INSERT INTO event (${EVENT_COLUMNS.join(', ')}) VALUES (${marks})
       ON CONFLICT (timestamp_ms, hash64, dup) DO NOTHING`,
    );
    this.#same = db.prepare<[number, bigint], StoredEventRow>(
      `${STORED_EVENT_SELECT} WHERE e.timestamp_ms = ? AND e.hash64 = ? ORDER BY e.dup`,
    );
    this.#extra = db.prepare<Param[]>(
      `INSERT INTO event_extra (event_id, hash, timestamp, auth_snapshot_at_ms, fail_text_id)
       VALUES (?, ?, ?, ?, ?)`,
    );
    this.#findText = db.prepare<[Buffer], number>('SELECT id FROM fail_text WHERE digest = ?').pluck();
    this.#addText = db
      .prepare<[Buffer, string], number>('INSERT INTO fail_text (digest, text) VALUES (?, ?) RETURNING id')
      .pluck();
    this.#withExtra = db.transaction((params: Param[], prepared: PreparedEvent) => {
      const id = this.#insertRow(params, prepared);
      if (id !== null) this.#insertExtra(id, prepared);
      return id;
    });
  }

  /** The id of the new row, or null when this event is stored already. When it throws, nothing of it is stored. */
  insert(prepared: PreparedEvent, ids: DimensionIds, cost: StoredCost): number | null {
    const params = eventParams(prepared, ids, cost);
    return hasExtra(prepared) ? this.#withExtra(params, prepared) : this.#insertRow(params, prepared);
  }

  #insertRow(params: Param[], prepared: PreparedEvent): number | null {
    let result = this.#insert.run(...params);
    if (result.changes === 0) {
      const dup = this.#nextDup(prepared);
      if (dup === null) return null;
      params[DUP] = dup;
      result = this.#insert.run(...params);
      if (result.changes === 0) throw new Error('an event was neither stored nor found');
    }
    return Number(result.lastInsertRowid);
  }

  /** Same time and same 64 bits: the whole hashes decide. Null when one of those rows is this event. */
  #nextDup(prepared: PreparedEvent): number | null {
    let next = 0;
    for (const row of this.#same.iterate(prepared.event.timestampMs, prepared.hash64)) {
      if (storedHash(row) === prepared.event.hash) return null;
      next = row.dup + 1;
    }
    return next;
  }

  #insertExtra(id: number, { event, extra }: PreparedEvent): void {
    const textId = event.failSummary === '' ? null : this.#textId(event.failSummary);
    this.#extra.run(id, extra.hash, extra.timestamp, event.authSnapshotAtMs, textId);
  }

  #textId(text: string): number {
    const digest = createHash('sha256').update(text).digest().subarray(0, 16);
    const id = this.#findText.get(digest) ?? this.#addText.get(digest, text);
    if (id === undefined) throw new Error('a failure text was neither found nor added');
    return id;
  }
}

function hasExtra({ event, extra }: PreparedEvent): boolean {
  return (
    extra.hash !== null ||
    extra.timestamp !== null ||
    event.authSnapshotAtMs !== null ||
    event.failSummary !== ''
  );
}
