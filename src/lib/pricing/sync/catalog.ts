import type { ContextTier, PicoUsd, PriceCard, Rates, ServiceTier } from '../../contract/pricing.ts';
import { picoFromUsdPerMillion, picoFromUsdPerToken } from '../decimal.ts';

/** Where prices are fetched from, in the order in which they are asked. */
export const SOURCE_NAMES = ['models.dev', 'litellm', 'openrouter'] as const;
export type SourceName = (typeof SOURCE_NAMES)[number];

export const isSourceName = (text: string): text is SourceName => SOURCE_NAMES.some((name) => name === text);

/** One model with a price in the list of a source. */
export interface CatalogEntry {
  readonly source: SourceName;
  /** What the source calls it; models.dev: `provider/model`. */
  readonly id: string;
  /** models.dev: what stands behind the first slash. */
  readonly alias: string | null;
  readonly rates: Rates;
  readonly contextTiers: readonly ContextTier[];
  readonly serviceTiers: readonly ServiceTier[];
  /** The entry as JSON; `''` where it is too long to be kept. */
  readonly rawJson: string;
}

/** The list of a source, read. */
export interface Catalog {
  readonly source: SourceName;
  readonly entries: readonly CatalogEntry[];
  /** Entries without a price, or with one that cannot be one. */
  readonly skipped: number;
  /** models.dev: the ids of models by their makers, as written. Null where a list does not tell. */
  readonly canonical: readonly string[] | null;
}

/** A list that cannot be used; the message is one clause for people. */
export class CatalogError extends Error {
  override readonly name = 'CatalogError';
}

export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Far more than all sources together have; what is longer is not one of their lists. */
const MOST_ENTRIES = 50_000;
const MOST_NAME = 300;
const MOST_RAW = 8192;
const MOST_TIERS = 16;
/** A name of a model: no control characters, which a terminal would obey. */
const NAME = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u;

/** Price of a million tokens or of one token, as a JSON number or as a text. */
export type Unit = 'million' | 'token';

/** Undefined: there is no number. Throws where the number is no price. */
function pico(value: unknown, unit: Unit): PicoUsd | undefined {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '';
  if (text === '' || !Number.isFinite(Number(text))) return undefined;
  const rate = unit === 'token' ? picoFromUsdPerToken(text) : picoFromUsdPerMillion(Number(text));
  if (rate === null) throw new CatalogError(`${text} is no price`);
  return rate;
}

/** The first of several keys that holds a number. */
export function rateOf(object: Json, unit: Unit, ...keys: readonly string[]): PicoUsd | null {
  for (const key of keys) {
    const rate = Object.hasOwn(object, key) ? pico(object[key], unit) : undefined;
    if (rate !== undefined) return rate;
  }
  return null;
}

export const saysSomething = (rates: Rates): boolean =>
  [rates.input, rates.output, rates.cacheRead, rates.cacheWrite5m].some((rate) => rate !== null);

/** Collects the entries of a list and counts those that are no use. */
export class CatalogBuilder {
  readonly #source: SourceName;
  readonly #entries: CatalogEntry[] = [];
  #skipped = 0;

  constructor(source: SourceName) {
    this.#source = source;
  }

  /** `read` says the prices of the entry; what it throws, and what says nothing, is skipped. */
  add(
    id: string,
    raw: unknown,
    read: () => Pick<PriceCard, 'rates' | 'contextTiers' | 'serviceTiers'>,
  ): void {
    if (this.#entries.length + this.#skipped >= MOST_ENTRIES) {
      throw new CatalogError(`the list has more than ${MOST_ENTRIES} entries`);
    }
    const prices = this.#read(id, read);
    if (prices === null) {
      this.#skipped += 1;
      return;
    }
    const slash = id.indexOf('/');
    const json = JSON.stringify(raw);
    this.#entries.push({
      source: this.#source,
      id,
      alias: this.#source === 'models.dev' && slash >= 0 ? id.slice(slash + 1) : null,
      ...prices,
      contextTiers: prices.contextTiers.length > MOST_TIERS ? [] : prices.contextTiers,
      rawJson: json.length > MOST_RAW ? '' : json,
    });
  }

  build(canonical: readonly string[] | null = null): Catalog {
    if (this.#entries.length === 0) throw new CatalogError('the list has no prices');
    return { source: this.#source, entries: this.#entries, skipped: this.#skipped, canonical };
  }

  #read(
    id: string,
    read: () => Pick<PriceCard, 'rates' | 'contextTiers' | 'serviceTiers'>,
  ): Pick<PriceCard, 'rates' | 'contextTiers' | 'serviceTiers'> | null {
    if (id.trim() === '' || id.length > MOST_NAME || !NAME.test(id)) return null;
    try {
      const prices = read();
      return saysSomething(prices.rates) ? prices : null;
    } catch (error) {
      if (error instanceof CatalogError) return null;
      throw error;
    }
  }
}
