import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import Database from 'better-sqlite3';
import * as fc from 'fast-check';
import {
  EventFlag,
  type NormaliseContext,
  type Normalised,
  type UsageEvent,
} from '../../src/lib/contract/event.ts';
import { exportLine } from '../../src/lib/transfer/export/jsonl.ts';
import { ExportReader } from '../../src/lib/store/export-reader.ts';
import { readPosition } from '../../src/lib/store/state-store.ts';
import { normalise } from '../../src/lib/usage/normalise.ts';
import { call, count, record, storeCore, storeDb, storeDir } from '../support/store-harness.ts';

const POSITION = { segment: '01JD00000000000000000000AA', seq: 4 };

/** A normaliser that changes the events of the requests called `bad`. */
const spoiling =
  (change: (event: UsageEvent) => UsageEvent) =>
  (payload: Uint8Array, context: NormaliseContext): Normalised => {
    const result = normalise(payload, context);
    if (result.kind !== 'event' || result.event.requestId !== 'bad') return result;
    return { kind: 'event', event: change(result.event) };
  };

test('a row that the schema refuses does not stop what is behind it', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  db.exec(`CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.event WHEN new.request_id = 'bad'
    BEGIN SELECT RAISE(ABORT, 'refused'); END`);
  const result = core.commit([record(call({ request_id: 'bad' })), record(call())], POSITION);
  assert.equal(result.inserted, 1);
  assert.equal(result.deadLetters, 1);
  assert.equal(readPosition(db)?.seq, POSITION.seq);
});

test('an event is a row or a letter, never both', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  db.exec(
    `CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.event_extra BEGIN SELECT RAISE(ABORT, 'no'); END`,
  );
  const fields = { failed: true, fail: { status_code: 500, body: 'broken' }, user_agent: 'new/1' };
  const batch = [
    record(call({ ...fields, request_id: '00000001' })),
    // The same new dimension rows, by the ids that are remembered.
    record(call({ user_agent: 'new/1', request_id: '00000002' })),
  ];
  const { inserted, deadLetters } = core.commit(batch, POSITION);
  assert.deepEqual({ inserted, deadLetters }, { inserted: 1, deadLetters: 1 });
  assert.equal(count(db, 'SELECT count(*) FROM event'), 1);
  assert.equal(count(db, 'SELECT count(*) FROM dead_letter'), 1);
  assert.equal(count(db, 'SELECT sum(calls) FROM total_5min'), 1);
  assert.equal(db.prepare('SELECT user_agent FROM events').pluck().get(), 'new/1');
});

test('an event whose price cannot be worked out is stored without one', (t) => {
  for (const parts of [
    {
      price: () => {
        throw new RangeError('rate 7 x 1/3 does not fit the rate scale');
      },
    },
    {
      book: () => {
        throw new Error('no book');
      },
    },
    {
      price: () => ({
        kind: 'priced' as const,
        nanoUsd: 0.5,
        parts: { uncachedInput: 0, cacheRead: 0, cacheWrite: 0, output: 0 },
        version: {
          model: 'm',
          source: 'manual' as const,
          origin: '',
          basis: 'base',
          rates: { input: 1, output: 1, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 },
        },
        clamped: false,
      }),
    },
  ]) {
    const db = storeDb(t);
    const result = storeCore(db, parts).commit([record(call()), record('{')], POSITION);
    assert.equal(result.inserted, 1);
    assert.equal(readPosition(db)?.seq, POSITION.seq);
    assert.equal(count(db, 'SELECT count(*) FROM event WHERE cost_nano IS NULL AND price_id IS NULL'), 1);
    assert.equal(count(db, 'SELECT sum(unpriced) FROM total_5min'), 1);
  }
});

test('a full disk while a price is stored is no pricing error', (t) => {
  const db = storeDb(t);
  const core = storeCore(db, {
    price: () => {
      throw new Database.SqliteError('database or disk is full', 'SQLITE_FULL');
    },
  });
  assert.throws(() => core.commit([record(call())], POSITION), { code: 'disk_full' });
  assert.equal(readPosition(db), null);
});

