import type { PriceBook, PriceCard, Priced, PriceInput, PriceVersion } from '../contract/pricing.ts';
import type { StoredCost } from './event-row.ts';
import { readPriceCards, type PriceVersions } from './price-store.ts';
import type { Revisions } from './revisions.ts';
import { isStoreTrouble, type Db } from './sqlite.ts';

/** What pricing at the moment of storing is made of. */
export interface PricerParts {
  readonly price: (event: PriceInput, book: PriceBook) => Priced;
  /** Makes a book of the saved cards and the embedded prices. */
  readonly book: (cards: readonly PriceCard[], revision: number) => PriceBook;
  readonly now: () => number;
}

export interface CostOf {
  readonly cost: StoredCost;
  /** The true cost was higher than one event can carry. */
  readonly clamped: boolean;
}

const UNPRICED: CostOf = { cost: { costNano: null, priceId: null }, clamped: false };

/** Prices events inside the transaction that stores them. */
export class EventPricer {
  readonly #db: Db;
  readonly #parts: PricerParts;
  readonly #versions: PriceVersions;
  readonly #revisions: Revisions;
  #book: PriceBook | null = null;

  constructor(db: Db, parts: PricerParts, versions: PriceVersions, revisions: Revisions) {
    this.#db = db;
    this.#parts = parts;
    this.#versions = versions;
    this.#revisions = revisions;
  }

  /** The book of the prices as they are in this transaction. One that cannot be made knows no price. */
  book(): PriceBook {
    const revision = this.#revisions.of('prices');
    if (this.#book?.revision !== revision) {
      try {
        this.#book = this.#parts.book(readPriceCards(this.#db), revision);
      } catch (error) {
        if (isStoreTrouble(error)) throw error;
        this.#book = { revision, find: () => null };
      }
    }
    return this.#book;
  }

  /** An event that pricing stumbles over is stored without a price, as one that no source knows: it can get one later. */
  cost(event: PriceInput, book: PriceBook): CostOf {
    try {
      const result = this.#parts.price(event, book);
      if (result.kind === 'unpriced' || !Number.isSafeInteger(result.nanoUsd)) return UNPRICED;
      const priceId = this.#versions.id(result.version, this.#parts.now());
      return { cost: { costNano: result.nanoUsd, priceId }, clamped: result.clamped };
    } catch (error) {
      if (isStoreTrouble(error)) throw error;
      return UNPRICED;
    }
  }

  /** What an event would be billed at by this book; null without a price. */
  version(event: PriceInput, book: PriceBook): PriceVersion | null {
    try {
      const result = this.#parts.price(event, book);
      return result.kind === 'priced' ? result.version : null;
    } catch {
      return null;
    }
  }
}
