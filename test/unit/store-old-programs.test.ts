import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import Database from 'better-sqlite3';
import { openDatabase } from '../../src/lib/store/open.ts';
import { storeDir } from '../support/store-harness.ts';

/** Columns of the first tables of CPA-Manager 1.1.0, which all later ones begin with. */
const TABLES = [
  `CREATE TABLE IF NOT EXISTS usage_events (id INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT,
     event_hash TEXT NOT NULL UNIQUE, timestamp_ms INTEGER NOT NULL, timestamp TEXT NOT NULL, provider TEXT,
     model TEXT NOT NULL, endpoint TEXT, method TEXT, path TEXT, auth_type TEXT, auth_index TEXT, source TEXT,
     source_hash TEXT, api_key_hash TEXT, input_tokens INTEGER NOT NULL DEFAULT 0,
     output_tokens INTEGER NOT NULL DEFAULT 0, reasoning_tokens INTEGER NOT NULL DEFAULT 0,
     cached_tokens INTEGER NOT NULL DEFAULT 0, cache_tokens INTEGER NOT NULL DEFAULT 0,
     total_tokens INTEGER NOT NULL DEFAULT 0, latency_ms INTEGER, failed INTEGER NOT NULL DEFAULT 0,
     raw_json TEXT, created_at_ms INTEGER NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS dead_letter_events (id INTEGER PRIMARY KEY AUTOINCREMENT, payload TEXT NOT NULL,
     error TEXT NOT NULL, created_at_ms INTEGER NOT NULL)`,
  'CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL, updated_at_ms INTEGER NOT NULL)',
];
const INDEXES = ['timestamp_ms', 'request_id', 'model', 'auth_index', 'endpoint'].map(
  (column) => `CREATE INDEX IF NOT EXISTS idx_usage_events_${column} ON usage_events (${column})`,
);
const PRICES = `CREATE TABLE IF NOT EXISTS model_prices (model TEXT PRIMARY KEY, prompt_per_1m REAL NOT NULL)`;
/** What CPA-Manager-Plus adds to the events, as far as our view does not have it. */
const COLUMNS = ['fail_body', 'raw_json'].map(
  (column) => `ALTER TABLE usage_events ADD COLUMN ${column} TEXT`,
);
const CONNECTION = ['PRAGMA journal_mode = WAL', 'PRAGMA synchronous = FULL', 'PRAGMA foreign_keys = ON'];

const STARTS: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['CPA-Manager, tables first', [...CONNECTION, ...TABLES, ...INDEXES, PRICES]],
  [
    'CPA-Manager, each table with its indexes',
    [...CONNECTION, TABLES[0] ?? '', ...INDEXES, ...TABLES.slice(1), PRICES],
  ],
  ['CPA-Manager-Plus, columns of an older file', [...CONNECTION, TABLES[0] ?? '', ...COLUMNS, ...INDEXES]],
  ['CPA-Manager-Plus, whole', [...CONNECTION, ...TABLES, PRICES, ...COLUMNS, ...INDEXES]],
];

for (const [name, statements] of STARTS) {
  test(`${name}: fails on our file and leaves it as it was`, (t) => {
    const dbPath = path.join(storeDir(t), 'usage.sqlite');
    openDatabase(dbPath, { mode: 'write' }).close();
    const old = new Database(dbPath);
    t.after(() => old.close());
    const state = (): unknown => [
      old.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name').all(),
      old.prepare('SELECT * FROM settings').all(),
    ];
    const before = state();
    assert.throws(() => {
      for (const statement of statements) old.exec(statement);
    }, /usage_events|dead_letter_events|views may not be indexed|to a view/);
    assert.deepEqual(state(), before);
  });
}

test('a program that ignores those failures still cannot store an event here', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  openDatabase(dbPath, { mode: 'write' }).close();
  const old = new Database(dbPath);
  t.after(() => old.close());
  assert.throws(
    () => old.exec("INSERT OR IGNORE INTO usage_events (event_hash, model) VALUES ('a', 'm')"),
    /view/,
  );
  const marker = old
    .prepare("SELECT value FROM settings WHERE key = 'usage_monitoring_model_format_version'")
    .pluck();
  assert.equal(marker.get(), 'cpamp');
});
