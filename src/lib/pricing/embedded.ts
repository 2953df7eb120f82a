import { calcPrice, type ModelPrice, type PriceCalculation } from '@pydantic/genai-prices';

import type { ContextTier, PicoUsd, PriceBook, PriceCard, PriceInput, Rates } from '../contract/pricing.ts';
import { picoFromUsdPerMillion } from './decimal.ts';
import { LruMap } from './lru.ts';
import { candidateModels } from './model-names.ts';
import { attempts, vendorOf, type Attempt } from './vendors.ts';

/**
 * The price book under all others: the data of @pydantic/genai-prices, so that cost is right with no network at all.
 * The package is only asked which model a name means and what it cost at a time; it fetches nothing unless told to
 * (`updatePrices`, which we never call), and its own arithmetic, in doubles, is not used. Importing it takes about
 * 50 ms and 20 MB: only what prices events should import this file.
 */

const DAY_MS = 86_400_000;
const REMEMBERED = 4096;

/** The package's names for our rates. */
const KEYS = {
  input: 'input_mtok',
  output: 'output_mtok',
  outputImage: 'output_image_mtok',
  cacheRead: 'cache_read_mtok',
  cacheWrite5m: 'cache_write_mtok',
  cacheWrite1h: 'cache_write_1h_mtok',
} as const satisfies Record<keyof Rates, string>;

function pico(usdPerMillion: number | undefined): PicoUsd | null {
  return usdPerMillion === undefined ? null : picoFromUsdPerMillion(usdPerMillion);
}

/** One rate below all tiers (`above` null) or at a whole input just above `above`. */
function rateAt(price: ModelPrice, key: string, above: number | null): PicoUsd | null {
  const value = price[key];
  if (value === undefined || typeof value === 'number') return pico(value);
  let usd = value.base;
  let best = -1;
  for (const tier of value.tiers) {
    if (above === null || tier.start > above || tier.start < best) continue;
    usd = tier.price;
    best = tier.start;
  }
  return pico(usd);
}

function ratesAt(price: ModelPrice, seller: string, above: number | null): Rates {
  const input = rateAt(price, KEYS.input, above);
  const cacheRead = rateAt(price, KEYS.cacheRead, above);
  // OpenAI's list has a cached price wherever there is a discount (its `pro` models have none): none listed, full price.
  const undiscounted = seller === 'openai' || seller === 'azure' ? input : null;
  const outputImage = rateAt(price, KEYS.outputImage, above);
  return {
    input,
    output: rateAt(price, KEYS.output, above),
    ...(outputImage !== null && { outputImage }),
    cacheRead: cacheRead ?? undiscounted,
    cacheWrite5m: rateAt(price, KEYS.cacheWrite5m, above),
    cacheWrite1h: rateAt(price, KEYS.cacheWrite1h, above),
  };
}

/**
 * The tiers of all rates, brought under common thresholds. The package applies a tier when the whole input is greater
 * than its `start`, to the whole request: that is our threshold, number for number (`effectiveThreshold` says what it
 * means).
 */
function contextTiers(price: ModelPrice, seller: string): ContextTier[] {
  const starts = new Set<number>();
  for (const key of Object.values(KEYS)) {
    const value = price[key];
    if (typeof value === 'object') for (const tier of value.tiers) starts.add(tier.start);
  }
  return [...starts]
    .sort((a, b) => a - b)
    .map((threshold) => ({ threshold, rates: ratesAt(price, seller, threshold) }));
}

function makeCard(found: PriceCalculation): PriceCard | null {
  const seller = found.provider.id;
  const rates = ratesAt(found.model_price, seller, null);
  // Priced by the hour, the page or the picture, or listed without any price: nothing that tokens could be charged at.
  if (rates.input === null && rates.output === null) return null;
  return {
    model: found.model.id,
    source: 'embedded',
    origin: `genai-prices:${seller}/${found.model.id}`,
    rates,
    contextTiers: contextTiers(found.model_price, seller),
    serviceTiers: [],
  };
}

/** What a lookup found: a card for the whole UTC day, or (DeepSeek's off-peak prices) one that depends on the time. */
type Found = { readonly card: PriceCard | null } | { readonly timed: Attempt };

function ask(attempt: Attempt, timestampMs: number): PriceCalculation | null {
  const { vendor, model } = attempt;
  const timestamp = new Date(timestampMs);
  // No tokens: only the price that the package chose is of interest.
  return calcPrice({}, model, vendor === null ? { timestamp } : { timestamp, providerId: vendor });
}

function changesWithinDay(found: PriceCalculation): boolean {
  const prices = found.model.prices;
  return Array.isArray(prices) && prices.some((each) => each.constraint?.type === 'time_of_date');
}

class EmbeddedBook implements PriceBook {
  /** Part of the program: it changes with the program only. */
  readonly revision = 0;
  readonly #found = new LruMap<Found>(REMEMBERED);
  /** One card object for one price, so that what is remembered per card is shared. */
  readonly #cards = new WeakMap<ModelPrice, Map<string, PriceCard | null>>();

  find(event: PriceInput): PriceCard | null {
    const day = Math.floor(event.timestampMs / DAY_MS);
    const { executorType, provider, resolvedModel, requestedModel, model } = event;
    const key = `${executorType}\n${provider}\n${resolvedModel}\n${requestedModel}\n${model}\n${day}`;
    let found = this.#found.get(key);
    if (!found) this.#found.set(key, (found = this.#look(event)));
    if ('card' in found) return found.card;
    const now = ask(found.timed, event.timestampMs);
    return now && this.#card(now);
  }

  #look(event: PriceInput): Found {
    const vendor = vendorOf(event.executorType, event.provider);
    for (const name of candidateModels(event)) {
      for (const attempt of attempts(vendor, name)) {
        const found = ask(attempt, event.timestampMs);
        const card = found && this.#card(found);
        if (found && card) return changesWithinDay(found) ? { timed: attempt } : { card };
      }
    }
    return { card: null };
  }

  #card(found: PriceCalculation): PriceCard | null {
    const price = found.model_price;
    let cards = this.#cards.get(price);
    if (!cards) this.#cards.set(price, (cards = new Map()));
    const origin = `${found.provider.id}/${found.model.id}`;
    let card = cards.get(origin);
    if (card === undefined) cards.set(origin, (card = makeCard(found)));
    return card;
  }
}

/** A book of the prices that came with the program. Knows nothing of manual and synced prices. */
export function createEmbeddedBook(): PriceBook {
  return new EmbeddedBook();
}
