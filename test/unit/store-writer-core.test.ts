import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import type { NormaliseContext, Normalised } from '../../src/lib/contract/event.ts';
import { AppError } from '../../src/lib/errors.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { readPosition } from '../../src/lib/store/state-store.ts';
import { normalise } from '../../src/lib/usage/normalise.ts';
import {
  call,
  count,
  record,
  recordedCalls,
  storeCore,
  storeDb,
  storeDir,
} from '../support/store-harness.ts';

const POSITION = { segment: '01JD00000000000000000000AA', seq: 4 };

/** A normaliser that gives every event this hash. */
const withHash =
  (hashOf: (event: { requestId: string }) => string) =>
  (payload: Uint8Array, context: NormaliseContext): Normalised => {
    const result = normalise(payload, context);
    if (result.kind !== 'event') return result;
    return { kind: 'event', event: { ...result.event, hash: hashOf(result.event) } };
  };

test('records become rows, once, and the position moves with them', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const records = recordedCalls();
  const first = core.commit(records, POSITION);
  assert.deepEqual(first, {
    inserted: records.length,
    duplicates: 0,
    deadLetters: 0,
    controls: 0,
    refresh: false,
    lastId: records.length,
    firstId: 1,
    eventsRevision: 1,
  });
  assert.deepEqual(readPosition(db), POSITION);
  const again = core.commit(records, { ...POSITION, seq: 5 });
  assert.equal(again.inserted, 0);
  assert.equal(again.duplicates, records.length);
  assert.equal(again.lastId, records.length);
  assert.deepEqual([again.firstId, again.eventsRevision], [0, 0]);
  assert.equal(readPosition(db)?.seq, 5);
  // A new process has empty caches and must find the same rows.
  assert.equal(storeCore(db).commit(records, null).duplicates, records.length);
  assert.equal(readPosition(db)?.seq, 5);
  assert.equal(count(db, 'SELECT count(*) FROM event'), records.length);
});

test('every record is in exactly one count', (t) => {
  const core = storeCore(storeDb(t));
  const long = { ...record('{"cut off'), truncatedFrom: 9_000_000 };
  const batch = [
    record(call()),
    record(call()),
    record({ refresh: true }),
    record({ support_refresh: true }),
    record('garbage'),
    long,
    long,
  ];
  const { lastId, firstId, eventsRevision, ...counts } = core.commit(batch, null);
  assert.deepEqual(counts, { inserted: 1, duplicates: 2, deadLetters: 2, controls: 2, refresh: true });
  assert.deepEqual([firstId, lastId, eventsRevision], [1, 1, 1]);
});

test('events that agree in time and 64 bits of the hash are told apart by the rest of it', (t) => {
  const db = storeDb(t);
  const core = storeCore(db, {
    normalise: withHash(({ requestId }) => 'ab'.repeat(8) + requestId.padEnd(48, '0')),
  });
  const three = ['00000001', '00000002', '00000003'].map((request_id) => record(call({ request_id })));
  assert.equal(core.commit(three, null).inserted, 3);
  assert.equal(core.commit(three.toReversed(), null).duplicates, 3);
  assert.deepEqual(db.prepare('SELECT dup FROM event ORDER BY id').pluck().all(), [0, 1, 2]);
});

test('what is new among what is known is stored, also where they agree in 64 bits', (t) => {
  const db = storeDb(t);
  // The first 16 digits are the same for all; the others are those of the request.
  const core = storeCore(db, {
    normalise: withHash(({ requestId }) => `${'ab'.repeat(8)}${requestId.padStart(48, '0')}`),
  });
  const made = (...ids: readonly number[]): Array<ReturnType<typeof record>> =>
    ids.map((id) => record(call({ request_id: String(id).padStart(8, '0') })));
  assert.equal(core.commit(made(1, 2, 3), null).inserted, 3);
  const mixed = core.commit(made(1, 2, 4, 3, 4, 5), null);
  assert.deepEqual([mixed.inserted, mixed.duplicates], [2, 4]);
  const again = core.commit(made(5, 4, 3, 2, 1), null);
  assert.deepEqual([again.inserted, again.duplicates], [0, 5]);
  assert.deepEqual(db.prepare('SELECT dup FROM event ORDER BY id').pluck().all(), [0, 1, 2, 3, 4]);
});

