import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Writer } from '../../src/lib/contract/writer.ts';
import { AppError } from '../../src/lib/errors.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { ReadStore } from '../../src/lib/store/read-store.ts';
import type { WriterState } from '../../src/lib/store/writer-protocol.ts';
import { startWriter, type WriterOptions } from '../../src/lib/store/writer.ts';
import { call, record, recordedCalls, storeDir } from '../support/store-harness.ts';

const POSITION = { segment: '01JD00000000000000000000AA', seq: 0 };

async function start(
  t: TestContext,
  options: Partial<WriterOptions> = {},
): Promise<{ dbPath: string; writer: Writer }> {
  const dbPath = options.dbPath ?? path.join(storeDir(t), 'usage.sqlite');
  const writer = await startWriter({ dataKey: Buffer.alloc(32, 7), ...options, dbPath });
  t.after(() => writer.close());
  return { dbPath, writer };
}

const fails =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof AppError && error.code === code;

test('the worker stores what the main thread hands over, and the reader sees it', async (t) => {
  const { dbPath, writer } = await start(t);
  const reader = new ReadStore(dbPath);
  t.after(() => reader.close());
  assert.equal(reader.totals().events, 0);
  assert.equal(reader.lastInsertedMs(), null);
  const gatewayId = await writer.gateway('http://cpa:8317');
  const records = [
    ...recordedCalls(),
    record('nonsense', gatewayId),
    { ...record('long'), truncatedFrom: 9e6 },
  ];
  const before = reader.dataVersion();
  const result = await writer.commit(records, POSITION);
  assert.equal(result.inserted, 54);
  assert.equal(result.deadLetters, 2);
  assert.equal(result.lastId, 54);
  assert.notEqual(reader.dataVersion(), before);
  assert.deepEqual(reader.totals().events, 54);
  assert.ok(reader.totals().failed > 0);
  assert.equal(reader.deadLetterCount(), 2);
  assert.deepEqual(reader.position(), POSITION);
  assert.equal(typeof reader.lastInsertedMs(), 'number');
  assert.ok(reader.sizes().databaseBytes + reader.sizes().walBytes > 100_000);
});

test('settings, gaps and contact come back as they were written', async (t) => {
  const { dbPath, writer } = await start(t);
  const reader = new ReadStore(dbPath);
  t.after(() => reader.close());
  await writer.saveSettings(new Map([['setup', '{"cpaBaseUrl":"x"}']]));
  assert.equal(reader.setting('setup'), '{"cpaBaseUrl":"x"}');
  await writer.saveSettings(new Map([['setup', null]]));
  assert.equal(reader.setting('setup'), null);
  assert.equal(reader.revision('settings'), 2);
  const contact = { lastContactMs: 5, retentionSeconds: 60, aliveMs: 4, cleanStopMs: null };
  await writer.saveContact(contact);
  assert.deepEqual({ ...reader.contact() }, contact);
  const gap = {
    gatewayId: 1,
    fromMs: 1,
    toMs: null,
    cause: 'downtime',
    estimate: null,
    detail: 'off',
  } as const;
  const id = await writer.openGap(gap);
  assert.deepEqual(reader.openGaps(), [{ ...gap, id }]);
  await writer.closeGap(id, 7, 12);
  assert.deepEqual(reader.openGaps(), []);
  assert.deepEqual(reader.gaps(), [{ ...gap, id, toMs: 7, estimate: 12 }]);
});

test('a lock held elsewhere is reported at once, waited for, and then the work is done', async (t) => {
  const states = new EventEmitter();
  const seen: string[] = [];
  const { dbPath, writer } = await start(t, {
    onState: (state: WriterState) => {
      seen.push(state.state);
      states.emit(state.state);
    },
  });
  const other = openDatabase(dbPath, { mode: 'write', beside: true });
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  const locked = once(states, 'locked');
  const committed = writer.commit([record(call())], POSITION);
  await locked;
  other.exec('ROLLBACK');
  assert.equal((await committed).inserted, 1);
  assert.deepEqual(seen, ['locked', 'ok']);
});

test('patience ends: the call is refused, nothing of it is stored, the next one works', async (t) => {
  const { dbPath, writer } = await start(t, { patienceMs: 0 });
  const other = openDatabase(dbPath, { mode: 'write', beside: true });
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  await assert.rejects(writer.commit([record(call())], POSITION), fails('database_locked'));
  other.exec('ROLLBACK');
  assert.equal((await writer.commit([record(call())], POSITION)).inserted, 1);
});

test('a foreign file is refused with its own error, and so is everything after close', async (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  fs.writeFileSync(dbPath, 'no database');
  await assert.rejects(startWriter({ dbPath, dataKey: null }), fails('database_foreign'));
  const { writer } = await start(t);
  await writer.close();
  await assert.rejects(writer.commit([], null), fails('database_failed'));
});

test('closing finishes what was asked before and leaves one file', async (t) => {
  const { dbPath, writer } = await start(t);
  const calls = recordedCalls().map((one, seq) => writer.commit([one], { ...POSITION, seq }));
  const closed = writer.close();
  const results = await Promise.all(calls);
  await closed;
  assert.equal(
    results.reduce((sum, { inserted }) => sum + inserted, 0),
    54,
  );
  assert.deepEqual(fs.readdirSync(path.dirname(dbPath)), ['usage.sqlite']);
});

test('a worker that breaks rejects what waits, says so, and refuses what comes after', async (t) => {
  const made = once(process, 'worker');
  const ended = new EventEmitter();
  const { writer } = await start(t, { onExit: (error) => ended.emit('exit', error) });
  const exit = once(ended, 'exit');
  const [worker]: unknown[] = await made;
  assert.ok(worker instanceof Worker);
  const waiting = assert.rejects(writer.commit([record(call())], POSITION), fails('database_failed'));
  await worker.terminate();
  await waiting;
  const [error]: unknown[] = await exit;
  assert.ok(fails('database_failed')(error));
  await assert.rejects(writer.gateway('http://cpa:8317'), fails('database_failed'));
});
