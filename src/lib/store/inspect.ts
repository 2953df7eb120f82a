import fs from 'node:fs';
import { AppError } from '../errors.ts';

/** `application_id` of our database files: "CPMP" in ASCII. */
export const APPLICATION_ID = 0x43504d50;

const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
/** Names of tables are looked for in the first part of a file: the schema is written there first. */
const LOOK_BYTES = 4 * 1024 * 1024;

/** What lies at the path of the database. */
export type Found =
  | { readonly kind: 'missing' }
  | { readonly kind: 'ours'; readonly schemaVersion: number }
  | { readonly kind: 'foreign'; readonly detail: string };

function head(path: string, bytes: number): Buffer {
  const fd = fs.openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    return buffer.subarray(0, fs.readSync(fd, buffer, 0, bytes, 0));
  } finally {
    fs.closeSync(fd);
  }
}

function size(path: string): number {
  return fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Says which program a foreign SQLite file seems to come from, by the table names in it and in its WAL. */
function describe(path: string): string {
  const texts = [path, `${path}-wal`].filter((file) => size(file) > 0).map((file) => head(file, LOOK_BYTES));
  const names = (name: string): boolean => texts.some((text) => text.includes(name));
  if (names('usage_monitoring_') || names('usage_event_identity_ledger')) {
    return 'it is the database of CPA-Manager-Plus';
  }
  if (names('usage_events')) return 'it is the database of CPA-Manager';
  return 'it is the SQLite database of another program';
}

/**
 * How a rollback journal begins: its magic number, or zeros until it was synced and after it is over. The pages that
 * the database had at its start are at offset 16.
 */
const JOURNAL_STARTS = ['d9d505f920a163d7', '0000000000000000'];
const JOURNAL_HEADER_BYTES = 28;

/** A rollback journal begun on an empty database, as ours is when a kill meets its first statement. */
function restoresNothing(journal: string): boolean {
  const header = head(journal, JOURNAL_HEADER_BYTES);
  if (header.length < JOURNAL_HEADER_BYTES) return false;
  return JOURNAL_STARTS.includes(header.toString('hex', 0, 8)) && header.readUInt32BE(16) === 0;
}

/** The log or journal that lies beside no database or an empty one and belongs to another; null: none. */
function lonelyNeighbour(path: string): string | null {
  const wal = `${path}-wal`;
  if (size(wal) > 0) return wal;
  const journal = `${path}-journal`;
  return size(journal) > 0 && !restoresNothing(journal) ? journal : null;
}

/**
 * The plan of a restore that is exchanging the database: while it lies there, what has the names of the database and of
 * what belongs to it may be half old and half new.
 */
export function restoringPath(dbPath: string): string {
  return `${dbPath}.restoring`;
}

/** Throws `restore_unfinished` while a restore is exchanging the database, or was interrupted there. */
export function refuseUnfinished(dbPath: string): void {
  if (fs.existsSync(restoringPath(dbPath))) throw new AppError('restore_unfinished', { detail: dbPath });
}

/**
 * Looks at the file and its neighbours without SQLite, which would create `-wal` and `-shm` beside a foreign
 * database just by reading it. Call it only while this process has no connection to the file: closing a descriptor
 * drops all POSIX locks that the process holds on it, those of SQLite included. Throws `restore_unfinished`.
 */
export function inspectDatabase(path: string): Found {
  refuseUnfinished(path);
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() === false) return { kind: 'foreign', detail: 'it is not a file' };
  if (stat === undefined || stat.size === 0) {
    // SQLite deletes the log or journal of a database that it finds empty, and the rows in it are gone.
    const lonely = lonelyNeighbour(path);
    if (lonely !== null) return { kind: 'foreign', detail: `${lonely} lies there without its database` };
    return { kind: 'missing' };
  }
  const header = head(path, HEADER_BYTES);
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    return { kind: 'foreign', detail: 'the file is not an SQLite database' };
  }
  // Offsets 60 and 68 of the SQLite file format: user_version and application_id.
  if (header.readUInt32BE(68) !== APPLICATION_ID) return { kind: 'foreign', detail: describe(path) };
  return { kind: 'ours', schemaVersion: header.readUInt32BE(60) };
}

/** Throws `database_foreign` or `database_newer` for a file that this program must not touch. */
export function refuseForeign(path: string, found: Found, newest: number): void {
  if (found.kind === 'foreign') {
    throw new AppError('database_foreign', { detail: `${path}: ${found.detail}` });
  }
  if (found.kind === 'ours' && found.schemaVersion > newest) throw newer(path, found.schemaVersion, newest);
}

export function newer(path: string, version: number, newest: number): AppError {
  return new AppError('database_newer', {
    detail: `${path} has schema ${version}, this program knows ${newest}`,
  });
}
