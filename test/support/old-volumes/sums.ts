import type { EventRow } from './event.ts';
import type { Value } from './hash.ts';

/** Tokens as they stand in the rows of one model and one day. */
export interface DaySums {
  events: number;
  failed: number;
  input: number;
  output: number;
  reasoning: number;
  cached: number;
  cache: number;
  /** 0 where the generation has no such column. */
  cacheRead: number;
  cacheCreation: number;
  total: number;
}

/** Model (as it stands in the row), then UTC day (`2026-11-20`). */
export type Sums = Map<string, Map<string, DaySums>>;

/** Adds one sound row. */
export function addTo(sums: Sums, row: EventRow): void {
  const model = String(row.model);
  const day = new Date(Number(row.timestamp_ms)).toISOString().slice(0, 10);
  let days = sums.get(model);
  if (!days) sums.set(model, (days = new Map()));
  let one = days.get(day);
  if (!one) days.set(day, (one = emptySums()));
  one.events += 1;
  one.failed += number(row.failed);
  one.input += number(row.input_tokens);
  one.output += number(row.output_tokens);
  one.reasoning += number(row.reasoning_tokens);
  one.cached += number(row.cached_tokens);
  one.cache += number(row.cache_tokens);
  one.cacheRead += number(row['cache_read_tokens']);
  one.cacheCreation += number(row['cache_creation_tokens']);
  one.total += number(row['total_tokens']);
}

export function emptySums(): DaySums {
  return {
    events: 0,
    failed: 0,
    input: 0,
    output: 0,
    reasoning: 0,
    cached: 0,
    cache: 0,
    cacheRead: 0,
    cacheCreation: 0,
    total: 0,
  };
}

function number(value: Value | undefined): number {
  return typeof value === 'number' ? value : 0;
}
