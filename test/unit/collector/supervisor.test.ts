import assert from 'node:assert/strict';
import test from 'node:test';
import type { TransportName } from '../../../src/lib/contract/record.ts';
import type { TransportEnd } from '../../../src/lib/contract/transport.ts';
import { Supervisor, type SupervisorOptions } from '../../../src/daemon/collector/supervisor.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeTransport } from '../../support/fakes.ts';

const network: TransportEnd = { kind: 'network', diagnosis: 'connection_lost', detail: 'reset' };
const unsupported: TransportEnd = {
  kind: 'unsupported',
  diagnosis: 'too_old_for_subscribe',
  detail: 'unknown',
};
const refused: TransportEnd = { kind: 'refused', diagnosis: 'key_refused', detail: 'invalid management key' };

function harness(options: Partial<SupervisorOptions> = {}) {
  const clock = new FakeClock();
  const made: FakeTransport[] = [];
  const arrivals: Array<() => void> = [];
  const supervisor = new Supervisor({
    mode: 'auto',
    clock,
    random: () => 1,
    createTransport: (name: TransportName) => {
      const transport = new FakeTransport(name);
      made.push(transport);
      for (const arrived of arrivals.splice(0)) arrived();
      return transport;
    },
    sink: () => Promise.resolve('more'),
    onContact: () => {},
    onComplete: () => {},
    onReady: () => {},
    onLost: () => {},
    onAway: () => {},
    onStatus: () => {},
    refusalPauseMs: () => 30 * 60_000,
    ...options,
  });
  /** The n-th transport made, awaited. */
  const nth = async (n: number): Promise<FakeTransport> => {
    while (made.length < n) await new Promise<void>((resolve) => arrivals.push(resolve));
    return made[n - 1]!;
  };
  return { clock, supervisor, nth, made };
}

test('auto steps down on unsupported only, without a pause', async () => {
  const { supervisor, nth } = harness();
  supervisor.start();
  const first = await nth(1);
  assert.equal(first.name, 'subscribe');
  first.end(unsupported);
  const second = await nth(2);
  assert.equal(second.name, 'http');
  second.end(unsupported);
  assert.equal((await nth(3)).name, 'resp');
  await supervisor.stop();
  assert.equal(supervisor.status.state, 'stopped');
});

test('network trouble retries the same step, 1 s doubling to 30 s', async () => {
  const { clock, supervisor, nth, made } = harness();
  supervisor.start();
  for (const [index, pause] of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].entries()) {
    const transport = await nth(index + 1);
    assert.equal(transport.name, 'subscribe');
    transport.end(network);
    await clock.someoneSleeps();
    await clock.advance(pause - 1);
    assert.equal(made.length, index + 1, `no retry before ${pause} ms`);
    await clock.advance(1);
  }
  await nth(8);
  await supervisor.stop();
});

test('a minute of health resets the pauses', async () => {
  const { clock, supervisor, nth } = harness();
  supervisor.start();
  for (let run = 1; run <= 4; run += 1) {
    (await nth(run)).end(network);
    await clock.someoneSleeps();
    await clock.advance(30_000);
  }
  const healthy = await nth(5);
  healthy.events?.ready();
  await clock.advance(60_000);
  healthy.end(network);
  await clock.someoneSleeps();
  await clock.advance(1_000);
  await nth(6);
  await supervisor.stop();
});

test('a refused key stops everything until its time has passed', async () => {
  const { clock, supervisor, nth, made } = harness();
  supervisor.start();
  (await nth(1)).end(refused);
  await clock.someoneSleeps();
  assert.equal(supervisor.status.state, 'error');
  assert.equal(supervisor.status.trouble?.code, 'key_refused');
  await clock.advance(30 * 60_000 - 1);
  assert.equal(made.length, 1);
  await clock.advance(1);
  await nth(2);
  await supervisor.stop();
});

test('a person can ask to try again', async () => {
  const { clock, supervisor, nth } = harness();
  supervisor.start();
  (await nth(1)).end(refused);
  await clock.someoneSleeps();
  supervisor.tryAgain();
  await nth(2);
  await supervisor.stop();
});

test('on a lower step the one above is tried every 10 minutes, beside the running one', async () => {
  const { clock, supervisor, nth } = harness();
  supervisor.start();
  (await nth(1)).end(unsupported);
  const polling = await nth(2);
  polling.events?.ready();
  await clock.someoneSleeps();
  await clock.advance(10 * 60_000);
  const candidate = await nth(3);
  assert.equal(candidate.name, 'subscribe');
  assert.equal(polling.signal?.aborted, false, 'polling goes on while the subscription is tried');
  candidate.events?.ready();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(polling.signal?.aborted, true);
  assert.equal(supervisor.status.transport, 'subscribe');
  await supervisor.stop();
});

test('a failed look upwards changes nothing', async () => {
  const { clock, supervisor, nth } = harness();
  supervisor.start();
  (await nth(1)).end(unsupported);
  const polling = await nth(2);
  polling.events?.ready();
  await clock.someoneSleeps();
  await clock.advance(10 * 60_000);
  (await nth(3)).end(unsupported);
  await clock.someoneSleeps();
  assert.equal(supervisor.status.transport, 'http');
  assert.equal(supervisor.status.state, 'running');
  assert.equal(polling.signal?.aborted, false);
  await supervisor.stop();
});

test('a new version of the gateway makes it look upwards at once', async () => {
  const { clock, supervisor, nth } = harness();
  supervisor.start();
  (await nth(1)).end(unsupported);
  (await nth(2)).events?.ready();
  await clock.someoneSleeps();
  supervisor.gatewayChanged();
  assert.equal((await nth(3)).name, 'subscribe');
  await supervisor.stop();
});

test('a fixed mode never steps', async () => {
  const { clock, supervisor, nth } = harness({ mode: 'resp' });
  supervisor.start();
  (await nth(1)).end({ kind: 'unsupported', diagnosis: 'resp_disabled', detail: 'use mTLS' });
  await clock.someoneSleeps();
  assert.equal(supervisor.status.trouble?.code, 'resp_disabled');
  await clock.advance(30_000);
  assert.equal((await nth(2)).name, 'resp');
  await supervisor.stop();
});
