import { dirname } from 'node:path';
import { prepareDataDir } from '../config/data-dir.ts';
import type { StartConfig } from '../config/start-config.ts';
import { acquireLock, serveLockPath } from '../lock.ts';
import { databaseState, makeDatabase } from '../store/settings-store.ts';

/**
 * Makes the directory and the database of a place where they are not there yet, and brings an older database up to date.
 * Throws `data_dir_unusable`, `disk_full`, `database_foreign`, `database_newer`, and `database_held` when another process
 * is about to do the same.
 */
export async function makePlace(config: StartConfig, nowMs: number): Promise<void> {
  await prepareDataDir(config.dataDir);
  if (dirname(config.dbPath) !== config.dataDir) await prepareDataDir(dirname(config.dbPath));
  if (databaseState(config.dbPath) === 'ready') return;
  await withServeLock(config, nowMs, () => {
    makeDatabase(config.dbPath);
    return Promise.resolve();
  });
}

/** Does something that no daemon may run beside. Rejects with `database_held`, naming who is in the way. */
export async function withServeLock<T>(
  config: StartConfig,
  nowMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await acquireLock(await serveLockPath(config.dbPath), 'setup', nowMs);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
