import {
  EventFlag,
  type BillableTokens,
  type CacheInputMode,
  type ReportedTokens,
} from '../contract/event.ts';
import { breakdownInputs, readBreakdown, type Breakdown, type BreakdownReading } from './breakdown.ts';
import {
  containersOf,
  explicitCacheMode,
  readCacheWrites,
  readCounters,
  type CacheWrites,
  type RawCounters,
} from './counters.ts';
import { cacheModeOf, type Family } from './provider-family.ts';
import type { Counter, JsonObject } from './readers.ts';

/** Everything that a record says about tokens. */
export interface TokenReading {
  readonly raw: RawCounters;
  readonly reported: ReportedTokens;
  readonly tokens: BillableTokens;
  readonly cacheInputMode: CacheInputMode;
  /** Bits of `EventFlag`. */
  readonly flags: number;
}

/** Counters are kept up to here; larger ones are clamped and the event is flagged. */
export const MAX_COUNT = 2 ** 31 - 1;

/** Counters within range, each one a plain number. */
interface Counts {
  readonly input: number;
  readonly output: number;
  readonly reasoning: number;
  /** The larger of `cached_tokens` and `cache_tokens`: both are older names for what read and creation tell apart. */
  readonly cachedMax: number;
  readonly cacheRead: number;
  readonly cacheCreation: number;
  /** 0 when the record has none. */
  readonly total: number;
}

interface InputParts {
  readonly uncached: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
}

interface OutputParts {
  readonly output: number;
  readonly reasoning: number;
  /** Reasoning was reported beside the output and has been added. */
  readonly beside: boolean;
}

/** `grok` is set where a name says that the model is xAI's, whoever resells it. */
export function readTokens(record: JsonObject, family: Family | null, grok: boolean): TokenReading {
  const containers = containersOf(record);
  const raw = readCounters(containers);
  const writes = readCacheWrites([...containers, ...breakdownInputs(record)]);
  const counts = toCounts(raw, writes);
  const reading = readBreakdown(record);
  const breakdown = partsOf(reading, counts);
  const mode = explicitCacheMode(containers) ?? inferMode(family, counts, breakdown);
  const known = breakdown ? fromBreakdown(breakdown) : splitInput(counts, mode);
  const output = breakdown ? breakdownOutput(breakdown, counts) : splitOutput(counts, known, family, grok);
  const rest = unclassified(reading, counts, sumOf(known, output));
  const input = { ...known, uncached: known.uncached + rest };
  const tokens = toBillable(input, output, writes);
  const total = raw.total > 0 ? raw.total : sumOf(input, output);
  const reported: ReportedTokens = {
    input: clampCount(raw.input),
    output: clampCount(raw.output),
    reasoning: clampCount(raw.reasoning),
    cached: clampCount(raw.cached),
    cache: clampCount(raw.cache),
    cacheRead: clampCount(raw.cacheRead),
    cacheCreation: counts.cacheCreation,
    total: clampCount(total),
  };
  const clamped =
    isClamped(raw, total) || input.uncached > MAX_COUNT || output.output > MAX_COUNT || overflows(input);
  return {
    raw,
    reported,
    tokens,
    cacheInputMode: mode,
    flags:
      (clamped ? EventFlag.clamped : 0) |
      (reading.kind !== 'absent' && !breakdown ? EventFlag.breakdownInconsistent : 0) |
      (rest > 0 ? EventFlag.unclassified : 0) |
      (output.beside ? EventFlag.reasoningSeparate : 0),
  };
}

export function clampCount(value: Counter): number {
  if (value <= 0) return 0;
  return value >= MAX_COUNT ? MAX_COUNT : Number(value);
}

function toCounts(raw: RawCounters, writes: CacheWrites): Counts {
  const byLifetime = clampCount(clampCount(writes.fiveMinutes) + clampCount(writes.oneHour));
  return {
    input: clampCount(raw.input),
    output: clampCount(raw.output),
    reasoning: clampCount(raw.reasoning),
    cachedMax: clampCount(raw.cached > raw.cache ? raw.cached : raw.cache),
    cacheRead: clampCount(raw.cacheRead),
    cacheCreation: raw.cacheCreation > 0 ? clampCount(raw.cacheCreation) : byLifetime,
    total: clampCount(raw.total),
  };
}

function isClamped(raw: RawCounters, total: Counter): boolean {
  for (const value of [
    raw.input,
    raw.output,
    raw.reasoning,
    raw.cached,
    raw.cache,
    raw.cacheRead,
    raw.cacheCreation,
  ]) {
    if (value < 0 || value > MAX_COUNT) return true;
  }
  return raw.beyondRange || raw.total < 0 || total > MAX_COUNT;
}

function overflows(input: InputParts): boolean {
  return input.cacheRead > MAX_COUNT || input.cacheWrite > MAX_COUNT;
}

/** The parts of the record's breakdown, where they and not the plain counters decide. */
function partsOf(reading: BreakdownReading, counts: Counts): Breakdown | null {
  if (reading.kind === 'usable') return isHollow(reading.breakdown, counts) ? null : reading.breakdown;
  return reading.kind === 'unclassified' && reportsNothing(counts) ? reading.breakdown : null;
}

