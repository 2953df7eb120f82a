import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import Database from 'better-sqlite3';
import { APPLICATION_ID } from '../../src/lib/store/inspect.ts';
import { MIGRATIONS } from '../../src/lib/store/migrations/index.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { ReadStore } from '../../src/lib/store/read-store.ts';
import type { Db } from '../../src/lib/store/sqlite.ts';
import { call, record, recordedCalls, storeCore, storeDb, storeDir } from '../support/store-harness.ts';

const COLUMNS = [
  'calls',
  'failed',
  'uncached_input',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
  'output',
  'reasoning',
  'cost_nano',
  'unpriced',
  'latency_sum_ms',
  'latency_count',
];
const ever = (db: Db): unknown[] => db.prepare('SELECT * FROM total_ever ORDER BY gateway_id').all();
const summed = (db: Db): unknown[] => {
  const sums = COLUMNS.map((column) => `sum(${column}) AS ${column}`).join(', ');
  return db.prepare(`SELECT gateway_id, ${sums} FROM total_5min GROUP BY 1 ORDER BY 1`).all();
};
/** Calls of a gateway, each at another time. */
const calls = (gatewayId: number, count: number): ReturnType<typeof record>[] =>
  Array.from({ length: count }, (_, n) =>
    record(call({ timestamp: `2026-11-21T11:${10 + n}:1${gatewayId}Z`, failed: n % 3 === 0 }), gatewayId),
  );

test('the running sums of a gateway are those of its buckets, whatever failed in between', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  core.commit([...recordedCalls(), ...calls(2, 20)], null);
  db.exec(`CREATE TEMP TRIGGER full AFTER UPDATE ON main.total_ever BEGIN SELECT RAISE(ABORT, 'no'); END`);
  assert.throws(() => core.commit(calls(2, 40), null), { code: 'database_failed' });
  db.exec('DROP TRIGGER full');
  core.commit([...calls(2, 30), ...calls(3, 5)], null);
  core.commit(calls(3, 5), null);
  assert.equal(ever(db).length, 3);
  assert.deepEqual(ever(db), summed(db));
});

test('totals read one row a gateway and no bucket', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const db = storeDb(t, dbPath);
  const core = storeCore(db);
  const reader = new ReadStore(dbPath);
  t.after(() => reader.close());
  assert.deepEqual({ ...reader.totals() }, { events: 0, failed: 0, unpriced: 0 });
  core.commit([...calls(1, 10), ...calls(2, 5)], null);
  core.commit([record(call({ model: 'nobody-knows', alias: 'nobody-knows' }))], null);
  // Without tokens nothing can cost anything: not unpriced.
  core.commit(
    [record(call({ model: 'unheard-of', alias: 'unheard-of', tokens: { input_tokens: 0 } }))],
    null,
  );
  db.exec('DELETE FROM total_5min');
  assert.deepEqual({ ...reader.totals() }, { events: 17, failed: 6, unpriced: 1 });
});

test('letters are counted again when there are more, and not before', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const db = storeDb(t, dbPath);
  const core = storeCore(db);
  const reader = new ReadStore(dbPath);
  t.after(() => reader.close());
  core.commit([record('one'), record('two')], null);
  assert.equal(reader.deadLetterCount(), 2);
  db.exec('DELETE FROM dead_letter WHERE id = 1');
  assert.equal(reader.deadLetterCount(), 2);
  core.commit([record('three')], null);
  assert.equal(reader.deadLetterCount(), 2);
  core.commit([record('four')], null);
  assert.equal(reader.deadLetterCount(), 3);
});

test('a database that has only buckets gets its running sums', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const old = new Database(dbPath);
  old.pragma(`application_id = ${APPLICATION_ID}`);
  for (const statements of MIGRATIONS.slice(0, 2)) old.exec(statements);
  old.pragma('user_version = 2');
  const row = COLUMNS.map((_, index) => index + 1).join(', ');
  const huge = COLUMNS.map(() => Number.MAX_SAFE_INTEGER).join(', ');
  old.exec(
    `INSERT INTO total_5min VALUES (1, 0, ${row}), (1, 300000, ${row}), (2, 0, ${huge}), (2, 300000, ${huge})`,
  );
  old.close();
  const db = openDatabase(dbPath, { mode: 'write' });
  t.after(() => db.close());
  assert.deepEqual(db.prepare('SELECT * FROM total_ever ORDER BY gateway_id').raw().all(), [
    [1, ...COLUMNS.map((_, index) => 2 * (index + 1))],
    [2, ...COLUMNS.map(() => Number.MAX_SAFE_INTEGER)],
  ]);
});
