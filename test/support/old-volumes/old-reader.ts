import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import { has, isPlus, type Generation } from './generations.ts';
import { columnsOf } from './notation.ts';
import { addIndexes, bringUpToDate, CONNECTION, sourceTables } from './schema.ts';

type Db = Database.Database;
type Row = Readonly<Record<string, unknown>>;

/** All that a table holds, so that two volumes can be compared. */
export interface TableContent {
  readonly rows: number;
  /** SHA-256 of the type and the bytes of every value, in the order of the rows. */
  readonly digest: string;
}

/** What an old program shows of a volume. */
export interface OldView {
  /** By table: those that hold facts of their own. */
  readonly tables: ReadonlyMap<string, TableContent>;
  /** The list of events, newest first. */
  readonly recent: readonly Row[];
  readonly calls: number;
  /** Of all events; a fraction where it is beyond 53 bits. */
  readonly tokens: number;
  readonly prices: readonly Row[];
  readonly aliases: readonly Row[];
  readonly deadLetters: number;
  readonly settings: ReadonlyMap<string, string>;
}

const RECENT = 100;

/**
 * Starts an old program on a database, as far as it touches that: its connection settings, its tables, its indexes,
 * its refusals; then what it reads. Throws what SQLite says where it would have ended. Writes what it would write.
 */
export function startOldProgram(dbPath: string, generation: Generation): OldView {
  const db = new Database(dbPath);
  try {
    for (const statement of CONNECTION) db.exec(statement);
    // Not in one transaction: what it did before it failed shows.
    bringUpToDate(db, generation);
    if (isPlus(generation)) refuseOtherFormats(db, generation);
    addIndexes(db, generation);
    return readAsOld(db, generation);
  } finally {
    db.close();
  }
}

/** Reads a volume as it is and changes no row. Leaves the files beside it as SQLite leaves them. */
export function readOldVolume(dbPath: string, generation: Generation): OldView {
  const db = new Database(dbPath, { readonly: true, fileMustExist: true });
  try {
    return db.transaction(() => readAsOld(db, generation))();
  } finally {
    db.close();
  }
}

const FORMATS: ReadonlyArray<readonly [key: string, since: string, allowed: readonly string[]]> = [
  ['usage_monitoring_model_format_version', '+1.12.0-rc.2', ['1']],
  ['usage_account_history_identity_format_version', '+1.12.0-beta1', ['1', '2', 'identity-2:model-1']],
  ['usage_dashboard_hourly_format_version', '+1.11.2', ['2', '3']],
];

function refuseOtherFormats(db: Db, generation: Generation): void {
  const setting = db.prepare('select value from settings where key = ?').pluck();
  for (const [key, since, allowed] of FORMATS) {
    if (!has(generation, since)) continue;
    const found = setting.get(key);
    if (typeof found === 'string' && !allowed.includes(found)) {
      throw new Error(`unsupported format ${key} "${found}"`);
    }
  }
}

function readAsOld(db: Db, generation: Generation): OldView {
  const tables = sourceTables(generation);
  const names = new Set(tables.map((table) => table.name));
  const all = (name: string, order: string): readonly Row[] => {
    const table = tables.find((one) => one.name === name);
    if (!table) return [];
    const columns = columnsOf(table, generation).map((column) => column.name);
    return db.prepare<[], Row>(`select ${columns.join(', ')} from ${name} order by ${order}`).all();
  };
  const totals = db
    .prepare<[], { calls: number; tokens: number }>(
      'select count(*) as calls, total(total_tokens) as tokens from usage_events',
    )
    .get();
  return {
    tables: new Map(
      tables.map((table) => [
        table.name,
        contentOf(
          db,
          table.name,
          columnsOf(table, generation).map((column) => column.name),
        ),
      ]),
    ),
    recent: recentEvents(db, generation),
    calls: totals?.calls ?? 0,
    tokens: totals?.tokens ?? 0,
    prices: all('model_prices', 'model'),
    aliases: names.has('api_key_aliases') ? all('api_key_aliases', 'api_key_hash') : [],
    deadLetters: Number(db.prepare('select count(*) from dead_letter_events').pluck().get()),
    settings: new Map(all('settings', 'key').map((row) => [String(row['key']), String(row['value'])])),
  };
}

function recentEvents(db: Db, generation: Generation): readonly Row[] {
  const events = sourceTables(generation).find((table) => table.name === 'usage_events');
  const columns = events ? columnsOf(events, generation).map((column) => column.name) : [];
  const list = `select ${columns.join(', ')} from usage_events order by timestamp_ms desc, id desc limit ${RECENT}`;
  return db.prepare<[], Row>(list).safeIntegers().all();
}

function contentOf(db: Db, table: string, columns: readonly string[]): TableContent {
  const digest = createHash('sha256');
  let rows = 0;
  // As bytes: two texts that are no UTF-8 look alike once they were read as text.
  const parts = columns.map((column) => `typeof(${column}), cast(${column} as blob)`);
  const read = db.prepare(`select ${parts.join(', ')} from ${table} order by rowid`).raw();
  for (const row of read.iterate()) {
    rows += 1;
    for (const value of row as ReadonlyArray<string | Buffer | null>) {
      digest.update(`${value?.length ?? -1}:`);
      if (value !== null) digest.update(value);
    }
  }
  return { rows, digest: digest.digest('hex') };
}
