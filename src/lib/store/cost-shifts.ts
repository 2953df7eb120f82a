import { bucketOf } from './totals.ts';
import type { Db } from './sqlite.ts';

interface Shift {
  readonly gatewayId: number;
  readonly bucketMs: number;
  costNano: number;
  unpriced: number;
}

const shifted = (column: string): string =>
  `${column} = max(0, min(${column} + ?, ${Number.MAX_SAFE_INTEGER}))`;

/**
 * Keeps `total_5min` and `total_ever` right when stored events get another price. Collected over a transaction and
 * written in it.
 */
export class CostShifts {
  readonly #bucket;
  readonly #gateway;
  readonly #shifts = new Map<string, Shift>();

  constructor(db: Db) {
    const set = `SET ${shifted('cost_nano')}, ${shifted('unpriced')}`;
    this.#bucket = db.prepare<number[]>(`UPDATE total_5min ${set} WHERE gateway_id = ? AND bucket_ms = ?`);
    this.#gateway = db.prepare<number[]>(`UPDATE total_ever ${set} WHERE gateway_id = ?`);
  }

  /** A null cost: unpriced. */
  add(
    event: { readonly gatewayId: number; readonly timestampMs: number },
    from: number | null,
    to: number | null,
  ): void {
    const bucketMs = bucketOf(event.timestampMs);
    const key = `${event.gatewayId}:${bucketMs}`;
    const shift = this.#shifts.get(key) ?? { gatewayId: event.gatewayId, bucketMs, costNano: 0, unpriced: 0 };
    shift.costNano += (to ?? 0) - (from ?? 0);
    shift.unpriced += Number(to === null) - Number(from === null);
    this.#shifts.set(key, shift);
  }

  write(): void {
    for (const { gatewayId, bucketMs, costNano, unpriced } of this.#shifts.values()) {
      this.#bucket.run(costNano, unpriced, gatewayId, bucketMs);
      this.#gateway.run(costNano, unpriced, gatewayId);
    }
    this.#shifts.clear();
  }

  discard(): void {
    this.#shifts.clear();
  }
}
