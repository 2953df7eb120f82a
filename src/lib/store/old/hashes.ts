import type BetterSqlite3 from 'better-sqlite3';
import type { Db } from '../sqlite.ts';

/** The hashes of the events of an old database, to tell which events are not from there. */
export class OldHashes {
  readonly #find: BetterSqlite3.Statement<[string], number>;

  constructor(db: Db) {
    this.#find = db.prepare<[string], number>('SELECT 1 FROM usage_events WHERE event_hash = ?').pluck();
  }

  /** False also where a damaged page hides it: the event is then kept once more, and never lost. */
  has(hash: string): boolean {
    try {
      return this.#find.get(hash) !== undefined;
    } catch {
      return false;
    }
  }
}
