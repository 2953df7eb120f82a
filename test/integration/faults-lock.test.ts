import assert from 'node:assert/strict';
import test from 'node:test';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { lockDatabase } from '../support/database-lock.ts';
import {
  assertExactly,
  codes,
  gatewayEnv,
  remains,
  sourceOf,
  startGateway,
  take,
} from '../support/collection.ts';

for (const mode of ['subscribe', 'http']) {
  test(`${mode}: a database locked by somebody else: degraded, 2,000 records wait, all are stored once`, async (t) => {
    const cpa = await startGateway(t);
    const source = sourceOf('7.2.140');
    const dataDir = tempDir(t);
    const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url, { mode }) });
    await daemon.statusUntil(({ collector }) => collector.collector === 'running');
    await cpa.publishAll(take(source, 100));
    await daemon.statusUntil(({ eventCount }) => eventCount === 100);

    const release = await lockDatabase(t, dataDir);
    await cpa.publishAll(take(source, 2_100), 16);
    const locked = await daemon.statusUntil(
      (status) => codes(status).includes('database_locked') && status.spool.records >= 2_000,
    );
    assert.equal(locked.health.state, 'degraded');
    assert.equal(locked.eventCount, 100);
    assert.equal((await daemon.request('/health')).status, 200);

    await release();
    const after = await daemon.statusUntil(({ eventCount }) => eventCount === 2_200);
    const calm = await daemon.statusUntil((status) => !codes(status).includes('database_locked'));
    assert.deepEqual(after.gaps, []);
    assert.equal(calm.collector.lastError, '');
    assert.equal(await daemon.stop(), 0);

    const { events, status } = await remains(t, dataDir);
    assertExactly(cpa.fates(), events);
    assert.equal(status.deadLetters, 0);
  });
}

test('a daemon that starts on a locked database answers, and collects once it is free', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const first = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url) });
  await cpa.subscribed();
  assert.equal(await first.stop(), 0);

  const release = await lockDatabase(t, dataDir);
  await cpa.publishAll(take(sourceOf('7.2.140'), 50));
  const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url) });
  assert.equal((await daemon.request('/health')).status, 200);
  await daemon.until(() => daemon.log.some(({ code }) => code === 'database_locked'));

  await release();
  const status = await daemon.statusUntil(({ eventCount }) => eventCount === 50);
  assert.deepEqual(status.gaps, []);
  assertExactly(cpa.fates(), await daemon.exportEvents());
});
