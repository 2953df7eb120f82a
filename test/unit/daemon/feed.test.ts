import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { FeedMessages } from '../../../src/lib/contract/api/feed.ts';
import type { CommitResult } from '../../../src/lib/contract/writer.ts';
import { Feed } from '../../../src/daemon/feed/feed.ts';
import { MAX_UNSENT, type FeedStream } from '../../../src/daemon/feed/feed-client.ts';
import { LiveCommits } from '../../../src/daemon/feed/live-commits.ts';
import { HealthBoard } from '../../../src/daemon/health-board.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { ReadStore } from '../../../src/lib/store/read-store.ts';
import type { WriterCore } from '../../../src/lib/store/writer-core.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { parseFeed, type FeedMessage } from '../../support/feed.ts';
import { call, record, storeCore, storeDb, storeDir } from '../../support/store-harness.ts';

/** Keeps what it is sent; `writableLength` is what a test says. */
class FakeStream implements FeedStream {
  readonly written: Buffer[] = [];
  writableLength = 0;
  state: 'open' | 'ended' | 'destroyed' = 'open';

  write(bytes: unknown): boolean {
    assert.ok(Buffer.isBuffer(bytes));
    this.written.push(bytes);
    return true;
  }

  end = (): never => this.#become('ended');
  destroy = (): never => this.#become('destroyed');

  messages(): FeedMessage[] {
    return parseFeed(Buffer.concat(this.written).toString('utf8')).messages;
  }

  /** What came since it was last asked. */
  news(): FeedMessage[] {
    const { messages } = parseFeed(Buffer.concat(this.written.splice(0)).toString('utf8'));
    return messages;
  }

  #become(state: 'ended' | 'destroyed'): never {
    this.state = state;
    return this as never;
  }
}

interface World {
  readonly clock: FakeClock;
  readonly feed: Feed;
  readonly board: HealthBoard;
  readonly store: ReadStore;
  readonly core: WriterCore;
  readonly errors: unknown[];
  /** Reading of the database fails while it is set. */
  trouble: AppError | null;
  reads: number;
  /** Answers of commits wait for it. */
  answer: Promise<void>;
  /** Stores this many new events as the collector does. */
  live(events: number): Promise<CommitResult>;
  /** Stores this many new events as somebody else does. */
  foreign(events: number): void;
  join(since?: string | null): FakeStream;
}

function world(t: TestContext): World {
  const path = join(storeDir(t), 'usage.sqlite');
  const core = storeCore(storeDb(t, path));
  const store = new ReadStore(path);
  t.after(() => store.close());
  const clock = new FakeClock();
  const board = new HealthBoard(clock, () => {});
  let made = 0;
  const batch = (events: number): ReturnType<typeof record>[] =>
    Array.from({ length: events }, () => record(call({ request_id: `r${(made += 1)}` })));
  const commits = new LiveCommits({
    commit: async (records, position) => {
      const result = core.commit(records, position);
      await it.answer;
      return result;
    },
  });
  const read = <T>(work: () => T): T => {
    it.reads += 1;
    if (it.trouble) throw it.trouble;
    return work();
  };
  const errors: unknown[] = [];
  const feed = new Feed({
    clock,
    board,
    commits,
    store: {
      dataVersion: () => read(() => store.dataVersion()),
      revision: (topic) => read(() => store.revision(topic)),
      lastEventId: () => read(() => store.lastEventId()),
      eventsAfter: (...args) => read(() => store.eventsAfter(...args)),
    },
    onError: (error) => errors.push(error),
  });
  const it: World = {
    clock,
    feed,
    board,
    store,
    core,
    errors,
    trouble: null,
    reads: 0,
    answer: Promise.resolve(),
    live: (events) => commits.commit(batch(events), null),
    foreign: (events) => void core.commit(batch(events), null),
    join: (since = null) => {
      const stream = new FakeStream();
      feed.join(since, () => stream);
      return stream;
    },
  };
  return it;
}

