import assert from 'node:assert/strict';
import test from 'node:test';
import { MAX_UNSENT } from '../../../src/daemon/feed/feed-client.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { eventsOf, settle, world } from '../../support/feed-world.ts';

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
