import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { CpaStandIn } from '../support/cpa/stand-in.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { canLimit, canMount, fillSmallDisk, limitFiles, onSmallDisk } from '../support/small-disk.ts';
import {
  assertNothingInvented,
  assertWithinGaps,
  codes,
  gatewayEnv,
  missing,
  remains,
  sourceOf,
  startGateway,
  take,
} from '../support/collection.ts';

const mounts = { skip: canMount() ? false : 'no file system can be mounted here' };
const limits = { skip: canLimit() ? false : 'there is no prlimit here' };

for (const mode of ['subscribe', 'http']) {
  test(
    `${mode}: a full spool pauses collection, so the gateway queues, and all of it comes in later`,
    mounts,
    async (t) => {
      const cpa = await startGateway(t);
      const source = sourceOf('7.2.140');
      const dataDir = tempDir(t);
      // Never less than 1 MiB is taken, so that much it is.
      const wrap = onSmallDisk(join(dataDir, 'spool'), 4 << 20);
      const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url, { mode }), wrap });
      await daemon.statusUntil(({ collector }) => collector.collector === 'running');
      const release = await lockDatabase(t, dataDir);

      let status = await daemon.status();
      while (status.spool.state !== 'full') {
        await cpa.publishAll(take(source, 50));
        status = await daemon.status();
      }
      const full = await daemon.statusUntil((now) => codes(now).includes('spool_full'));
      assert.equal(full.health.state, 'degraded');
      await daemon.statusUntil(({ collector }) => collector.collector === 'stopped');
      await cpa.settled();
      const queued = cpa.usage.length;
      await cpa.publishAll(take(source, 300));
      assert.equal(cpa.usage.length, queued + 300, 'the gateway queues what is not taken');
      assert.equal(cpa.subscriptions, 0);

      await release();
      await assertAllComesIn(t, cpa, daemon, dataDir);
    },
  );

  test(
    `${mode}: a spool without room for a single byte pauses collection and resumes it`,
    mounts,
    async (t) => {
      const cpa = await startGateway(t);
      const source = sourceOf('7.2.140');
      const dataDir = tempDir(t);
      const spool = join(dataDir, 'spool');
      const wrap = onSmallDisk(spool, 2 << 20);
      const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url, { mode }), wrap });
      await daemon.statusUntil(({ collector }) => collector.collector === 'running');
      // Few, for the room of what is stored is taken again.
      await cpa.publishAll(take(source, 2));
      await daemon.statusUntil(({ eventCount }) => eventCount === 2);

      const giveBack = fillSmallDisk(daemon.child.pid ?? 0, spool);
      await cpa.publishAll(take(source, 60));
      const failed = await daemon.statusUntil((now) => codes(now).includes('spool_failed'));
      assert.match(
        failed.health.reasons.find(({ code }) => code === 'spool_failed')?.message ?? '',
        /ENOSPC/u,
      );
      await daemon.statusUntil(() => cpa.subscriptions === 0);
      await cpa.settled();
      await cpa.publishAll(take(source, 200));

      giveBack();
      await assertAllComesIn(t, cpa, daemon, dataDir);
    },
  );
}

test(
  'no file may grow, neither spool nor database: collection pauses, and everything is stored later',
  limits,
  async (t) => {
    const cpa = await startGateway(t);
    const source = sourceOf('7.2.140');
    const dataDir = tempDir(t);
    const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url) });
    await cpa.subscribed();
    await cpa.publishAll(take(source, 60));
    await daemon.statusUntil(({ eventCount }) => eventCount === 60);

    const { pid = 0 } = daemon.child;
    limitFiles(pid, 0);
    await cpa.publishAll(take(source, 60));
    await daemon.statusUntil((now) => codes(now).includes('spool_failed'));
    await cpa.when(() => cpa.subscriptions === 0);
    await cpa.settled();
    await cpa.publishAll(take(source, 200));

    limitFiles(pid, null);
    await assertAllComesIn(t, cpa, daemon, dataDir);
  },
);

const TROUBLE = ['spool_full', 'spool_failed', 'not_storing', 'database_locked', 'disk_full'];

/**
 * Waits until the trouble is over and all that was sent is stored. What the gateway drops when a subscription is left
 * amid records may be missing, and lies within a gap then; of what it queued or wrote out, everything is there.
 */
async function assertAllComesIn(
  t: TestContext,
  cpa: CpaStandIn,
  daemon: DaemonProcess,
  dataDir: string,
): Promise<void> {
  await daemon.statusUntil(
    (now) => now.collector.collector === 'running' && !codes(now).some((code) => TROUBLE.includes(code)),
  );
  await cpa.publishAll(take(sourceOf('7.2.140', 99), 40));
  await daemon.statusUntil(
    ({ eventCount, spool }) =>
      eventCount >= cpa.counts().published - cpa.counts().dropped && spool.records === 0,
  );
  assert.equal(await daemon.stop(), 0);
  const { events, status } = await remains(t, dataDir);
  assertNothingInvented(cpa.fates(), events);
  const lost = missing(cpa.fates(), events);
  assert.deepEqual(
    lost.filter(({ reason }) => reason !== 'unsubscribed').map(({ seq }) => seq),
    [],
  );
  assertWithinGaps(lost, status.gaps);
}
