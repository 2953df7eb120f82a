import type { CostPart } from '../contract/api/events.ts';
import type { PriceInput, PriceVersion } from '../contract/pricing.ts';
import { billingModel, modelSlug } from './model-names.ts';
import { cacheWriteRule } from './model-rules.ts';
import { AS_LISTED, derive, multiply, RATE_SCALE, scale, type ScaledRates } from './rates.ts';

/** Sums are in 1/40 pico-USD; this many of them are one nano-USD. */
const SUMS_PER_NANO = RATE_SCALE * 1000n;

/** What the basis of a price version says, read back. */
export interface Basis {
  /** Input above this many tokens made this price apply; null: any. */
  readonly contextThreshold: number | null;
  /** `''`: the price of no service tier in particular. */
  readonly serviceTier: string;
}

const CONTEXT = /^context>(\d+)/;
const SERVICE = /(?:^|\+)service:(.*?)(?=\+image-output|\+service:| x\d+\/\d+| \(|$)/;
const MULTIPLIER = / x(\d+)\/(\d+)(?: \(output x(\d+)\/(\d+)\))?/g;

export function readBasis({ basis }: PriceVersion): Basis {
  const threshold = CONTEXT.exec(basis)?.[1];
  return {
    contextThreshold: threshold === undefined ? null : Number(threshold),
    serviceTier: SERVICE.exec(basis)?.[1] ?? '',
  };
}

/** The rates that an event was billed at, from the version that was stored for it. */
function billedRates(version: PriceVersion, event: PriceInput): ScaledRates {
  const { rates, basis } = version;
  if (!basis.endsWith(AS_LISTED)) {
    return {
      input: scale(rates.input),
      output: scale(rates.output),
      outputImage: scale(rates.outputImage ?? null),
      cacheRead: scale(rates.cacheRead),
      cacheWrite5m: scale(rates.cacheWrite5m),
      cacheWrite1h: scale(rates.cacheWrite1h),
    };
  }
  let scaled = derive(rates, cacheWriteRule(modelSlug(billingModel(event))));
  for (const [, p = '1', q = '1', outP = p, outQ = q] of basis.matchAll(MULTIPLIER)) {
    const onInput = { p: BigInt(p), q: BigInt(q) };
    scaled = multiply(scaled, onInput, { p: BigInt(outP), q: BigInt(outQ) });
  }
  return scaled;
}

interface Part {
  readonly part: CostPart['part'];
  readonly tokens: number;
  readonly rate: bigint | null;
}

function partsOf({ tokens }: PriceInput, rates: ScaledRates): Part[] {
  // Pictures have a rate of their own, and thinking keeps the plain one: then output is two parts.
  const thought = rates.outputImage === null ? tokens.output : Math.min(tokens.reasoning, tokens.output);
  const output: Part[] = [{ part: 'output', tokens: thought, rate: rates.output }];
  if (rates.outputImage !== null) {
    const pictures: Part = { part: 'output', tokens: tokens.output - thought, rate: rates.outputImage };
    if (thought === 0) output.pop();
    output.unshift(pictures);
  }
  return [
    { part: 'input', tokens: tokens.uncachedInput, rate: rates.input },
    { part: 'cache_read', tokens: tokens.cacheRead, rate: rates.cacheRead },
    { part: 'cache_write_5m', tokens: tokens.cacheWrite5m, rate: rates.cacheWrite5m },
    { part: 'cache_write_1h', tokens: tokens.cacheWrite1h, rate: rates.cacheWrite1h },
    ...output,
  ];
}

/** Pico-USD with up to three digits behind the point, as text. */
function rateText(rate: bigint | null): string | null {
  if (rate === null) return null;
  const below = (((rate % RATE_SCALE) * 1000n) / RATE_SCALE).toString().padStart(3, '0').replace(/0+$/, '');
  return `${rate / RATE_SCALE}${below === '' ? '' : `.${below}`}`;
}

/**
 * Integers that add up to `total`, each as near to its sum as that allows: rounded down, and what is left goes one by
 * one to the largest remainders. Null when nothing has a sum and there is something to share.
 */
function share(sums: readonly bigint[], total: bigint): bigint[] | null {
  const exact = sums.reduce((a, b) => a + b, 0n);
  if (exact === 0n) return total === 0n ? sums.map(() => 0n) : null;
  // The cost is the sum, rounded. Where it was cut at its limit, the parts are cut in proportion.
  const rounded = (2n * exact + SUMS_PER_NANO) / (2n * SUMS_PER_NANO);
  const [p, q] = rounded === total ? [1n, SUMS_PER_NANO] : [total, exact];
  const parts = sums.map((sum) => (sum * p) / q);
  const left = Number(total - parts.reduce((a, b) => a + b, 0n));
  const order = sums
    .map((sum, index) => ({ index, remainder: (sum * p) % q }))
    .sort((a, b) => (a.remainder < b.remainder ? 1 : a.remainder > b.remainder ? -1 : a.index - b.index));
  for (const { index } of order.slice(0, Math.max(0, left))) parts[index] = (parts[index] ?? 0n) + 1n;
  return parts;
}

/**
 * What each kind of token of a stored event cost, at the version it was billed at. The parts add up to `costNano`.
 * Empty where that version cannot explain a cost.
 */
export function billedParts(event: PriceInput, version: PriceVersion, costNano: number): CostPart[] {
  const parts = partsOf(event, billedRates(version, event));
  const sums = parts.map(({ tokens, rate }) => BigInt(tokens) * (rate ?? 0n));
  const costs = share(sums, BigInt(costNano));
  if (costs === null) return [];
  return parts.map(({ part, tokens, rate }, index) => ({
    part,
    tokens,
    rate_pico_usd: rateText(rate),
    cost_nano_usd: Number(costs[index] ?? 0n),
  }));
}
