import { acquireBulkLock } from '../../lib/bulk-lock.ts';
import { AppError } from '../../lib/errors.ts';
import { createStandardPricing } from '../../lib/pricing/standard-pricing.ts';
import { Recalculation } from '../../lib/store/recalc.ts';
import { PREVIEW_IDS, runRecalc, runUndo } from '../../lib/store/recalc-run.ts';
import {
  forgetRecalcs,
  readRunModels,
  readRuns,
  type RecalcModel,
  type RecalcRun,
  type RecalcScope,
} from '../../lib/store/recalc-runs.ts';
import { patiently } from '../../lib/store/patiently.ts';
import type { Db } from '../../lib/store/sqlite.ts';
import { parseTimeRange } from '../../lib/time-range.ts';
import type { CliContext } from '../shared/context.ts';
import { withDatabase } from '../shared/database.ts';
import { count, counted, formatInstant } from '../shared/format.ts';
import { describeAdvance, startProgress } from '../shared/progress.ts';
import { insist } from '../shared/prompt.ts';
import { formatTable } from '../shared/tables.ts';
import { dollars } from './format.ts';

export interface RecalcOptions {
  readonly model?: readonly string[];
  readonly since?: string;
  readonly until?: string;
  readonly tz?: string;
  readonly unpriced?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  /** True: the newest. */
  readonly undo?: true | number;
  readonly history?: true;
}

/** `cpamp prices recalc`. */
export async function recalc(options: RecalcOptions, context: CliContext): Promise<void> {
  if (options.history) return history(context);
  const scope = scopeOf(options, context);
  if (options.dryRun) {
    return withDatabase(context, 'read', async ({ db }) => {
      const models = await preview(
        new Recalculation(db, createStandardPricing(), () => context.clock.now()),
        scope,
        context,
      );
      await report(models, context);
      context.output.note('Nothing was changed.');
    });
  }
  return withDatabase(context, 'write', async ({ db, config }) => {
    const lock = await acquireBulkLock(config.dbPath, 'prices recalc', context.clock.now());
    try {
      const work = new Recalculation(db, createStandardPricing(), () => context.clock.now());
      while (await patiently(() => forgetRecalcs(db, context.clock.now()), context.signal));
      if (options.undo === undefined) await change(db, work, scope, options, context);
      else await undo(db, work, options, context);
    } finally {
      await lock.release();
    }
  });
}

function scopeOf(options: RecalcOptions, { clock }: CliContext): RecalcScope {
  const timeZone = options.tz ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { since, until } = options;
  const range = parseTimeRange({ since, until }, { timeZone, nowMs: clock.now() });
  return {
    models: options.model ?? [],
    fromMs: range.fromMs,
    toMs: range.untilMs,
    unpricedOnly: options.unpriced ?? false,
  };
}

/** Goes on with one that was interrupted, or shows what a new one would do, asks, and does it. */
async function change(
  db: Db,
  work: Recalculation,
  scope: RecalcScope,
  options: RecalcOptions,
  context: CliContext,
): Promise<void> {
  const { output, signal } = context;
  const before = work.unfinished();
  if (before?.state === 'undoing') {
    throw new AppError('wrong_usage', {
      detail: `undoing recalculation ${before.id} was interrupted`,
      hint: `Finish it first: cpamp prices recalc --undo ${before.id}`,
    });
  }
  let run: RecalcRun;
  if (before !== null) {
    const everything: RecalcScope = { models: [], fromMs: null, toMs: null, unpricedOnly: false };
    if (![everything, before.scope].some((each) => JSON.stringify(each) === JSON.stringify(scope))) {
      throw new AppError('wrong_usage', {
        detail: `recalculation ${before.id} of other events was interrupted`,
        hint: `Finish it: cpamp prices recalc; or undo it: cpamp prices recalc --undo ${before.id}`,
      });
    }
    output.note(`Going on with recalculation ${before.id} of ${formatInstant(before.startedAtMs)}.`);
    run = before;
  } else {
    const models = await preview(work, scope, context);
    const changed = models.reduce((sum, each) => sum + each.changed, 0);
    if (changed === 0) {
      await output.result({ id: null, models }, () => 'every event costs what it would cost now');
      return;
    }
    if (options.yes !== true) {
      if (!output.json) await output.write(`${table(models)}\n`);
      await insist(context, `Change the cost of ${counted(changed, 'event')}?`, false);
    }
    run = await patiently(() => work.begin(scope), signal);
  }
  await advance(context, 'cpamp prices recalc', run.uptoId, (onStep) =>
    runRecalc(run.id, { db, recalculation: work, signal, onStep }),
  );
  const models = readRunModels(db, run.id);
  await report(models, context, run.id);
  output.note(`It can be undone for 30 days: cpamp prices recalc --undo ${run.id}`);
}

