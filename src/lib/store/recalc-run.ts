import { setTimeout as delay } from 'node:timers/promises';
import { Checkpoints } from './checkpoint.ts';
import { patiently } from './patiently.ts';
import type { Recalculation } from './recalc.ts';
import type { Db } from './sqlite.ts';

/** Ids, or events, of one transaction: at most, and at the beginning. */
const MOST = 1000;
const FIRST = 250;
/** What one transaction may take. */
const LONGEST_MS = 25;
/** Ids that a preview reads at a time, without a lock. */
export const PREVIEW_IDS = 5000;

export interface RunOptions {
  readonly db: Db;
  readonly recalculation: Recalculation;
  readonly signal: AbortSignal;
  /** Ids or events that are done so far. */
  readonly onStep: (done: number) => void;
}

/** Recalculates to the end; what is done stays done when the signal aborts. Rejects with its reason, or an AppError. */
export function runRecalc(id: number, options: RunOptions): Promise<void> {
  const { recalculation } = options;
  return steps(options, (size) => {
    const { done, ids } = recalculation.step(id, size);
    return { done, reached: ids };
  });
}

/** Undoes to the end, as above. */
export function runUndo(id: number, options: RunOptions): Promise<void> {
  const { recalculation } = options;
  let given = 0;
  return steps(options, (size) => {
    const { done, events } = recalculation.undoStep(id, size);
    given += events;
    return { done, reached: given };
  });
}

/**
 * One bounded transaction after the other, with a pause half as long as each took, so that a daemon beside this process
 * finds the database free two thirds of the time.
 */
async function steps(
  { db, signal, onStep }: RunOptions,
  step: (size: number) => { readonly done: boolean; readonly reached: number },
): Promise<void> {
  const checkpoints = new Checkpoints(db);
  let size = FIRST;
  for (;;) {
    let tookMs = 0;
    const { done, reached } = await patiently(() => {
      const began = performance.now();
      const result = step(size);
      tookMs = performance.now() - began;
      return result;
    }, signal);
    onStep(reached);
    checkpoints.written(false);
    if (done) return;
    size = Math.max(
      1,
      Math.min(MOST, Math.floor(size * (tookMs > LONGEST_MS ? 0.5 : tookMs < LONGEST_MS / 2 ? 2 : 1))),
    );
    await delay(tookMs / 2, undefined, { signal });
  }
}
