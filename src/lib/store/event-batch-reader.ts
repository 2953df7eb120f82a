import type { PriceInput } from '../contract/pricing.ts';
import type { DimensionName } from './dimensions.ts';
import {
  DIMENSION_NUMBERS,
  numberOfColumn,
  NUMBERS,
  type EventBatch,
  type KnownCost,
} from './event-batch.ts';

/** Where the numbers of a row stand. */
export const ROW = {
  timestampMs: numberOfColumn('timestamp_ms'),
  failed: numberOfColumn('failed'),
  uncachedInput: numberOfColumn('uncached_input'),
  cacheRead: numberOfColumn('cache_read'),
  cacheWrite5m: numberOfColumn('cache_write_5m'),
  cacheWrite1h: numberOfColumn('cache_write_1h'),
  output: numberOfColumn('output'),
  reasoning: numberOfColumn('reasoning'),
  latencyMs: numberOfColumn('latency_ms'),
  cost: numberOfColumn('cost_nano'),
  price: numberOfColumn('price_id'),
  gateway: numberOfColumn('gateway_id'),
} as const;

/** Columns of `call_profile` that decide a price, by their place. */
const EXECUTOR = 0;
const SERVICE_TIER = 7;

/** What sums take of a row. */
export type CountedRow = Pick<PriceInput, 'timestampMs' | 'tokens'> & {
  readonly failed: boolean;
  readonly latencyMs: number | null;
};

/** Rows of a batch as what they mean. */
export class BatchReader {
  readonly #batch: EventBatch;

  constructor(batch: EventBatch) {
    this.#batch = batch;
  }

  /** NaN for NULL. */
  number(row: number, at: number): number {
    return this.#batch.numbers[row * NUMBERS + at] ?? Number.NaN;
  }

  /** A value of a dimension; `''` where the event has nothing to say. */
  text(name: DimensionName, row: number, column: number): string {
    const at = this.number(row, DIMENSION_NUMBERS[name]);
    return Number.isNaN(at) ? '' : String(this.#batch.dimensions[name][at]?.[column] ?? '');
  }

  counted(row: number): CountedRow {
    const latencyMs = this.number(row, ROW.latencyMs);
    return {
      timestampMs: this.number(row, ROW.timestampMs),
      failed: this.number(row, ROW.failed) === 1,
      latencyMs: Number.isNaN(latencyMs) ? null : latencyMs,
      tokens: {
        uncachedInput: this.number(row, ROW.uncachedInput),
        cacheRead: this.number(row, ROW.cacheRead),
        cacheWrite5m: this.number(row, ROW.cacheWrite5m),
        cacheWrite1h: this.number(row, ROW.cacheWrite1h),
        output: this.number(row, ROW.output),
        reasoning: this.number(row, ROW.reasoning),
      },
    };
  }

  /** Null: the price book decides. */
  knownCost(row: number): KnownCost | null {
    const at = this.number(row, ROW.price);
    if (Number.isNaN(at)) return null;
    return { costNano: this.number(row, ROW.cost), price: this.#batch.prices[at] ?? '' };
  }

  priceInput(row: number): PriceInput {
    const { timestampMs, tokens } = this.counted(row);
    return {
      timestampMs,
      tokens,
      provider: this.text('provider', row, 0),
      executorType: this.text('profile', row, EXECUTOR),
      serviceTier: this.text('profile', row, SERVICE_TIER),
      model: this.text('model', row, 0),
      requestedModel: this.text('model', row, 1),
      resolvedModel: this.text('model', row, 2),
    };
  }
}
