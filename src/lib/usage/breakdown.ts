import { asObject, type JsonObject } from './readers.ts';

/** `token_breakdown` of CLIProxyAPI (since 7.2.97): parts that add up, so no convention has to be guessed. */
export interface Breakdown {
  readonly uncached: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  /** Reasoning included. */
  readonly output: number;
  readonly reasoning: number;
}

export type BreakdownReading =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unusable' }
  | { readonly kind: 'usable'; readonly breakdown: Breakdown };

const ABSENT: BreakdownReading = { kind: 'absent' };
const UNUSABLE: BreakdownReading = { kind: 'unusable' };

/**
 * Reads schema version 2. Usable only when its quality is `complete`, nothing is left unclassified and the parts add
 * up; another schema version is taken as absent, since nobody knows what it means.
 */
export function readBreakdown(record: JsonObject): BreakdownReading {
  const breakdown = asObject(record['token_breakdown']);
  if (!breakdown || breakdown['schema_version'] !== 2) return ABSENT;
  const input = asObject(breakdown['input']);
  const output = asObject(breakdown['output']);
  if (breakdown['quality'] !== 'complete' || !input || !output) return UNUSABLE;
  const uncached = part(input['uncached_tokens']);
  const cacheRead = part(input['cache_read_tokens']);
  const cacheWrite = part(input['cache_write_tokens']);
  const plain = part(output['non_reasoning_tokens']);
  const reasoning = part(output['reasoning_tokens']);
  if (
    uncached === null ||
    cacheRead === null ||
    cacheWrite === null ||
    plain === null ||
    reasoning === null
  ) {
    return UNUSABLE;
  }
  const wholeInput = uncached + cacheRead + cacheWrite;
  const wholeOutput = plain + reasoning;
  const addsUp =
    input['total_tokens'] === wholeInput &&
    output['total_tokens'] === wholeOutput &&
    breakdown['total_tokens'] === wholeInput + wholeOutput &&
    (breakdown['unclassified_tokens'] ?? 0) === 0;
  if (!addsUp || !Number.isSafeInteger(wholeInput + wholeOutput)) return UNUSABLE;
  return { kind: 'usable', breakdown: { uncached, cacheRead, cacheWrite, output: wholeOutput, reasoning } };
}

/** The objects of a breakdown that could tell how long cache writes live; none where there is no breakdown. */
export function breakdownInputs(record: JsonObject): readonly JsonObject[] {
  const breakdown = asObject(record['token_breakdown']);
  const input = breakdown && asObject(breakdown['input']);
  return input ? [input] : [];
}

function part(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
