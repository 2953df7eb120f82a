import Database from 'better-sqlite3';
import { isBusy, type Db } from '../sqlite.ts';

export interface Exclusive {
  /** Lets go. No byte of the file was changed. */
  release(): void;
}

/**
 * Takes the whole database file for this process: null while any other connection has it open in WAL mode, or reads
 * or writes it in another. `path` must be a link to the main file in a folder of its own, without its log: then
 * SQLite keeps its index in memory, reads page 1 alone and finds nothing to write. Throws what SQLite throws when
 * the file cannot be locked.
 */
export function takeExclusive(path: string): Exclusive | null {
  let db: Db | null = null;
  try {
    db = new Database(path, { fileMustExist: true, timeout: 0 });
    // Before the first look at the file: in WAL mode it is this that asks for the lock on all of it.
    db.pragma('locking_mode = EXCLUSIVE');
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db?.close();
    if (isBusy(error)) return null;
    throw error;
  }
  const held = db;
  return {
    release: () => {
      if (!held.open) return;
      held.exec('ROLLBACK');
      held.close();
    },
  };
}
