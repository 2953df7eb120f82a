import fs from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { AppError } from '../errors.ts';
import { APPLICATION_ID, inspectDatabase, newer, refuseForeign } from './inspect.ts';
import { migrate } from './migrate.ts';
import { SCHEMA_VERSION } from './migrations/index.ts';
import { guarded, type Db } from './sqlite.ts';

/** SQLite cuts the WAL file back to this size when it starts it anew. */
export const JOURNAL_SIZE_LIMIT = 64 * 1024 * 1024;

export interface OpenOptions {
  /** `write` creates and migrates the file; `read` never changes a row. */
  readonly mode: 'write' | 'read';
  /** How long SQLite itself waits for a lock. 250 ms for writing, 0 for reading. */
  readonly busyTimeoutMs?: number;
  /**
   * This process has another connection to the same file (so the file is known to be ours): it is not looked at
   * with `fs`, because closing the descriptor would drop SQLite's locks.
   */
  readonly beside?: boolean;
}

/**
 * Opens our database. Throws AppError: `database_foreign` (not one byte of that file was changed), `database_newer`,
 * `database_locked`, `disk_full`, `database_failed`; `database_missing` where there is none to read.
 */
export function openDatabase(path: string, options: OpenOptions): Db {
  if (options.beside !== true) {
    const found = guarded(() => inspectDatabase(path));
    refuseForeign(path, found, SCHEMA_VERSION);
    if (found.kind === 'missing') {
      if (options.mode === 'read') {
        throw new AppError('database_missing', { detail: path });
      }
      guarded(() => createEmpty(path));
    }
  }
  const db = guarded(
    () =>
      new Database(path, {
        readonly: options.mode === 'read',
        fileMustExist: true,
        timeout: options.busyTimeoutMs ?? (options.mode === 'write' ? 250 : 0),
      }),
  );
  try {
    guarded(() => (options.mode === 'write' ? prepareWriting(db, path) : prepareReading(db, path)));
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** An empty file that only its owner can read; `-wal` and `-shm` get its mode from SQLite. */
function createEmpty(path: string): void {
  fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (fs.existsSync(path)) return;
  fs.closeSync(fs.openSync(path, 'wx', 0o600));
}

function number(db: Db, pragma: string): number {
  return Number(db.pragma(pragma, { simple: true }));
}

function prepareWriting(db: Db, path: string): void {
  db.pragma('foreign_keys = ON');
  db.pragma('synchronous = FULL');
  if (number(db, 'page_count') === 0) {
    // Before the first page exists: neither can be changed later. And before WAL: so the main file says whose it
    // is from the first byte on, whatever happens to the log.
    db.pragma('auto_vacuum = INCREMENTAL');
    db.pragma(`application_id = ${APPLICATION_ID}`);
  }
  // In KiB. New rows go to the end of the table and its index, so a few pages serve.
  db.pragma('cache_size = -8000');
  checkOurs(db, path);
  const isOlder = number(db, 'user_version') < SCHEMA_VERSION;
  migrate(db);
  db.pragma('journal_mode = WAL');
  db.pragma(`journal_size_limit = ${JOURNAL_SIZE_LIMIT}`);
  // Checkpoints are the writer's, in idle time.
  db.pragma('wal_autocheckpoint = 0');
  // Commands look for the version in the file itself before they open it, and not in the log beside it.
  if (isOlder) db.pragma('wal_checkpoint(PASSIVE)');
}

function prepareReading(db: Db, path: string): void {
  // In KiB. Readers walk through or look at single rows; several of them live in one process.
  db.pragma('cache_size = -4000');
  checkOurs(db, path);
  const version = number(db, 'user_version');
  if (version < SCHEMA_VERSION) {
    throw new AppError('database_failed', {
      detail: `${path} still has schema ${version} and this program needs ${SCHEMA_VERSION}`,
      hint: 'Start the daemon once: it brings the database up to date.',
    });
  }
}

function checkOurs(db: Db, path: string): void {
  if (number(db, 'application_id') !== APPLICATION_ID) {
    throw new AppError('database_foreign', { detail: path });
  }
  const version = number(db, 'user_version');
  if (version > SCHEMA_VERSION) throw newer(path, version, SCHEMA_VERSION);
}
