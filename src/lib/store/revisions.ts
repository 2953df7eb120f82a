import type BetterSqlite3 from 'better-sqlite3';
import type { Db } from './sqlite.ts';

/** What `meta` keeps a revision of. */
export type Topic = 'events' | 'dead_letters' | 'prices' | 'settings' | 'gaps' | 'gateways' | 'aliases';

/** Revisions by topic: whoever keeps something of the database in memory sees by them that it is out of date. */
export class Revisions {
  readonly #raise: BetterSqlite3.Statement<[string, number], number>;
  readonly #raiseOnly: BetterSqlite3.Statement<[string], number>;
  readonly #read: BetterSqlite3.Statement<[string], number>;

  constructor(db: Db) {
    this.#raise = db
      .prepare<[string, number], number>(
        `INSERT INTO meta (name, revision, changed_at_ms) VALUES (?, 1, ?)
         ON CONFLICT (name) DO UPDATE SET revision = revision + 1, changed_at_ms = excluded.changed_at_ms
         RETURNING revision`,
      )
      .pluck();
    this.#raiseOnly = db
      .prepare<[string], number>(
        `INSERT INTO meta (name, revision, changed_at_ms) VALUES (?, 1, 0)
         ON CONFLICT (name) DO UPDATE SET revision = revision + 1 RETURNING revision`,
      )
      .pluck();
    this.#read = db.prepare<[string], number>('SELECT revision FROM meta WHERE name = ?').pluck();
  }

  /** In the transaction of the write itself. Answers the new revision. */
  raise(topic: Topic, nowMs: number): number {
    return this.#raise.get(topic, nowMs) ?? 0;
  }

  /** For rows that were changed and none that came: when something last came stays what it was. */
  raiseOnly(topic: Topic): number {
    return this.#raiseOnly.get(topic) ?? 0;
  }

  /** 0 when it was never written. */
  of(topic: Topic): number {
    return this.#read.get(topic) ?? 0;
  }
}
