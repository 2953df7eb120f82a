import Database from 'better-sqlite3';
import { closeSync, openSync } from 'node:fs';
import { access, constants, readFile, realpath, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { AppError } from './errors.ts';
import { systemCode, writeFileAtomic } from './files.ts';

/** Who says that he holds a lock. A hint for people, never a proof: only SQLite knows whether the lock is held. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** Epoch ms. */
  readonly sinceMs: number;
  /** The command that runs, such as `serve`. */
  readonly command: string;
}

export interface Lock {
  readonly path: string;
  release(): Promise<void>;
}

/**
 * The lock file of the one daemon of a database: beside it, and named after it, because two databases may share a
 * folder. Symbolic links are followed first, so that one database has one lock whatever path led to it.
 */
export async function serveLockPath(dbPath: string): Promise<string> {
  return `${await realPathOf(dbPath)}.serve.lock`;
}

/**
 * Takes a lock that the system gives back when the process ends in whatever way: an exclusive SQLite transaction on
 * `path`, which is made if need be and stays empty. Rejects with `database_held`, naming the holder, when somebody
 * has it, and with `data_dir_unusable` when the file cannot be made or written.
 */
export async function acquireLock(path: string, command: string, nowMs: number): Promise<Lock> {
  await ensureLockFile(path);
  let database: Database.Database | null = null;
  try {
    database = new Database(path, { timeout: 0, fileMustExist: true });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (systemCode(error).startsWith('SQLITE_BUSY')) {
      throw new AppError('database_held', { detail: describe(await readLockHolder(path)), cause: error });
    }
    throw new AppError('data_dir_unusable', {
      detail: `the lock ${path} cannot be taken (${systemCode(error) || String(error)})`,
      hint: 'Remove that file while no cpamp runs; it holds nothing.',
      cause: error,
    });
  }
  const held = database;
  const holder: LockHolder = { pid: process.pid, host: hostname(), sinceMs: nowMs, command };
  // Without the name of its holder the lock is as good, so a full disk is no reason to fail here.
  await writeFileAtomic(holderPath(path), `${JSON.stringify(holder)}\n`).catch(() => {});
  return {
    path,
    release: async () => {
      if (!held.open) return;
      await rm(holderPath(path), { force: true }).catch(() => {});
      held.close();
    },
  };
}

/** Who last took the lock. `null` when nobody left a name, or left it on this machine and is gone. */
export async function readLockHolder(path: string): Promise<LockHolder | null> {
  let row: unknown;
  try {
    row = JSON.parse(await readFile(holderPath(path), 'utf8'));
  } catch {
    return null;
  }
  if (
    typeof row !== 'object' ||
    row === null ||
    !('pid' in row && 'host' in row && 'sinceMs' in row && 'command' in row)
  ) {
    return null;
  }
  const { pid, host, sinceMs, command } = row;
  if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(sinceMs)) return null;
  if (typeof pid !== 'number' || typeof sinceMs !== 'number') return null;
  if (typeof host !== 'string' || typeof command !== 'string') return null;
  if (host === hostname() && !isAlive(pid)) return null;
  return { pid, host, sinceMs, command };
}

function describe(holder: LockHolder | null): string {
  if (!holder) return 'its process did not leave its name';
  const since = new Date(holder.sinceMs).toISOString();
  return `cpamp ${holder.command}, process ${holder.pid} on ${holder.host}, since ${since}`;
}

/**
 * Makes the file with our mode, because SQLite would make it readable for all. It is never opened here once it exists:
 * closing such a handle would drop the locks that this process holds on it through SQLite (POSIX locks belong to the
 * process and the file, not to the handle).
 */
async function ensureLockFile(path: string): Promise<void> {
  try {
    // In one go, so that no other caller in this process can come in between.
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw unusable(path, error);
  }
  try {
    // On a file that it may only read, SQLite would turn the exclusive transaction into a shared one, for everybody.
    await access(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): AppError {
  return new AppError('data_dir_unusable', {
    detail: `${path} (${systemCode(cause) || 'unknown error'}) as uid ${process.getuid?.() ?? '?'}`,
    hint: `Give the directory and the files in it to that user: ${dirname(path)}`,
    cause,
  });
}

function holderPath(path: string): string {
  return `${path}.holder`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Anything but "no such process" comes from one that is there.
    return systemCode(error) !== 'ESRCH';
  }
}

async function realPathOf(path: string): Promise<string> {
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
