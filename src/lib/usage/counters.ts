import type { CacheInputMode } from '../contract/event.ts';
import { asObject, firstText, integer, isBeyond64Bits, type Counter, type JsonObject } from './readers.ts';

/** A record's token counters as written, possibly negative or beyond any sense. */
export interface RawCounters {
  readonly input: Counter;
  readonly output: Counter;
  readonly reasoning: Counter;
  readonly cached: Counter;
  readonly cache: Counter;
  readonly cacheRead: Counter;
  readonly cacheCreation: Counter;
  readonly total: Counter;
  /** One of them was a text of more than 64 bits, which counts as 0, also in the hash. */
  readonly beyondRange: boolean;
}

/** Cache writes by lifetime, where the record tells it. */
export interface CacheWrites {
  readonly fiveMinutes: Counter;
  readonly oneHour: Counter;
}

const INPUT = ['input_tokens', 'inputTokens', 'prompt_tokens', 'promptTokens'] as const;
const OUTPUT = ['output_tokens', 'outputTokens', 'completion_tokens', 'completionTokens'] as const;
const REASONING = ['reasoning_tokens', 'reasoningTokens'] as const;
const CACHED = ['cached_tokens', 'cachedTokens'] as const;
const CACHE = ['cache_tokens', 'cacheTokens'] as const;
const CACHE_READ = [
  'cache_read_tokens',
  'cacheReadTokens',
  'cache_read_input_tokens',
  'cacheReadInputTokens',
] as const;
const CACHE_CREATION = [
  'cache_creation_tokens',
  'cacheCreationTokens',
  'cache_creation_input_tokens',
  'cacheCreationInputTokens',
  'cache_write_tokens',
  'cacheWriteTokens',
  'cache_write_input_tokens',
  'cacheWriteInputTokens',
] as const;
const TOTAL = ['total_tokens', 'totalTokens', 'total'] as const;
const ALL = [INPUT, OUTPUT, REASONING, CACHED, CACHE, CACHE_READ, CACHE_CREATION, TOTAL].flat();

const CREATION_OBJECT = ['cache_creation', 'cacheCreation'] as const;
const FIVE_MINUTES = ['ephemeral_5m_input_tokens', 'ephemeral5mInputTokens'] as const;
const ONE_HOUR = ['ephemeral_1h_input_tokens', 'ephemeral1hInputTokens'] as const;
const FLAT_FIVE_MINUTES = [
  'cache_creation_5m_tokens',
  'cacheCreation5mTokens',
  'cache_write_5m_tokens',
  'cacheWrite5mTokens',
] as const;
const FLAT_ONE_HOUR = [
  'cache_creation_1h_tokens',
  'cacheCreation1hTokens',
  'cache_write_1h_tokens',
  'cacheWrite1hTokens',
] as const;

const CACHE_MODE = ['cache_input_mode', 'cacheInputMode'] as const;

/** Where counters are looked for, in this order: `tokens`, `usage`, the record itself. */
export type Containers = readonly JsonObject[];

export function containersOf(record: JsonObject): Containers {
  const tokens = asObject(record['tokens']);
  const usage = asObject(record['usage']);
  if (tokens) return usage ? [tokens, usage, record] : [tokens, record];
  return usage ? [usage, record] : [record];
}

/** Whether the record says anything about tokens, be it that there were none. */
export function hasCounters(record: JsonObject): boolean {
  if (asObject(record['tokens']) || asObject(record['usage'])) return true;
  return ALL.some((key) => {
    const value = record[key];
    return typeof value === 'number' || typeof value === 'string';
  });
}

export function readCounters(containers: Containers): RawCounters {
  const notes: Notes = { beyondRange: false };
  return {
    input: firstNonZero(containers, INPUT, notes),
    output: firstNonZero(containers, OUTPUT, notes),
    reasoning: firstNonZero(containers, REASONING, notes),
    cached: firstNonZero(containers, CACHED, notes),
    cache: firstNonZero(containers, CACHE, notes),
    cacheRead: firstNonZero(containers, CACHE_READ, notes),
    cacheCreation: firstNonZero(containers, CACHE_CREATION, notes),
    total: firstNonZero(containers, TOTAL, notes),
    beyondRange: notes.beyondRange,
  };
}

/**
 * Anthropic's `cache_creation {ephemeral_5m_input_tokens, ephemeral_1h_input_tokens}`, or flat counters of the same
 * meaning; both 0 where the record does not tell lifetimes.
 */
export function readCacheWrites(containers: Containers): CacheWrites {
  for (const container of containers) {
    for (const key of CREATION_OBJECT) {
      const creation = asObject(container[key]);
      if (!creation) continue;
      const nested = [creation];
      return { fiveMinutes: firstNonZero(nested, FIVE_MINUTES), oneHour: firstNonZero(nested, ONE_HOUR) };
    }
  }
  return {
    fiveMinutes: firstNonZero(containers, FLAT_FIVE_MINUTES),
    oneHour: firstNonZero(containers, FLAT_ONE_HOUR),
  };
}

/** The convention that the record itself names; null when it names none that exists. */
export function explicitCacheMode(containers: Containers): CacheInputMode | null {
  for (const container of containers) {
    const mode = firstText(container, CACHE_MODE).toLowerCase();
    if (mode === 'included_in_input' || mode === 'separate_from_input') return mode;
  }
  return null;
}

/** What was noticed while reading. */
interface Notes {
  beyondRange: boolean;
}

function firstNonZero(containers: Containers, keys: readonly string[], notes?: Notes): Counter {
  for (const container of containers) {
    for (const key of keys) {
      const value = container[key];
      if (value === undefined || value === 0) continue;
      const count = integer(value);
      if (count !== 0) return count;
      if (notes && isBeyond64Bits(value)) notes.beyondRange = true;
    }
  }
  return 0;
}
