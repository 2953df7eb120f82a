import type { PriceBook, PriceCard, PriceInput, Priced } from '../contract/pricing.ts';
import { createPriceBook } from './book.ts';
import { createEmbeddedBook } from './embedded.ts';
import { price } from './price.ts';

/** How events are priced: by saved cards, and by the prices that came with the program beneath them. */
export interface StandardPricing {
  readonly embedded: PriceBook;
  readonly price: (event: PriceInput, book: PriceBook) => Priced;
  /** A book of saved cards and the embedded prices. `revision`: that of the saved ones. */
  readonly book: (cards: readonly PriceCard[], revision: number) => PriceBook;
}

/** Loads the embedded prices, which takes about 50 ms and 20 MB: one is enough for a thread. */
export function createStandardPricing(): StandardPricing {
  const embedded = createEmbeddedBook();
  const of = (cards: readonly PriceCard[], source: PriceCard['source']): Map<string, PriceCard> =>
    new Map(cards.filter((card) => card.source === source).map((card) => [card.model, card]));
  return {
    embedded,
    price,
    book: (cards, revision) =>
      createPriceBook({ manual: of(cards, 'manual'), synced: of(cards, 'synced'), revision, embedded }),
  };
}
