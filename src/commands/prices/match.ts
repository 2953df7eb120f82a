import { AppError } from '../../lib/errors.ts';
import { objectFromRow } from '../../lib/pricing/price-row.ts';
import { createStandardPricing } from '../../lib/pricing/standard-pricing.ts';
import type { Catalog } from '../../lib/pricing/sync/catalog.ts';
import { matchPrices, readKept, rowOf, type CandidatePrice } from '../../lib/pricing/sync/sync-prices.ts';
import { patiently } from '../../lib/store/patiently.ts';
import { readCatalogs, readUnpriced } from '../../lib/store/price-rows.ts';
import { PriceWriter } from '../../lib/store/price-writer.ts';
import type { CliContext } from '../shared/context.ts';
import { withDatabase } from '../shared/database.ts';
import { ask } from '../shared/prompt.ts';
import { formatTable } from '../shared/tables.ts';
import { priceCells } from './format.ts';
import { unpricedNames } from './list.ts';
import { readFiles } from './sync.ts';

export interface MatchOptions {
  readonly use?: string;
  readonly fromFile?: readonly string[];
}

/** `cpamp prices match`. */
export async function match(
  model: string | undefined,
  options: MatchOptions,
  context: CliContext,
): Promise<void> {
  const { clock, isTty, output, signal } = context;
  await withDatabase(context, 'write', async ({ db }) => {
    const catalogs = options.fromFile ? await readFiles(options.fromFile) : await readKept(readCatalogs(db));
    if (catalogs.length === 0) {
      throw new AppError('no_such_thing', {
        detail: 'no price list was fetched yet',
        hint: 'Fetch them: cpamp prices sync; or name one with --from-file FILE',
      });
    }
    const save = async (name: string, id: string): Promise<void> => {
      const row = rowOf(name, entryOf(catalogs, id), clock.now());
      const writer = new PriceWriter(db, createStandardPricing().embedded, () => clock.now());
      await patiently(() => writer.change({ kind: 'set', rows: [row] }), signal);
      await output.result(row.card, () => `${name}: ${row.card.origin}`);
    };
    if (model === undefined) {
      if (options.use !== undefined)
        throw new AppError('wrong_usage', { detail: '--use needs the name of a model' });
      const names = unpricedNames(readUnpriced(db)).map((each) => each.model);
      const { candidates } = await matchPrices(catalogs, { models: names, nowMs: clock.now() });
      await output.result({ candidates }, () =>
        names.length === 0
          ? 'every event has a price'
          : formatTable(
              [{ title: 'MODEL' }, { title: 'MAY BE' }, { title: 'SCORE', align: 'right' }],
              candidates.flatMap((each) =>
                each.candidates.slice(0, 3).map((one) => [each.model, idOf(one), one.score.toFixed(2)]),
              ),
            ),
      );
      return;
    }
    if (options.use !== undefined) {
      await save(model, options.use);
      return;
    }
    const found = await candidatesOf(model, catalogs, clock.now());
    if (found.length === 0)
      throw new AppError('no_such_thing', { detail: `no list has anything like ${model}` });
    const interactive = isTty.stdin && isTty.stdout && !output.json;
    await output.result({ model, candidates: found }, () => table(found));
    if (!interactive) return;
    const answer = await ask(context, {
      text: `Which one is ${model}? [1-${found.length}, or nothing]`,
      otherwise: 'Give --use ID.',
    });
    const chosen = found[Number(answer) - 1];
    if (chosen === undefined) throw new AppError('cancelled');
    await save(model, idOf(chosen));
  });
}

/** What a name may mean: the entry that a sync would take, or those that it has to leave to a person. */
async function candidatesOf(
  model: string,
  catalogs: readonly Catalog[],
  nowMs: number,
): Promise<readonly CandidatePrice[]> {
  const each = await Promise.all(
    catalogs.map((catalog) => matchPrices([catalog], { models: [model], nowMs })),
  );
  return each.flatMap((report, index) => {
    const row = report.rows[0];
    const catalog = catalogs[index];
    const id = report.matched.get(model);
    if (row === undefined || catalog === undefined || id === undefined)
      return report.candidates[0]?.candidates ?? [];
    return [
      {
        source: catalog.source,
        sourceModelId: id,
        score: 1,
        reason: 'exact-model-id' as const,
        price: objectFromRow(row),
      },
    ];
  });
}

const idOf = ({ source, sourceModelId }: CandidatePrice): string => `${source}:${sourceModelId}`;

function entryOf(catalogs: readonly Catalog[], id: string): Catalog['entries'][number] {
  const entries = catalogs.flatMap((catalog) => catalog.entries);
  const found = entries.filter((entry) => `${entry.source}:${entry.id}` === id || entry.id === id);
  const [first, second] = found;
  if (first === undefined) {
    throw new AppError('no_such_thing', {
      detail: `no list has ${id}`,
      hint: 'See them: cpamp prices match MODEL',
    });
  }
  if (second !== undefined) {
    throw new AppError('wrong_usage', {
      detail: `several lists have ${id}: ${found.map(({ source }) => `${source}:${id}`).join(', ')}`,
    });
  }
  return first;
}

function table(found: readonly CandidatePrice[]): string {
  return formatTable(
    [
      { title: '#', align: 'right' },
      { title: 'ID' },
      { title: 'INPUT', align: 'right' },
      { title: 'OUTPUT', align: 'right' },
      { title: 'CACHE READ', align: 'right' },
      { title: 'CACHE WRITE', align: 'right' },
      { title: 'SCORE', align: 'right' },
      { title: 'WHY' },
    ],
    found.map((each, index) => [
      String(index + 1),
      idOf(each),
      ...priceCells(each.price),
      each.score.toFixed(2),
      each.reason.replaceAll('-', ' '),
    ]),
  );
}
