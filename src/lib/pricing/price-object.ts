import type {
  ContextTier,
  PicoUsd,
  PriceCard,
  PriceSource,
  Rates,
  ServiceTier,
} from '../contract/pricing.ts';
import { picoFromUsdPerMillion, usdPerMillion } from './decimal.ts';

/**
 * Prices as HTTP answers, saved rows and exports have them: USD per million tokens, with flags that tell an explicit
 * zero from a price that was not given. The keys `cacheCreation1h` and `completionImage` are ours; older clients leave them
 * out and ignore them.
 */

/** Optional keys are left out when 0 or false. */
export interface PriceFields {
  readonly prompt: number;
  readonly completion: number;
  /** Output that is pictures, where it costs more than text. */
  readonly completionImage?: number;
  /** Cached tokens, where `cacheRead` is not given. */
  readonly cache: number;
  readonly cacheRead?: number;
  readonly cacheCreation?: number;
  readonly cacheCreation1h?: number;
  readonly promptConfigured?: boolean;
  readonly completionConfigured?: boolean;
  readonly completionImageConfigured?: boolean;
  readonly cacheReadConfigured?: boolean;
  readonly cacheCreationConfigured?: boolean;
  readonly cacheCreation1hConfigured?: boolean;
}

export interface TierFields extends PriceFields {
  /** Tiers have this flag, the base price does not: there a `cache` above 0 is a given one. */
  readonly cacheConfigured?: boolean;
}

export interface ContextTierObject extends TierFields {
  readonly thresholdTokens: number;
}

export interface ServiceTierObject extends TierFields {
  readonly mode: string;
  readonly serviceTier: string;
}

export interface PriceObject extends PriceFields {
  readonly source?: string;
  readonly sourceModelId?: string;
  readonly rawJson?: string;
  /** Ascending by threshold. */
  readonly contextTiers?: readonly ContextTierObject[];
  /** By mode, then by service tier. */
  readonly serviceTiers?: readonly ServiceTierObject[];
  readonly updatedAtMs?: number;
  readonly syncedAtMs?: number;
}

/** The rate of a field that is given; `null` when it is not. Prices were checked when they were parsed. */
function given(price: number | undefined, configured: boolean): PicoUsd | null {
  return configured ? picoFromUsdPerMillion(price ?? 0) : null;
}

const imageRate = (rate: PicoUsd | null): Pick<Rates, 'outputImage'> =>
  rate === null ? {} : { outputImage: rate };

/** In a base price a field above 0 is given with or without its flag: rows of older programs have no flags. */
function baseRates(fields: PriceFields): Rates {
  const base = (price: number | undefined, flag: boolean | undefined): PicoUsd | null =>
    given(price, flag === true || (price ?? 0) > 0);
  return {
    input: base(fields.prompt, fields.promptConfigured),
    output: base(fields.completion, fields.completionConfigured),
    ...imageRate(base(fields.completionImage, fields.completionImageConfigured)),
    cacheRead: base(fields.cacheRead, fields.cacheReadConfigured) ?? base(fields.cache, false),
    cacheWrite5m: base(fields.cacheCreation, fields.cacheCreationConfigured),
    cacheWrite1h: base(fields.cacheCreation1h, fields.cacheCreation1hConfigured),
  };
}

/** In a tier only the flags decide which fields override the base price. */
function tierRates(fields: TierFields): Rates {
  const { cacheReadConfigured: read, cacheConfigured: cache } = fields;
  return {
    input: given(fields.prompt, fields.promptConfigured === true),
    output: given(fields.completion, fields.completionConfigured === true),
    ...imageRate(given(fields.completionImage, fields.completionImageConfigured === true)),
    cacheRead: given(fields.cacheRead, read === true) ?? given(fields.cache, cache === true),
    cacheWrite5m: given(fields.cacheCreation, fields.cacheCreationConfigured === true),
    cacheWrite1h: given(fields.cacheCreation1h, fields.cacheCreation1hConfigured === true),
  };
}

/** The card of a parsed price object. Its origin is `source:sourceModelId`, as far as they are known. */
export function cardFromPriceObject(model: string, object: PriceObject, source: PriceSource): PriceCard {
  const origin = [object.source ?? '', object.sourceModelId ?? ''].filter((part) => part !== '').join(':');
  return {
    model,
    source,
    origin: origin === '' ? source : origin,
    rates: baseRates(object),
    contextTiers: (object.contextTiers ?? []).map((tier) => ({
      threshold: tier.thresholdTokens,
      rates: tierRates(tier),
    })),
    serviceTiers: (object.serviceTiers ?? []).map((tier) => ({
      mode: tier.mode,
      serviceTier: tier.serviceTier,
      rates: tierRates(tier),
    })),
  };
}

const usd = (rate: PicoUsd | null): number => (rate === null ? 0 : usdPerMillion(rate));

function fieldsOf(rates: Rates): PriceFields {
  const cacheRead = usd(rates.cacheRead);
  const cacheCreation = usd(rates.cacheWrite5m);
  const cacheCreation1h = usd(rates.cacheWrite1h);
  const completionImage = usd(rates.outputImage ?? null);
  return {
    prompt: usd(rates.input),
    completion: usd(rates.output),
    ...(completionImage > 0 && { completionImage }),
    cache: cacheRead,
    ...(cacheRead > 0 && { cacheRead }),
    ...(cacheCreation > 0 && { cacheCreation }),
    ...(cacheCreation1h > 0 && { cacheCreation1h }),
    ...(rates.input !== null && { promptConfigured: true }),
    ...(rates.output !== null && { completionConfigured: true }),
    ...(rates.outputImage !== undefined && { completionImageConfigured: true }),
    ...(rates.cacheRead !== null && { cacheReadConfigured: true }),
    ...(rates.cacheWrite5m !== null && { cacheCreationConfigured: true }),
    ...(rates.cacheWrite1h !== null && { cacheCreation1hConfigured: true }),
  };
}

const tierFieldsOf = (rates: Rates): TierFields => ({
  ...fieldsOf(rates),
  ...(rates.cacheRead !== null && { cacheConfigured: true }),
});

const contextObject = (tier: ContextTier): ContextTierObject => ({
  thresholdTokens: tier.threshold,
  ...tierFieldsOf(tier.rates),
});

const serviceObject = (tier: ServiceTier): ServiceTierObject => ({
  mode: tier.mode,
  serviceTier: tier.serviceTier,
  ...tierFieldsOf(tier.rates),
});

/**
 * The price object of a card: `cardFromPriceObject` of it gives the same rates again. A synced or embedded card says
 * where it came from.
 */
export function priceObjectFromCard(card: PriceCard): PriceObject {
  const colon = card.origin.indexOf(':');
  return {
    ...fieldsOf(card.rates),
    source: colon < 0 ? card.origin : card.origin.slice(0, colon),
    ...(colon >= 0 && { sourceModelId: card.origin.slice(colon + 1) }),
    ...(card.contextTiers.length > 0 && { contextTiers: card.contextTiers.map(contextObject) }),
    ...(card.serviceTiers.length > 0 && { serviceTiers: card.serviceTiers.map(serviceObject) }),
  };
}
