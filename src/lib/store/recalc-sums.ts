import type { RecalcModel } from './recalc-runs.ts';
import type { Db } from './sqlite.ts';

const MOST = Number.MAX_SAFE_INTEGER;
const more = (column: string): string => `${column} = min(${column} + excluded.${column}, ${MOST})`;

/** What a recalculation did, by model, kept with it. */
export class RecalcSums {
  readonly #add;
  readonly #clear;

  constructor(db: Db) {
    const columns = ['events', 'changed', 'before_nano', 'after_nano', 'unpriced_before', 'unpriced_after'];
    this.#add = db.prepare<Array<number | string>>(
      `INSERT INTO price_recalc_model (recalc_id, model, ${columns.join(', ')}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (recalc_id, model) DO UPDATE SET ${columns.map(more).join(', ')}`,
    );
    this.#clear = db.prepare<[number]>('DELETE FROM price_recalc_model WHERE recalc_id = ?');
  }

  /** Counts one event. A null cost: unpriced. */
  static add(
    sums: Map<string, RecalcModel>,
    model: string,
    before: number | null,
    after: number | null,
  ): void {
    const sum = sums.get(model);
    sums.set(model, {
      model,
      events: (sum?.events ?? 0) + 1,
      changed: (sum?.changed ?? 0) + Number(before !== after),
      beforeNano: Math.min((sum?.beforeNano ?? 0) + (before ?? 0), MOST),
      afterNano: Math.min((sum?.afterNano ?? 0) + (after ?? 0), MOST),
      unpricedBefore: (sum?.unpricedBefore ?? 0) + Number(before === null),
      unpricedAfter: (sum?.unpricedAfter ?? 0) + Number(after === null),
    });
  }

  write(recalcId: number, sums: ReadonlyMap<string, RecalcModel>): void {
    for (const sum of sums.values()) {
      this.#add.run(
        recalcId,
        sum.model,
        sum.events,
        sum.changed,
        sum.beforeNano,
        sum.afterNano,
        sum.unpricedBefore,
        sum.unpricedAfter,
      );
    }
  }

  clear(recalcId: number): void {
    this.#clear.run(recalcId);
  }
}
