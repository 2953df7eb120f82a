import Database from 'better-sqlite3';
import type { Db } from '../sqlite.ts';
import { EVENT_COLUMNS, EVENT_MARKS, FORMAT_MARKS, GENERATIONS } from './generations.ts';
import type { OldProgram } from './schema.ts';

/** What a database of an older manager says of itself at a glance; no table is read through. */
export interface OldFacts {
  readonly program: OldProgram;
  /** The first release whose schema this is, such as `1.12.2`. */
  readonly release: string;
  /** How many events there can be at most, by their ids. Ids are rarely missing, so it is close. */
  readonly eventsAtMost: number;
  /** Time of the event that was stored last, epoch ms; null without one, or when it cannot be read. */
  readonly newestEventMs: number | null;
  /** What CPA-Manager-Plus 1.12.2 does not have: `usage_events.column` or `setting=value`. Empty up to that release. */
  readonly beyond: readonly string[];
}

export type Description =
  | { readonly kind: 'old'; readonly facts: OldFacts }
  | { readonly kind: 'other'; readonly applicationId: number; readonly tables: readonly string[] }
  /** SQLite cannot read its schema. */
  | { readonly kind: 'damaged'; readonly detail: string };

/**
 * Says what an SQLite file holds. `path` must be a view of it (a link in a folder of its own): SQLite makes `-wal` and
 * `-shm` beside what it reads.
 */
export function describeDatabase(path: string): Description {
  let db: Db | null = null;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true, timeout: 250 });
    return describe(db);
  } catch (error) {
    return { kind: 'damaged', detail: error instanceof Error ? error.message : String(error) };
  } finally {
    db?.close();
  }
}

function describe(db: Db): Description {
  const columns = columnsOf(db);
  const events = columns.get('usage_events');
  if (!events || !EVENT_MARKS.every((name) => events.has(name))) {
    const applicationId = Number(db.pragma('application_id', { simple: true }));
    return { kind: 'other', applicationId, tables: [...columns.keys()].toSorted() };
  }
  const settings = columns.has('settings') ? settingsOf(db) : new Map<string, string>();
  const has = (mark: string): boolean => {
    if (mark.startsWith('settings:')) return settings.has(mark.slice('settings:'.length));
    const [table = '', column] = mark.split('.');
    return column === undefined ? columns.has(table) : columns.get(table)?.has(column) === true;
  };
  // The first mark of all is the table of events itself.
  const newest = GENERATIONS.findLast(({ mark }) => has(mark));
  return {
    kind: 'old',
    facts: {
      program: newest?.program ?? 'cpa-manager',
      release: newest?.release ?? '1.1.0',
      ...eventsOf(db),
      beyond: beyond(events, settings),
    },
  };
}

/** The columns of every real table. Virtual ones would need their module. */
function columnsOf(db: Db): Map<string, Set<string>> {
  const tables = new Map<string, Set<string>>();
  const rows = db
    .prepare<[], { readonly tbl: string; readonly col: string }>(
      `SELECT m.name AS tbl, p.name AS col FROM sqlite_schema m, pragma_table_info(m.name) p
       WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         AND m.sql NOT LIKE 'create virtual%'`,
    )
    .all();
  for (const { tbl, col } of rows) {
    const known = tables.get(tbl);
    if (known) known.add(col);
    else tables.set(tbl, new Set([col]));
  }
  return tables;
}

function settingsOf(db: Db): Map<string, string> {
  try {
    const rows = db
      .prepare<[], { readonly key: unknown; readonly value: unknown }>('SELECT key, value FROM settings')
      .all();
    return new Map(rows.map(({ key, value }) => [String(key), String(value)]));
  } catch {
    // A damaged page here is no reason not to know the rest.
    return new Map();
  }
}

function eventsOf(db: Db): Pick<OldFacts, 'eventsAtMost' | 'newestEventMs'> {
  let eventsAtMost = 0;
  let newestEventMs: number | null = null;
  try {
    const first = db.prepare<[], number | null>('SELECT min(rowid) FROM usage_events').pluck().get();
    const last = db.prepare<[], number | null>('SELECT max(rowid) FROM usage_events').pluck().get();
    if (typeof first === 'number' && typeof last === 'number') eventsAtMost = last - first + 1;
    const time = db
      .prepare<[]>('SELECT timestamp_ms FROM usage_events ORDER BY rowid DESC LIMIT 1')
      .pluck()
      .get();
    if (typeof time === 'number' && Number.isSafeInteger(time)) newestEventMs = time;
  } catch {
    // A damaged page: what is readable is found out when it is copied.
  }
  return { eventsAtMost, newestEventMs };
}

function beyond(events: ReadonlySet<string>, settings: ReadonlyMap<string, string>): string[] {
  const found = [...events].filter((name) => !EVENT_COLUMNS.has(name)).map((name) => `usage_events.${name}`);
  for (const [key, known] of FORMAT_MARKS) {
    const value = settings.get(key);
    if (value !== undefined && !known.includes(value)) found.push(`${key}=${value}`);
  }
  return found;
}
