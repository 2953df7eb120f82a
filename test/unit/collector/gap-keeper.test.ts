import assert from 'node:assert/strict';
import test from 'node:test';
import type { ContactState } from '../../../src/lib/contract/writer.ts';
import { GapKeeper, type GapKeeperOptions } from '../../../src/daemon/collector/gap-keeper.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeWriter } from '../../support/fakes.ts';

const never: ContactState = {
  gatewayId: 7,
  lastContactMs: null,
  retentionSeconds: null,
  aliveMs: null,
  cleanStopMs: null,
};

function harness(previous: ContactState = never, more: Partial<GapKeeperOptions> = {}) {
  const clock = new FakeClock();
  const writer = new FakeWriter();
  const errors: unknown[] = [];
  const keeper = new GapKeeper({
    clock,
    writer,
    gatewayId: 7,
    previous,
    open: [],
    absence: 'downtime',
    onError: (error) => errors.push(error),
    ...more,
  });
  const gaps = async () => {
    await keeper.settled();
    return writer.gaps.map(({ fromMs, toMs, cause }) => ({ fromMs, toMs, cause }));
  };
  return { clock, writer, keeper, gaps, errors };
}

test('the very first contact opens no gap', async () => {
  const { keeper, gaps, writer, clock } = harness();
  await keeper.begin();
  keeper.ready();
  assert.deepEqual(await gaps(), []);
  assert.equal(writer.contact?.aliveMs, clock.now());
  assert.equal(
    writer.contact?.cleanStopMs,
    null,
    'while running, the state says that nobody stopped cleanly',
  );
  await keeper.stop();
});

test('a clean stop shorter than the retention is no gap, a longer one is one up to what the gateway still kept', async () => {
  const start = new FakeClock().now();
  for (const [away, expected] of [
    [59_000, []],
    [200_000, [{ fromMs: start - 200_000, toMs: start - 60_000, cause: 'downtime' }]],
  ] as const) {
    const stoppedAt = start - away;
    const { keeper, gaps } = harness({
      ...never,
      lastContactMs: stoppedAt,
      retentionSeconds: 60,
      aliveMs: stoppedAt,
      cleanStopMs: stoppedAt,
    });
    keeper.ready();
    assert.deepEqual(await gaps(), expected);
  }
});

test('a kill is a gap around its moment even when the daemon is back at once', async () => {
  const start = new FakeClock().now();
  const { keeper, gaps, writer } = harness({
    ...never,
    lastContactMs: start - 10_000,
    retentionSeconds: 3600,
    aliveMs: start - 9_500,
    cleanStopMs: null,
  });
  await keeper.begin();
  assert.equal(writer.contact?.aliveMs, start);
  keeper.ready();
  assert.deepEqual(await gaps(), [{ fromMs: start - 11_000, toMs: start - 6_500, cause: 'killed' }]);
});

test('a kill before anything was complete may have lost what the gateway had kept for an hour', async () => {
  const start = new FakeClock().now();
  const { keeper, gaps } = harness({ ...never, aliveMs: start - 10_000 });
  await keeper.begin();
  assert.deepEqual(await gaps(), [
    { fromMs: start - 10_000 - 3_600_000, toMs: start - 7_000, cause: 'killed' },
  ]);
});

test('while a backlog is taken, a loss reaches back to where it began', async () => {
  const { keeper, gaps, clock } = harness();
  keeper.ready();
  keeper.complete(clock.now());
  const complete = clock.now();
  for (let second = 0; second < 30; second += 1) {
    await clock.advance(1_000);
    keeper.contact();
  }
  keeper.lost('truncated_answer', null, '');
  keeper.ready();
  assert.deepEqual(await gaps(), [
    { fromMs: complete - 1_000, toMs: clock.now(), cause: 'truncated_answer' },
  ]);
});

test('a second kill before the first contact was saved is covered too', async () => {
  const start = new FakeClock().now();
  const { keeper, gaps } = harness({
    ...never,
    lastContactMs: start - 60_000,
    retentionSeconds: 3600,
    aliveMs: start - 8_000,
    cleanStopMs: null,
  });
  await keeper.begin();
  assert.deepEqual(await gaps(), [{ fromMs: start - 61_000, toMs: start - 5_000, cause: 'killed' }]);
});

