import assert from 'node:assert/strict';
import test from 'node:test';
import { eventsOf, FakeStream, settle, topicsOf, world } from '../../support/feed-world.ts';
import { record } from '../../support/store-harness.ts';

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
  const rest = ['prices', 'settings', 'gaps', 'dead_letters', 'aliases', 'takeover'];
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

test('what the database does not show is told as well, several at once as one, and to nobody nothing', async (t) => {
  const it = world(t);
  it.feed.announce('takeover');
  const stream = it.join();
  stream.news();
  it.feed.announce('takeover');
  it.feed.announce('takeover');
  await settle();
  assert.deepEqual(stream.news(), [{ event: 'changed', id: null, data: { topics: ['takeover'] } }]);
  await it.clock.advance(5_000);
  assert.deepEqual(stream.news(), []);
});