test('no number can make the schema refuse an event', (t) => {
  const db = storeDb(t);
  const odd = fc.constantFrom(
    0,
    -1,
    1.5,
    -0.5,
    2 ** 31,
    2 ** 53,
    1e19,
    1e300,
    -1e300,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  );
  const oddOrNull = fc.option(odd);
  const tokens = fc.record({
    uncachedInput: odd,
    cacheRead: odd,
    cacheWrite5m: odd,
    cacheWrite1h: odd,
    output: odd,
    reasoning: odd,
  });
  const reported = fc.record({
    input: odd,
    output: odd,
    reasoning: odd,
    cached: odd,
    cache: odd,
    cacheRead: odd,
    cacheCreation: odd,
    total: odd,
  });
  const numbers = fc.record({
    gatewayId: odd,
    timestampMs: odd,
    createdAtMs: odd,
    authSnapshotAtMs: oddOrNull,
    latencyMs: oddOrNull,
    ttftMs: oddOrNull,
    failStatusCode: oddOrNull,
    flags: odd,
    tokens,
    reported,
  });
  const scalars = fc.record({ quotaRecoverAtMs: oddOrNull, quotaUsedPercent: oddOrNull });
  let change: (event: UsageEvent) => UsageEvent = (event) => event;
  const core = storeCore(db, { normalise: spoiling((event) => change(event)) });
  let nth = 0;
  fc.assert(
    fc.property(numbers, scalars, (fields, response) => {
      nth += 1;
      const hash = nth.toString(16).padStart(64, '0');
      change = (event) => ({ ...event, ...fields, hash, response: { ...event.response, ...response } });
      const result = core.commit([record(call({ request_id: 'bad' }))], null);
      assert.deepEqual([result.inserted, result.deadLetters], [1, 0]);
    }),
  );
  assert.equal(count(db, 'SELECT sum(calls) FROM total_5min'), nth);
});

test('what had to change is flagged, a fraction in the headers is not', (t) => {
  const flagsOf = (change: (event: UsageEvent) => UsageEvent): number => {
    const db = storeDb(t);
    storeCore(db, { normalise: spoiling(change) }).commit([record(call({ request_id: 'bad' }))], null);
    return count(db, 'SELECT flags FROM event');
  };
  assert.equal(
    flagsOf((event) => event),
    0,
  );
  assert.equal(
    flagsOf((event) => ({ ...event, latencyMs: 1.5 })),
    EventFlag.clamped,
  );
  assert.equal(
    flagsOf((event) => ({
      ...event,
      response: { ...event.response, quotaRecoverAtMs: 1_795_259_291_921.5 },
    })),
    0,
  );
});

test('a letter is stored whatever its numbers are', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  for (const odd of [1.5, Number.NaN, 1e300]) {
    assert.equal(core.commit([record('garbage', odd, odd)], null).deadLetters, 1);
  }
});

const headers = {
  'X-Codex-Plan-Type': ['plus'],
  'X-Oai-Request-Id': ['91670ece-51f2-41ee-a53f-e4116d136640'],
};

test('response metadata that cannot be read back costs nothing else', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const db = storeDb(t, dbPath);
  const core = storeCore(db);
  core.gateway('http://cpa:8317');
  const batch = ['00000001', '00000002', '00000003'].map((request_id, n) =>
    record(call({ request_id, response_headers: headers, timestamp: `2026-11-21T11:08:1${n}Z` })),
  );
  core.commit(batch, null);
  const lines = (): Array<Record<string, unknown>> =>
    new ExportReader(db).next().map((row): Record<string, unknown> => JSON.parse(exportLine(row)));
  const before = lines();
  assert.equal(before.length, 3);
  assert.ok(before.every((line) => line['response_metadata'] !== undefined));
  db.exec(`UPDATE event SET response = x'01ffffffff' WHERE id = 2`);
  // Recognising a duplicate does not look at it either.
  assert.equal(core.commit(batch, POSITION).duplicates, 3);
  const after = lines();
  const { response_metadata: lost, ...rest } = before[1] ?? {};
  assert.ok(lost);
  assert.deepEqual(after, [before[0], rest, before[2]]);
});
