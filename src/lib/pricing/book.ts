import type { PriceBook, PriceCard, PriceInput, Rates } from '../contract/pricing.ts';
import { candidateModels } from './model-names.ts';
import { outputRates } from './rates.ts';

export interface PriceSources {
  /** Cards by model name, exactly as they were saved. */
  readonly manual: ReadonlyMap<string, PriceCard>;
  readonly synced: ReadonlyMap<string, PriceCard>;
  /** Rises with every change of a manual or synced price. */
  readonly revision: number;
  readonly embedded: PriceBook;
}

const saysSomething = (rates: Rates): boolean => Object.values(rates).some((rate) => rate !== null);

/** A saved row in which nothing was filled in is no price; the next source is asked. */
function usable(card: PriceCard | undefined): PriceCard | null {
  if (!card) return null;
  const tiers = [...card.contextTiers, ...card.serviceTiers];
  return saysSomething(card.rates) || tiers.some((tier) => saysSomething(tier.rates)) ? card : null;
}

const complete = (card: PriceCard): boolean => card.rates.input !== null && card.rates.output !== null;

/**
 * A card that says only the input or only the output takes the other from the next source that knows it, and with the
 * input the cache rates that belong to it. Nothing else is mixed: a relay's own price has nothing to do with the
 * maker's tiers.
 */
function fill(upper: PriceCard, lower: PriceCard): PriceCard {
  const own = upper.rates;
  const other = lower.rates;
  const cache = own.input === null ? other : own;
  const rates: Rates = {
    input: own.input ?? other.input,
    ...outputRates(own, other),
    cacheRead: own.cacheRead ?? cache.cacheRead,
    cacheWrite5m: own.cacheWrite5m ?? cache.cacheWrite5m,
    cacheWrite1h: own.cacheWrite1h ?? cache.cacheWrite1h,
  };
  const gained = rates.input !== own.input || rates.output !== own.output;
  return gained ? { ...upper, rates, origin: `${upper.origin}+${lower.origin}` } : upper;
}

/**
 * Asks the sources in order: manual, synced, embedded. Each is asked for all names of the model (billed, without
 * thinking suffix, as requested) before the next one, so that a price a person saved for an alias wins over the price
 * that came with the program for the model behind it.
 */
export function createPriceBook(sources: PriceSources): PriceBook {
  const { manual, synced, revision, embedded } = sources;
  const saved = [manual, synced].filter((cards) => cards.size > 0);
  const filled = new WeakMap<PriceCard, WeakMap<PriceCard, PriceCard>>();

  /** One object for one pair: what is remembered for a card (its rates, its versions) is found again. */
  function filledOnce(upper: PriceCard, lower: PriceCard): PriceCard {
    let byLower = filled.get(upper);
    if (!byLower) filled.set(upper, (byLower = new WeakMap()));
    let card = byLower.get(lower);
    if (!card) byLower.set(lower, (card = fill(upper, lower)));
    return card;
  }

  function savedCard(cards: ReadonlyMap<string, PriceCard>, names: readonly string[]): PriceCard | null {
    for (const name of names) {
      const card = usable(cards.get(name));
      if (card) return card;
    }
    return null;
  }

  return {
    revision,
    find(event: PriceInput): PriceCard | null {
      let best: PriceCard | null = null;
      if (saved.length > 0) {
        const names = candidateModels(event);
        for (const cards of saved) {
          const card = savedCard(cards, names);
          if (card) best = best ? filledOnce(best, card) : card;
          if (best && complete(best)) return best;
        }
      }
      const last = embedded.find(event);
      return best && last ? filledOnce(best, last) : (best ?? last);
    },
  };
}
