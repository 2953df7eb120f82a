import type { CostParts, PriceBook, PriceInput, Priced, PriceVersion } from '../contract/pricing.ts';
import { appliedRates, RATE_SCALE, type ScaledRates } from './rates.ts';

/** The highest cost an event can carry, in nano-USD: 4.5 million USD. */
export const MAX_NANO_USD = 2 ** 52;

/** Sums are in 1/40 pico-USD; this many of them are one nano-USD. */
const SUMS_PER_NANO = RATE_SCALE * 1000n;

/** In the order of the parts: uncached input, cache read, cache write, output. */
type PartSums = readonly [bigint, bigint, bigint, bigint];

/** tokens x rate; no tokens cost nothing at any rate, also at an unknown one (then `null` means: cannot be said). */
function product(tokens: number, rate: bigint | null): bigint | null {
  if (tokens === 0) return 0n;
  return rate === null ? null : BigInt(tokens) * rate;
}

function outputSum(tokens: PriceInput['tokens'], rates: ScaledRates): bigint | null {
  if (rates.outputImage === null) return product(tokens.output, rates.output);
  const thought = Math.min(tokens.reasoning, tokens.output);
  const reasoning = product(thought, rates.output);
  const pictures = product(tokens.output - thought, rates.outputImage);
  return reasoning === null || pictures === null ? null : reasoning + pictures;
}

function partSums(tokens: PriceInput['tokens'], rates: ScaledRates): PartSums | null {
  const input = product(tokens.uncachedInput, rates.input);
  const read = product(tokens.cacheRead, rates.cacheRead);
  const write5m = product(tokens.cacheWrite5m, rates.cacheWrite5m);
  const write1h = product(tokens.cacheWrite1h, rates.cacheWrite1h);
  const output = outputSum(tokens, rates);
  if (input === null || read === null || write5m === null || write1h === null || output === null) return null;
  return [input, read, write5m + write1h, output];
}

/**
 * Integers that add up to `total` and are as near to sum x p/q as that allows: each is rounded down, and what is left
 * goes one by one to the largest remainders (on a tie to the earlier part).
 */
function share(sums: PartSums, total: bigint, p: bigint, q: bigint): CostParts {
  const parts = sums.map((sum) => (sum * p) / q);
  let left = total - parts.reduce((a, b) => a + b, 0n);
  const order = sums
    .map((sum, index) => ({ index, remainder: (sum * p) % q }))
    .sort((a, b) => (a.remainder < b.remainder ? 1 : a.remainder > b.remainder ? -1 : a.index - b.index));
  for (const { index } of order) {
    if (left <= 0n) break;
    parts[index] = (parts[index] ?? 0n) + 1n;
    left -= 1n;
  }
  const [uncachedInput, cacheRead, cacheWrite, output] = parts.map(Number);
  return {
    uncachedInput: uncachedInput ?? 0,
    cacheRead: cacheRead ?? 0,
    cacheWrite: cacheWrite ?? 0,
    output: output ?? 0,
  };
}

/** Of an event without tokens, whose model no source knows: no price can make it cost anything. */
const NO_TOKENS: PriceVersion = {
  model: '',
  source: 'embedded',
  origin: '',
  basis: 'no tokens',
  rates: { input: null, output: null, cacheRead: null, cacheWrite5m: null, cacheWrite1h: null },
};

const FREE: Priced = {
  kind: 'priced',
  nanoUsd: 0,
  parts: { uncachedInput: 0, cacheRead: 0, cacheWrite: 0, output: 0 },
  version: NO_TOKENS,
  clamped: false,
};

function hasTokens(tokens: PriceInput['tokens']): boolean {
  const { uncachedInput, cacheRead, cacheWrite5m, cacheWrite1h, output } = tokens;
  return uncachedInput + cacheRead + cacheWrite5m + cacheWrite1h + output > 0;
}

/**
 * What an event costs, in integer nano-USD (10^-9 USD): the exact sum of tokens x rate, rounded half up once. Failed
 * requests are priced like others, and there is no price per request. `unpriced` when the event has tokens and no source
 * knows the model, or the one that does says no rate for tokens the event has.
 */
export function price(event: PriceInput, book: PriceBook): Priced {
  const card = book.find(event);
  if (!card) return hasTokens(event.tokens) ? { kind: 'unpriced' } : FREE;
  const { scaled, version } = appliedRates(card, event);
  const sums = partSums(event.tokens, scaled);
  if (!sums) return { kind: 'unpriced' };
  const exact = sums[0] + sums[1] + sums[2] + sums[3];
  const rounded = (2n * exact + SUMS_PER_NANO) / (2n * SUMS_PER_NANO);
  const limit = BigInt(MAX_NANO_USD);
  if (rounded > limit) {
    const parts = share(sums, limit, limit, exact);
    return { kind: 'priced', nanoUsd: MAX_NANO_USD, parts, version, clamped: true };
  }
  const parts = share(sums, rounded, 1n, SUMS_PER_NANO);
  return { kind: 'priced', nanoUsd: Number(rounded), parts, version, clamped: false };
}
