import type { StartConfig } from '../../lib/config/start-config.ts';
import { AppError } from '../../lib/errors.ts';
import { openDatabase } from '../../lib/store/open.ts';
import { databaseState } from '../../lib/store/settings-store.ts';
import type { Db } from '../../lib/store/sqlite.ts';
import type { CliContext } from './context.ts';
import { locateDatabase } from './locate.ts';

/** An open database and where it lies; a daemon may have it open as well. */
export interface OpenedDatabase {
  readonly db: Db;
  readonly config: StartConfig;
}

/** Reading waits so long for another process's lock, writing so long in each try. */
const BUSY_TIMEOUT_MS = 250;

/** Opens the database for `work` and closes it behind. Rejects with `database_missing` and what `openDatabase` throws. */
export async function withDatabase<T>(
  context: CliContext,
  mode: 'read' | 'write',
  work: (opened: OpenedDatabase) => Promise<T> | T,
): Promise<T> {
  const config = locateDatabase(context);
  const state = mode === 'write' ? databaseState(config.dbPath) : 'ready';
  // A file without a byte, such as one that was made to be mounted.
  if (state === 'missing') throw new AppError('database_missing', { detail: config.dbPath });
  if (state === 'outdated') {
    // Bringing it up to date under a daemon of the version before would take its database away from it.
    throw new AppError('database_failed', {
      detail: `${config.dbPath} is of an older version`,
      hint: 'Start the daemon once: it brings the database up to date.',
    });
  }
  const db = openDatabase(config.dbPath, { mode, busyTimeoutMs: BUSY_TIMEOUT_MS });
  try {
    return await work({ db, config });
  } finally {
    db.close();
  }
}
