import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventRow, EventsAnswer } from '../../lib/contract/api/events.ts';
import { parseCursor } from '../../lib/store/event-cursor.ts';
import type { EventFilter } from '../../lib/store/queries/event-filter.ts';
import { answerEvents } from '../../lib/store/queries/events.ts';
import { guarded, type Db } from '../../lib/store/sqlite.ts';
import type { EventsOptions } from '../events.ts';
import type { CliContext } from '../shared/context.ts';
import { withDatabase } from '../shared/database.ts';
import { eventFilterOf, timesOf } from '../shared/event-filter.ts';
import { startProgress, type Progress } from '../shared/progress.ts';
import { EventPrinter, keyNames } from './printer.ts';

const RECENT = 20;
const BEFORE_FOLLOWING = 10;

/** `cpamp events`. */
export async function showEvents(options: EventsOptions, context: CliContext): Promise<void> {
  // What is wrong with them is said whatever becomes of the database.
  timesOf(options, context.clock);
  const printer = new EventPrinter(context, options.tz);
  if (options.follow) {
    const { followEvents } = await import('./follow.ts');
    await followEvents({ ...options, limit: options.limit ?? BEFORE_FOLLOWING }, printer, context);
    return;
  }
  await withDatabase(context, 'read', async ({ db }) => {
    const filter = eventFilterOf(options, db, context.clock);
    const newest = await readNewest(db, filter, options.limit ?? RECENT, context);
    await printer.table(newest.toReversed(), keyNames(db));
    if (newest.length === 0) context.output.note('no events');
  });
}

const PAGE_ROWS = 1000;
/** Looking for something rare among millions of events takes its time. */
const QUIET_MS = 1000;

/** The `limit` newest events that the filter lets through, newest first: what the panel's list of requests shows. */
export async function readNewest(
  db: Db,
  filter: EventFilter,
  limit: number,
  context: CliContext,
): Promise<EventRow[]> {
  const { clock, signal } = context;
  const found: EventRow[] = [];
  const begun = clock.monotonic();
  let progress: Progress | null = null;
  let next: string | null = '';
  try {
    while (next !== null && found.length < limit) {
      const page: EventsAnswer = await inSteps(
        answerEvents(db, {
          ...filter,
          limit: Math.min(PAGE_ROWS, limit - found.length),
          before: parseCursor(next),
        }),
        signal,
      );
      found.push(...page.items);
      next = page.next;
      if (clock.monotonic() - begun < QUIET_MS) continue;
      progress ??= await startProgress(context, 'Looking');
      progress.update(
        `Looking: ${new Date(page.scanned_to_ms).toISOString().slice(0, 10)}, ${found.length} found`,
      );
    }
    return found;
  } finally {
    progress?.done();
  }
}

/** Between two steps a signal is heard. */
async function inSteps<T>(steps: Generator<void, T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    const step = guarded(() => steps.next());
    if (step.done === true) return step.value;
    await nextTurn();
  }
}
