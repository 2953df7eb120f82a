import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { DashboardAnswer } from '../../src/lib/contract/api/dashboard.ts';
import type { EventsAnswer } from '../../src/lib/contract/api/events.ts';
import type { Question, Steps } from '../../src/lib/store/queries/index.ts';
import { Reader, type AnswerChunks } from '../../src/lib/store/reader.ts';
import { Turns } from '../../src/lib/store/turns.ts';
import type { WriterCore } from '../../src/lib/store/writer-core.ts';
import { ALL } from '../support/questions.ts';
import { call, record, storeCore, storeDb, storeDir } from '../support/store-harness.ts';

const AT = Date.UTC(2026, 10, 21, 12);
const LIST: Question = { kind: 'events', params: ALL };
/** A day of all times: as many steps as there are thousands of events. */
const LONG: Question = {
  kind: 'dashboard',
  params: { startMs: 1, nowMs: 2 ** 42, generatedAtMs: 0, topModels: 5, recentFailures: 5 },
};
const WORKER = new URL('../../src/lib/store/reader-worker.ts', import.meta.url);

function fill(core: WriterCore, count: number, from = 0): void {
  for (let done = 0; done < count; done += 1000) {
    core.commit(
      Array.from({ length: Math.min(1000, count - done) }, (_, n) =>
        record(
          call({
            timestamp: new Date(AT + (from + done + n) * 10).toISOString(),
            failed: n % 2 === 0,
            fail: { status_code: 500, body: 'x'.repeat(300) },
          }),
        ),
      ),
      null,
    );
  }
}

function setUp(t: TestContext, count: number, idleMs?: number) {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const db = storeDb(t, dbPath);
  const core = storeCore(db);
  fill(core, count);
  const workers: Worker[] = [];
  const reader = new Reader({
    dbPath,
    ...(idleMs !== undefined && { idleMs }),
    startWorker: (workerData) => {
      const worker = new Worker(WORKER, { workerData });
      workers.push(worker);
      return worker;
    },
  });
  t.after(() => reader.close());
  return { core, db, dbPath, reader, workers };
}

const textOf = (chunks: AnswerChunks): string => Buffer.concat(chunks).toString('utf8');

function pageOf(chunks: AnswerChunks): EventsAnswer {
  const page: EventsAnswer = JSON.parse(textOf(chunks));
  return page;
}

/** The calls of the day that was asked for. */
function callsOf(chunks: AnswerChunks): number {
  const day: DashboardAnswer = JSON.parse(textOf(chunks));
  return day.today.total_calls;
}

test('answers come in pieces, from a worker that the first question starts', async (t) => {
  const { reader, workers } = setUp(t, 1200);
  assert.equal(reader.running, false);
  const chunks = await reader.ask({ kind: 'events', params: { ...ALL, limit: 1000 } });
  const page = pageOf(chunks);
  assert.equal(page.items.length, 1000);
  assert.ok(chunks.length > 2);
  for (const { length } of chunks.slice(0, -1)) assert.equal(length, 256 * 1024);
  const answers = await Promise.all([reader.ask(LIST), reader.ask(LONG), reader.ask(LIST)]);
  assert.equal(answers.length, 3);
  assert.equal(workers.length, 1);
  assert.equal(reader.running, true);
  await assert.rejects(reader.ask({ kind: 'event', params: { id: 9999 } }), {
    code: 'not_found',
    status: 404,
  });
  await reader.close();
  assert.equal(reader.running, false);
  await assert.rejects(reader.ask(LIST), { code: 'database_failed' });
});

test('a worker without questions ends, and the next question starts another', async (t) => {
  const { reader, workers } = setUp(t, 10, 1);
  await reader.ask(LIST);
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  assert.equal(pageOf(await reader.ask(LIST)).items.length, 10);
  assert.equal(workers.length, 2);
});

test('what a dying worker had to do fails, and the next question is answered', async (t) => {
  const { reader, workers } = setUp(t, 20_000);
  await reader.ask(LIST);
  const asked = [reader.ask(LONG), reader.ask(LIST), reader.ask(LONG)];
  const [worker] = workers;
  assert.ok(worker);
  void worker.terminate();
  const results = await Promise.allSettled(asked);
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    assert.equal(result.reason.code, 'database_failed');
    assert.match(result.reason.message, /the reader ended by itself/);
  }
  assert.ok(results.some(({ status }) => status === 'rejected'));
  assert.equal(pageOf(await reader.ask(LIST)).items.length, 100);
  assert.equal(workers.length, 2);
});

test('who goes away gets nothing, and the worker is free again', async (t) => {
  const { reader } = setUp(t, 3000);
  await reader.ask(LIST);
  const gone = new AbortController();
  const left = reader.ask(LONG, gone.signal);
  const stays = reader.ask(LIST);
  gone.abort();
  await assert.rejects(left, { name: 'AbortError' });
  assert.equal(pageOf(await stays).items.length, 100);
  await assert.rejects(reader.ask(LIST, AbortSignal.abort()), { name: 'AbortError' });
  assert.equal(callsOf(await reader.ask(LONG)), 3000);
});

test('an event that is stored between two questions is in the second answer', async (t) => {
  const { core, reader } = setUp(t, 5);
  assert.equal(callsOf(await reader.ask(LONG)), 5);
  fill(core, 2, 100);
  assert.equal(callsOf(await reader.ask(LONG)), 7);
  assert.equal(pageOf(await reader.ask(LIST)).items.length, 7);
});

test('a database that is locked against everybody is told, and read once it is free', async (t) => {
  const { db, dbPath, reader } = setUp(t, 5);
  db.close();
  const holder = new Database(dbPath);
  t.after(() => holder.close());
  holder.pragma('locking_mode = EXCLUSIVE');
  holder.exec('BEGIN EXCLUSIVE');
  await assert.rejects(reader.ask(LIST), { code: 'database_locked', status: 503 });
  holder.close();
  assert.equal(pageOf(await reader.ask(LIST)).items.length, 5);
});

/** Counts to `end`, a step each, and notes it. */
function* counting(name: string, end: number, notes: string[]): Steps<string> {
  for (let n = 1; n <= end; n += 1) {
    notes.push(`${name}${n}`);
    yield;
  }
  return name;
}

test('questions get a step each in turn; what is left stops at its next step', async () => {
  const notes: string[] = [];
  const idle = Promise.withResolvers<void>();
  const turns = new Turns(idle.resolve);
  const ends: string[] = [];
  let gone = false;
  const add = (name: string, end: number, isGone = (): boolean => false): void =>
    turns.add(counting(name, end, notes), isGone, (outcome) => {
      ends.push(`${name} ${outcome.kind}`);
      // One that comes while others are at work.
      if (name === 'b') add('d', 1);
    });
  add('a', 4);
  add('b', 1);
  add('c', 9, () => {
    gone = notes.includes('c2');
    return gone;
  });
  assert.equal(turns.idle, false);
  await idle.promise;
  assert.deepEqual(notes, ['a1', 'b1', 'c1', 'a2', 'c2', 'a3', 'd1', 'a4']);
  assert.deepEqual(ends, ['b done', 'c left', 'd done', 'a done']);
  assert.equal(turns.idle, true);
  const failed = Promise.withResolvers<string>();
  const failing = function* (): Steps {
    yield;
    throw new Error('no');
  };
  turns.add(
    failing(),
    () => false,
    ({ kind }) => failed.resolve(kind),
  );
  assert.equal(await failed.promise, 'failed');
});
