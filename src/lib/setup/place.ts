import { dirname } from 'node:path';
import { prepareDataDir } from '../config/data-dir.ts';
import type { StartConfig } from '../config/start-config.ts';
import { AppError } from '../errors.ts';
import { acquireLock, serveLockPath } from '../lock.ts';
import { databaseState, makeDatabase } from '../store/settings-store.ts';

/**
 * Makes the directory and the database of a place where they are not there yet, and brings an older database up to date.
 * Throws `data_dir_unusable`, `disk_full`, `database_foreign`, `database_newer`, and `database_held` when another process
 * is about to do the same.
 */
export async function makePlace(config: StartConfig, command: string, nowMs: number): Promise<void> {
  await prepareDataDir(config.dataDir);
  if (dirname(config.dbPath) !== config.dataDir) await prepareDataDir(dirname(config.dbPath));
  if (databaseState(config.dbPath) === 'ready') return;
  await withServeLock(config, command, nowMs, () => {
    makeDatabase(config.dbPath);
    return Promise.resolve();
  });
}

/** Does something that no daemon may run beside. Rejects with `database_held`, naming who is in the way. */
export async function withServeLock<T>(
  config: StartConfig,
  command: string,
  nowMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await acquireLock(await serveLockPath(config.dbPath), command, nowMs).catch(
    (error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'database_held') throw error;
      // The hint of the table is for a second daemon.
      throw new AppError('database_held', {
        detail: error.message.slice(error.message.indexOf(': ') + 2),
        hint: 'Stop it, run this again, and start it again.',
        cause: error,
      });
    },
  );
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
