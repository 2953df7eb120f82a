import type Database from 'better-sqlite3';
import { DERIVED_TABLES, SEARCH_INDEX, SEARCH_SINCE } from './derived.ts';
import { has, type Generation } from './generations.ts';
import { createIndexes } from './indexes.ts';
import { columnsOf, createTable, type Table } from './notation.ts';
import { ADDED_TO_EVENTS, OWNERSHIP, OWNERSHIP_BY_FILE, SOURCE_TABLES, USAGE_EVENTS } from './tables.ts';

type Db = Database.Database;

/** The connection settings of all releases. */
export const CONNECTION: readonly string[] = [
  'pragma journal_mode = wal',
  'pragma synchronous = full',
  'pragma busy_timeout = 5000',
  'pragma foreign_keys = on',
];

/** Tables that hold facts of their own, as they are in this generation. */
export function sourceTables(generation: Generation): readonly Table[] {
  const byFile = has(generation, OWNERSHIP_BY_FILE.since) && !has(generation, OWNERSHIP.since);
  return SOURCE_TABLES.map((table) => (table === OWNERSHIP && byFile ? OWNERSHIP_BY_FILE : table)).filter(
    (table) => has(generation, table.since),
  );
}

/** All tables of a new database, in the order in which they are made. */
export function tablesOf(generation: Generation): readonly Table[] {
  const all = [
    ...DERIVED_TABLES.filter((table) => has(generation, table.since)),
    ...sourceTables(generation),
  ];
  const first = all.filter((table) => table.name.startsWith('usage_derived_'));
  const rest = all.filter((table) => !first.includes(table) && table !== USAGE_EVENTS);
  return [...first, USAGE_EVENTS, ...rest];
}

/**
 * What the program does to the tables when it starts: those that are missing are made, then missing columns are
 * added at the end, so that a file that came through many releases has another order than a new one.
 */
export function bringUpToDate(db: Db, generation: Generation): void {
  for (const table of tablesOf(generation)) {
    db.exec(createTable(table, generation));
    addColumns(db, table, generation);
  }
  if (has(generation, SEARCH_SINCE)) for (const statement of SEARCH_INDEX) db.exec(statement);
}

function addColumns(db: Db, table: Table, generation: Generation): void {
  const there = new Set(db.prepare('select name from pragma_table_info(?)').pluck().all(table.name));
  const missing = columnsOf(table, generation).filter((column) => !there.has(column.name));
  if (missing.length === 0) return;
  if (table === OWNERSHIP) return rebuildOwnership(db, generation);
  if (DERIVED_TABLES.includes(table) && missing.some((column) => !column.nullable)) {
    return park(db, table, generation);
  }
  if (table === USAGE_EVENTS) {
    missing.sort((a, b) => ADDED_TO_EVENTS.indexOf(a.name) - ADDED_TO_EVENTS.indexOf(b.name));
  }
  for (const column of missing) db.exec(`alter table ${table.name} add column ${column.sql}`);
  if (missing.some((column) => column.name === 'prompt_configured')) {
    db.exec(`update ${table.name} set prompt_configured = 1, completion_configured = 1,
      cache_read_configured = cache_read_per_1m <> 0, cache_creation_configured = cache_creation_per_1m <> 0`);
  }
}

/** CPA-Manager-Plus does not change a derived table: it sets it aside, empties it later, and makes another. */
function park(db: Db, table: Table, generation: Generation): void {
  const triggers = db
    .prepare(`select name from sqlite_schema where type = 'trigger' and tbl_name = ?`)
    .pluck()
    .all(table.name);
  for (const trigger of triggers) db.exec(`drop trigger ${String(trigger)}`);
  db.exec(`alter table ${table.name} rename to ${table.name}_legacy_v1120_rc2`);
  db.exec(createTable(table, generation));
}

function rebuildOwnership(db: Db, generation: Generation): void {
  db.exec(`alter table ${OWNERSHIP.name} rename to ownership_by_file`);
  db.exec(createTable(OWNERSHIP, generation));
  db.exec(`insert into ${OWNERSHIP.name} (file_name, provider, disabled_at_ms, updated_at_ms)
    select file_name, 'codex', disabled_at_ms, updated_at_ms from ownership_by_file`);
  db.exec('drop table ownership_by_file');
}

/**
 * The indexes. CPA-Manager makes them with the tables; CPA-Manager-Plus after its port is open, and not on a table
 * that has rows.
 */
export function addIndexes(db: Db, generation: Generation): void {
  for (const statement of createIndexes(generation)) {
    const table = / on (\w+) \(/.exec(statement)?.[1] ?? '';
    const filled = db.prepare(`select 1 from ${table} limit 1`).get() !== undefined;
    if (!filled) db.exec(statement);
  }
}
