import assert from 'node:assert/strict';
import test from 'node:test';
import { FillPrices } from '../../../src/daemon/jobs/fill-prices.ts';
import { filledTopic } from '../../../src/lib/store/fill-prices.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A database of so many steps of unpriced events; `prices` and what was done for them are in `revisions`. */
function world(steps: number) {
  const revisions = new Map([['prices', 3]]);
  const seen = { asked: [] as number[], filled: [] as number[], errors: 0, version: 1 };
  const behaviour = { fail: false, onStep: () => {} };
  const clock = new FakeClock();
  const job = new FillPrices({
    clock,
    store: { dataVersion: () => seen.version, revision: (topic) => revisions.get(topic) ?? 0 },
    desk: {
      fillPrices: async (after) => {
        if (behaviour.fail) throw new Error('away');
        seen.asked.push(after);
        const revision = revisions.get('prices') ?? 0;
        behaviour.onStep();
        const done = after + 1 >= steps;
        if (done) revisions.set(filledTopic, revision + 1);
        return { upTo: after + 1, filled: 1, done };
      },
    },
    onFilled: (events) => seen.filled.push(events),
    onError: () => (seen.errors += 1),
  });
  return { job, revisions, seen, behaviour, clock };
}

const settled = async (condition: () => boolean, clock: FakeClock): Promise<void> => {
  while (!condition()) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(10);
  }
};

test('a change of prices starts one run through all events, and nothing else does', async () => {
  const { job, revisions, seen, clock } = world(3);
  job.look();
  await settled(() => seen.filled.length === 1, clock);
  assert.deepEqual(seen.asked, [0, 1, 2]);
  assert.deepEqual(seen.filled, [3]);
  seen.version += 1;
  job.look();
  job.look();
  assert.deepEqual(seen.asked, [0, 1, 2]);
  revisions.set('prices', 4);
  // Nobody looks further while the data version says that nothing was written.
  job.look();
  assert.deepEqual(seen.asked, [0, 1, 2]);
  seen.version += 1;
  job.look();
  await settled(() => seen.filled.length === 2, clock);
  assert.deepEqual(seen.asked, [0, 1, 2, 0, 1, 2]);
  await job.close();
});

test('prices that change during a run are another run', async () => {
  const { job, revisions, seen, behaviour, clock } = world(2);
  behaviour.onStep = () => {
    behaviour.onStep = () => {};
    revisions.set('prices', 9);
    seen.version += 1;
  };
  job.look();
  await settled(() => seen.filled.length === 1, clock);
  // The run that ended was for what its last step saw.
  revisions.set(filledTopic, 4);
  job.look();
  await settled(() => seen.filled.length === 2, clock);
  assert.deepEqual(seen.asked, [0, 1, 0, 1]);
  await job.close();
});

test('a failure is told once and tried again, and an end comes at once', async () => {
  const { job, seen, behaviour, clock } = world(1);
  behaviour.fail = true;
  job.look();
  await settled(() => seen.errors === 1, clock);
  behaviour.fail = false;
  while (seen.filled.length === 0) {
    job.look();
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1000);
  }
  assert.equal(seen.errors, 1);
  await job.close();
  seen.version += 1;
  job.look();
  assert.deepEqual(seen.asked, [0]);
});
