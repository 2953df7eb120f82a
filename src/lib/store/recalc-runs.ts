import { guarded, type Db } from './sqlite.ts';

/** Which events a recalculation is about. */
export interface RecalcScope {
  /** Names as people know them, without thinking suffix; none: all. */
  readonly models: readonly string[];
  /** Epoch ms, inclusive; null: from the first. */
  readonly fromMs: number | null;
  /** Epoch ms, exclusive; null: to the last. */
  readonly toMs: number | null;
  /** Only events that have no price. */
  readonly unpricedOnly: boolean;
}

/** Sums of the events of one model, before and after. Costs in nano-USD, of those with a price. */
export interface RecalcModel {
  readonly model: string;
  readonly events: number;
  readonly changed: number;
  readonly beforeNano: number;
  readonly afterNano: number;
  readonly unpricedBefore: number;
  readonly unpricedAfter: number;
}

export interface RecalcRun {
  readonly id: number;
  /** `running` and `undoing` were interrupted, or are under way. */
  readonly state: 'running' | 'done' | 'undoing' | 'undone';
  readonly scope: RecalcScope;
  readonly priceRevision: number;
  /** Events below it are done. */
  readonly nextId: number;
  readonly uptoId: number;
  /** Epoch ms. */
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
}

/** How long what a recalculation replaced is kept. */
export const UNDO_MS = 30 * 86_400_000;

const RUN = `SELECT id, state, scope, price_revision AS priceRevision, next_id AS nextId, upto_id AS uptoId,
  started_at_ms AS startedAtMs, ended_at_ms AS endedAtMs FROM price_recalc`;

type RunRow = Omit<RecalcRun, 'scope'> & { readonly scope: string };

function run(row: RunRow): RecalcRun {
  const scope: RecalcScope = JSON.parse(row.scope);
  return { ...row, scope };
}

/** Newest first. */
export function readRuns(db: Db): RecalcRun[] {
  return db.prepare<[], RunRow>(`${RUN} ORDER BY id DESC`).all().map(run);
}

export function readRun(db: Db, id: number): RecalcRun | null {
  const row = db.prepare<[number], RunRow>(`${RUN} WHERE id = ?`).get(id);
  return row === undefined ? null : run(row);
}

/** By cost afterwards, highest first. */
export function readRunModels(db: Db, id: number): RecalcModel[] {
  return db
    .prepare<[number], RecalcModel>(
      `SELECT model, events, changed, before_nano AS beforeNano, after_nano AS afterNano,
         unpriced_before AS unpricedBefore, unpriced_after AS unpricedAfter
       FROM price_recalc_model WHERE recalc_id = ? ORDER BY after_nano DESC, model`,
    )
    .all(id);
}

/** Rows removed at a time. */
const STEP_ROWS = 1000;

/**
 * Removes a part of what can no longer be undone: recalculations that began longer than 30 days ago, oldest first. True
 * when there is more. One transaction.
 */
export function forgetRecalcs(db: Db, nowMs: number): boolean {
  return guarded(() => db.transaction(() => forget(db, nowMs)).immediate());
}

function forget(db: Db, nowMs: number): boolean {
  const old = db
    .prepare<[number], number>('SELECT id FROM price_recalc WHERE started_at_ms < ? ORDER BY id LIMIT 1')
    .pluck()
    .get(nowMs - UNDO_MS);
  if (old === undefined) return false;
  const removed = db
    .prepare<[number, number]>(
      `DELETE FROM price_recalc_old WHERE recalc_id = ? AND event_id IN (
         SELECT event_id FROM price_recalc_old WHERE recalc_id = ? LIMIT ${STEP_ROWS})`,
    )
    .run(old, old).changes;
  if (removed < STEP_ROWS) db.prepare<[number]>('DELETE FROM price_recalc WHERE id = ?').run(old);
  return true;
}
