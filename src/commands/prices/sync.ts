import { readFile } from 'node:fs/promises';
import { AppError, Exit } from '../../lib/errors.ts';
import { whyNot } from '../../lib/files.ts';
import { createStandardPricing } from '../../lib/pricing/standard-pricing.ts';
import { CatalogError, type Catalog } from '../../lib/pricing/sync/catalog.ts';
import { readCatalogFile } from '../../lib/pricing/sync/read-catalog.ts';
import { syncAnswer } from '../../lib/pricing/sync/sync-answer.ts';
import { wantedNames } from '../../lib/pricing/sync/sync.ts';
import { matchPrices, refuseEmpty, syncPrices, type SyncReport } from '../../lib/pricing/sync/sync-prices.ts';
import { patiently } from '../../lib/store/patiently.ts';
import { readPriceRows, readSyncState } from '../../lib/store/price-rows.ts';
import { listPrices, PriceWriter, seenNames } from '../../lib/store/price-writer.ts';
import type { Db } from '../../lib/store/sqlite.ts';
import type { CliContext } from '../shared/context.ts';
import { withDatabase } from '../shared/database.ts';
import { counted } from '../shared/format.ts';
import { startProgress } from '../shared/progress.ts';
import { formatTable } from '../shared/tables.ts';

export interface SyncCommandOptions {
  readonly everything?: true;
  readonly fromFile?: readonly string[];
  readonly dryRun?: true;
}

/** Longest list that a file may hold. */
const MOST_BYTES = 64 << 20;

/** `cpamp prices sync`. */
export async function sync(
  models: readonly string[],
  options: SyncCommandOptions,
  context: CliContext,
): Promise<void> {
  const { clock, output, signal } = context;
  if (models.length > 0 && options.everything) {
    throw new AppError('wrong_usage', { detail: 'names and --everything exclude each other' });
  }
  await withDatabase(context, 'write', async ({ db, config }) => {
    const names = options.everything ? null : models.length > 0 ? wantedNames(models) : namesInUse(db);
    if (names?.length === 0) {
      output.note('No model is in use yet. Name some, or give --everything.');
      const nothing = await matchPrices([], { models: [], nowMs: clock.now() });
      const { embedded } = createStandardPricing();
      const prices = listPrices(db, embedded, clock.now());
      await output.result(syncAnswer(nothing, { changed: [], protected: [] }, prices), () => '');
      return;
    }
    const report = options.fromFile
      ? await matchPrices(await readFiles(options.fromFile), { models: names, nowMs: clock.now() })
      : await fetchPrices(names, db, config.priceSources, context);
    refuseEmpty(report);
    const { embedded } = createStandardPricing();
    const writer = new PriceWriter(db, embedded, () => clock.now());
    const changed = options.dryRun
      ? { changed: [], protected: [] }
      : await patiently(
          () => writer.change({ kind: 'sync', rows: report.rows, catalogs: report.catalogs }),
          signal,
        );
    const { prices, ...answer } = syncAnswer(report, changed, listPrices(db, embedded, clock.now()));
    await output.result({ ...answer, prices }, () => describe(report));
    if (options.dryRun) output.note('Nothing was saved.');
    if (changed.protected.length > 0) {
      output.note(`Manual prices count on: ${changed.protected.join(', ')}`);
    }
    if (report.preserved.length > 0) output.note(`Prices of before stay: ${report.preserved.join(', ')}`);
    if (report.candidates.length > 0) {
      output.note(
        `Several entries may be meant by ${report.candidates.map(({ model }) => model).join(', ')}.\n` +
          `Choose one: cpamp prices match ${report.candidates[0]?.model ?? ''}`,
      );
    }
    if (report.unmatched.length > 0) output.note(`No list has ${report.unmatched.join(', ')}`);
    // Partly done is told apart, so that cron mails it.
    if (report.sourceResults.some(({ error }) => error !== undefined)) context.exitWith(Exit.partial);
  });
}

/** Models seen in traffic, and those that have a synced price already. */
function namesInUse(db: Db): string[] {
  const synced = readPriceRows(db).flatMap(({ card }) => (card.source === 'synced' ? [card.model] : []));
  return [...new Set([...seenNames(db), ...synced])];
}

async function fetchPrices(
  models: readonly string[] | null,
  db: Db,
  mirrors: Parameters<typeof syncPrices>[0]['mirrors'],
  context: CliContext,
): Promise<SyncReport> {
  const { clock, env, signal } = context;
  const progress = await startProgress(context, 'fetching prices');
  try {
    return await syncPrices({
      ...readSyncState(db),
      models,
      mirrors,
      env,
      signal,
      nowMs: clock.now(),
      onSource: (source, state) => {
        if (state === 'asking') progress.update(`fetching prices from ${source}`);
      },
    });
  } finally {
    progress.done();
  }
}

/** The price lists in files; throws `wrong_usage` for what is none. */
export async function readFiles(files: readonly string[]): Promise<Catalog[]> {
  const catalogs: Catalog[] = [];
  for (const file of files) {
    const refuse = (why: string, cause: unknown): AppError =>
      new AppError('wrong_usage', {
        detail: `${file}: ${why}`,
        hint: 'Fetch a list where there is a network, such as: curl -o models.json https://models.dev/catalog.json',
        cause,
      });
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      throw refuse(whyNot(error), error);
    }
    try {
      if (text.length > MOST_BYTES) throw new CatalogError('it is too long');
      catalogs.push(readCatalogFile(text));
    } catch (error) {
      if (error instanceof CatalogError) throw refuse(error.message, error);
      throw error;
    }
  }
  return catalogs;
}

function describe(report: SyncReport): string {
  const table = formatTable(
    [
      { title: 'SOURCE' },
      { title: 'MODELS', align: 'right' },
      { title: 'SKIPPED', align: 'right' },
      { title: '' },
    ],
    report.sourceResults.map(({ source, models, skipped, error }) => [
      source,
      String(models),
      String(skipped),
      error ?? 'ok',
    ]),
  );
  return `${table}\n${counted(report.rows.length, 'price')} found`;
}
