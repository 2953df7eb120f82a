import type BetterSqlite3 from 'better-sqlite3';
import type { SpanSums } from '../../analytics/dashboard.ts';
import type { DayRow } from '../../analytics/day-figures.ts';
import type { Db } from '../sqlite.ts';
import { BUCKET_MS, bucketOf } from '../totals.ts';
import { TIME_INDEX } from './events.ts';
import type { Steps } from './index.ts';

/** Rows, ids and buckets that one step reads. */
const STEP_ROWS = 4000;
const STEP_IDS = 4000;
const STEP_BUCKETS = 10_000;

const COLUMNS = `e.id, e.timestamp_ms, e.model_id, e.credential_id, e.provider_id, e.failed, e.uncached_input,
  e.cache_read, e.cache_write_5m, e.cache_write_1h, e.output, e.reasoning, e.cost_nano, e.latency_ms`;

/** A time range, and the highest id that counts. Epoch ms, `from` inclusive, `to` exclusive. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly upTo: number;
}

/** All events of a span, oldest first. */
export function* rowsByTime(db: Db, span: Span, take: (row: DayRow) => void): Steps<void> {
  // Not by the ids, which would lead through all events.
  const read: BetterSqlite3.Statement<Array<number | bigint>, DayRow> = db
    .prepare<Array<number | bigint>, DayRow>(
      `SELECT ${COLUMNS} FROM event e INDEXED BY ${TIME_INDEX}
       WHERE (e.timestamp_ms, e.hash64, e.dup) > (?, ?, ?) AND e.timestamp_ms < ? AND +e.id <= ?
       ORDER BY e.timestamp_ms, e.hash64, e.dup LIMIT ${STEP_ROWS}`,
    )
    .raw();
  const place = db
    .prepare<[number], { hash64: bigint; dup: bigint }>('SELECT hash64, dup FROM event WHERE id = ?')
    .safeIntegers();
  // Just before the first millisecond: no row has a dup that high.
  let cursor = [span.fromMs - 1, 2n ** 63n - 1n, Number.MAX_SAFE_INTEGER];
  while (span.fromMs < span.toMs) {
    const rows = read.all(...cursor, span.toMs, span.upTo);
    rows.forEach(take);
    const last = rows.length < STEP_ROWS ? undefined : rows.at(-1);
    const at = last && place.get(last[0]);
    if (last === undefined || at === undefined) return;
    cursor = [last[1], at.hash64, at.dup];
    yield;
  }
}

/** The events of a span that were stored after the one with id `after`. */
export function* rowsById(db: Db, after: number, span: Span, take: (row: DayRow) => void): Steps<void> {
  const read = db
    .prepare<number[], DayRow>(
      `SELECT ${COLUMNS} FROM event e
       WHERE e.id > ? AND e.id <= ? AND +e.timestamp_ms >= ? AND +e.timestamp_ms < ?`,
    )
    .raw();
  for (let from = after; from < span.upTo; from += STEP_IDS) {
    read.all(from, Math.min(from + STEP_IDS, span.upTo), span.fromMs, span.toMs).forEach(take);
    yield;
  }
}

interface BucketRow {
  readonly calls: number | null;
  readonly failed: number;
  readonly tokens: number;
  readonly costNano: number;
  readonly unpriced: number;
}

/** Sums of whole buckets, of all gateways; both times are beginnings of buckets. One statement. */
export function bucketSums(db: Db, fromMs: number, toMs: number): SpanSums & { readonly unpriced: number } {
  const row = db
    .prepare<[number, number], BucketRow>(
      // Each gateway has its row of all times, which leads into its own buckets.
      `SELECT sum(t.calls) AS calls, sum(t.failed) AS failed, sum(t.cost_nano) AS costNano,
         sum(t.unpriced) AS unpriced,
         sum(t.uncached_input + t.cache_read + t.cache_write_5m + t.cache_write_1h + t.output) AS tokens
       FROM total_ever g
         CROSS JOIN total_5min t ON t.gateway_id = g.gateway_id AND t.bucket_ms >= ? AND t.bucket_ms < ?`,
    )
    .get(fromMs, toMs);
  if (row === undefined || row.calls === null)
    return { calls: 0, failed: 0, tokens: 0, costNano: 0, unpriced: 0 };
  return { ...row, calls: row.calls };
}

/** The first and the last bucket that there is, of all gateways; the last before the first where there is none. */
function bucketRange(db: Db): { readonly oldestMs: number; readonly newestMs: number } {
  const row = db
    .prepare<[], { readonly oldestMs: number | null; readonly newestMs: number | null }>(
      `SELECT min((SELECT min(bucket_ms) FROM total_5min t WHERE t.gateway_id = g.gateway_id)) AS oldestMs,
         max((SELECT max(bucket_ms) FROM total_5min t WHERE t.gateway_id = g.gateway_id)) AS newestMs
       FROM total_ever g`,
    )
    .get();
  return { oldestMs: row?.oldestMs ?? 0, newestMs: row?.newestMs ?? -BUCKET_MS };
}

/** Sums of a span: whole buckets as they are summed up, what sticks out of them event by event. */
export function* spanSums(db: Db, span: Span): Steps<SpanSums> {
  const sums = { calls: 0, failed: 0, tokens: 0, costNano: 0 };
  const add = (row: DayRow): void => {
    const [, , , , , failed, uncached, read, write5m, write1h, output, , costNano] = row;
    sums.calls += 1;
    sums.failed += failed;
    sums.tokens += uncached + read + write5m + write1h + output;
    sums.costNano += costNano ?? 0;
  };
  const firstMs = bucketOf(span.fromMs + BUCKET_MS - 1);
  const lastMs = bucketOf(span.toMs);
  if (firstMs >= lastMs) {
    yield* rowsByTime(db, span, add);
    return sums;
  }
  const step = STEP_BUCKETS * BUCKET_MS;
  // A span may be said to reach to the end of all time.
  const { oldestMs, newestMs } = bucketRange(db);
  const toMs = Math.min(lastMs, newestMs + BUCKET_MS);
  for (let fromMs = Math.max(firstMs, oldestMs); fromMs < toMs; fromMs += step) {
    const some = bucketSums(db, fromMs, Math.min(fromMs + step, toMs));
    sums.calls += some.calls;
    sums.failed += some.failed;
    sums.tokens += some.tokens;
    sums.costNano += some.costNano;
    yield;
  }
  yield* rowsByTime(db, { ...span, toMs: firstMs }, add);
  yield* rowsByTime(db, { ...span, fromMs: lastMs }, add);
  return sums;
}
