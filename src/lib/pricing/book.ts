import type { PriceBook, PriceCard, PriceInput, Rates } from '../contract/pricing.ts';
import { candidateModels } from './model-names.ts';

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

/**
 * Asks the sources in order: manual, synced, embedded. Each is asked for all names of the model (billed, without
 * thinking suffix, as requested) before the next one, so that a price a person saved for an alias wins over the price
 * that came with the program for the model behind it.
 */
export function createPriceBook(sources: PriceSources): PriceBook {
  const { manual, synced, revision, embedded } = sources;
  const saved = [manual, synced].filter((cards) => cards.size > 0);
  return {
    revision,
    find(event: PriceInput): PriceCard | null {
      if (saved.length > 0) {
        const names = candidateModels(event);
        for (const cards of saved) {
          for (const name of names) {
            const card = usable(cards.get(name));
            if (card) return card;
          }
        }
      }
      return embedded.find(event);
    },
  };
}
