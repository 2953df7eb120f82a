import assert from 'node:assert/strict';
import test from 'node:test';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import {
  assertNothingInvented,
  assertWithinGaps,
  gatewayEnv,
  Load,
  missing,
  remains,
  seededRandom,
  sourceOf,
  startGateway,
  take,
} from '../support/collection.ts';

const CUTS = 50;

test('a subscription cut 50 times under load: nothing twice, and what is missing lies within gaps', async (t) => {
  const cpa = await startGateway(t, { seed: 5 });
  const dataDir = tempDir(t);
  const env = gatewayEnv(cpa.url, { mode: 'subscribe', quickRetries: true });
  const daemon = await DaemonProcess.start(t, { dataDir, env });
  const random = seededRandom(5);
  const load = new Load(t, cpa, sourceOf('7.2.140'), 400);
  const burst = sourceOf('7.2.140', 2);
  let cut = 0;
  while (cut < CUTS) {
    await cpa.subscribed();
    await cpa.publishAll(take(burst, Math.floor(random() * 40)), 1 + Math.floor(random() * 32));
    // In the middle of a burst: what is in the gateway's buffer is gone.
    for (const record of take(burst, Math.floor(random() * 30))) cpa.publish(record);
    cut += cpa.cutSubscriptions(random() < 0.5 ? 'fin' : 'rst');
    await cpa.publishAll(take(burst, Math.floor(random() * 10)));
  }
  await cpa.subscribed();
  await load.stop();
  await cpa.settled();
  await daemon.statusUntil(() => cpa.usage.length === 0);
  assert.equal(await daemon.stop(), 0);

  const { events, status } = await remains(t, dataDir);
  assertNothingInvented(cpa.fates(), events);
  const lost = missing(cpa.fates(), events);
  assert.ok(lost.length > 0, 'the cuts hit nothing');
  assertWithinGaps(lost, status.gaps);
  // What was queued while nobody was subscribed is never part of the loss.
  for (const { deliveries, fate, reason } of lost) {
    assert.ok(fate === 'delivered' || reason === 'connection', `${fate} ${reason} ${deliveries}`);
  }
  t.diagnostic(`${cpa.counts().published} sent, ${lost.length} lost within ${status.gaps.length} gaps`);
});

test('a subscription that is read too slowly overflows: one gap, and what was queued after it is kept', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const daemon = await DaemonProcess.start(t, {
    dataDir,
    env: gatewayEnv(cpa.url, { mode: 'subscribe', quickRetries: true }),
  });
  await cpa.subscribed();
  const source = sourceOf('7.2.140');
  cpa.holdSubscriptions();
  for (const record of take(source, 300)) cpa.publish(record);
  cpa.releaseSubscriptions();
  await daemon.statusUntil(({ eventCount }) => eventCount === 299);
  assert.equal(await daemon.stop(), 0);

  const { events, status } = await remains(t, dataDir);
  assertNothingInvented(cpa.fates(), events);
  const lost = missing(cpa.fates(), events);
  assert.deepEqual(
    lost.map(({ reason }) => reason),
    ['overflow'],
  );
  assertWithinGaps(lost, status.gaps);
  // On a busy machine the burst may come in pieces, and then looks like any other cut.
  assert.equal(status.gaps.length, 1);
  assert.match(status.gaps[0]?.cause ?? '', /^(?:overflow|subscription_cut)$/u);
});