async function undo(db: Db, work: Recalculation, options: RecalcOptions, context: CliContext): Promise<void> {
  const { output, signal } = context;
  const run = work.undoable(typeof options.undo === 'number' ? options.undo : null);
  const events = readRunModels(db, run.id).reduce((sum, { changed }) => sum + changed, 0);
  if (run.state !== 'undoing') {
    const text = `Give ${counted(events, 'event')} the cost of before ${formatInstant(run.startedAtMs)}?`;
    await insist(context, text, options.yes ?? false);
  }
  await advance(context, `cpamp prices recalc --undo ${run.id}`, events, (onStep) =>
    runUndo(run.id, { db, recalculation: work, signal, onStep }),
  );
  await output.result({ undone: run.id, events }, () => `recalculation ${run.id} is undone`);
}

/** Runs `work` under a line that shows how far it is; `again` goes on with it where it is stopped. */
async function advance(
  context: CliContext,
  again: string,
  total: number,
  work: (onStep: (done: number) => void) => Promise<void>,
): Promise<void> {
  const { clock, output, signal } = context;
  const began = clock.monotonic();
  const progress = await startProgress(context, 'pricing events');
  try {
    await work((done) => {
      progress.update(describeAdvance({ done, total, unit: 'events', elapsedMs: clock.monotonic() - began }));
    });
  } catch (error) {
    if (signal.aborted) output.warn(`Stopped. What is done stays done. Go on with: ${again}`);
    throw error;
  } finally {
    progress.done();
  }
}

async function preview(work: Recalculation, scope: RecalcScope, context: CliContext): Promise<RecalcModel[]> {
  const { clock, signal } = context;
  const began = clock.monotonic();
  const progress = await startProgress(context, 'looking at events');
  try {
    const steps = work.preview(scope, PREVIEW_IDS);
    for (;;) {
      const { value, done } = steps.next();
      if (done === true) return value;
      progress.update(
        describeAdvance({
          done: value.ids,
          total: value.ofIds,
          unit: 'events',
          elapsedMs: clock.monotonic() - began,
        }),
      );
      // A signal gets in between.
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    }
  } finally {
    progress.done();
  }
}

async function report(
  models: readonly RecalcModel[],
  { output }: CliContext,
  id: number | null = null,
): Promise<void> {
  await output.result({ id, models }, () => table(models));
}

function table(models: readonly RecalcModel[]): string {
  const number = (title: string) => ({ title, align: 'right' }) as const;
  const rows = models.map((each) => [
    each.model,
    count(each.events),
    count(each.changed),
    dollars(each.beforeNano),
    dollars(each.afterNano),
    dollars(each.afterNano - each.beforeNano),
    `${count(each.unpricedBefore)} -> ${count(each.unpricedAfter)}`,
  ]);
  const sum = (of: (each: RecalcModel) => number): number => models.reduce((all, each) => all + of(each), 0);
  const before = sum((each) => each.beforeNano);
  const after = sum((each) => each.afterNano);
  return formatTable(
    [
      { title: 'MODEL' },
      number('EVENTS'),
      number('CHANGED'),
      number('BEFORE'),
      number('AFTER'),
      number('DIFFERENCE'),
      number('WITHOUT PRICE'),
    ],
    [
      ...rows,
      [
        'total',
        count(sum((each) => each.events)),
        count(sum((each) => each.changed)),
        dollars(before),
        dollars(after),
        dollars(after - before),
        `${count(sum((each) => each.unpricedBefore))} -> ${count(sum((each) => each.unpricedAfter))}`,
      ],
    ],
  );
}

async function history(context: CliContext): Promise<void> {
  const runs = await withDatabase(context, 'read', ({ db }) =>
    readRuns(db).map((run) => ({ ...run, models: readRunModels(db, run.id) })),
  );
  await context.output.result({ runs }, () =>
    runs.length === 0
      ? 'no recalculation in the last 30 days'
      : formatTable(
          [
            { title: 'ID', align: 'right' },
            { title: 'BEGAN' },
            { title: 'STATE' },
            { title: 'CHANGED', align: 'right' },
          ],
          runs.map((run) => [
            String(run.id),
            formatInstant(run.startedAtMs),
            run.state === 'running' || run.state === 'undoing' ? `${run.state}, or interrupted` : run.state,
            count(run.models.reduce((sum, { changed }) => sum + changed, 0)),
          ]),
        ),
  );
}
