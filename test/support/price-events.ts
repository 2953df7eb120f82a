import type { BillableTokens } from '../../src/lib/contract/event.ts';
import type { PriceBook, PriceCard, PriceInput, Rates } from '../../src/lib/contract/pricing.ts';

/** Uncached input, cache read, cache write of 5 minutes, of an hour, output. */
export type TokenRow = readonly [number, number, number, number, number];

export function mapRow(row: TokenRow, change: (count: number, index: number) => number): TokenRow {
  const [uncachedInput, cacheRead, cacheWrite5m, cacheWrite1h, output] = row;
  return [
    change(uncachedInput, 0),
    change(cacheRead, 1),
    change(cacheWrite5m, 2),
    change(cacheWrite1h, 3),
    change(output, 4),
  ];
}

export function billable(row: TokenRow): BillableTokens {
  const [uncachedInput, cacheRead, cacheWrite5m, cacheWrite1h, output] = row;
  return { uncachedInput, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning: 0 };
}

/** What pricing reads of an event: one upstream model, known by one name, unless told otherwise. */
export function priceInput(model: string, row: TokenRow, other: Partial<PriceInput> = {}): PriceInput {
  return {
    timestampMs: Date.UTC(2026, 10, 21, 12),
    provider: '',
    executorType: 'OpenAICompatExecutor',
    model,
    requestedModel: model,
    resolvedModel: '',
    serviceTier: '',
    tokens: billable(row),
    ...other,
  };
}

export const noRates: Rates = {
  input: null,
  output: null,
  cacheRead: null,
  cacheWrite5m: null,
  cacheWrite1h: null,
};

export function manualCard(model: string, rates: Partial<Rates>, other: Partial<PriceCard> = {}): PriceCard {
  return {
    model,
    source: 'manual',
    origin: 'manual',
    rates: { ...noRates, ...rates },
    contextTiers: [],
    serviceTiers: [],
    ...other,
  };
}

export const emptyBook: PriceBook = { revision: 0, find: () => null };

/** A book of one card, whatever is asked. */
export const oneCard = (card: PriceCard): PriceBook => ({ revision: 1, find: () => card });