test('what fails leaves nothing behind, no row, no position and no id in a cache', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  core.commit([record(call())], POSITION);
  db.exec(`CREATE TEMP TRIGGER full AFTER INSERT ON main.total_5min BEGIN SELECT RAISE(ABORT, 'no'); END`);
  const other = record(
    call({ model: 'gpt-4o', alias: 'gpt-4o', timestamp: '2026-11-21T12:08:11Z', user_agent: 'curl/8' }),
  );
  assert.throws(
    () => core.commit([other], { ...POSITION, seq: 9 }),
    (error) => error instanceof AppError && error.code === 'database_failed',
  );
  assert.equal(count(db, 'SELECT count(*) FROM event'), 1);
  assert.equal(readPosition(db)?.seq, POSITION.seq);
  db.exec('DROP TRIGGER full');
  // Somebody else gets the id that was rolled back.
  db.exec("INSERT INTO model (name, requested, resolved) VALUES ('other', 'other', 'other')");
  db.exec("INSERT INTO user_agent (text) VALUES ('other/1')");
  assert.equal(core.commit([other], POSITION).inserted, 1);
  assert.deepEqual(
    db.prepare('SELECT model, user_agent, cost_nano IS NOT NULL AS priced FROM events WHERE id = 2').get(),
    { model: 'gpt-4o', user_agent: 'curl/8', priced: 1 },
  );
  assert.equal(count(db, 'SELECT sum(calls) FROM total_5min'), 2);
});

test('the lock of another connection is database_locked, and trying again succeeds', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const db = storeDb(t, dbPath);
  const core = storeCore(db);
  const other = openDatabase(dbPath, { mode: 'write', beside: true });
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  assert.throws(
    () => core.commit([record(call())], POSITION),
    (error) => error instanceof AppError && error.code === 'database_locked',
  );
  other.exec('ROLLBACK');
  assert.equal(core.commit([record(call())], POSITION).inserted, 1);
});

test('a full disk is disk_full, and all is well once there is room', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  core.commit([record(call())], { ...POSITION, seq: 1 });
  const records = recordedCalls();
  const pages = Number(db.pragma('page_count', { simple: true }));
  db.pragma(`max_page_count = ${pages}`);
  assert.throws(
    () => core.commit(records, { ...POSITION, seq: 2 }),
    (error) => error instanceof AppError && error.code === 'disk_full',
  );
  assert.equal(readPosition(db)?.seq, 1);
  db.pragma('max_page_count = 1000000');
  assert.equal(core.commit(records, { ...POSITION, seq: 2 }).inserted, records.length);
  assert.equal(count(db, 'SELECT sum(calls) FROM total_5min'), records.length + 1);
});

test('a saved price counts from the next batch on, whoever saved it', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const db = storeDb(t, dbPath);
  const core = storeCore(db);
  const at = (second: number) => record(call({ timestamp: `2026-11-21T11:08:${10 + second}Z` }));
  core.commit([at(0)], null);
  const other = openDatabase(dbPath, { mode: 'write', beside: true });
  t.after(() => other.close());
  other.exec(`
    INSERT INTO price_card (source, model, origin, input, output, cache_read, updated_at_ms)
      VALUES ('manual', 'gpt-5', '', 1000000, 2000000, 500000, 1);
    INSERT INTO price_context_tier (card_id, threshold, input, output, cache_read)
      VALUES (1, 100000, 2000000, 4000000, 1000000);
    INSERT INTO meta VALUES ('prices', 1, 1);`);
  core.commit([at(1), at(2)], null);
  const costs = db.prepare('SELECT cost_nano, price_id FROM event ORDER BY id').all();
  // 400 input, 100 read, 40 output at 1, 0.5 and 2 USD a million.
  const manual = { cost_nano: 400_000 + 50_000 + 80_000, price_id: 2 };
  assert.deepEqual(costs.slice(1), [manual, manual]);
  assert.notDeepEqual(costs[0], manual);
  assert.match(
    String(db.prepare('SELECT json FROM price_version WHERE id = 2').pluck().get()),
    /"source":"manual"/,
  );
});

