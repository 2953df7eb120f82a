import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { AppError } from '../../lib/errors.ts';
import { whyNot } from '../../lib/files.ts';
import type { PriceObject } from '../../lib/pricing/price-object.ts';
import { objectFromRow, rowFromObject } from '../../lib/pricing/price-row.ts';
import { parsePriceObject } from '../../lib/pricing/price-validation.ts';
import { createStandardPricing } from '../../lib/pricing/standard-pricing.ts';
import { readPriceRows } from '../../lib/store/price-rows.ts';
import { patiently } from '../../lib/store/patiently.ts';
import { PriceWriter } from '../../lib/store/price-writer.ts';
import type { CliContext } from '../shared/context.ts';
import { withDatabase } from '../shared/database.ts';
import { ratesText } from './format.ts';

type Given = Readonly<Record<string, number | string | undefined>>;

/** Options, and the fields of a price that they set. */
const FIELDS = [
  ['input', 'prompt', 'promptConfigured'],
  ['output', 'completion', 'completionConfigured'],
  ['cacheRead', 'cacheRead', 'cacheReadConfigured'],
  ['cacheWrite', 'cacheCreation', 'cacheCreationConfigured'],
  ['cacheWrite1h', 'cacheCreation1h', 'cacheCreation1hConfigured'],
  ['imageOutput', 'completionImage', 'completionImageConfigured'],
] as const;

/** `cpamp prices set`. */
export async function set(model: string, options: Given, context: CliContext): Promise<void> {
  const { clock, output, signal } = context;
  const given = FIELDS.filter(([option]) => options[option] !== undefined);
  const object =
    typeof options['object'] === 'string' ? await readObject(model, options['object'], context) : null;
  if (given.length === 0 && object === null) {
    throw new AppError('wrong_usage', {
      detail: 'no price is given',
      hint: `For example: cpamp prices set ${model} --input 2.5 --output 10`,
    });
  }
  const saved = await withDatabase(context, 'write', ({ db }) => {
    const writer = new PriceWriter(db, createStandardPricing().embedded, () => clock.now());
    return patiently(() => {
      const rows = readPriceRows(db).filter(({ card }) => card.model === model);
      const manual = rows.find(({ card }) => card.source === 'manual');
      const synced = rows.find(({ card }) => card.source === 'synced');
      const base: Readonly<Record<string, unknown>> = { ...(object ?? (manual && objectFromRow(manual))) };
      const price = given.reduce<Readonly<Record<string, unknown>>>(
        (all, [option, field, flag]) => ({
          ...all,
          [field]: options[option],
          [flag]: true,
          // An older field of the same meaning would stand beside it.
          ...(field === 'cacheRead' && { cache: options[option] }),
        }),
        base,
      );
      const row = rowFromObject(model, { ...parsePriceObject(model, price), source: 'manual' }, clock.now());
      writer.change({ kind: 'set', rows: [row] });
      return {
        card: row.card,
        tiers: (synced?.card.contextTiers.length ?? 0) + (synced?.card.serviceTiers.length ?? 0),
      };
    }, signal);
  });
  const { card } = saved;
  if (saved.tiers > 0 && card.contextTiers.length + card.serviceTiers.length === 0) {
    output.warn(`The synced price of ${model} has tiers, which no longer count: cpamp prices show ${model}`);
  }
  if (card.rates.input === null || card.rates.output === null) {
    output.warn(
      `It says nothing of ${card.rates.input === null ? 'input' : 'output'}: the next source does, if it can.`,
    );
  }
  await output.result(card, () => `${model}: ${ratesText(card.rates)}`);
  output.note(
    'It counts for events from now on, and for those without a price. For others: cpamp prices recalc',
  );
}

/** `cpamp prices unset`. */
export async function unset(
  models: readonly string[],
  { all }: { all?: true },
  context: CliContext,
): Promise<void> {
  const { clock, output, signal } = context;
  const changed = await withDatabase(context, 'write', ({ db }) => {
    const writer = new PriceWriter(db, createStandardPricing().embedded, () => clock.now());
    return patiently(() => {
      if (all) return writer.change({ kind: 'unset', models, sources: ['manual', 'synced'] }).changed;
      const manual = new Set(
        readPriceRows(db).flatMap(({ card }) => (card.source === 'manual' ? [card.model] : [])),
      );
      const by = (source: 'manual' | 'synced', names: readonly string[]): readonly string[] =>
        names.length === 0 ? [] : writer.change({ kind: 'unset', models: names, sources: [source] }).changed;
      return [
        ...by(
          'manual',
          models.filter((model) => manual.has(model)),
        ),
        ...by(
          'synced',
          models.filter((model) => !manual.has(model)),
        ),
      ];
    }, signal);
  });
  const none = models.filter((model) => !changed.includes(model));
  await output.result({ removed: changed, notFound: none }, () =>
    changed.map((model) => `removed: ${model}`).join('\n'),
  );
  if (none.length > 0) {
    throw new AppError('no_such_thing', { detail: `no price is saved for ${none.join(', ')}` });
  }
}

async function readObject(model: string, file: string, { stdin }: CliContext): Promise<PriceObject> {
  let text: string;
  try {
    text = file === '-' ? await textOf(stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new AppError('wrong_usage', {
      detail: `${file} cannot be read: ${whyNot(error)}`,
      cause: error,
    });
  }
  try {
    const value: unknown = JSON.parse(text);
    return parsePriceObject(model, value);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('wrong_usage', { detail: `${file} is not JSON`, cause: error });
  }
}