/** Everything that was to happen at once has happened. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function eventsOf(messages: readonly FeedMessage[]): FeedMessages['events'][] {
  return messages.filter(({ event }) => event === 'events').map(({ data }) => data as FeedMessages['events']);
}

const topicsOf = (messages: readonly FeedMessage[]): string[] =>
  messages
    .filter(({ event }) => event === 'changed')
    .flatMap(({ data }) => [...(data as FeedMessages['changed']).topics]);

test('a fresh stream begins with the health and where it stands', async (t) => {
  const it = world(t);
  await it.live(3);
  it.board.set('not_configured');
  const stream = it.join();
  assert.match(Buffer.concat(stream.written).toString('utf8'), /^retry: 2000\n\n/);
  const [status, events, ...more] = stream.messages();
  assert.deepEqual(more, []);
  assert.equal(status?.event, 'status');
  assert.deepEqual(status?.data, it.board.health());
  assert.deepEqual(events, { event: 'events', id: '3', data: { last_id: 3, count: 0, rows: [] } });
});

test('the first event goes out at once, and further ones at most four times a second', async (t) => {
  const it = world(t);
  const stream = it.join();
  stream.news();
  await it.live(1);
  await settle();
  assert.deepEqual(
    eventsOf(stream.news()).map(({ last_id, count, rows }) => [last_id, count, rows.map(({ id }) => id)]),
    [[1, 1, [1]]],
  );
  await it.live(2);
  await it.clock.advance(249);
  assert.deepEqual(stream.news(), []);
  await it.live(70);
  await it.clock.advance(1);
  const [second, ...more] = stream.news();
  assert.deepEqual(more, []);
  assert.equal(second?.id, '73');
  const [{ last_id, count, rows } = { last_id: 0, count: 0, rows: [] }] = eventsOf(second ? [second] : []);
  assert.deepEqual([last_id, count, rows.length], [73, 72, 50]);
  assert.deepEqual(
    rows.map(({ id }) => id),
    Array.from({ length: 50 }, (_, at) => 73 - at),
  );
  // Silence, and then at once again.
  await it.clock.advance(250);
  assert.deepEqual(stream.news(), []);
  await it.live(1);
  await settle();
  assert.equal(eventsOf(stream.news())[0]?.last_id, 74);
});

test('a message is made once: everybody gets the same bytes', async (t) => {
  const it = world(t);
  const streams = Array.from({ length: 20 }, () => it.join());
  const before = it.reads;
  await it.live(60);
  await settle();
  assert.equal(it.reads - before, 1);
  const last = streams.map(({ written }) => written.at(-1));
  assert.ok(last.every((bytes) => bytes === last[0]));
});

test('without clients the database is not read, and what was stored meanwhile is not told', async (t) => {
  const it = world(t);
  const first = it.join();
  it.feed.close();
  assert.equal(first.state, 'ended');
  const it2 = world(t);
  await it2.live(10);
  await it2.clock.advance(60_000);
  assert.equal(it2.reads, 0);
  const stream = it2.join();
  await it2.clock.advance(1_000);
  assert.deepEqual(
    eventsOf(stream.messages()).map(({ count, last_id }) => [count, last_id]),
    [[0, 10]],
  );
});

test('who comes back gets what it missed, and nothing twice, also between two ticks', async (t) => {
  const it = world(t);
  await it.live(10);
  const other = it.join();
  await it.live(1);
  await settle();
  // Stored, and not told to anybody yet.
  await it.live(4);
  const back = it.join('7');
  const [resumed] = eventsOf(back.news());
  assert.deepEqual([resumed?.count, resumed?.last_id], [4, 11]);
  assert.deepEqual(
    resumed?.rows.map(({ id }) => id),
    [11, 10, 9, 8],
  );
  await it.clock.advance(250);
  for (const stream of [back, other]) {
    const [live] = eventsOf(stream.news()).slice(-1);
    assert.deepEqual(
      live?.rows.map(({ id }) => id),
      [15, 14, 13, 12],
    );
  }
  const same = it.join('15');
  assert.deepEqual(eventsOf(same.news()), [{ last_id: 15, count: 0, rows: [] }]);
});

test('a commit that the reader sees before its answer came is told once', async (t) => {
  const it = world(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  it.answer = promise;
  const committing = it.live(5);
  const back = it.join('2');
  assert.deepEqual(
    eventsOf(back.news())[0]?.rows.map(({ id }) => id),
    [5, 4, 3],
  );
  resolve();
  await committing;
  await it.clock.advance(2_000);
  assert.deepEqual(back.news(), []);
});

test('what is too much or unknown is a reset', async (t) => {
  const it = world(t);
  await it.live(505);
  assert.equal(eventsOf(it.join('5').news())[0]?.rows.length, 500);
  for (const since of ['4', '0', '506', '-1', 'garbage', '1e3', '99999999999999999999', ' ', '5\n']) {
    const messages = it.join(since).news();
    assert.deepEqual(messages.at(-1), { event: 'reset', id: '505', data: { last_id: 505 } }, since);
    assert.deepEqual(eventsOf(messages), [], since);
  }
});

test('the own events are no change, and those of others are, whatever is under way', async (t) => {
  const it = world(t);
  const stream = it.join();
  for (let round = 0; round < 8; round += 1) {
    await it.live(3);
    await it.clock.advance(500);
  }
  await it.live(1);
  await settle();
  assert.deepEqual(topicsOf(stream.news()), []);

  // Others write in between: neither are their rows told, nor are they counted.
  await it.live(1);
  it.foreign(2);
  await it.live(1);
  await it.clock.advance(250);
  await it.clock.advance(250);
  await it.clock.advance(250);
  const messages = stream.news();
  assert.deepEqual(topicsOf(messages), ['events']);
  const told = eventsOf(messages);
  assert.equal(
    told.reduce((sum, { count }) => sum + count, 0),
    2,
  );
  assert.deepEqual(
    told.flatMap(({ rows }) => rows.map(({ id }) => id)),
    [29, 26],
  );

  // The database shows our commit, and its answer is not there yet.
  const { promise, resolve } = Promise.withResolvers<void>();
  it.answer = promise;
  const committing = it.live(1);
  await it.clock.advance(1_500);
  assert.deepEqual(stream.news(), []);
  resolve();
  await committing;
  await it.clock.advance(1_500);
  assert.deepEqual(topicsOf(stream.news()), []);

  // The same, and somebody else wrote as well.
  const later = Promise.withResolvers<void>();
  it.answer = later.promise;
  const last = it.live(1);
  it.foreign(1);
  await it.clock.advance(1_000);
  later.resolve();
  await last;
  await it.clock.advance(1_500);
  assert.deepEqual(topicsOf(stream.news()), ['events']);
});

test('other topics are told whoever changed them, together', async (t) => {
  const it = world(t);
  const stream = it.join();
  stream.news();
  await it.clock.advance(500);
  assert.deepEqual(stream.news(), []);
  it.core.saveSettings(new Map([['a', 'b']]));
  it.core.openGap({ gatewayId: 1, fromMs: 1, toMs: 2, cause: 'killed', estimate: null, detail: '' });
  it.core.commit([record('no usage record')], null);
  await it.clock.advance(500);
  assert.deepEqual(topicsOf(stream.news()), ['settings', 'gaps', 'dead_letters']);
  await it.clock.advance(5_000);
  assert.deepEqual(stream.news(), []);
});

test('who comes back reads the rest again, and the events where they may have changed', async (t) => {
  const it = world(t);
  const rest = ['prices', 'settings', 'gaps', 'dead_letters'];
  await it.live(3);
  // Before this process nobody knows.
  assert.deepEqual(topicsOf(it.join('3').news()), ['events', ...rest]);
  await it.live(1);
  await settle();
  assert.deepEqual(topicsOf(it.join('4').news()), rest);
  it.foreign(1);
  await it.clock.advance(500);
  assert.deepEqual(topicsOf(it.join('4').news()), ['events', ...rest]);
  assert.deepEqual(topicsOf(it.join().news()), []);
});

test('what others store while nobody listens is found by who comes back', async (t) => {
  const it = world(t);
  const streams: FakeStream[] = [];
  const visit = (since: string | null): FakeStream => {
    const stream = new FakeStream();
    const client = it.feed.join(since, () => stream);
    streams.push(stream);
    client.leave();
    return stream;
  };
  visit(null);
  await it.live(2);
  assert.ok(!topicsOf(visit('1').news()).includes('events'));
  it.foreign(2);
  assert.ok(topicsOf(visit('2').news()).includes('events'));
  await it.live(1);
  assert.ok(!topicsOf(visit('5').news()).includes('events'));
});

test('a change of health is told at once, and a burst of them as one', async (t) => {
  const it = world(t);
  const stream = it.join();
  stream.news();
  it.board.set('timed_out', { url: 'http://cpa:8317' });
  it.board.clear('timed_out');
  it.board.set('connection_refused', { url: 'http://cpa:8317' });
  await settle();
  assert.deepEqual(stream.news(), [{ event: 'status', id: null, data: it.board.health() }]);
  it.board.clear('connection_refused');
  await settle();
  assert.deepEqual(stream.news(), []);
  await it.clock.advance(250);
  assert.deepEqual(stream.news(), [{ event: 'status', id: null, data: { state: 'ok', reasons: [] } }]);
});

test('silence is kept alive every 15 seconds', async (t) => {
  const it = world(t);
  const stream = it.join();
  stream.written.length = 0;
  await it.clock.advance(14_999);
  assert.equal(stream.written.length, 0);
  await it.clock.advance(15_001);
  assert.equal(Buffer.concat(stream.written).toString('utf8'), ': keep-alive\n\n: keep-alive\n\n');
});

test('a client that does not take its messages is closed, and the others go on', async (t) => {
  const it = world(t);
  const [slow, quick] = [it.join(), it.join()];
  slow.writableLength = MAX_UNSENT;
  await it.live(1);
  await settle();
  assert.equal(slow.state, 'open');
  slow.writableLength = MAX_UNSENT + 1;
  await it.live(1);
  await it.clock.advance(250);
  assert.equal(slow.state, 'destroyed');
  const had = slow.written.length;
  await it.live(1);
  await it.clock.advance(250);
  assert.equal(slow.written.length, had);
  assert.equal(eventsOf(quick.messages()).at(-1)?.last_id, 3);
});

test('a database that cannot be read delays events and loses none, and the health is told all the same', async (t) => {
  const it = world(t);
  const stream = it.join();
  await it.live(1);
  await settle();
  stream.news();
  it.trouble = new AppError('database_locked');
  await it.live(2);
  it.board.set('database_locked');
  await it.clock.advance(2_000);
  assert.deepEqual(
    stream.news().map(({ event }) => event),
    ['status'],
  );
  assert.throws(() => it.join('0'), { code: 'database_locked' });
  assert.ok(it.errors.length <= 2, 'a row of failures is told once');
  it.trouble = null;
  await it.live(1);
  await it.clock.advance(250);
  assert.deepEqual(
    eventsOf(stream.news()).map(({ count, last_id }) => [count, last_id]),
    [[3, 4]],
  );
});

test('a hundred clients are let in, and none after the end', (t) => {
  const it = world(t);
  const streams = Array.from({ length: 100 }, () => it.join());
  assert.throws(() => it.join(), { code: 'too_many_streams', headers: { 'retry-after': '30' } });
  it.feed.close();
  assert.ok(streams.every(({ state }) => state === 'ended'));
  assert.throws(() => it.join(), { code: 'starting' });
});
