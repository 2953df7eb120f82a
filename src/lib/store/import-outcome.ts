import type { ImportedSums, ImportOutcome } from '../contract/writer.ts';
import type { CountedRow } from './event-batch-reader.ts';

export const NOTHING_IMPORTED: ImportOutcome = {
  added: 0,
  duplicates: 0,
  refused: 0,
  sums: [],
  fromMs: null,
  toMs: null,
};

/** Both together. */
export function addOutcomes(one: ImportOutcome, other: ImportOutcome): ImportOutcome {
  const sums = new Map(one.sums.map((sum) => [sum.model, sum]));
  for (const sum of other.sums) {
    const before = sums.get(sum.model);
    sums.set(sum.model, before === undefined ? sum : addSums(before, sum));
  }
  return {
    added: one.added + other.added,
    duplicates: one.duplicates + other.duplicates,
    refused: one.refused + other.refused,
    sums: [...sums.values()],
    fromMs: outer(one.fromMs, other.fromMs, Math.min),
    toMs: outer(one.toMs, other.toMs, Math.max),
  };
}

function addSums(one: ImportedSums, other: ImportedSums): ImportedSums {
  return {
    model: one.model,
    calls: one.calls + other.calls,
    failed: one.failed + other.failed,
    uncachedInput: one.uncachedInput + other.uncachedInput,
    cacheRead: one.cacheRead + other.cacheRead,
    cacheWrite: one.cacheWrite + other.cacheWrite,
    output: one.output + other.output,
    reasoning: one.reasoning + other.reasoning,
    cost: one.cost + other.cost,
    unpriced: one.unpriced + other.unpriced,
  };
}

function outer(
  one: number | null,
  other: number | null,
  choose: (a: number, b: number) => number,
): number | null {
  if (one === null) return other;
  return other === null ? one : choose(one, other);
}

type Open = { -readonly [K in keyof ImportedSums]: ImportedSums[K] };

/** What the rows of a transaction add up to, while it goes on. */
export class ImportTally {
  duplicates = 0;
  refused = 0;
  #added = 0;
  #fromMs: number | null = null;
  #toMs: number | null = null;
  readonly #models = new Map<string, Open>();

  add(model: string, { timestampMs, tokens, failed }: CountedRow, costNano: number | null): void {
    this.#added += 1;
    this.#fromMs = outer(this.#fromMs, timestampMs, Math.min);
    this.#toMs = outer(this.#toMs, timestampMs, Math.max);
    let sum = this.#models.get(model);
    if (sum === undefined) {
      sum = noSums(model);
      this.#models.set(model, sum);
    }
    sum.calls += 1;
    sum.failed += failed ? 1 : 0;
    sum.uncachedInput += tokens.uncachedInput;
    sum.cacheRead += tokens.cacheRead;
    sum.cacheWrite += tokens.cacheWrite5m + tokens.cacheWrite1h;
    sum.output += tokens.output;
    sum.reasoning += tokens.reasoning;
    sum.cost += costNano ?? 0;
    sum.unpriced += costNano === null ? 1 : 0;
  }

  outcome(): ImportOutcome {
    return {
      added: this.#added,
      duplicates: this.duplicates,
      refused: this.refused,
      sums: [...this.#models.values()],
      fromMs: this.#fromMs,
      toMs: this.#toMs,
    };
  }
}

function noSums(model: string): Open {
  return {
    model,
    calls: 0,
    failed: 0,
    uncachedInput: 0,
    cacheRead: 0,
    cacheWrite: 0,
    output: 0,
    reasoning: 0,
    cost: 0,
    unpriced: 0,
  };
}
