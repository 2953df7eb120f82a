import type { BillableTokens, CacheInputMode, ReportedTokens } from '../../contract/event.ts';
import { providerFamily } from '../../usage/provider-family.ts';
import type { RawNames } from '../../usage/names.ts';
import { asObject, integer, type JsonObject } from '../../usage/readers.ts';
import { clampCount, readTokens } from '../../usage/tokens.ts';

export interface LineTokens {
  readonly reported: ReportedTokens;
  readonly tokens: BillableTokens;
  readonly cacheInputMode: CacheInputMode;
  /** Bits of `EventFlag`. */
  readonly flags: number;
}

/** Counters of an exported line that the record inside of it must not outvote. */
const COUNTERS = [
  'input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cached_tokens',
  'cache_tokens',
  'cache_read_tokens',
  'cache_creation_tokens',
  'total_tokens',
] as const;

/**
 * What a line says about tokens. An export of ours tells how each was billed; a line of the older programs tells what
 * was reported, and the conventions of its provider decide, as they do for a record.
 */
export function lineTokens(line: JsonObject, raw: JsonObject | null, names: RawNames): LineTokens {
  return ownTokens(line) ?? foreignTokens(line, raw, names);
}

function ownTokens(line: JsonObject): LineTokens | null {
  const mode = line['cache_input_mode'];
  if (mode !== 'included_in_input' && mode !== 'separate_from_input') return null;
  const uncachedInput = countOf(line, 'uncached_input_tokens');
  const cacheWrite5m = countOf(line, 'cache_write_5m_tokens');
  const cacheWrite1h = countOf(line, 'cache_write_1h_tokens');
  if (uncachedInput === null || cacheWrite5m === null || cacheWrite1h === null) return null;
  const reported = {
    input: countOf(line, 'input_tokens') ?? 0,
    output: countOf(line, 'output_tokens') ?? 0,
    reasoning: countOf(line, 'reasoning_tokens') ?? 0,
    cached: countOf(line, 'cached_tokens') ?? 0,
    cache: countOf(line, 'cache_tokens') ?? 0,
    cacheRead: countOf(line, 'cache_read_tokens') ?? 0,
    cacheCreation: countOf(line, 'cache_creation_tokens') ?? 0,
    total: countOf(line, 'total_tokens') ?? 0,
  };
  return {
    reported,
    tokens: {
      uncachedInput,
      cacheRead: countOf(line, 'billed_cache_read_tokens') ?? reported.cacheRead,
      cacheWrite5m,
      cacheWrite1h,
      output: countOf(line, 'billed_output_tokens') ?? reported.output,
      reasoning: countOf(line, 'billed_reasoning_tokens') ?? reported.reasoning,
    },
    cacheInputMode: mode,
    flags: countOf(line, 'flags') ?? 0,
  };
}

function countOf(line: JsonObject, name: string): number | null {
  const value = line[name];
  return typeof value === 'number' && Number.isFinite(value) ? clampCount(Math.trunc(value)) : null;
}

function foreignTokens(line: JsonObject, raw: JsonObject | null, names: RawNames): LineTokens {
  const { reported, tokens, cacheInputMode, flags } = readTokens(
    raw === null ? line : together(line, raw),
    providerFamily(names),
    isGrok(names),
  );
  return { reported, tokens, cacheInputMode, flags };
}

/** The record with the line's counters in it, wherever the record has its own. */
function together(line: JsonObject, raw: JsonObject): JsonObject {
  const given: Record<string, unknown> = {};
  for (const name of COUNTERS) if (integer(line[name]) > 0) given[name] = line[name];
  return { ...raw, ...given, tokens: { ...asObject(raw['tokens']), ...given } };
}

// xAI's models keep their name when an OpenAI-compatible provider resells them.
function isGrok(names: RawNames): boolean {
  const all =
    `${names.executorType} ${names.provider} ${names.resolvedModel} ${names.requestedModel}`.toLowerCase();
  return all.includes('grok') || all.includes('xai');
}
