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

/**
 * The list of models.dev: `{models, providers}`, or only the providers as older snapshots of it have them. Prices are
 * USD per million tokens. `models` has the names that makers give their models, which tells a maker's price from a
 * reseller's.
 */
export function readModelsDev(root: Json): Catalog {
  const whole = isObject(root['providers']);
  const providers = isObject(root['providers']) ? root['providers'] : root;
  const canonical = whole ? canonicalIds(root['models']) : null;
  if (canonical?.length === 0) throw new CatalogError('models.dev catalog contained no canonical models');
  const builder = new CatalogBuilder('models.dev');
  for (const [provider, value] of Object.entries(providers)) {
    const models = isObject(value) && isObject(value['models']) ? value['models'] : {};
    for (const [model, entry] of Object.entries(models)) {
      builder.add(`${provider}/${model}`, entry, () => pricesOf(entry));
    }
  }
  return builder.build(canonical);
}

function canonicalIds(models: unknown): string[] {
  if (isObject(models)) return Object.keys(models);
  if (!Array.isArray(models)) return [];
  return models.flatMap((model: unknown) =>
    isObject(model) && typeof model['id'] === 'string' ? [model['id']] : [],
  );
}

function pricesOf(entry: unknown): {
  rates: Rates;
  contextTiers: ContextTier[];
  serviceTiers: ServiceTier[];
} {
  const cost = isObject(entry) && isObject(entry['cost']) ? entry['cost'] : {};
  return { rates: ratesOf(cost), contextTiers: contextTiers(cost['tiers']), serviceTiers: fastTier(entry) };
}

const ratesOf = (cost: Json): Rates => ({
  input: rateOf(cost, 'million', 'input'),
  output: rateOf(cost, 'million', 'output'),
  cacheRead: rateOf(cost, 'million', 'cache_read'),
  cacheWrite5m: rateOf(cost, 'million', 'cache_write'),
  cacheWrite1h: null,
});

/** One bad tier and none of them is taken: half of a price list is a wrong price list. */
function contextTiers(value: unknown): ContextTier[] {
  if (!Array.isArray(value)) return [];
  const tiers = new Map<number, ContextTier>();
  for (const each of value) {
    const tier = isObject(each) && isObject(each['tier']) ? each['tier'] : {};
    const kind = tier['type'];
    if (typeof kind === 'string' && kind.toLowerCase() !== 'context') continue;
    const threshold = tier['size'];
    if (!isObject(each) || typeof threshold !== 'number' || !Number.isSafeInteger(threshold)) return [];
    const rates = sound(() => ratesOf(each));
    if (threshold <= 0 || tiers.has(threshold) || rates === null || !saysSomething(rates)) return [];
    tiers.set(threshold, { threshold, rates });
  }
  return [...tiers.values()].sort((a, b) => a.threshold - b.threshold);
}

/** `experimental.modes.fast` is what OpenAI calls priority processing. */
function fastTier(entry: unknown): ServiceTier[] {
  const experimental = isObject(entry) ? entry['experimental'] : null;
  const modes = isObject(experimental) ? experimental['modes'] : null;
  const fast = isObject(modes) ? modes['fast'] : null;
  const cost = isObject(fast) && isObject(fast['cost']) ? fast['cost'] : {};
  const rates = sound(() => ratesOf(cost));
  return rates !== null && saysSomething(rates) ? [{ mode: 'fast', serviceTier: 'priority', rates }] : [];
}

function sound(read: () => Rates): Rates | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof CatalogError) return null;
    throw error;
  }
}
