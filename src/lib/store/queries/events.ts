import type { EventRow, EventsAnswer } from '../../contract/api/events.ts';
import { cursorText, type EventCursor } from '../event-cursor.ts';
import { EVENT_LIST_SELECT, listRow, type EventListRow } from '../event-list-row.ts';
import type { Condition } from '../id-prefix.ts';
import type { Db } from '../sqlite.ts';
import { filterConditions, type EventFilter } from './event-filter.ts';
import type { Steps } from './index.ts';

/** A page of the events, newest first. */
export interface EventsQuestion extends EventFilter {
  readonly limit: number;
  readonly before: EventCursor | null;
}

/** Rows that one step looks at and finds, and what one answer spends on looking: then it is a short page with a way on. */
const STEP_ROWS = 5000;
const STEP_FINDS = 300;
const BUDGET_ROWS = 200_000;
const BUDGET_MS = 250;

/** The index on (timestamp_ms, hash64, dup): every way through the events is along it. */
export const TIME_INDEX = 'sqlite_autoindex_event_1';

/** Behind every event, and before the first millisecond. */
const NEWEST: EventCursor = { timestampMs: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER };
const OLDEST_MS = 0;

export function* answerEvents(db: Db, question: EventsQuestion): Steps<EventsAnswer> {
  const conditions = yield* filterConditions(db, question);
  const floorMs = Math.max(question.fromMs ?? OLDEST_MS, OLDEST_MS);
  if (conditions === null) return { items: [], next: null, scanned_to_ms: floorMs };
  return yield* page(db, question, conditions, floorMs);
}

/**
 * Walks down the time index in slices of so many rows. What a slice costs does not depend on how rare a match is.
 */
function* page(
  db: Db,
  question: EventsQuestion,
  conditions: readonly Condition[],
  floorMs: number,
): Steps<EventsAnswer> {
  const slice = new Slices(db, conditions);
  const wanted = question.limit + 1;
  const items: EventRow[] = [];
  let cursor = earlier(question.before ?? NEWEST, {
    timestampMs: question.toMs ?? NEWEST.timestampMs,
    id: 0,
  });
  let scanned = 0;
  let spentMs = 0;
  for (;;) {
    const begun = performance.now();
    const lowestMs = slice.lowest(cursor.timestampMs);
    const fromMs = Math.max(lowestMs ?? floorMs, floorMs);
    const most = Math.min(STEP_FINDS, wanted - items.length);
    const found = slice.rows(cursor, fromMs, most);
    items.push(...found);
    const last = items[question.limit - 1];
    if (items.length === wanted && last !== undefined) {
      const next = cursorText({ timestampMs: last.timestamp_ms, id: last.id });
      return { items: items.slice(0, -1), next, scanned_to_ms: last.timestamp_ms };
    }
    const lastFound = found.length === most ? found.at(-1) : undefined;
    if (lastFound !== undefined) {
      cursor = { timestampMs: lastFound.timestamp_ms, id: lastFound.id };
    } else if (lowestMs === null || lowestMs <= floorMs) {
      return { items, next: null, scanned_to_ms: floorMs };
    } else {
      cursor = { timestampMs: fromMs, id: 0 };
      scanned += STEP_ROWS;
    }
    spentMs += performance.now() - begun;
    if (scanned >= BUDGET_ROWS || spentMs >= BUDGET_MS) {
      return { items, next: cursorText(cursor), scanned_to_ms: cursor.timestampMs };
    }
    yield;
  }
}

function earlier(a: EventCursor, b: EventCursor): EventCursor {
  return a.timestampMs < b.timestampMs || (a.timestampMs === b.timestampMs && a.id < b.id) ? a : b;
}

class Slices {
  readonly #lowest;
  readonly #rows;
  readonly #params: ReadonlyArray<string | number | bigint | Buffer>;

  constructor(db: Db, conditions: readonly Condition[]) {
    // The index alone tells.
    this.#lowest = db
      .prepare<[number], number>(
        `SELECT timestamp_ms FROM event INDEXED BY ${TIME_INDEX} WHERE timestamp_ms < ?
         ORDER BY timestamp_ms DESC LIMIT 1 OFFSET ${STEP_ROWS - 1}`,
      )
      .pluck();
    const narrowed = conditions.map(({ sql }) => ` AND ${sql}`).join('');
    this.#rows = db.prepare<Array<string | number | bigint | Buffer>, EventListRow>(
      `${EVENT_LIST_SELECT}
       WHERE e.timestamp_ms >= ? AND (e.timestamp_ms, e.id) < (?, ?)${narrowed}
       ORDER BY e.timestamp_ms DESC, e.id DESC LIMIT ?`,
    );
    this.#params = conditions.flatMap(({ params }) => params);
  }

  /** The time of the last row of the slice that ends before `beforeMs`; null: fewer rows are left. */
  lowest(beforeMs: number): number | null {
    return this.#lowest.get(beforeMs) ?? null;
  }

  rows(before: EventCursor, fromMs: number, limit: number): EventRow[] {
    return this.#rows.all(fromMs, before.timestampMs, before.id, ...this.#params, limit).map(listRow);
  }
}
