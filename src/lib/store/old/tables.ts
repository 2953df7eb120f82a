import type BetterSqlite3 from 'better-sqlite3';
import type { Db } from '../sqlite.ts';
import { columnsOf, type OldSchema } from './schema.ts';

/** A row of a small table as it came. */
export type OldTableRow = Readonly<Record<string, unknown>>;

/** Rows of a small table, and whether a damaged page ended the reading. */
export interface OldTable {
  readonly rows: readonly OldTableRow[];
  readonly broken: boolean;
}

/** Far more than any of these tables has; somebody else's file could have any number. */
const MOST_ROWS = 200_000;
const NAME = /^[a-z_0-9]+$/;

/** Every row of a table in the order in which it was written; empty where the table is missing. */
export function readTable(db: Db, schema: OldSchema, table: string): OldTable {
  const rows: OldTableRow[] = [];
  if (!schema.tables.has(table) || !NAME.test(table)) return { rows, broken: false };
  try {
    const all = db.prepare<[number], OldTableRow>(`SELECT * FROM ${table} LIMIT ?`);
    for (const row of all.iterate(MOST_ROWS)) rows.push(row);
    return { rows, broken: false };
  } catch {
    return { rows, broken: true };
  }
}

/** How many rows a table has; null where that cannot be counted, or the table is missing. */
export function countRows(db: Db, schema: OldSchema, table: string): number | null {
  if (!schema.tables.has(table) || !NAME.test(table)) return null;
  try {
    return db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;
  } catch {
    return null;
  }
}

/** The value of a row of `settings`; null where there is none, or it cannot be read. */
export function oldSetting(db: Db, schema: OldSchema, key: string): string | null {
  if (!columnsOf(schema, 'settings').has('value')) return null;
  try {
    const value = db.prepare<[string]>('SELECT value FROM settings WHERE key = ?').pluck().get(key);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

/** A record that an older program could not read. */
export interface OldLetter {
  readonly id: number;
  readonly payload: unknown;
  readonly createdAtMs: unknown;
}

/** Dead letters one after the other: each can be large. What cannot be read is passed over. */
export class OldLetters {
  readonly #next: BetterSqlite3.Statement<[number], OldLetter> | null;
  readonly #count: number;

  constructor(db: Db, schema: OldSchema) {
    this.#count = countRows(db, schema, 'dead_letter_events') ?? 0;
    this.#next = columnsOf(schema, 'dead_letter_events').has('payload')
      ? db.prepare(
          `SELECT rowid AS id, payload, created_at_ms AS createdAtMs FROM dead_letter_events
           WHERE rowid > ? ORDER BY rowid LIMIT 1`,
        )
      : null;
  }

  get count(): number {
    return this.#count;
  }

  *[Symbol.iterator](): Generator<OldLetter> {
    let last = 0;
    let failures = 0;
    while (failures <= this.#count) {
      try {
        const letter = this.#next?.get(last);
        if (letter === undefined || !(letter.id > last)) return;
        last = letter.id;
        yield letter;
      } catch {
        last += 1;
        failures += 1;
      }
    }
  }
}
