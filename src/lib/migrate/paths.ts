import { chownSync, lstatSync, statSync, type Stats } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../files.ts';

/** The folder beside a database that holds what older programs left, one folder a takeover. */
export const OLD_VOLUMES = 'pre-cpamp';
/** The same for databases of ours that a rollback put out of the way. */
export const OUR_VOLUMES = 'pre-rollback';

/** What SQLite keeps beside a main file: its log, the index of the log, and a journal where there is no log. */
export const NEIGHBOURS = ['-wal', '-shm', '-journal'] as const;
/** The main file comes first. It is the first to leave its place and the last to come back. */
export const SUFFIXES = ['', ...NEIGHBOURS] as const;

/** Where the file really is: SQLite follows symbolic links as well, and keeps its log there. */
export async function realDatabasePath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  try {
    return join(await realpath(dirname(path)), basename(path));
  } catch {
    return path;
  }
}

/** What is at a path, symbolic links not followed; null: nothing. */
export function lookAt(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}

/** Whether two names are of one file. */
export function sameFile(one: string, other: string): boolean {
  const a = lookAt(one);
  const b = lookAt(other);
  return a !== null && b !== null && a.dev === b.dev && a.ino === b.ino;
}

/**
 * Gives what root made to the owner of a file beside it: a takeover by root on the host must not leave files behind
 * that the daemon in its container cannot open.
 */
export function giveToOwnerOf(path: string, owner: { readonly uid: number; readonly gid: number }): void {
  if (process.geteuid?.() !== 0) return;
  const now = statSync(path);
  if (now.uid !== owner.uid || now.gid !== owner.gid) chownSync(path, owner.uid, owner.gid);
}

/** A name for a folder out of a time: `2026-11-21T12-00-00Z`. */
export function folderName(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-');
}
