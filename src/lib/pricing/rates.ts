import type { PriceCard, PriceInput, PriceVersion, Rates, ServiceTier } from '../contract/pricing.ts';
import { billingModel, modelSlug } from './model-names.ts';
import {
  cacheWriteRule,
  isDiscountTier,
  isLongPremium,
  isPremiumTier,
  effectiveThreshold,
  LONG_PREMIUM_INPUT,
  LONG_PREMIUM_OUTPUT,
  LONG_PREMIUM_THRESHOLD,
  tierMultiplier,
  type CacheWriteRule,
  type Multiplier,
} from './model-rules.ts';

/**
 * Which rates of a card an event is billed at.
 *
 * One price counts for the whole request; there is no splitting at a threshold. In this order:
 * 1. A context tier of the card is active when its threshold (see `effectiveThreshold`) is strictly below the whole
 *    input; the greatest such one counts. Its fields override the base. Rates and surcharges of a service tier are not put on top of it: a list
 *    that has a long-context price means that one. Flex and batch halve it for OpenAI's long-context models only, as
 *    they do in rule 2, so that it makes no difference whether a card spells the long price out.
 * 2. A card without context tiers, for a model with OpenAI's long-context premium and more than 272,000 tokens of
 *    input: the premium. Priority has no effect then (it is not sold for long requests); flex and batch halve it.
 * 3. The card's own rates of the service tier. They are whole prices: no multiplier on top.
 * 4. The base rates, with the multiplier of the service tier.
 *
 * What a card leaves out (`null`: its source says nothing, which is not free) is derived from the rates just chosen:
 * - cache read: 1/10 of the input. What Anthropic, OpenAI since GPT-5 and Gemini since 2.5 charge, and what the older
 *   programs assumed.
 * - cache write, 5 minutes: 5/4 of the input for Claude and GPT-5.6, else the input.
 * - cache write, 1 hour: 8/5 of the 5 minute rate for Claude (which makes it twice the input), else the 5 minute rate.
 * - input and output: nothing to derive from. An event with such tokens is unpriced.
 *
 * Where the rates chosen have one for pictures, all output that is not reasoning is billed at it.
 */

/**
 * Rates in 1/40 pico-USD: the smallest unit in which every derived rate (1/10, 5/4, 8/5) with every multiplier (1/2,
 * 3/2, 5/2) is an integer.
 */
export const RATE_SCALE = 40n;

export interface ScaledRates {
  readonly input: bigint | null;
  readonly output: bigint | null;
  /** For output that is not reasoning; null where `output` counts for all of it. */
  readonly outputImage: bigint | null;
  readonly cacheRead: bigint | null;
  readonly cacheWrite5m: bigint | null;
  readonly cacheWrite1h: bigint | null;
}

/** What is applied to one event, shared by all events with the same card, tier and rules. */
export interface Applied {
  readonly scaled: ScaledRates;
  readonly version: PriceVersion;
}

interface Choice {
  readonly basis: string;
  /** The `mode` of a service tier whose own rates were chosen: several can have one name in `basis`. */
  readonly mode: string;
  readonly rates: Rates;
  readonly long: boolean;
  readonly multiplier: Multiplier | null;
}

export function wholeInput(event: PriceInput): number {
  const tokens = event.tokens;
  return tokens.uncachedInput + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;
}

/** Both output rates of the first that has one: a rate for pictures belongs to its list. */
export function outputRates(first: Rates, other: Rates): Pick<Rates, 'output' | 'outputImage'> {
  const { output, outputImage } = first.output === null ? other : first;
  return outputImage === undefined ? { output } : { output, outputImage };
}

function override(base: Rates, over: Rates): Rates {
  return {
    input: over.input ?? base.input,
    ...outputRates(over, base),
    cacheRead: over.cacheRead ?? base.cacheRead,
    cacheWrite5m: over.cacheWrite5m ?? base.cacheWrite5m,
    cacheWrite1h: over.cacheWrite1h ?? base.cacheWrite1h,
  };
}

function serviceTierOf(card: PriceCard, tier: string): ServiceTier | undefined {
  if (tier === '') return undefined;
  return card.serviceTiers.find((each) => each.mode === tier || each.serviceTier === tier);
}

function choose(card: PriceCard, tier: string, slug: string, input: number): Choice {
  const longModel = isLongPremium(slug);
  const context = card.contextTiers.findLast((each) => effectiveThreshold(each.threshold) < input);
  if (context) {
    const rates = override(card.rates, context.rates);
    const discount = longModel && isDiscountTier(tier) ? tierMultiplier(tier, slug) : null;
    const start = `context>${effectiveThreshold(context.threshold)}`;
    const basis = discount ? `${start}+service:${tier}` : start;
    return { basis, mode: '', rates, long: false, multiplier: discount };
  }
  const long = longModel && card.contextTiers.length === 0 && input > LONG_PREMIUM_THRESHOLD;
  const start = long ? `context>${LONG_PREMIUM_THRESHOLD}` : 'base';
  if (long && isPremiumTier(tier)) {
    return { basis: start, mode: '', rates: card.rates, long, multiplier: null };
  }
  const service = serviceTierOf(card, tier);
  if (service) {
    const basis = `service:${service.serviceTier}`;
    const rates = override(card.rates, service.rates);
    const { mode } = service;
    return { basis: long ? `${start}+${basis}` : basis, mode, rates, long, multiplier: null };
  }
  const multiplier = tierMultiplier(tier, slug);
  const basis = multiplier ? `${start}+service:${tier}` : start;
  return { basis, mode: '', rates: card.rates, long, multiplier };
}

