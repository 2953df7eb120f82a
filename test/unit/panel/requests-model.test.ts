import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventRow, EventsAnswer } from '../../../src/lib/contract/api.ts';
import { ApiError } from '../../../panel/src/lib/api.ts';
import type { Query } from '../../../panel/src/lib/location.ts';
import { NO_FILTER } from '../../../panel/src/pages/requests/filter.ts';
import { RequestsModel } from '../../../panel/src/pages/requests/model.ts';
import { eventRow } from './event-row.ts';

const at = (id: number, more: Partial<EventRow> = {}): EventRow =>
  eventRow({ id, timestamp_ms: id, ...more });

/** A daemon whose answers are given by hand, and a clock that stands still. */
class World {
  readonly questions: Query[] = [];
  readonly timers: Array<{ readonly atMs: number; readonly ring: () => void }> = [];
  nowMs = 1_000_000;
  #answers: Array<{ resolve: (page: EventsAnswer) => void; reject: (error: Error) => void }> = [];
  readonly model = new RequestsModel({
    ask: (query, signal) => {
      this.questions.push(query);
      return new Promise((resolve, reject) => {
        this.#answers.push({ resolve, reject });
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
    now: () => this.nowMs,
    after: (ms, then) => {
      const timer = { atMs: this.nowMs + ms, ring: then };
      this.timers.push(timer);
      return () => {
        if (this.timers.includes(timer)) this.timers.splice(this.timers.indexOf(timer), 1);
      };
    },
  });

  get ids(): number[] {
    return this.model.state.value.rows.map(({ id }) => id);
  }

  async answer(rows: readonly EventRow[], next: string | null = null, scannedToMs = 0): Promise<void> {
    this.#answers.shift()?.resolve({ items: rows, next, scanned_to_ms: scannedToMs });
    await settled();
  }

  async refuse(): Promise<void> {
    this.#answers.shift()?.reject(new ApiError('offline', 'no answer'));
    await settled();
  }

  pass(ms: number): void {
    this.nowMs += ms;
    for (const timer of this.timers.splice(0)) {
      if (timer.atMs <= this.nowMs) timer.ring();
      else this.timers.push(timer);
    }
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const live = (...rows: EventRow[]) => ({ last_id: rows[0]?.id ?? 0, count: rows.length, rows });

test('rows that come while the first page is on its way are there once', async () => {
  const { model, ...world } = withModel();
  model.start(NO_FILTER);
  assert.equal(model.state.value.loading, 'first');
  model.onEvents(live(at(4), at(3)));
  await world.answer([at(3), at(2)]);
  assert.deepEqual(world.ids(), [4, 3, 2]);
  assert.equal(model.state.value.loading, null);
});

test('held rows wait until they are let in', async () => {
  const { model, ...world } = withModel();
  model.start(NO_FILTER);
  await world.answer([at(1)]);
  model.hold(true);
  model.onEvents(live(at(3), at(2)));
  assert.deepEqual([world.ids(), model.state.value.waiting], [[1], 2]);
  model.hold(false);
  assert.deepEqual([world.ids(), model.state.value.waiting], [[3, 2, 1], 0]);
});

test('more events than rows: the head is read, not faster than once a while', async () => {
  const { model, ...world } = withModel();
  model.start(NO_FILTER);
  await world.answer([at(1)]);
  const flood = { last_id: 99, count: 80, rows: [at(99)] };
  model.onEvents(flood);
  model.onEvents(flood);
  assert.equal(world.questions.length, 2);
  await world.answer([at(99), at(98)], '98.98', 98);
  // What is shown did not reach so far: the list is a new one.
  assert.deepEqual(world.ids(), [99, 98]);
  assert.equal(world.questions.length, 2, 'asked again at once');
  world.pass(1500);
  assert.equal(world.questions.length, 3);
  await world.answer([at(100), at(99)], '99.99', 99);
  assert.deepEqual(world.ids(), [100, 99, 98]);
});

test('a stream that begins asks what it missed', async () => {
  const { model, ...world } = withModel();
  model.start(NO_FILTER);
  await world.answer([at(1)]);
  model.onEvents({ last_id: 2, count: 0, rows: [] });
  assert.equal(world.questions.length, 2);
  await world.answer([at(2), at(1)]);
  assert.deepEqual(world.ids(), [2, 1]);
});

test('a change of the list replaces it; held, it only says so', async () => {
  const { model, ...world } = withModel();
  model.start(NO_FILTER);
  await world.answer([at(3), at(2), at(1)]);
  model.onMissed('list');
  await world.answer([at(3), at(1)]);
  assert.deepEqual(world.ids(), [3, 1]);
  model.hold(true);
  model.onMissed('list');
  assert.equal(model.state.value.behind, true);
  assert.equal(world.questions.length, 2);
  model.hold(false);
  assert.equal(world.questions.length, 3);
  await world.answer([at(4), at(3)]);
  assert.deepEqual([world.ids(), model.state.value.behind], [[4, 3], false]);
});

test('only what meets the filter comes in, and where that is unclear the daemon is asked', async () => {
  const { model, ...world } = withModel();
  model.start({ ...NO_FILTER, status: 'failed' });
  await world.answer([]);
  model.onEvents(live(at(2), at(1, { failed: true })));
  assert.deepEqual([world.ids(), world.questions.length], [[1], 1]);
  model.start({ ...NO_FILTER, search: 'needle' });
  await world.answer([]);
  model.onEvents(live(at(4, { model: 'a-needle' }), at(3)));
  assert.deepEqual(world.ids(), [4]);
  assert.equal(world.questions.length, 3);
  assert.equal(world.questions[2]?.['search'], 'needle');
});

test('an error keeps the rows, and a retry goes on', async () => {
  const { model, ...world } = withModel();
  model.start(NO_FILTER);
  await world.refuse();
  assert.equal(model.state.value.error?.code, 'offline');
  model.retry();
  await world.answer([at(2)], '2.2', 2);
  model.more();
  assert.equal(world.questions[2]?.['before'], '2.2');
  await world.refuse();
  assert.deepEqual([world.ids(), model.state.value.error?.code], [[2], 'offline']);
  model.more();
  assert.equal(world.questions.length, 3, 'not by itself');
  model.retry();
  await world.answer([at(2)], '2.2', 2);
  model.more();
  await world.answer([at(1)]);
  assert.deepEqual([world.ids(), model.state.value.error, model.state.value.more], [[2, 1], null, false]);
});

test('a page that found little says how far it looked', async () => {
  const { model, ...world } = withModel();
  model.start({ ...NO_FILTER, search: 'rare' });
  await world.answer([], '500.0', 500);
  assert.deepEqual([model.state.value.scannedToMs, model.state.value.more], [500, true]);
  model.more();
  await world.answer([at(3)]);
  assert.deepEqual([model.state.value.scannedToMs, model.state.value.more], [null, false]);
});

test('another filter forgets the answers to the one before', async () => {
  const { model, ...world } = withModel();
  model.start(NO_FILTER);
  model.start({ ...NO_FILTER, model: ['b'] });
  await world.answer([at(1)]);
  assert.deepEqual(world.ids(), []);
  await world.answer([at(2, { model: 'b' })]);
  assert.deepEqual(world.ids(), [2]);
});

function withModel() {
  const world = new World();
  return {
    model: world.model,
    questions: world.questions,
    ids: () => world.ids,
    answer: world.answer.bind(world),
    refuse: world.refuse.bind(world),
    pass: world.pass.bind(world),
  };
}
