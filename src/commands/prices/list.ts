import type { PriceObject } from '../../lib/pricing/price-object.ts';
import { effectiveThreshold } from '../../lib/pricing/model-rules.ts';
import { analyticsModel } from '../../lib/pricing/model-names.ts';
import { embeddedCard, type PriceRow } from '../../lib/pricing/price-row.ts';
import { createStandardPricing } from '../../lib/pricing/standard-pricing.ts';
import { isSourceName } from '../../lib/pricing/sync/catalog.ts';
import { AppError } from '../../lib/errors.ts';
import { readPriceRows, readUnpriced } from '../../lib/store/price-rows.ts';
import { listPrices } from '../../lib/store/price-writer.ts';
import type { CliContext } from '../shared/context.ts';
import { withDatabase } from '../shared/database.ts';
import { counted, formatInstant } from '../shared/format.ts';
import { formatFacts, formatTable, type Column } from '../shared/tables.ts';
import { priceCells, ratesText } from './format.ts';
import { KINDS, type Kind } from './kinds.ts';

const COLUMNS: readonly Column[] = [
  { title: 'MODEL' },
  { title: 'INPUT', align: 'right' },
  { title: 'OUTPUT', align: 'right' },
  { title: 'CACHE READ', align: 'right' },
  { title: 'CACHE WRITE', align: 'right' },
  { title: 'TIERS' },
  { title: 'SOURCE' },
];

/** `cpamp prices list`. */
export async function list(
  options: { source?: string; search?: string },
  context: CliContext,
): Promise<void> {
  const wanted = kindOf(options.source);
  const text = (options.search ?? '').toLowerCase();
  const has = (model: string): boolean => model.toLowerCase().includes(text);
  const { embedded } = createStandardPricing();
  const { prices, missing } = await withDatabase(context, 'read', ({ db }) => ({
    prices: Object.entries(listPrices(db, embedded, context.clock.now())),
    missing: unpricedNames(readUnpriced(db)),
  }));
  const shown = prices.filter(
    ([model, price]) => has(model) && (wanted === null || wanted === sourceKind(price)),
  );
  const without = wanted === null || wanted === 'missing' ? missing.filter(({ model }) => has(model)) : [];
  await context.output.result({ prices: Object.fromEntries(shown), missing: without }, () => {
    if (shown.length + without.length === 0) return 'no prices\n';
    const rows = shown.map(([model, price]) => [
      model,
      ...priceCells(price),
      tiersText(price),
      price.sourceModelId === undefined
        ? (price.source ?? '')
        : `${price.source ?? ''}:${price.sourceModelId}`,
    ]);
    const holes = without.map(({ model, events }) => [
      model,
      '-',
      '-',
      '-',
      '-',
      '',
      `none: ${counted(events, 'event')} without a price`,
    ]);
    return formatTable(COLUMNS, [...rows, ...holes]);
  });
}

/** `cpamp prices show`. */
export async function show(model: string, context: CliContext): Promise<void> {
  const { embedded } = createStandardPricing();
  const rows = await withDatabase(context, 'read', ({ db }) =>
    readPriceRows(db).filter(({ card }) => card.model === model),
  );
  const manual = rows.find(({ card }) => card.source === 'manual');
  const synced = rows.find(({ card }) => card.source === 'synced');
  const own = embeddedCard(embedded, model, context.clock.now());
  const cards = [manual?.card, synced?.card, own].filter((card) => card !== undefined && card !== null);
  if (cards.length === 0) {
    throw new AppError('no_such_thing', {
      detail: `nobody has a price of ${model}`,
      hint: `Look for it: cpamp prices match ${model}; or give it one: cpamp prices set ${model} --input N --output N`,
    });
  }
  const kept = (row: PriceRow | undefined) =>
    row && { updatedAtMs: row.updatedAtMs, syncedAtMs: row.syncedAtMs };
  const value = cards.map((card, index) => ({
    ...card,
    counts: index === 0,
    ...kept(rows.find((row) => row.card === card)),
  }));
  await context.output.result({ model, prices: value }, () =>
    value
      .map((card) =>
        formatFacts([
          ['price', `${card.source}${card.counts ? ', counts' : ''}`],
          ['from', card.origin],
          ['USD per million', ratesText(card.rates)],
          ...card.contextTiers.map(
            ({ threshold, rates }) =>
              [`above ${effectiveThreshold(threshold)} tokens`, ratesText(rates)] as const,
          ),
          ...card.serviceTiers.map(
            ({ mode, serviceTier, rates }) => [`${serviceTier} (${mode})`, ratesText(rates)] as const,
          ),
          ['saved', card.updatedAtMs === undefined ? undefined : formatInstant(card.updatedAtMs)],
        ]),
      )
      .join('\n\n'),
  );
}

function kindOf(text: string | undefined): Kind | null {
  if (text === undefined) return null;
  const kind = KINDS.find((each) => each === text);
  if (kind === undefined) {
    throw new AppError('wrong_usage', { detail: `--source is one of ${KINDS.join(', ')}` });
  }
  return kind;
}

function sourceKind({ source }: PriceObject): Kind {
  if (source === 'genai-prices') return 'embedded';
  return isSourceName(source ?? '') ? 'synced' : 'manual';
}

function tiersText({ contextTiers = [], serviceTiers = [] }: PriceObject): string {
  return [
    ...contextTiers.map(({ thresholdTokens }) => `>${effectiveThreshold(thresholdTokens) / 1000}k`),
    ...serviceTiers.map(({ serviceTier }) => serviceTier),
  ].join(' ');
}

/** By the name that was asked for, most first. */
export function unpricedNames(
  rows: ReturnType<typeof readUnpriced>,
): Array<{ readonly model: string; readonly events: number }> {
  const events = new Map<string, number>();
  for (const row of rows) {
    const name =
      row.resolved === '' ? analyticsModel(row.requested === '' ? row.name : row.requested) : row.resolved;
    events.set(name, (events.get(name) ?? 0) + row.events);
  }
  return [...events].map(([model, count]) => ({ model, events: count })).sort((a, b) => b.events - a.events);
}
