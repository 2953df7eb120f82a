import { dashboard, ROLLING_MS, type SpanSums } from '../../analytics/dashboard.ts';
import { DayFigures, type DayRow } from '../../analytics/day-figures.ts';
import type { DashboardAnswer } from '../../contract/api/dashboard.ts';
import type { Db } from '../sqlite.ts';
import { BUCKET_MS, bucketOf } from '../totals.ts';
import { dashboardNames } from './dashboard-names.ts';
import { bucketSums, rowsById, rowsByTime, spanSums } from './day-rows.ts';
import type { Steps } from './index.ts';
import { recentFailures } from './recent-failures.ts';

export interface DashboardQuestion {
  /** Epoch ms: the midnight that the day begins with. */
  readonly startMs: number;
  /** Epoch ms; events from then on are left out. */
  readonly nowMs: number;
  readonly generatedAtMs: number;
  readonly topModels: number;
  readonly recentFailures: number;
}

const DAY_MS = 86_400_000;
/** A longer "day" is counted, and not remembered. */
const LONGEST_REMEMBERED_MS = 2 * DAY_MS;
/** Later than this an event is rarely stored; what is younger is read anew each time. */
const UNSETTLED_MS = 600_000;
/** More new events than this are found faster by their time than by their ids. */
const MOST_LATE_IDS = 50_000;
/** People look from several time zones. */
const REMEMBERED_DAYS = 4;

/** The sums of a day up to a time, of the events up to an id. Never changed: whoever goes on takes a copy. */
interface Settled {
  readonly figures: DayFigures;
  readonly settledMs: number;
  readonly upTo: number;
}

const remembered = new WeakMap<Db, Map<number, Settled>>();

/** What is true at one moment. */
interface Moment {
  readonly upTo: number;
  /** Sums of the buckets of the settled part; null where it does not begin with a bucket. */
  readonly buckets: (SpanSums & { readonly unpriced: number }) | null;
}

export function* answerDashboard(db: Db, question: DashboardQuestion): Steps<DashboardAnswer> {
  const { startMs, nowMs } = question;
  const settledMs = Math.max(bucketOf(nowMs - UNSETTLED_MS), startMs);
  const rememberable = startMs % BUCKET_MS === 0 && nowMs - startMs <= LONGEST_REMEMBERED_MS;
  const moment = db.transaction((): Moment => ({
    upTo: db.prepare<[], number | null>('SELECT max(id) FROM event').pluck().get() ?? 0,
    buckets: rememberable ? bucketSums(db, startMs, settledMs) : null,
  }))();
  yield;
  const settled = yield* settledFigures(db, startMs, settledMs, moment);
  if (rememberable) remember(db, settled);
  const figures = settled.figures.copy();
  const span = { fromMs: settledMs, toMs: nowMs, upTo: moment.upTo };
  yield* rowsByTime(db, span, (row) => figures.add(row));
  const { upTo } = moment;
  return dashboard({
    generatedAtMs: question.generatedAtMs,
    nowMs,
    topModels: question.topModels,
    figures,
    yesterday: yield* spanSums(db, { fromMs: startMs - DAY_MS, toMs: nowMs - DAY_MS, upTo }),
    rolling: yield* spanSums(db, { fromMs: nowMs - ROLLING_MS, toMs: nowMs, upTo }),
    ...dashboardNames(db, figures),
    recentFailures: yield* recentFailures(db, figures.failures(question.recentFailures)),
  });
}

/** What is known of the day, brought up to the moment; from the beginning where nothing is, or it is not true. */
function* settledFigures(db: Db, startMs: number, settledMs: number, moment: Moment): Steps<Settled> {
  const known = remembered.get(db)?.get(startMs);
  const usable =
    known !== undefined &&
    moment.buckets !== null &&
    known.settledMs <= settledMs &&
    known.upTo <= moment.upTo &&
    moment.upTo - known.upTo <= MOST_LATE_IDS;
  if (usable) {
    const grown = yield* grow(db, known, settledMs, moment.upTo);
    if (agrees(grown.figures, moment.buckets)) return grown;
    // Something was changed in place, such as the cost of events that had no price.
  }
  const nothing = { figures: new DayFigures(startMs), settledMs: startMs, upTo: moment.upTo };
  return yield* grow(db, nothing, settledMs, moment.upTo);
}

function* grow(db: Db, known: Settled, settledMs: number, upTo: number): Steps<Settled> {
  const figures = known.figures.copy();
  const add = (row: DayRow): void => figures.add(row);
  yield* rowsById(db, known.upTo, { fromMs: figures.startMs, toMs: known.settledMs, upTo }, add);
  yield* rowsByTime(db, { fromMs: known.settledMs, toMs: settledMs, upTo }, add);
  return { figures, settledMs, upTo };
}

function agrees({ sums }: DayFigures, buckets: Moment['buckets']): boolean {
  return (
    buckets !== null &&
    sums.calls === buckets.calls &&
    sums.failures === buckets.failed &&
    sums.tokens === buckets.tokens &&
    sums.costNano === buckets.costNano &&
    sums.unpriced === buckets.unpriced
  );
}

function remember(db: Db, settled: Settled): void {
  const days = remembered.get(db) ?? new Map<number, Settled>();
  remembered.set(db, days);
  const { startMs } = settled.figures;
  const other = days.get(startMs);
  // A question in its turn may have got further, and one of a slow clock is behind.
  if (other !== undefined && (other.upTo > settled.upTo || other.settledMs > settled.settledMs)) return;
  days.delete(startMs);
  days.set(startMs, settled);
  for (const oldest of days.keys()) {
    if (days.size <= REMEMBERED_DAYS) break;
    days.delete(oldest);
  }
}
