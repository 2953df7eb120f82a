import type BetterSqlite3 from 'better-sqlite3';
import type { EventRow } from '../contract/api/events.ts';
import { EVENT_LIST_SELECT, listRow, type EventListRow } from './event-list-row.ts';
import { filterConditions, type EventFilter } from './queries/event-filter.ts';
import { guarded, type Db } from './sqlite.ts';

/** Ids that one slice looks at: an import beside this may store a million events at once. */
const SLICE_IDS = 2000;

type Parameter = string | number | bigint | Buffer;

/** A part of what is new. */
export interface TailSlice {
  /** In the order in which they were stored. */
  readonly rows: readonly EventRow[];
  /** There is more to read at once. */
  readonly more: boolean;
}

const NOTHING: TailSlice = { rows: [], more: false };

/**
 * The events that are stored from now on, by whatever process, each of them once. Ids rise in the order in which
 * events are stored, so what is new is what has a higher id; its time may be any. Between two calls nothing is held open,
 * so a slow reader keeps no writer from anything. Everything throws AppError, `database_locked` among them: then the next
 * call goes on where this one was.
 */
export class EventTail {
  readonly #db: Db;
  readonly #filter: EventFilter;
  readonly #version: BetterSqlite3.Statement<[], number>;
  readonly #highest: BetterSqlite3.Statement<[], number | null>;
  #seenVersion: number | null;
  #after: number;
  #upTo: number;
  #read: ((from: number, upTo: number) => EventListRow[]) | null = null;

  /** `db` is read-only and of this tail alone: a connection does not see what it commits itself as a change. */
  constructor(db: Db, filter: EventFilter) {
    this.#db = db;
    this.#filter = filter;
    this.#version = db.prepare<[], number>('PRAGMA data_version').pluck();
    this.#highest = db.prepare<[], number | null>('SELECT max(id) FROM event').pluck();
    this.#seenVersion = guarded(() => this.#version.get() ?? 0);
    this.#after = guarded(() => this.#highest.get() ?? 0);
    this.#upTo = this.#after;
  }

  /** Every event up to this id has been looked at. */
  get after(): number {
    return this.#after;
  }

  /** What came since the last call, or a part of it. Where nothing has changed it costs a few microseconds. */
  next(): TailSlice {
    return guarded(() => (this.#after < this.#upTo || this.#refresh() ? this.#slice() : NOTHING));
  }

  #refresh(): boolean {
    // Read first: what is committed behind it is found by the next call.
    const version = this.#version.get() ?? 0;
    if (version === this.#seenVersion) return false;
    const highest = this.#highest.get() ?? 0;
    // New models, providers and credentials come with their first events: who they are is asked anew.
    this.#read = highest > this.#after ? this.#reader() : null;
    this.#upTo = Math.max(highest, this.#after);
    this.#seenVersion = version;
    return this.#read !== null;
  }

  #slice(): TailSlice {
    const upTo = Math.min(this.#after + SLICE_IDS, this.#upTo);
    const rows = this.#read?.(this.#after, upTo) ?? [];
    this.#after = upTo;
    return { rows: rows.map(listRow), more: upTo < this.#upTo };
  }

  #reader(): (from: number, upTo: number) => EventListRow[] {
    const steps = filterConditions(this.#db, this.#filter);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    const conditions = step.value;
    if (conditions === null) return () => [];
    const { fromMs, toMs } = this.#filter;
    const all = [
      ...conditions,
      ...(fromMs === null ? [] : [{ sql: 'e.timestamp_ms >= ?', params: [fromMs] }]),
      ...(toMs === null ? [] : [{ sql: 'e.timestamp_ms < ?', params: [toMs] }]),
    ];
    const read = this.#db.prepare<Parameter[], EventListRow>(
      `${EVENT_LIST_SELECT} WHERE e.id > ? AND e.id <= ?${all.map(({ sql }) => ` AND ${sql}`).join('')} ORDER BY e.id`,
    );
    const params = all.flatMap((one): readonly Parameter[] => one.params);
    return (from, upTo) => read.all(from, upTo, ...params);
  }
}
