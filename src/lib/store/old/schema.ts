import type { Db } from '../sqlite.ts';

export type OldProgram = 'cpa-manager' | 'cpa-manager-plus';

/** What an old database has, by what is in it: releases cannot be told apart by a number. */
export interface OldSchema {
  readonly program: OldProgram;
  /** The columns of each table. */
  readonly tables: ReadonlyMap<string, ReadonlySet<string>>;
  /** Settings of the first Plus on: its log-in, and what is encrypted. */
  readonly settings: ReadonlySet<string>;
}

/** Tables that only CPA-Manager-Plus made, the first of them in its first release. */
const OF_PLUS = ['codex_inspection_runs', 'quota_cooldowns', 'usage_event_identity_ledger'];
const SETTINGS_OF_PLUS = ['admin_credential_v1', 'bootstrap_state_v1'];

/**
 * Null when it is the database of neither program: without their table of events. Throws what SQLite throws where the
 * schema itself cannot be read.
 */
export function readOldSchema(db: Db): OldSchema | null {
  const names = db
    .prepare<[], string>(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
    )
    .pluck()
    .all();
  const columns = db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck();
  // Its search index needs what is not built in here, and is not ours to read.
  const own = names.filter((name) => !/_legacy_|_search_v1/.test(name));
  const tables = new Map(own.map((name) => [name, new Set(columns.all(name))]));
  const events = tables.get('usage_events');
  if (!events?.has('event_hash') || !events.has('timestamp_ms')) return null;
  const settings = new Set(tables.has('settings') ? settingKeys(db) : []);
  const isPlus =
    OF_PLUS.some((name) => tables.has(name)) ||
    SETTINGS_OF_PLUS.some((name) => settings.has(name)) ||
    events.has('requested_model');
  return { program: isPlus ? 'cpa-manager-plus' : 'cpa-manager', tables, settings };
}

function settingKeys(db: Db): string[] {
  try {
    return db.prepare<[], string>('SELECT key FROM settings').pluck().all().map(String);
  } catch {
    return [];
  }
}

export function columnsOf(schema: OldSchema, table: string): ReadonlySet<string> {
  return schema.tables.get(table) ?? NONE;
}

const NONE: ReadonlySet<string> = new Set();
