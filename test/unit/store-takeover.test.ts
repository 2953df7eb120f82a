import assert from 'node:assert/strict';
import test from 'node:test';
import type { TakeoverMark } from '../../src/lib/contract/takeover.ts';
import { EventBatcher, type EventBatch } from '../../src/lib/store/event-batch.ts';
import { readTakeover } from '../../src/lib/store/takeover-state.ts';
import { oldEvent } from '../../src/lib/migrate/map-event.ts';
import { RECEIVED_AT_MS, storeCore, storeDb } from '../support/store-harness.ts';

function hashOf(id: number): string {
  return id.toString(16).padStart(64, '0');
}

/** A batch of events with these rowids there. */
function batchOf(ids: readonly number[]): EventBatch {
  const batcher = new EventBatcher();
  for (const id of ids) {
    const row = {
      id,
      event_hash: hashOf(id),
      timestamp_ms: RECEIVED_AT_MS + id,
      model: 'gpt-5',
      input_tokens: id,
    };
    const mapped = oldEvent(row, { nowMs: RECEIVED_AT_MS });
    assert.equal(mapped.kind, 'event');
    if (mapped.kind === 'event') batcher.add(mapped.imported.event, '', null);
  }
  return batcher.take();
}

function markOf(ids: readonly number[], last: number, more: Partial<TakeoverMark> = {}): TakeoverMark {
  return { source: 'volume', begin: false, ids, shortened: [], last, end: false, ...more };
}

test('each transaction of a batch notes the row it came to, and no other', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const ids = [3, 4, 9, 12];
  const batch = core.beginImport(batchOf(ids));
  const mark = markOf(ids, 15);
  const seen: Array<readonly [number | undefined, string | undefined, number | undefined]> = [];
  for (let from = 0; from < ids.length;) {
    ({ next: from } = core.importStep(batch, from, { maxRows: 2, maxMs: 1000 }, mark));
    const state = readTakeover(db, 'volume');
    seen.push([state?.position, state?.positionHash, state?.added]);
    assert.equal(state?.endedAtMs, null);
  }
  // The last one leaves behind what stands there after the last event.
  assert.deepEqual(seen, [
    [4, hashOf(4), 2],
    [15, hashOf(12), 4],
  ]);
});

test('rows that were taken without a text are counted once, in the transaction that stores them', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const ids = [3, 4, 9, 12];
  const batch = core.beginImport(batchOf(ids));
  // 5 and 14 were no event.
  const mark = markOf(ids, 15, { shortened: [4, 5, 9, 12, 14] });
  const seen: Array<number | undefined> = [];
  for (let from = 0; from < ids.length;) {
    ({ next: from } = core.importStep(batch, from, { maxRows: 2, maxMs: 1000 }, mark));
    seen.push(readTakeover(db, 'volume')?.shortened);
  }
  assert.deepEqual(seen, [1, 5]);
});

test('the end without an event is noted, and keeps the last hash', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const limits = { maxRows: 10, maxMs: 1000 };
  core.importStep(core.beginImport(batchOf([1, 2])), 0, limits, markOf([1, 2], 2));
  core.importStep(core.beginImport(batchOf([])), 0, limits, markOf([], 7, { end: true }));
  const state = readTakeover(db, 'volume');
  assert.deepEqual([state?.position, state?.positionHash, state?.added], [7, hashOf(2), 2]);
  assert.equal(state?.endedAtMs, RECEIVED_AT_MS);
  assert.equal(readTakeover(db, 'another'), null);
});

test('a copy that begins anew counts from nothing, whatever its batch is split into', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const limits = { maxRows: 1, maxMs: 1000 };
  const copy = (mark: TakeoverMark): void => {
    const batch = core.beginImport(batchOf(mark.ids));
    for (let from = 0; from < mark.ids.length;) ({ next: from } = core.importStep(batch, from, limits, mark));
  };
  copy(markOf([1, 2, 3], 3));
  copy(markOf([1, 2, 3, 4], 4, { begin: true }));
  const state = readTakeover(db, 'volume');
  assert.deepEqual([state?.added, state?.duplicates, state?.position], [1, 3, 4]);
});

test('what a failed transaction would have noted is not noted', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  db.exec(`create trigger broken before insert on takeover begin select raise(abort, 'broken'); end`);
  const batch = core.beginImport(batchOf([1, 2]));
  assert.throws(() => core.importStep(batch, 0, { maxRows: 10, maxMs: 1000 }, markOf([1, 2], 2)), /broken/);
  assert.equal(readTakeover(db, 'volume'), null);
  const events = db.prepare<[], number>('select count(*) from event').pluck();
  assert.equal(events.get(), 0);
});
