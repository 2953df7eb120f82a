import { EventFlag } from '../contract/event.ts';
import type { PriceBook, PriceCard, Priced, PriceInput } from '../contract/pricing.ts';
import { readPriceCards } from './price-store.ts';
import { isStoreTrouble, type Db } from './sqlite.ts';
import type { Revisions } from './revisions.ts';

/** How events are priced; the same parts that the writer has. */
export interface Pricing {
  readonly price: (event: PriceInput, book: PriceBook) => Priced;
  /** Makes a book of the saved cards and the embedded prices. */
  readonly book: (cards: readonly PriceCard[], revision: number) => PriceBook;
}

/** The book of the prices as they are in a transaction, made anew only when they changed. */
export class CurrentBook {
  readonly #db: Db;
  readonly #pricing: Pricing;
  readonly #revisions: Revisions;
  #book: PriceBook | null = null;

  constructor(db: Db, pricing: Pricing, revisions: Revisions) {
    this.#db = db;
    this.#pricing = pricing;
    this.#revisions = revisions;
  }

  get(): PriceBook {
    const revision = this.#revisions.of('prices');
    if (this.#book?.revision !== revision)
      this.#book = this.#pricing.book(readPriceCards(this.#db), revision);
    return this.#book;
  }
}

/** What of a stored event decides about its price, and what it has. */
export interface PricedRow {
  readonly id: number;
  readonly gatewayId: number;
  readonly flags: number;
  readonly costNano: number | null;
  readonly priceId: number | null;
  readonly input: PriceInput;
}

interface Row {
  readonly id: number;
  readonly gateway_id: number;
  readonly timestamp_ms: number;
  readonly flags: number;
  readonly cost_nano: number | null;
  readonly price_id: number | null;
  readonly uncached_input: number;
  readonly cache_read: number;
  readonly cache_write_5m: number;
  readonly cache_write_1h: number;
  readonly output: number;
  readonly reasoning: number;
  readonly name: string;
  readonly requested: string;
  readonly resolved: string;
  readonly provider: string | null;
  readonly executor_type: string;
  readonly service_tier: string;
}

/** Reads what {@link pricedRow} takes; a WHERE follows. */
export const PRICED_SELECT = `SELECT e.id, e.gateway_id, e.timestamp_ms, e.flags, e.cost_nano, e.price_id,
  e.uncached_input, e.cache_read, e.cache_write_5m, e.cache_write_1h, e.output, e.reasoning,
  m.name, m.requested, m.resolved, p.name AS provider, c.executor_type, c.service_tier
FROM event e
  JOIN model m ON m.id = e.model_id
  JOIN call_profile c ON c.id = e.profile_id
  LEFT JOIN provider p ON p.id = e.provider_id`;

export type PricedSelectRow = Row;

export function pricedRow(row: Row): PricedRow {
  return {
    id: row.id,
    gatewayId: row.gateway_id,
    flags: row.flags,
    costNano: row.cost_nano,
    priceId: row.price_id,
    input: {
      timestampMs: row.timestamp_ms,
      provider: row.provider ?? '',
      executorType: row.executor_type,
      model: row.name,
      requestedModel: row.requested,
      resolvedModel: row.resolved,
      serviceTier: row.service_tier,
      tokens: {
        uncachedInput: row.uncached_input,
        cacheRead: row.cache_read,
        cacheWrite5m: row.cache_write_5m,
        cacheWrite1h: row.cache_write_1h,
        output: row.output,
        reasoning: row.reasoning,
      },
    },
  };
}

/** What an event costs under a book; an event that pricing stumbles over has no price, as when it was stored. */
export function pricedNow(row: PricedRow, book: PriceBook, price: Pricing['price']): Priced {
  try {
    const priced = price(row.input, book);
    return priced.kind === 'priced' && !Number.isSafeInteger(priced.nanoUsd) ? { kind: 'unpriced' } : priced;
  } catch (error) {
    if (isStoreTrouble(error)) throw error;
    return { kind: 'unpriced' };
  }
}

/** The flags of an event with this price. A flag that tokens were clamped stays. */
export const flagsWith = (flags: number, priced: Priced): number =>
  priced.kind === 'priced' && priced.clamped ? flags | EventFlag.clamped : flags;
