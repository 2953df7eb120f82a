import type { PriceUsageAnswer } from '../../contract/api/prices.ts';
import { analyticsModel } from '../../pricing/model-names.ts';
import type { Db } from '../sqlite.ts';
import { TIME_INDEX } from './events.ts';
import type { Steps } from './index.ts';

export interface UsageSummaryQuestion {
  /** How many of the newest events are counted. */
  readonly limit: number;
}

/** Rows that one step reads. */
const STEP_ROWS = 4000;

interface ModelRow {
  readonly id: number;
  readonly name: string;
  readonly requested: string;
  readonly resolved: string;
}

interface Calls {
  requested: number;
  resolved: number;
}

/** Which models the newest events are of. */
export function* answerUsageSummary(db: Db, { limit }: UsageSummaryQuestion): Steps<PriceUsageAnswer> {
  const byModel = new Map<number, number>();
  const sampled = yield* countNewest(db, limit, byModel);
  const total = db.prepare<[], number>('SELECT coalesce(sum(calls), 0) FROM total_ever').pluck().get() ?? 0;
  const models = yield* named(db, byModel);
  return {
    sampled_events: sampled,
    // Events that came while they were counted.
    total_events: Math.max(total, sampled),
    truncated: total > sampled,
    models,
  };
}

function* countNewest(db: Db, limit: number, byModel: Map<number, number>): Steps<number> {
  const read = db
    .prepare<Array<number | bigint>, [id: number, modelId: number]>(
      `SELECT e.id, e.model_id FROM event e INDEXED BY ${TIME_INDEX}
       WHERE (e.timestamp_ms, e.hash64, e.dup) < (?, ?, ?)
       ORDER BY e.timestamp_ms DESC, e.hash64 DESC, e.dup DESC LIMIT ?`,
    )
    .raw();
  const place = db
    .prepare<[number], { timestamp_ms: bigint; hash64: bigint; dup: bigint }>(
      'SELECT timestamp_ms, hash64, dup FROM event WHERE id = ?',
    )
    .safeIntegers();
  let cursor: Array<number | bigint> = [Number.MAX_SAFE_INTEGER, 0, 0];
  let count = 0;
  while (count < limit) {
    const most = Math.min(STEP_ROWS, limit - count);
    const rows = read.all(...cursor, most);
    for (const [, modelId] of rows) byModel.set(modelId, (byModel.get(modelId) ?? 0) + 1);
    count += rows.length;
    const last = rows.length < most ? undefined : rows.at(-1);
    const at = last && place.get(last[0]);
    if (at === undefined) break;
    cursor = [at.timestamp_ms, at.hash64, at.dup];
    yield;
  }
  return count;
}

function* named(db: Db, byModel: ReadonlyMap<number, number>): Steps<PriceUsageAnswer['models']> {
  const find = db.prepare<[number], ModelRow>('SELECT id, name, requested, resolved FROM model WHERE id = ?');
  const calls = new Map<string, Calls>();
  const of = (name: string): Calls => {
    const known = calls.get(name) ?? { requested: 0, resolved: 0 };
    calls.set(name, known);
    return known;
  };
  let looked = 0;
  for (const [id, count] of byModel) {
    const row = find.get(id);
    if (row !== undefined) {
      const requested = analyticsModel(row.requested === '' ? row.name : row.requested);
      if (requested !== '') of(requested).requested += count;
      if (row.resolved !== '' && row.resolved !== requested) of(row.resolved).resolved += count;
    }
    looked += 1;
    if (looked % STEP_ROWS === 0) yield;
  }
  return [...calls]
    .map(([model, { requested, resolved }]) => ({
      model,
      calls: requested + resolved,
      requested_calls: requested,
      resolved_calls: resolved,
    }))
    .sort((a, b) => b.calls - a.calls || (a.model < b.model ? -1 : 1));
}
