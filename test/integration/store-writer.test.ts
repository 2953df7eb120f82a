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
import { startWriter, type Desk, type WriterOptions } from '../../src/lib/store/writer.ts';
import { runImport } from '../../src/lib/transfer/import/run-import.ts';
import { exportLines, textSource } from '../support/importing.ts';
import { call, RECEIVED_AT_MS, record, recordedCalls, storeDir } from '../support/store-harness.ts';

const POSITION = { segment: '01JD00000000000000000000AA', seq: 0 };

async function start(
  t: TestContext,
  options: Partial<WriterOptions> = {},
): Promise<{ dbPath: string; writer: Writer & Desk }> {
  const dbPath = options.dbPath ?? path.join(storeDir(t), 'usage.sqlite');
  const writer = await startWriter({ dataKey: Buffer.alloc(32, 7), ...options, dbPath });
  t.after(() => writer.close());
  return { dbPath, writer };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

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

test('what is asked while an import is stored comes in between its transactions', async (t) => {
  for (const pause of [false, true]) {
    const { writer } = await start(t);
    const gatewayId = await writer.gateway('http://cpa:8317');
    const order: string[] = [];
    await runImport({
      sources: [textSource(exportLines('cpa-manager-plus-1.12.2').join('\n'))],
      context: { nowMs: RECEIVED_AT_MS },
      gateway: '',
      batchRows: 100,
      store: async (batch) => {
        const imported = writer.importEvents(batch, { maxRows: 1, maxMs: 1000, pause });
        const live = writer.commit([record(call(), gatewayId)], POSITION);
        await Promise.all([imported.then(() => order.push('imported')), live.then(() => order.push('live'))]);
        return imported;
      },
    });
    assert.deepEqual(order, ['live', 'imported']);
  }
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
  const gatewayId = await writer.gateway('http://cpa:8317');
  const contact = { gatewayId, lastContactMs: 5, retentionSeconds: 60, aliveMs: 4, cleanStopMs: null };
  await writer.saveContact(contact);
  assert.deepEqual({ ...reader.contact(gatewayId) }, contact);
  const gap = {
    gatewayId: 1,
    fromMs: 1,
    toMs: null,
    cause: 'downtime',
    estimate: null,
    detail: 'off',
  } as const;
  const id = await writer.openGap(gap);
  assert.deepEqual(reader.openGaps(gap.gatewayId), [{ ...gap, id }]);
  await writer.closeGap(id, 7, 12);
  assert.deepEqual(reader.openGaps(gap.gatewayId), []);
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

test(
  'a close with a lock in the way refuses all that waits, soon and together',
  { timeout: 30_000 },
  async (t) => {
    const states = new EventEmitter();
    const { dbPath, writer } = await start(t, {
      patienceMs: 3_600_000,
      closeMs: 3_600_000,
      onState: ({ state }) => states.emit(state),
    });
    const other = openDatabase(dbPath, { mode: 'write', beside: true });
    t.after(() => other.close());
    other.exec('BEGIN IMMEDIATE');
    const locked = once(states, 'locked');
    // SQLite's busy timeout of 250 ms for each of them would be more than two minutes.
    const refused = range(600).map((seq) =>
      assert.rejects(writer.commit([record(call())], { ...POSITION, seq }), fails('database_locked')),
    );
    await locked;
    await writer.close();
    await Promise.all(refused);
    other.exec('ROLLBACK');
    assert.equal(other.prepare('SELECT count(*) FROM event').pluck().get(), 0);
  },
);

test('a lock that goes away within the last second costs nothing', async (t) => {
  const states = new EventEmitter();
  const { dbPath, writer } = await start(t, { onState: ({ state }) => states.emit(state) });
  const other = openDatabase(dbPath, { mode: 'write', beside: true });
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  const locked = once(states, 'locked');
  const committed = range(20).map((seq) => writer.commit([record(call())], { ...POSITION, seq }));
  await locked;
  const closed = writer.close();
  other.exec('ROLLBACK');
  await closed;
  const results = await Promise.all(committed);
  assert.equal(
    results.reduce((sum, { inserted }) => sum + inserted, 0),
    1,
  );
});

/** A writer and its worker. */
async function startWithWorker(
  t: TestContext,
  options: Partial<WriterOptions> = {},
): Promise<{ writer: Writer; worker: Worker }> {
  const made = once(process, 'worker');
  const { writer } = await start(t, options);
  const [worker]: unknown[] = await made;
  assert.ok(worker instanceof Worker);
  return { writer, worker };
}

test('a close ends also when the worker dies before it answers', { timeout: 20_000 }, async (t) => {
  const { writer, worker } = await startWithWorker(t, { closeMs: 3_600_000 });
  const waiting = assert.rejects(writer.commit([record(call())], POSITION), fails('database_failed'));
  const closed = writer.close();
  await worker.terminate();
  await closed;
  await waiting;
});

test('a close ends also when the worker answers nothing any more', { timeout: 20_000 }, async (t) => {
  const { writer, worker } = await startWithWorker(t, { closeMs: 20 });
  t.mock.method(worker, 'postMessage', () => {});
  const waiting = assert.rejects(writer.commit([record(call())], POSITION), fails('database_failed'));
  const exit = once(worker, 'exit');
  await writer.close();
  await waiting;
  await exit;
  await assert.rejects(writer.commit([record(call())], POSITION), fails('database_failed'));
});

test('a worker that breaks rejects what waits, says so, and refuses what comes after', async (t) => {
  const ended = new EventEmitter();
  const { writer, worker } = await startWithWorker(t, { onExit: (error) => ended.emit('exit', error) });
  const exit = once(ended, 'exit');
  const waiting = assert.rejects(writer.commit([record(call())], POSITION), fails('database_failed'));
  await worker.terminate();
  await waiting;
  const [error]: unknown[] = await exit;
  assert.ok(fails('database_failed')(error));
  await assert.rejects(writer.gateway('http://cpa:8317'), fails('database_failed'));
});
