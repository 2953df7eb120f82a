import type { ContextTier, Rates, ServiceTier } from '../../contract/pricing.ts';
import {
  CatalogBuilder,
  CatalogError,
  isObject,
  rateOf,
  saysSomething,
  type Catalog,
  type Json,
} from './catalog.ts';

/** Stands first in the list and explains its fields. */
const EXPLANATION = 'sample_spec';

const ABOVE = /^(?:input_cost_per_token|output_cost_per_token)_above_(\d{1,5})k_tokens$/;

/**
 * The list of LiteLLM: one object by model, prices in USD a token. A price for long requests stands in keys such as
 * `input_cost_per_token_above_200k_tokens`, one of a service tier in `input_cost_per_token_priority`.
 */
export function readLiteLlm(root: Json): Catalog {
  const builder = new CatalogBuilder('litellm');
  for (const [model, entry] of Object.entries(root)) {
    if (!isObject(entry)) throw new CatalogError(`${JSON.stringify(model.slice(0, 100))} is no object`);
    if (model === EXPLANATION) continue;
    builder.add(model, entry, () => ({
      rates: ratesOf(entry, ''),
      contextTiers: contextTiers(entry),
      serviceTiers: serviceTiers(entry),
    }));
  }
  return builder.build();
}

function ratesOf(entry: Json, ending: string): Rates {
  const rate = (...keys: readonly string[]): number | null =>
    rateOf(entry, 'token', ...keys.map((key) => key + ending));
  const outputImage = rate('output_cost_per_image_token');
  return {
    input: rate('input_cost_per_token'),
    output: rate('output_cost_per_token'),
    ...(outputImage !== null && { outputImage }),
    cacheRead: rate('cache_read_input_token_cost', 'input_cache_read'),
    cacheWrite5m: rate(
      'cache_creation_input_token_cost',
      'cache_write_input_token_cost',
      'input_cache_write',
      'input_cache_creation',
    ),
    cacheWrite1h: rateOf(entry, 'token', `cache_creation_input_token_cost_above_1hr${ending}`),
  };
}

function contextTiers(entry: Json): ContextTier[] {
  const thousands = new Set(Object.keys(entry).flatMap((key) => ABOVE.exec(key)?.[1] ?? []));
  return [...thousands]
    .map((text) => ({ threshold: Number(text) * 1000, rates: ratesOf(entry, `_above_${text}k_tokens`) }))
    .filter(({ threshold, rates }) => threshold > 0 && saysSomething(rates))
    .sort((a, b) => a.threshold - b.threshold);
}

function serviceTiers(entry: Json): ServiceTier[] {
  const names = [
    { mode: 'fast', serviceTier: 'priority' },
    { mode: 'flex', serviceTier: 'flex' },
  ] as const;
  return names
    .map((name) => ({ ...name, rates: ratesOf(entry, `_${name.serviceTier}`) }))
    .filter(({ rates }) => saysSomething(rates));
}
