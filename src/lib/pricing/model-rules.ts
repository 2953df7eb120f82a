/**
 * What the published price lists say about whole families of models, for cards that do not say it themselves.
 * Everything here works on slugs (see `modelSlug`).
 */

/** p/q, applied to exact sums before anything is rounded. */
export interface Multiplier {
  readonly p: bigint;
  readonly q: bigint;
}

const HALF: Multiplier = { p: 1n, q: 2n };
const DOUBLE: Multiplier = { p: 2n, q: 1n };

/** Above this whole input OpenAI bills the long-context models at 2x input and 3/2 output, for the whole request. */
export const LONG_PREMIUM_THRESHOLD = 272_000;
export const LONG_PREMIUM_INPUT: Multiplier = DOUBLE;
export const LONG_PREMIUM_OUTPUT: Multiplier = { p: 3n, q: 2n };

/**
 * The line of a context tier: a whole input above it is billed at the tier, one of exactly that many tokens is not.
 * OpenAI's line reads "more than 272K" and stands in lists as 272,000 and (genai-prices 0.1.8) as 271,999. This is the
 * one place that decides: 272,000 tokens are not long, whichever list or rule an event is priced by.
 */
export function effectiveThreshold(listed: number): number {
  return listed === LONG_PREMIUM_THRESHOLD - 1 ? LONG_PREMIUM_THRESHOLD : listed;
}

const inFamily = (slug: string, family: string): boolean => slug === family || slug.startsWith(`${family}-`);

/** `gpt-5.5`, `gpt-5.4` and `gpt-5.4-pro` themselves or a dated snapshot, but not their mini and nano siblings. */
const LONG_PREMIUM = /^gpt-5\.(?:5|4|4-pro)(?:-20.*)?$/s;

export function isLongPremium(slug: string): boolean {
  return inFamily(slug, 'gpt-5.6') || LONG_PREMIUM.test(slug);
}

/** OpenAI's surcharge for priority processing. `fast` is the Codex name of the same thing. */
const PRIORITY: ReadonlyArray<readonly [family: string, multiplier: Multiplier]> = [
  ['gpt-5.6', DOUBLE],
  ['gpt-5.5', { p: 5n, q: 2n }],
  ['gpt-5.4', DOUBLE],
  ['gpt-5.3-codex', DOUBLE],
];

/** Tiers billed below the list price. */
export const isDiscountTier = (tier: string): boolean => tier === 'flex' || tier === 'batch';

/** Tiers billed above the list price. */
export const isPremiumTier = (tier: string): boolean => tier === 'priority' || tier === 'fast';

/** The multiplier of a service tier (trimmed, lower case) where the card has no rates for it; `null` when it has none. */
export function tierMultiplier(tier: string, slug: string): Multiplier | null {
  if (isDiscountTier(tier)) return HALF;
  if (!isPremiumTier(tier)) return null;
  return PRIORITY.find(([family]) => inFamily(slug, family))?.[1] ?? null;
}

/** How a missing cache write rate follows from the others. */
export type CacheWriteRule = 'anthropic' | 'openai' | 'plain';

/**
 * Anthropic bills a write that is kept for 5 minutes at 5/4 of the input and one kept for an hour at twice the input.
 * GPT-5.6 bills writes at 5/4. Everybody else bills them as the input they are. The model's name decides, not the
 * provider: the same Anthropic-shaped endpoint serves GLM, Kimi and MiniMax models, which have no such surcharge.
 */
export function cacheWriteRule(slug: string): CacheWriteRule {
  if (slug.includes('claude')) return 'anthropic';
  return inFamily(slug, 'gpt-5.6') ? 'openai' : 'plain';
}