/** `value` x p/q. The scale is chosen so that this never leaves a remainder. */
function times(value: bigint | null, p: bigint, q: bigint): bigint | null {
  if (value === null) return null;
  const product = value * p;
  if (product % q !== 0n) throw new RangeError(`rate ${value} x ${p}/${q} does not fit the rate scale`);
  return product / q;
}

export const scale = (rate: number | null): bigint | null =>
  rate === null ? null : BigInt(rate) * RATE_SCALE;

export function derive(rates: Rates, rule: CacheWriteRule): ScaledRates {
  const input = scale(rates.input);
  const cacheWrite5m = scale(rates.cacheWrite5m) ?? (rule === 'plain' ? input : times(input, 5n, 4n));
  const cacheWrite1h =
    scale(rates.cacheWrite1h) ?? (rule === 'anthropic' ? times(cacheWrite5m, 8n, 5n) : cacheWrite5m);
  return {
    input,
    output: scale(rates.output),
    outputImage: scale(rates.outputImage ?? null),
    cacheRead: scale(rates.cacheRead) ?? times(input, 1n, 10n),
    cacheWrite5m,
    cacheWrite1h,
  };
}

export function multiply(rates: ScaledRates, onInput: Multiplier, onOutput: Multiplier): ScaledRates {
  return {
    input: times(rates.input, onInput.p, onInput.q),
    output: times(rates.output, onOutput.p, onOutput.q),
    outputImage: times(rates.outputImage, onOutput.p, onOutput.q),
    cacheRead: times(rates.cacheRead, onInput.p, onInput.q),
    cacheWrite5m: times(rates.cacheWrite5m, onInput.p, onInput.q),
    cacheWrite1h: times(rates.cacheWrite1h, onInput.p, onInput.q),
  };
}

/** The rates as integer pico-USD, or `null` when one of them is not an integer. */
function integerRates(scaled: ScaledRates): Rates | null {
  const whole = (rate: bigint | null): boolean => rate === null || rate % RATE_SCALE === 0n;
  const pico = (rate: bigint | null): number | null => (rate === null ? null : Number(rate / RATE_SCALE));
  if (!Object.values(scaled).every(whole)) return null;
  return {
    input: pico(scaled.input),
    output: pico(scaled.output),
    ...(scaled.outputImage !== null && { outputImage: Number(scaled.outputImage / RATE_SCALE) }),
    cacheRead: pico(scaled.cacheRead),
    cacheWrite5m: pico(scaled.cacheWrite5m),
    cacheWrite1h: pico(scaled.cacheWrite1h),
  };
}

/** Stands behind the basis of a version whose rates are those of the card, before what was derived and multiplied. */
export const AS_LISTED = '(rates as listed)';

function apply(card: PriceCard, choice: Choice, rule: CacheWriteRule): Applied {
  let scaled = derive(choice.rates, rule);
  let basis = choice.rates.outputImage === undefined ? choice.basis : `${choice.basis}+image-output`;
  if (choice.long) {
    scaled = multiply(scaled, LONG_PREMIUM_INPUT, LONG_PREMIUM_OUTPUT);
    const [onInput, onOutput] = [LONG_PREMIUM_INPUT, LONG_PREMIUM_OUTPUT];
    basis += ` x${onInput.p}/${onInput.q} (output x${onOutput.p}/${onOutput.q})`;
  }
  if (choice.multiplier) {
    scaled = multiply(scaled, choice.multiplier, choice.multiplier);
    basis += ` x${choice.multiplier.p}/${choice.multiplier.q}`;
  }
  const applied = integerRates(scaled);
  // A version says the rates that were multiplied with the tokens. Where one of them is a fraction of a pico-USD it
  // says the card's instead, and that multipliers and derived rates are not in them.
  const version: PriceVersion = {
    model: card.model,
    source: card.source,
    origin: card.origin,
    basis: applied ? basis : `${basis} ${AS_LISTED}`,
    rates: applied ?? choice.rates,
  };
  return { scaled, version };
}

/** A card has a handful of choices (tiers x multipliers), so this stays small; it goes with the card. */
const remembered = new WeakMap<PriceCard, Map<string, Applied>>();

/** The rates at which this event is billed under this card. */
export function appliedRates(card: PriceCard, event: PriceInput): Applied {
  const slug = modelSlug(billingModel(event));
  const choice = choose(card, event.serviceTier.trim().toLowerCase(), slug, wholeInput(event));
  const own = cacheWriteRule(modelSlug(card.model));
  const rule = own === 'plain' ? cacheWriteRule(slug) : own;
  let choices = remembered.get(card);
  if (!choices) remembered.set(card, (choices = new Map()));
  const multiplier = choice.multiplier ? `${choice.multiplier.p}/${choice.multiplier.q}` : '';
  const key = `${choice.basis} ${choice.mode} ${multiplier} ${rule}`;
  let applied = choices.get(key);
  if (!applied) choices.set(key, (applied = apply(card, choice, rule)));
  return applied;
}
