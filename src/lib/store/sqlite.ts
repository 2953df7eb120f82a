import type BetterSqlite3 from 'better-sqlite3';
import { AppError } from '../errors.ts';
import { systemCode } from '../files.ts';

/** One connection to the database. */
export type Db = BetterSqlite3.Database;

/** SQLite's extended result code of an error, `''` when it is not one of SQLite. */
function sqliteCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' && error.code.startsWith('SQLITE_') ? error.code : '';
}

/** Another connection holds the lock: trying again later can succeed. */
export function isBusy(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'database_locked';
  const code = sqliteCode(error);
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
}

/** The values of one row were refused: trying again changes nothing. */
const REFUSED_VALUE = /^SQLITE_(?:CONSTRAINT|MISMATCH|TOOBIG)/;

/**
 * SQLite itself cannot work (a lock, a full disk, a damaged file): the transaction has to go. Everything else is the
 * fault of one value, or of our way with it.
 */
export function isStoreTrouble(error: unknown): boolean {
  const code = sqliteCode(error);
  return error instanceof AppError || (code !== '' && !REFUSED_VALUE.test(code));
}

/**
 * What SQLite threw, as an error a user can meet: `database_locked`, `disk_full`, `database_foreign` or
 * `database_failed`. An AppError passes unchanged.
 */
export function toStoreError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isBusy(error)) return new AppError('database_locked', { cause: error });
  const code = sqliteCode(error);
  // ENOSPC comes as FULL from the file and as IOERR_SHMSIZE from the shared memory beside it.
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') {
    return new AppError('disk_full', { cause: error });
  }
  if (code === 'SQLITE_NOTADB') {
    return new AppError('database_foreign', { detail: 'the file is not an SQLite database', cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  const detail = code === '' ? message : `${message} (${code})`;
  if (!isForbidden(code, error)) return new AppError('database_failed', { detail, cause: error });
  return new AppError('database_failed', {
    detail: `uid ${process.getuid?.() ?? '?'} may not use it, or the disk is read-only: ${detail}`,
    hint: 'Run this as the user that the data directory belongs to. Reading needs to write there too: it keeps an index of the log.',
    cause: error,
  });
}

/** The system forbids it: the file, its folder, or a whole disk. */
function isForbidden(code: string, error: unknown): boolean {
  return (
    /^SQLITE_(?:READONLY|CANTOPEN|PERM|AUTH)/.test(code) ||
    ['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error))
  );
}

/** Runs `work` and turns what it throws into an AppError. */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toStoreError(error);
  }
}
