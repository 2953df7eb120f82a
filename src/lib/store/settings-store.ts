import type BetterSqlite3 from 'better-sqlite3';
import { AppError } from '../errors.ts';
import { inspectDatabase, refuseForeign } from './inspect.ts';
import { SCHEMA_VERSION } from './migrations/index.ts';
import { openDatabase } from './open.ts';
import { Revisions } from './revisions.ts';
import { guarded, type Db } from './sqlite.ts';
import { saveSettings } from './state-store.ts';

/** A person waits: another process that writes is through by then, or holds the database for good. */
const BUSY_MS = 5_000;

/**
 * Whether there is a database, and whether it has to be made or brought up to date before it can be used, which is only
 * for whoever holds the lock of the daemon. Throws `database_foreign` and `database_newer`.
 */
export function databaseState(path: string): 'missing' | 'outdated' | 'ready' {
  const found = guarded(() => inspectDatabase(path));
  refuseForeign(path, found, SCHEMA_VERSION);
  if (found.kind === 'missing') return 'missing';
  return found.kind === 'ours' && found.schemaVersion < SCHEMA_VERSION ? 'outdated' : 'ready';
}

/** Makes the database, or brings it up to date. The caller holds the lock of the daemon. Throws AppError. */
export function makeDatabase(path: string): void {
  openDatabase(path, { mode: 'write', busyTimeoutMs: BUSY_MS }).close();
}

/** The settings of a database, for a command that changes them alone or beside a daemon. Every method throws AppError. */
export class SettingsStore {
  readonly #db: Db;
  readonly #setting: BetterSqlite3.Statement<[string], string>;
  readonly #letters: BetterSqlite3.Statement<[], number>;

  /** Throws also `database_failed` for a database that has to be brought up to date first: a daemon may run on it. */
  constructor(path: string) {
    const state = databaseState(path);
    if (state === 'missing') throw new AppError('database_missing', { detail: path });
    if (state === 'outdated') {
      throw new AppError('database_failed', {
        detail: `${path} is of an older version`,
        hint: 'Start the daemon once: it brings the database up to date.',
      });
    }
    this.#db = openDatabase(path, { mode: 'write', busyTimeoutMs: BUSY_MS });
    this.#setting = this.#db.prepare<[string], string>('SELECT value FROM settings WHERE key = ?').pluck();
    this.#letters = this.#db.prepare<[], number>('SELECT count(*) FROM dead_letter').pluck();
  }

  setting(key: string): string | null {
    return guarded(() => this.#setting.get(key) ?? null);
  }

  deadLetterCount(): number {
    return guarded(() => this.#letters.get() ?? 0);
  }

  /** All rows or none; `null` deletes one. Readers of the settings see by the revision that there is something new. */
  save(rows: ReadonlyMap<string, string | null>, nowMs: number): void {
    guarded(() =>
      this.#db
        .transaction(() => {
          new Revisions(this.#db).raise('settings', nowMs);
          saveSettings(this.#db, rows, nowMs);
        })
        .immediate(),
    );
  }

  close(): void {
    this.#db.close();
  }
}
