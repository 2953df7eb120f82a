import type { PriceBook, PriceCard, PriceInput, Rates } from '../contract/pricing.ts';
import { cardFromPriceObject, priceObjectFromCard, type PriceObject } from './price-object.ts';
import { isSourceName } from './sync/catalog.ts';

/** A saved price: its card, and what else is kept with it. The card's source is manual or synced. */
export interface PriceRow {
  readonly card: PriceCard;
  /** The entry of the source; `''` without one. */
  readonly rawJson: string;
  /** Epoch ms. */
  readonly updatedAtMs: number;
  readonly syncedAtMs: number | null;
}

/** Entries of sources are shorter; this is for what clients send. */
const MOST_RAW = 64 * 1024;
const HOUR_MS = 3_600_000;

/**
 * The row of a price that a client sends. One of a source that we sync from can be replaced by a sync; any other was
 * made by hand.
 */
export function rowFromObject(model: string, object: PriceObject, nowMs: number): PriceRow {
  const source = (object.source ?? '').trim();
  const synced = isSourceName(source.toLowerCase());
  const raw = object.rawJson ?? '';
  return {
    card: cardFromPriceObject(
      model,
      { ...object, source: source === '' ? 'manual' : synced ? source.toLowerCase() : source },
      synced ? 'synced' : 'manual',
    ),
    rawJson: raw.length > MOST_RAW ? '' : raw,
    updatedAtMs: nowMs,
    syncedAtMs: object.syncedAtMs ?? null,
  };
}

export function objectFromRow(row: PriceRow): PriceObject {
  return {
    ...priceObjectFromCard(row.card),
    ...(row.rawJson !== '' && { rawJson: row.rawJson }),
    updatedAtMs: row.updatedAtMs,
    ...(row.syncedAtMs !== null && { syncedAtMs: row.syncedAtMs }),
  };
}

/** An event of which nothing is known but the name of its model. */
function byName(model: string, timestampMs: number): PriceInput {
  return {
    timestampMs,
    provider: '',
    executorType: '',
    model,
    requestedModel: '',
    resolvedModel: model,
    serviceTier: '',
    tokens: { uncachedInput: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0, reasoning: 0 },
  };
}

/** The embedded price of a name as it is now, whoever sells it. */
export function embeddedCard(embedded: PriceBook, model: string, nowMs: number): PriceCard | null {
  return embedded.find(byName(model, nowMs));
}

/**
 * A card says what the embedded book says of its model already. What older clients do not know of (writes of an hour,
 * pictures) may be missing in it. Some prices differ by the hour: what somebody read this morning and sends back in
 * the evening is the embedded price all the same.
 */
export function sameAsEmbedded(card: PriceCard, embedded: PriceBook, nowMs: number): boolean {
  const seen = new Set<PriceCard>();
  for (let hours = 0; hours < 24; hours += 1) {
    const other = embeddedCard(embedded, card.model, nowMs - hours * HOUR_MS);
    // Whom the book does not know now it did not know this morning.
    if (other === null) return false;
    if (seen.has(other)) continue;
    if (samePrices(card, other)) return true;
    seen.add(other);
  }
  return false;
}

function samePrices(card: PriceCard, other: PriceCard): boolean {
  return (
    sameRates(card.rates, other.rates) &&
    card.contextTiers.length === other.contextTiers.length &&
    card.contextTiers.every((tier, index) => {
      const match = other.contextTiers[index];
      return match?.threshold === tier.threshold && sameRates(tier.rates, match.rates);
    }) &&
    card.serviceTiers.length === other.serviceTiers.length &&
    card.serviceTiers.every((tier, index) => {
      const match = other.serviceTiers[index];
      return (
        match?.mode === tier.mode &&
        match.serviceTier === tier.serviceTier &&
        sameRates(tier.rates, match.rates)
      );
    })
  );
}

function sameRates(rates: Rates, other: Rates): boolean {
  return (
    rates.input === other.input &&
    rates.output === other.output &&
    rates.cacheRead === other.cacheRead &&
    rates.cacheWrite5m === other.cacheWrite5m &&
    (rates.cacheWrite1h === null || rates.cacheWrite1h === other.cacheWrite1h) &&
    (rates.outputImage === undefined || rates.outputImage === other.outputImage)
  );
}
