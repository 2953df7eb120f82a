import Database from 'better-sqlite3';
import { AppError } from '../../errors.ts';
import { toStoreError, type Db } from '../sqlite.ts';

/** Somebody may still be bringing its log into the file. */
const BUSY_MS = 2000;

/**
 * Opens the database of an older program for reading; nothing of ours ever opens it otherwise. Its newest rows may still
 * be in the log beside it, for which SQLite writes the `-shm` anew. Throws AppError.
 */
export function openOld(path: string): Db {
  let db: Db;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  } catch (error) {
    throw oldTrouble(path, error);
  }
  try {
    // Only this looks into the file.
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    // What is not in its schema as it says cannot be run, and a huge row is read once.
    db.pragma('trusted_schema = OFF');
    db.pragma('cache_size = -8000');
    return db;
  } catch (error) {
    db.close();
    throw oldTrouble(path, error);
  }
}

function oldTrouble(path: string, error: unknown): AppError {
  const known = toStoreError(error);
  if (known.code === 'database_locked') return known;
  const why = error instanceof Error ? error.message : String(error);
  return new AppError('database_failed', {
    detail: `the old database ${path} cannot be read: ${why}`,
    cause: error,
  });
}
