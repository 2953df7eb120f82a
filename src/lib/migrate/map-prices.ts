import type { OldTableRow } from '../store/old/tables.ts';
import { cardFromPriceObject } from '../pricing/price-object.ts';
import type { PriceRow } from '../pricing/price-row.ts';
import { parsePriceObject } from '../pricing/price-validation.ts';
import { isSourceName } from '../pricing/sync/catalog.ts';
import { integer, text } from '../usage/readers.ts';

/** The price tables of an older program; those that it does not have are empty. */
export interface OldPriceTables {
  readonly prices: readonly OldTableRow[];
  readonly contextTiers: readonly OldTableRow[];
  readonly serviceTiers: readonly OldTableRow[];
}

export interface OldPrices {
  readonly rows: readonly PriceRow[];
  readonly refused: readonly RefusedPrice[];
  /** Those of `rows` whose tiers were left out. */
  readonly withoutTiers: readonly RefusedPrice[];
}

export interface RefusedPrice {
  readonly model: string;
  readonly why: string;
}

/** Older programs wrote this for a synced price whose list they did not note. */
const SOME_SYNC = 'sync';
const MOST_RAW = 64 * 1024;

/** The saved prices of an older program. What of one cannot be a price is named and left out: its tiers, or all of it. */
export function oldPrices(tables: OldPriceTables): OldPrices {
  const context = byModel(tables.contextTiers);
  const service = byModel(tables.serviceTiers);
  const rows: PriceRow[] = [];
  const refused: RefusedPrice[] = [];
  const withoutTiers: RefusedPrice[] = [];
  for (const row of tables.prices) {
    const model = text(row['model']);
    const tiers = [context.get(model) ?? [], service.get(model) ?? []] as const;
    try {
      rows.push(priceRow(model, row, ...tiers));
    } catch (error) {
      const named = { model, why: whyOf(error) };
      try {
        if (tiers[0].length + tiers[1].length === 0) throw error;
        rows.push(priceRow(model, row, [], []));
        withoutTiers.push(named);
      } catch {
        refused.push(named);
      }
    }
  }
  return { rows, refused, withoutTiers };
}

function whyOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it cannot be read';
}

function priceRow(
  model: string,
  row: OldTableRow,
  context: readonly OldTableRow[],
  service: readonly OldTableRow[],
): PriceRow {
  // Before there were flags every price was given, also that of nothing.
  const before = !('prompt_configured' in row);
  const object = parsePriceObject(model, {
    ...fields(row),
    ...(before && { promptConfigured: true, completionConfigured: true }),
    contextTiers: context.map((tier) => ({ thresholdTokens: tier['threshold_tokens'], ...fields(tier) })),
    serviceTiers: service.map((tier) => ({
      mode: tier['mode'],
      serviceTier: tier['service_tier'],
      ...fields(tier),
    })),
  });
  const source = text(row['source']).toLowerCase();
  const isSynced = isSourceName(source) || source === SOME_SYNC;
  const sourceModelId = text(row['source_model_id']);
  const named = {
    ...object,
    source: source === '' ? 'manual' : source,
    ...(sourceModelId !== '' && { sourceModelId }),
  };
  const raw = text(row['raw_json']);
  return {
    card: cardFromPriceObject(model, named, isSynced ? 'synced' : 'manual'),
    rawJson: raw.length > MOST_RAW ? '' : raw,
    updatedAtMs: time(row['updated_at_ms']) ?? 0,
    syncedAtMs: time(row['synced_at_ms']),
  };
}

/** USD per million tokens and the flags, under the names of the HTTP interface. */
function fields(row: OldTableRow): Record<string, unknown> {
  const flag = (name: string): boolean => Number(row[name] ?? 0) > 0;
  return {
    prompt: row['prompt_per_1m'],
    completion: row['completion_per_1m'],
    cache: row['cache_per_1m'],
    cacheRead: row['cache_read_per_1m'],
    cacheCreation: row['cache_creation_per_1m'],
    promptConfigured: flag('prompt_configured'),
    completionConfigured: flag('completion_configured'),
    cacheConfigured: flag('cache_configured'),
    cacheReadConfigured: flag('cache_read_configured'),
    cacheCreationConfigured: flag('cache_creation_configured'),
  };
}

function byModel(rows: readonly OldTableRow[]): Map<string, OldTableRow[]> {
  return Map.groupBy(rows, (row) => text(row['model']));
}

function time(value: unknown): number | null {
  const ms = Number(integer(value));
  return ms > 0 && Number.isSafeInteger(ms) ? ms : null;
}