test('the five-minute totals are the sums of the rows', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const records = recordedCalls();
  core.commit(records.slice(0, 20), null);
  core.commit(records, null);
  core.commit([record(call({ model: 'nobody-knows', alias: 'nobody-knows', latency_ms: null }))], null);
  const columns = `sum(uncached_input) AS input, sum(cache_read) AS read, sum(cache_write_5m) AS w5,
    sum(cache_write_1h) AS w1, sum(output) AS output, sum(reasoning) AS reasoning, sum(failed) AS failed`;
  const rows = db
    .prepare(
      `SELECT timestamp_ms - timestamp_ms % 300000 AS bucket, count(*) AS calls, ${columns},
         sum(cost_nano) AS cost, sum(cost_nano IS NULL) AS unpriced, sum(latency_ms) AS latency,
         count(latency_ms) AS latencies FROM event GROUP BY 1 ORDER BY 1`,
    )
    .all();
  const totals = db
    .prepare(
      `SELECT bucket_ms AS bucket, sum(calls) AS calls, ${columns}, sum(cost_nano) AS cost,
         sum(unpriced) AS unpriced, sum(latency_sum_ms) AS latency, sum(latency_count) AS latencies
         FROM total_5min GROUP BY 1 ORDER BY 1`,
    )
    .all();
  assert.ok(rows.length > 0);
  assert.deepEqual(totals, rows);
});

test('sums past what SQLite can count stop there instead of refusing the event', (t) => {
  const db = storeDb(t);
  const core = storeCore(db, {
    price: () => ({
      kind: 'priced',
      nanoUsd: 2 ** 52,
      parts: { uncachedInput: 2 ** 52, cacheRead: 0, cacheWrite: 0, output: 0 },
      version: VERSION,
      clamped: true,
    }),
  });
  for (let n = 0; n < 5; n += 1) {
    assert.equal(core.commit([record(call({ request_id: `0000000${n}` }))], null).inserted, 1);
  }
  assert.equal(count(db, 'SELECT cost_nano FROM total_5min'), Number.MAX_SAFE_INTEGER);
  assert.equal(count(db, 'SELECT min(flags & 1) FROM event'), 1);
});

const VERSION = {
  model: 'gpt-5',
  source: 'embedded',
  origin: 'test',
  basis: 'base',
  rates: { input: 1, output: 1, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 },
} as const;

test('gateways, gaps, contact and settings', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const first = core.gateway('http://cpa:8317');
  assert.equal(core.gateway('http://other:8317'), first + 1);
  assert.equal(core.gateway('http://cpa:8317'), first);
  const gap = {
    gatewayId: first,
    fromMs: 5,
    toMs: null,
    cause: 'killed',
    estimate: null,
    detail: '',
  } as const;
  const id = core.openGap(gap);
  core.closeGap(id, 9, 3);
  assert.deepEqual(db.prepare('SELECT to_ms, estimate, cause FROM gap').all(), [
    { to_ms: 9, estimate: 3, cause: 'killed' },
  ]);
  core.saveContact({ gatewayId: 1, lastContactMs: 7, retentionSeconds: 60, aliveMs: 6, cleanStopMs: null });
  core.saveContact({ gatewayId: 1, lastContactMs: 8, retentionSeconds: 60, aliveMs: 6, cleanStopMs: 9 });
  assert.deepEqual(db.prepare('SELECT * FROM contact_state').all(), [
    { gateway_id: 1, last_contact_ms: 8, retention_seconds: 60, alive_ms: 6, clean_stop_ms: 9 },
  ]);
  core.saveSettings(
    new Map([
      ['setup', '{}'],
      ['old', 'x'],
    ]),
  );
  core.saveSettings(
    new Map([
      ['setup', '{"a":1}'],
      ['old', null],
    ]),
  );
  assert.deepEqual(
    db.prepare('SELECT key, value FROM settings WHERE updated_at_ms > 0').all(), // without the schema's own
    [{ key: 'setup', value: '{"a":1}' }],
  );
  const revision = (name: string): number => count(db, 'SELECT revision FROM meta WHERE name = ?', name);
  assert.deepEqual([revision('gateways'), revision('gaps'), revision('settings')], [2, 2, 2]);
});
