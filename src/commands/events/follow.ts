import { statSync } from 'node:fs';
import { AppError } from '../../lib/errors.ts';
import { EventTail } from '../../lib/store/event-tail.ts';
import { openDatabase } from '../../lib/store/open.ts';
import { guarded, isBusy } from '../../lib/store/sqlite.ts';
import type { EventsOptions } from '../events.ts';
import type { CliContext } from '../shared/context.ts';
import { eventFilterOf } from '../shared/event-filter.ts';
import { locateDatabase } from '../shared/locate.ts';
import { keyNames, type EventPrinter } from './printer.ts';
import { readNewest } from './show.ts';

/** Between two looks at a database in which nothing happens. */
const LOOK_MS = 250;

/** Prints the newest events, and then every one that is stored, until the command is stopped. */
export async function followEvents(
  options: EventsOptions & { readonly limit: number },
  printer: EventPrinter,
  context: CliContext,
): Promise<void> {
  const { clock, signal } = context;
  const { dbPath } = locateDatabase(context);
  const file = fileOf(dbPath);
  const retry = patience(context);
  const db = await retry(() => openDatabase(dbPath, { mode: 'read', busyTimeoutMs: LOOK_MS }));
  try {
    const filter = await retry(() => guarded(() => eventFilterOf(options, db, clock)));
    const tail = await retry(() => new EventTail(db, filter));
    const newest = await retry(() => readNewest(db, filter, options.limit, context));
    // What was stored since then is told of behind them.
    const known = newest.filter(({ id }) => id <= tail.after).toReversed();
    await printer.more(known, await retry(() => keyNames(db)));
    for (;;) {
      signal.throwIfAborted();
      const { rows, more } = await retry(() => tail.next());
      if (rows.length > 0) await printer.more(rows, await retry(() => keyNames(db)));
      if (more) continue;
      if (fileOf(dbPath) !== file) throw moved(dbPath);
      await clock.sleep(LOOK_MS, signal);
    }
  } finally {
    db.close();
  }
}

/**
 * Runs work that has shown nothing yet, and runs it again for as long as another process has the database to itself: who
 * follows has time, and one line says what is waited for.
 */
function patience({ clock, output, signal }: CliContext): <T>(work: () => T | Promise<T>) => Promise<T> {
  let told = false;
  return async (work) => {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        if (!isBusy(error)) throw error;
        if (!told) output.note('The database is locked by another process; waiting for it.');
        told = true;
      }
      await clock.sleep(LOOK_MS, signal);
    }
  };
}

/** Which file has the name now; `''`: none. */
function fileOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.dev}.${found.ino}`;
}

/** A restored backup, for example: events would go on to be stored there, and never be seen here. */
function moved(path: string): AppError {
  return new AppError('database_failed', {
    detail: `${path} was moved away`,
    hint: 'Start the command again to follow the one that is there now.',
  });
}