// A breakdown of nothing beside counters that say something was never filled in.
function isHollow(breakdown: Breakdown, counts: Counts): boolean {
  const { uncached, cacheRead, cacheWrite, output } = breakdown;
  return (
    uncached + cacheRead + cacheWrite + output === 0 && counts.input + counts.output + counts.cacheRead > 0
  );
}

/** Nothing but, perhaps, a total. */
function reportsNothing(counts: Counts): boolean {
  const { input, output, reasoning, cachedMax, cacheRead, cacheCreation } = counts;
  return input + output + reasoning + cachedMax + cacheRead + cacheCreation === 0;
}

/**
 * What remains of the total beside `parts`, where the record itself says that it cannot tell parts apart: it has a
 * total and no part at all, or its breakdown leaves some unclassified. A total that only does not fit the parts is
 * no such case: gateways add up totals in ways of their own.
 */
function unclassified(reading: BreakdownReading, counts: Counts, parts: number): number {
  if (reading.kind === 'unclassified') return Math.max(Math.max(counts.total, reading.total) - parts, 0);
  return reading.kind !== 'usable' && reportsNothing(counts) ? Math.max(counts.total - parts, 0) : 0;
}

function sumOf(input: InputParts, output: OutputParts): number {
  return input.uncached + input.cacheRead + input.cacheWrite + output.output;
}

function inferMode(family: Family | null, counts: Counts, breakdown: Breakdown | null): CacheInputMode {
  if (disprovesIncluded(counts)) return 'separate_from_input';
  if (family) return cacheModeOf(family);
  if (breakdown) {
    const whole = breakdown.uncached + breakdown.cacheRead + breakdown.cacheWrite;
    return whole === counts.input ? 'included_in_input' : 'separate_from_input';
  }
  return counts.cacheRead > 0 || counts.cacheCreation > 0 ? 'separate_from_input' : 'included_in_input';
}

/**
 * More cached tokens than input cannot lie inside it, and a total that holds both proves that they do not: some
 * OpenAI-compatible providers count as Anthropic does. One of the two alone proves nothing: counters do go wrong.
 */
function disprovesIncluded(counts: Counts): boolean {
  const { input, output, reasoning, total } = counts;
  const cached = cachedOf(counts);
  if (cached <= input) return false;
  const whole = input + cached + output;
  return total === whole || (reasoning > 0 && total === whole + reasoning);
}

function fromBreakdown(breakdown: Breakdown): InputParts {
  return { uncached: breakdown.uncached, cacheRead: breakdown.cacheRead, cacheWrite: breakdown.cacheWrite };
}

function breakdownOutput(breakdown: Breakdown, counts: Counts): OutputParts {
  const { output, reasoning } = breakdown;
  return { output, reasoning, beside: reasoning > 0 && output === counts.output + reasoning };
}

/**
 * Reads and writes together. `cached_tokens` mirrors reads, writes or their sum, depending on the version and the
 * provider; only what exceeds both was not reported otherwise, and counts as read.
 */
function cachedOf(counts: Counts): number {
  return Math.max(counts.cachedMax, counts.cacheRead + counts.cacheCreation);
}

function splitInput(counts: Counts, mode: CacheInputMode): InputParts {
  const cacheWrite = counts.cacheCreation;
  const cacheRead = cachedOf(counts) - cacheWrite;
  const beside = mode === 'separate_from_input';
  const uncached = beside ? counts.input : Math.max(counts.input - cacheRead - cacheWrite, 0);
  return { uncached, cacheRead, cacheWrite };
}

/**
 * Gemini's kin count reasoning beside the output, unless the total says that it is inside; all others inside,
 * unless it cannot be: more reasoning than output. xAI's chat completions count beside, and their total shows it.
 */
function splitOutput(counts: Counts, input: InputParts, family: Family | null, grok: boolean): OutputParts {
  const { output, reasoning, total } = counts;
  if (reasoning === 0) return { output, reasoning: 0, beside: false };
  const whole = input.uncached + input.cacheRead + input.cacheWrite;
  const fits = reasoning <= output;
  const totalWithout = total > 0 && (total === whole + output || total === counts.input + output);
  const totalWith =
    total > 0 && (total === whole + output + reasoning || total === counts.input + output + reasoning);
  const added: OutputParts = { output: output + reasoning, reasoning, beside: true };
  if (family === 'gemini') return fits && totalWithout ? { output, reasoning, beside: false } : added;
  if (fits) return grok && totalWith ? added : { output, reasoning, beside: false };
  if (totalWithout) return { output, reasoning: output, beside: false };
  return total === 0 || totalWith ? added : { output: reasoning, reasoning, beside: false };
}

function toBillable(input: InputParts, output: OutputParts, writes: CacheWrites): BillableTokens {
  const cacheWrite = clampCount(input.cacheWrite);
  const oneHour = Math.min(clampCount(writes.oneHour), cacheWrite);
  const whole = clampCount(output.output);
  return {
    uncachedInput: clampCount(input.uncached),
    cacheRead: clampCount(input.cacheRead),
    cacheWrite5m: cacheWrite - oneHour,
    cacheWrite1h: oneHour,
    output: whole,
    reasoning: Math.min(clampCount(output.reasoning), whole),
  };
}
