import type { EventsAnswer } from '../../src/lib/contract/api/events.ts';
import type { DashboardAnswer } from '../../src/lib/contract/api/dashboard.ts';
import { cursorText, parseCursor } from '../../src/lib/store/event-cursor.ts';
import { ExportReader } from '../../src/lib/store/export-reader.ts';
import { answerDashboard, type DashboardQuestion } from '../../src/lib/store/queries/dashboard.ts';
import { answerEvents, type EventsQuestion } from '../../src/lib/store/queries/events.ts';
import type { Steps } from '../../src/lib/store/queries/index.ts';
import type { StoredEvent } from '../../src/lib/store/stored-event.ts';
import type { Db } from '../../src/lib/store/sqlite.ts';

/** Does all steps at once. */
export function run<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Every event, newest first. */
export function everyEvent(db: Db): StoredEvent[] {
  const events: StoredEvent[] = [];
  const reader = new ExportReader(db);
  for (let rows = reader.next(); rows.length > 0; rows = reader.next()) {
    events.push(...rows.map(({ stored }) => stored));
  }
  return events.sort((a, b) => b.event.timestampMs - a.event.timestampMs || b.id - a.id);
}

export const ALL: EventsQuestion = {
  limit: 100,
  before: null,
  fromMs: null,
  toMs: null,
  models: [],
  providers: [],
  accounts: [],
  authIndexes: [],
  apiKeyHashes: [],
  failed: null,
  search: '',
};

export function list(db: Db, narrower: Partial<EventsQuestion> = {}): EventsAnswer {
  return run(answerEvents(db, { ...ALL, ...narrower }));
}

/** The ids on all pages, in their order. */
export function pagedIds(db: Db, narrower: Partial<EventsQuestion> = {}): number[] {
  const ids: number[] = [];
  for (let next: string | null = cursorText({ timestampMs: 2 ** 50, id: 0 }); next !== null;) {
    const page = list(db, { ...narrower, before: parseCursor(next) });
    ids.push(...page.items.map(({ id }) => id));
    ({ next } = page);
  }
  return ids;
}

export function summary(
  db: Db,
  question: Pick<DashboardQuestion, 'startMs' | 'nowMs'> & Partial<DashboardQuestion>,
): DashboardAnswer {
  return run(
    answerDashboard(db, { generatedAtMs: question.nowMs, topModels: 5, recentFailures: 5, ...question }),
  );
}
