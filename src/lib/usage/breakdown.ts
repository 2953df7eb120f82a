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
  /** The parts add up, but `rest` of the `total` could not be told apart; the parts may all be 0. */
  | {
      readonly kind: 'unclassified';
      readonly breakdown: Breakdown;
      readonly rest: number;
      readonly total: number;
    }
  | { readonly kind: 'usable'; readonly breakdown: Breakdown };

const ABSENT: BreakdownReading = { kind: 'absent' };
const UNUSABLE: BreakdownReading = { kind: 'unusable' };

/**
 * Reads schema version 2. Usable only when its quality is `complete`, nothing is left unclassified and the parts add
 * up; another schema version is taken as absent, since nobody knows what it means.
 */
export function readBreakdown(record: JsonObject): BreakdownReading {
  const written = asObject(record['token_breakdown']);
  if (!written || written['schema_version'] !== 2) return ABSENT;
  const input = asObject(written['input']);
  const output = asObject(written['output']);
  if (!input || !output) return UNUSABLE;
  const uncached = part(input['uncached_tokens']);
  const cacheRead = part(input['cache_read_tokens']);
  const cacheWrite = part(input['cache_write_tokens']);
  const plain = part(output['non_reasoning_tokens']);
  const reasoning = part(output['reasoning_tokens']);
  const rest = part(written['unclassified_tokens'] ?? 0);
  if (
    uncached === null ||
    cacheRead === null ||
    cacheWrite === null ||
    plain === null ||
    reasoning === null ||
    rest === null
  ) {
    return UNUSABLE;
  }
  const wholeInput = uncached + cacheRead + cacheWrite;
  const wholeOutput = plain + reasoning;
  const total = wholeInput + wholeOutput + rest;
  const addsUp =
    input['total_tokens'] === wholeInput &&
    output['total_tokens'] === wholeOutput &&
    written['total_tokens'] === total;
  if (!addsUp || !Number.isSafeInteger(total)) return UNUSABLE;
  const breakdown = { uncached, cacheRead, cacheWrite, output: wholeOutput, reasoning };
  if (rest > 0) return { kind: 'unclassified', breakdown, rest, total };
  return written['quality'] === 'complete' ? { kind: 'usable', breakdown } : UNUSABLE;
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