test('a cut is one gap from just before the last contact until a transport is ready again', async () => {
  const { keeper, gaps, clock } = harness();
  keeper.ready();
  await clock.advance(5_000);
  keeper.contact();
  keeper.complete(clock.now());
  const last = clock.now();
  await clock.advance(300);
  keeper.lost('subscription_cut', null, 'ECONNRESET');
  keeper.lost('subscription_cut', null, 'again, before it is ready');
  await clock.advance(1_700);
  keeper.ready();
  assert.deepEqual(await gaps(), [{ fromMs: last - 1_000, toMs: last + 2_000, cause: 'subscription_cut' }]);
});

test('a gap that the last process left open is closed by the next ready', async () => {
  const open = {
    id: 1,
    gatewayId: 7,
    fromMs: 5,
    toMs: null,
    cause: 'overflow',
    estimate: 1,
    detail: '',
  } as const;
  const writer = new FakeWriter();
  await writer.openGap(open);
  const { keeper, clock } = harness(never, { open: [open], writer });
  keeper.ready();
  await keeper.settled();
  assert.equal(writer.gaps[0]?.toMs, clock.now());
});

test('an unreachable gateway is a gap only for what it has forgotten', async () => {
  const { keeper, gaps, clock } = harness();
  keeper.ready();
  const last = clock.now();
  keeper.setRetention(120);
  await clock.advance(100_000);
  keeper.contact();
  assert.deepEqual(await gaps(), []);
  keeper.away('spool_full');
  await clock.advance(500_000);
  keeper.ready();
  assert.deepEqual(await gaps(), [
    { fromMs: last + 100_000, toMs: last + 600_000 - 120_000, cause: 'spool_full' },
  ]);
});

test('a jump of the wall clock is not an absence', async () => {
  const { keeper, gaps, clock } = harness();
  keeper.ready();
  clock.jump(86_400_000);
  keeper.contact();
  clock.jump(-2 * 86_400_000);
  keeper.contact();
  assert.deepEqual(await gaps(), []);
});

test('being at work is made durable every 2 s, contact or not, and a stop says it was clean', async () => {
  const { keeper, clock, writer } = harness();
  await keeper.begin();
  const begun = clock.now();
  await clock.advance(1_999);
  assert.equal(writer.contact?.aliveMs, begun);
  await clock.advance(1);
  assert.equal(writer.contact?.aliveMs, begun + 2_000);
  await clock.advance(20_000);
  assert.equal(writer.contact?.aliveMs, begun + 22_000);
  const left = await keeper.stop();
  assert.equal(writer.contact?.cleanStopMs, clock.now());
  assert.deepEqual(left, writer.contact);
});

test('the first moment in which all had arrived is written at once', async () => {
  const { keeper, clock, writer } = harness();
  await keeper.begin();
  keeper.complete(clock.now());
  await keeper.settled();
  assert.equal(writer.contact?.lastContactMs, clock.now());
  await keeper.stop();
});

test('a loss that is noted while a transport goes on is over as soon as all arrives again', async () => {
  const { keeper, gaps, clock } = harness();
  keeper.ready();
  keeper.complete(clock.now());
  const from = clock.now() - 1_000;
  await clock.advance(100);
  keeper.lost('subscription_cut', null, 'the old way in');
  await clock.advance(50);
  keeper.complete(clock.now());
  assert.deepEqual(await gaps(), [{ fromMs: from, toMs: clock.now(), cause: 'subscription_cut' }]);
});

test('a gap is written as soon as the database lets us, however long it was locked', async () => {
  const writer = new FakeWriter();
  const openGap = writer.openGap.bind(writer);
  let locked = true;
  writer.openGap = (gap) => (locked ? Promise.reject(new Error('locked')) : openGap(gap));
  const { keeper, clock, errors } = harness(never, { writer });
  keeper.ready();
  keeper.lost('overflow', 1, '');
  keeper.ready();
  for (let pause = 0; pause < 20; pause += 1) {
    await clock.someoneSleeps();
    await clock.advance(5_000);
  }
  assert.equal(errors.length, 1, 'it is reported once');
  locked = false;
  await clock.advance(5_000);
  await keeper.settled();
  assert.equal(writer.gaps.length, 1);
  assert.notEqual(writer.gaps[0]?.toMs, null);
});

test('an end that could not write everything does not call itself clean', async () => {
  const writer = new FakeWriter();
  writer.openGap = () => Promise.reject(new Error('locked'));
  const { keeper, clock } = harness(never, { writer });
  keeper.lost('overflow', 1, '');
  const stopping = keeper.stop();
  await clock.someoneSleeps();
  await clock.advance(2_000);
  assert.equal((await stopping).cleanStopMs, null);
  assert.equal(writer.contact, null);
});
