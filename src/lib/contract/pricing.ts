import type { UsageEvent } from './event.ts';

/** Price of one token in pico-USD (10^-12 USD). 1 USD per million tokens is 1,000,000. Integers only. */
export type PicoUsd = number;

/** What a model costs, per token. `null` means the source says nothing, which is not the same as free. */
export interface Rates {
  readonly input: PicoUsd | null;
  readonly output: PicoUsd | null;
  /**
   * Output of a model that makes pictures, where they cost more than text. An event does not tell how much of its output
   * is pictures, so all that is not reasoning is billed at this. Left out by all other models.
   */
  readonly outputImage?: PicoUsd;
  readonly cacheRead: PicoUsd | null;
  readonly cacheWrite5m: PicoUsd | null;
  readonly cacheWrite1h: PicoUsd | null;
}

/** Rates for requests whose whole input is larger than `threshold` tokens. They count for the whole request. */
export interface ContextTier {
  readonly threshold: number;
  readonly rates: Rates;
}

/** Rates of one service tier, found by either name (lower case). */
export interface ServiceTier {
  readonly mode: string;
  readonly serviceTier: string;
  readonly rates: Rates;
}

export type PriceSource = 'manual' | 'synced' | 'embedded';

/** A model's whole price card. */
export interface PriceCard {
  readonly model: string;
  readonly source: PriceSource;
  /** Where a synced or embedded price came from, e.g. `models.dev:anthropic/claude-sonnet-4-5`. */
  readonly origin: string;
  readonly rates: Rates;
  /** Ascending by threshold. */
  readonly contextTiers: readonly ContextTier[];
  readonly serviceTiers: readonly ServiceTier[];
}

/** Finds price cards. The sources are asked in order: manual, synced, embedded. */
export interface PriceBook {
  /** Rises with every change of a manual or synced price. */
  readonly revision: number;
  /** The card that prices this event, or null when no source knows any of its model names. */
  find(event: PriceInput): PriceCard | null;
}

/** What pricing reads of an event. */
export type PriceInput = Pick<
  UsageEvent,
  | 'timestampMs'
  | 'provider'
  | 'executorType'
  | 'model'
  | 'requestedModel'
  | 'resolvedModel'
  | 'serviceTier'
  | 'tokens'
>;

/** Cost by part in nano-USD (10^-9 USD). The parts add up to the total exactly. */
export interface CostParts {
  readonly uncachedInput: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly output: number;
}

export type Priced =
  | {
      readonly kind: 'priced';
      /** 0..2^52. */
      readonly nanoUsd: number;
      readonly parts: CostParts;
      /** The rates that were applied, tiers and multipliers already in them: what is stored as a price version. */
      readonly version: PriceVersion;
      /** The true cost was above 2^52 nano-USD. */
      readonly clamped: boolean;
    }
  | { readonly kind: 'unpriced' };

/**
 * The price an event was billed at. Two events with the same card, tiers and multipliers share one version; it is
 * stored once, under the SHA-256 of its canonical JSON. An event without tokens of a model that no source knows costs
 * nothing: its version has the basis `no tokens`, empty names and no rates.
 */
export interface PriceVersion {
  readonly model: string;
  readonly source: PriceSource;
  readonly origin: string;
  /**
   * `base`, `context>N`, `service:NAME`, `image-output`, joined by `+`, then multipliers as `xP/Q`; or `no tokens`. Says
   * what a person wants to know.
   */
  readonly basis: string;
  readonly rates: Rates;
}
