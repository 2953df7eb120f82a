import assert from 'node:assert/strict';
import test from 'node:test';
import type { ContactState } from '../../../src/lib/contract/writer.ts';
import { GapKeeper, type GapKeeperOptions } from '../../../src/daemon/collector/gap-keeper.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeWriter } from '../../support/fakes.ts';

const never: ContactState = {
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
    open: null,
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
  keeper.ready();
  assert.deepEqual(await gaps(), []);
  assert.equal(writer.contact?.aliveMs, clock.now());
  assert.equal(
    writer.contact?.cleanStopMs,
    null,
    'while running, the state says that nobody stopped cleanly',
  );
});

test('a clean stop shorter than the retention is no gap, a longer one is one up to what the gateway still kept', async () => {
  const start = new FakeClock().now();
  for (const [away, expected] of [
    [59_000, []],
    [200_000, [{ fromMs: start - 200_000, toMs: start - 60_000, cause: 'downtime' }]],
  ] as const) {
    const stoppedAt = start - away;
    const { keeper, gaps } = harness({
      lastContactMs: stoppedAt,
      retentionSeconds: 60,
      aliveMs: null,
      cleanStopMs: stoppedAt,
    });
    keeper.ready();
    assert.deepEqual(await gaps(), expected);
  }
});

test('a kill is a gap around its moment even when the daemon is back at once', async () => {
  const start = new FakeClock().now();
  const { keeper, gaps, writer } = harness({
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
  const { keeper, clock } = harness(never, { open, writer });
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

test('what is complete is made durable at most every 2 s, and a stop says it was clean', async () => {
  const { keeper, clock, writer } = harness();
  keeper.ready();
  const first = writer.contact;
  await clock.advance(1_999);
  keeper.complete(clock.now());
  keeper.contact();
  assert.deepEqual(writer.contact, first);
  await clock.advance(1);
  keeper.complete(clock.now());
  keeper.contact();
  assert.equal(writer.contact?.lastContactMs, clock.now());
  await keeper.stop();
  assert.equal(writer.contact?.cleanStopMs, clock.now());
});

test('a writer that fails is reported and breaks nothing', async () => {
  const writer = new FakeWriter();
  writer.openGap = () => Promise.reject(new Error('locked'));
  const { keeper, errors } = harness(never, { writer });
  keeper.ready();
  keeper.lost('overflow', 1, '');
  keeper.ready();
  await keeper.stop();
  assert.equal(errors.length, 1);
});
