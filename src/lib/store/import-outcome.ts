import type { ImportedSums, ImportOutcome } from '../contract/writer.ts';

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
