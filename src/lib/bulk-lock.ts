import { AppError } from './errors.ts';
import { acquireLock, serveLockPath, type Lock } from './lock.ts';

/** The lock of whoever changes many rows of a database: beside it, and named after it. */
export async function bulkLockPath(dbPath: string): Promise<string> {
  return (await serveLockPath(dbPath)).replace(/\.serve\.lock$/, '.bulk.lock');
}

/**
 * Keeps other commands from changing many rows at the same time; the daemon goes on. Rejects with `bulk_held`, naming the
 * holder, when another one is at it.
 */
export async function acquireBulkLock(dbPath: string, command: string, nowMs: number): Promise<Lock> {
  try {
    return await acquireLock(await bulkLockPath(dbPath), command, nowMs);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'database_held') throw error;
    const detail = error.message.slice(error.message.indexOf(': ') + 2);
    throw new AppError('bulk_held', { detail, cause: error });
  }
}
