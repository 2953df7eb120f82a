import { AppError } from '../errors.ts';
import { picoFromUsdPerMillion } from './decimal.ts';
import type {
  ContextTierObject,
  PriceFields,
  PriceObject,
  ServiceTierObject,
  TierFields,
} from './price-object.ts';

type Input = Readonly<Record<string, unknown>>;

/** Refused input: HTTP 400, and the message to the letter is what older clients know. */
class PriceRefused extends AppError {
  constructor(message: string) {
    super('invalid_request');
    this.message = message;
  }
}

const isObject = (value: unknown): value is Input =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const absent = (value: unknown): boolean => value === undefined || value === null;

/** Reads one price object; everything in it that is refused names the model. */
class PriceReader {
  readonly #model: string;

  constructor(model: string) {
    this.#model = model;
  }

  refuse(why = ''): PriceRefused {
    return new PriceRefused(`invalid model price for ${this.#model}${why === '' ? '' : `: ${why}`}`);
  }

  price(input: Input, key: string): number {
    const value = input[key];
    if (absent(value)) return 0;
    if (typeof value !== 'number' || picoFromUsdPerMillion(value) === null) throw this.refuse();
    return value;
  }

  flag(input: Input, key: string): boolean {
    const value = input[key];
    if (absent(value)) return false;
    if (typeof value !== 'boolean') throw this.refuse();
    return value;
  }

  text(input: Input, key: string): string {
    const value = input[key];
    if (absent(value)) return '';
    if (typeof value !== 'string') throw this.refuse();
    return value;
  }

  integer(input: Input, key: string): number {
    const value = input[key];
    if (absent(value)) return 0;
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw this.refuse();
    return value;
  }

  fields(input: Input): PriceFields {
    const completionImage = this.price(input, 'completionImage');
    const cacheRead = this.price(input, 'cacheRead');
    const cacheCreation = this.price(input, 'cacheCreation');
    const cacheCreation1h = this.price(input, 'cacheCreation1h');
    return {
      prompt: this.price(input, 'prompt'),
      completion: this.price(input, 'completion'),
      ...(completionImage > 0 && { completionImage }),
      cache: this.price(input, 'cache'),
      ...(cacheRead > 0 && { cacheRead }),
      ...(cacheCreation > 0 && { cacheCreation }),
      ...(cacheCreation1h > 0 && { cacheCreation1h }),
      ...(this.flag(input, 'promptConfigured') && { promptConfigured: true }),
      ...(this.flag(input, 'completionConfigured') && { completionConfigured: true }),
      ...(this.flag(input, 'completionImageConfigured') && { completionImageConfigured: true }),
      ...(this.flag(input, 'cacheReadConfigured') && { cacheReadConfigured: true }),
      ...(this.flag(input, 'cacheCreationConfigured') && { cacheCreationConfigured: true }),
      ...(this.flag(input, 'cacheCreation1hConfigured') && { cacheCreation1hConfigured: true }),
    };
  }

  tierFields(input: Input, name: string): TierFields {
    const fields: TierFields = {
      ...this.fields(input),
      ...(this.flag(input, 'cacheConfigured') && { cacheConfigured: true }),
    };
    const configured =
      fields.promptConfigured ??
      fields.completionConfigured ??
      fields.completionImageConfigured ??
      fields.cacheConfigured ??
      fields.cacheReadConfigured ??
      fields.cacheCreationConfigured ??
      fields.cacheCreation1hConfigured;
    if (!configured) throw this.refuse(`${name} has no configured prices`);
    return fields;
  }

  list(input: Input, key: string): Input[] {
    const value = input[key];
    if (absent(value)) return [];
    if (!Array.isArray(value)) throw this.refuse();
    return value.map((each: unknown) => {
      if (!isObject(each)) throw this.refuse();
      return each;
    });
  }

  contextTiers(input: Input): ContextTierObject[] {
    const seen = new Set<number>();
    const tiers = this.list(input, 'contextTiers').map((each) => {
      const thresholdTokens = this.integer(each, 'thresholdTokens');
      if (thresholdTokens <= 0)
        throw this.refuse(`context tier threshold must be positive: ${thresholdTokens}`);
      if (seen.has(thresholdTokens))
        throw this.refuse(`duplicate context tier threshold: ${thresholdTokens}`);
      seen.add(thresholdTokens);
      return { thresholdTokens, ...this.tierFields(each, `context tier ${thresholdTokens}`) };
    });
    return tiers.sort((a, b) => a.thresholdTokens - b.thresholdTokens);
  }

  serviceTiers(input: Input): ServiceTierObject[] {
    const seen = new Set<string>();
    const tiers = this.list(input, 'serviceTiers').map((each) => {
      const mode = this.text(each, 'mode').trim().toLowerCase();
      const serviceTier = this.text(each, 'serviceTier').trim().toLowerCase();
      if (mode === '' || serviceTier === '')
        throw this.refuse('service tier mode and serviceTier are required');
      for (const name of new Set([mode, serviceTier])) {
        if (seen.has(name)) throw this.refuse(`duplicate service tier identifier: ${name}`);
        seen.add(name);
      }
      return { mode, serviceTier, ...this.tierFields(each, `service tier ${mode}/${serviceTier}`) };
    });
    const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
    return tiers.sort((a, b) => order(a.mode, b.mode) || order(a.serviceTier, b.serviceTier));
  }
}

/**
 * Checks a price object from outside and brings it into its kept form: tiers sorted, tier names trimmed and in lower
 * case, optional keys left out when 0 or false. Throws an `AppError` (HTTP 400) with the documented message.
 */
export function parsePriceObject(model: string, value: unknown): PriceObject {
  if (model.trim() === '') throw new PriceRefused('model is required');
  const reader = new PriceReader(model);
  if (!isObject(value)) throw reader.refuse();
  const source = reader.text(value, 'source');
  const sourceModelId = reader.text(value, 'sourceModelId');
  const rawJson = reader.text(value, 'rawJson');
  const contextTiers = reader.contextTiers(value);
  const serviceTiers = reader.serviceTiers(value);
  const updatedAtMs = reader.integer(value, 'updatedAtMs');
  const syncedAtMs = reader.integer(value, 'syncedAtMs');
  return {
    ...reader.fields(value),
    ...(source !== '' && { source }),
    ...(sourceModelId !== '' && { sourceModelId }),
    ...(rawJson !== '' && { rawJson }),
    ...(contextTiers.length > 0 && { contextTiers }),
    ...(serviceTiers.length > 0 && { serviceTiers }),
    ...(updatedAtMs !== 0 && { updatedAtMs }),
    ...(syncedAtMs !== 0 && { syncedAtMs }),
  };
}
