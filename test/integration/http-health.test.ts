import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import Database from 'better-sqlite3';
import { openDatabase } from '../../src/lib/store/open.ts';
import { DaemonProcess, tempDir, type DaemonStatus } from '../support/daemon.ts';
import { records } from '../support/cpa/records.ts';
import {
  anonymous,
  ask,
  assertRefused,
  assertSameShape,
  CPA_KEY,
  post,
  recordedAnswer,
  startCpa,
  startReady,
} from '../support/http.ts';

interface Info {
  readonly [key: string]: unknown;
}

/** The whole of `/status`, as far as it is ours to add. */
interface WholeStatus extends DaemonStatus {
  readonly lastConsumedAt: number | null;
  readonly lastInsertedAt: number | null;
  readonly cpa: Readonly<Record<string, unknown>> | null;
  readonly takeover: object | null;
  readonly health: {
    readonly state: string;
    readonly reasons: ReadonlyArray<Readonly<Record<string, unknown>>>;
  } & DaemonStatus['health'];
}

const HEALTHY = '{"ok":true,"service":"cpa-manager-plus"}';

async function assertAlive(daemon: DaemonProcess): Promise<void> {
  const answer = await ask(daemon, '/health', anonymous());
  assert.equal(answer.status, 200);
  assert.equal(answer.text, HEALTHY);
  const head = await ask(daemon, '/health', anonymous({ method: 'HEAD' }));
  assert.equal(head.status, 200);
  assert.equal(head.text, '');
  assert.equal(head.headers.get('content-length'), String(HEALTHY.length));
}

test('health is 200 while another process has locked the database from before the start', async (t) => {
  const dataDir = tempDir(t);
  const dbPath = join(dataDir, 'usage.sqlite');
  openDatabase(dbPath, { mode: 'write' }).close();
  const holder = new Database(dbPath);
  t.after(() => holder.close());
  holder.pragma('locking_mode = EXCLUSIVE');
  holder.exec('BEGIN EXCLUSIVE');

  const daemon = await DaemonProcess.start(t, { dataDir });
  await assertAlive(daemon);
  await daemon.until(() => daemon.log.some((line) => line['code'] === 'database_locked'));
  await assertAlive(daemon);
  const info = await ask<Info>(daemon, '/usage-service/info', anonymous());
  assert.equal(info.status, 200);
  assert.equal(info.body['adminReady'], false);
  assert.equal(info.body['setupRequired'], false, 'nobody can set up what is not open yet');
  const locked = await assertRefused(daemon, '/status', {}, 503, 'database_locked');
  assert.match(locked.body.hint ?? '', /other program/);
  await assertRefused(daemon, '/usage-service/config', anonymous(), 503, 'database_locked');

  holder.exec('ROLLBACK');
  holder.close();
  const status = await daemon.statusUntil(({ health }) => health !== undefined);
  assert.ok(status.health.reasons.every(({ code }) => code !== 'database_locked'));
  assert.equal(await daemon.stop(), 0);
});

test('info and status of a daemon that nobody has set up', async (t) => {
  const dataDir = tempDir(t);
  const before = Date.now();
  const daemon = await DaemonProcess.start(t, { dataDir });
  await daemon.until(() => daemon.log.some((line) => line['code'] === 'not_configured'));
  const info = await ask<Info>(daemon, '/usage-service/info', anonymous());
  assertSameShape(info.body, recordedAnswer('info'));
  const { startedAt, version, ...rest } = info.body;
  assert.ok(typeof startedAt === 'number' && startedAt >= before && startedAt <= Date.now());
  assert.match(String(version), /^\d+\.\d+\.\d+/);
  assert.deepEqual(rest, {
    service: 'cpa-manager-plus',
    mode: 'embedded',
    configured: false,
    adminReady: true,
    projectInitialized: false,
    setupRequired: true,
    migrationStatus: 'fresh',
    dataKeyReady: true,
    hasHistoricalData: false,
    product: 'cpamp',
    forwarding: 'none',
  });

  const { status, body } = await ask<WholeStatus>(daemon, '/status');
  assert.equal(status, 200);
  assertSameShape(body, recordedAnswer('status'));
  assert.equal(body.configured, false);
  assert.equal(body.eventCount, 0);
  assert.equal(body.lastConsumedAt, null);
  assert.equal(body.lastInsertedAt, null);
  assert.equal(body.collector.collector, 'stopped');
  assert.equal(body.collector.lastError, '');
  assert.deepEqual(body.gaps, []);
  assert.equal(body.cpa, null);
  assert.equal(body.spool.state, 'ok');
  assert.equal(body.health.state, 'down');
  const [reason, ...others] = body.health.reasons;
  assert.deepEqual(
    others.map(({ code }) => code),
    ['no_history'],
  );
  assert.equal(body.takeover, null);
  assert.equal(reason?.code, 'not_configured');
  assert.ok(Number(reason['since']) >= before && Number(reason['since']) <= Date.now());
  assert.match(reason.message, /set up/);
  assert.match(reason.fix, /setup/);

  const twin = await ask<WholeStatus>(daemon, '/usage-service/status');
  assert.deepEqual(Object.keys(twin.body), Object.keys(body));
  await assertRefused(daemon, '/usage-service/status', anonymous(), 401, 'invalid_admin_key');
  for (const path of ['/status', '/usage-service/status']) {
    const scoped = await ask(daemon, `${path}?scope=database-maintenance`);
    assert.deepEqual(scoped.body, {
      databaseMaintenance: {
        required: false,
        performanceDegraded: false,
        deferredIndexes: 0,
        offlineJobs: 0,
        reasons: [],
      },
    });
    assert.equal((await ask(daemon, path, { method: 'HEAD' })).status, 200);
  }
});

test('a daemon at work says what it took, what is wrong, and when it is over', async (t) => {
  const cpa = await startCpa(t, { version: '7.1.39' });
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  const before = Date.now();
  const setup = await ask(
    daemon,
    '/usage-service/setup',
    post({ cpaBaseUrl: cpa.url, cpaManagementKey: CPA_KEY }),
  );
  assert.deepEqual([setup.status, setup.body], [200, { ok: true, upstream: cpa.url }]);
  await cpa.subscribed();
  // What the gateway says of the subscription itself is no record.
  await daemon.statusUntil(
    ({ collector, spool }) => collector.collector === 'running' && spool.records === 0,
  );
  assert.equal((await ask<WholeStatus>(daemon, '/status')).body.lastConsumedAt, null);
  for (const record of records(3, { version: '7.1.39' })) cpa.publish(record);
  await daemon.statusUntil(({ eventCount, collector }) => eventCount === 3 && collector.totalInserted === 3);
  const working = await ask<WholeStatus>(daemon, '/status');
  const { body } = working;
  assertSameShape(body, recordedAnswer('status'));
  assert.equal(body.configured, true);
  assert.equal(body.health.state, 'ok', working.text);
  assert.equal(body.collector.collector, 'running');
  assert.equal(body.collector.transport, 'subscribe');
  assert.equal(body.collector.totalInserted, 3);
  assert.ok(Number(body.lastConsumedAt) >= before && Number(body.lastInsertedAt) >= before);
  assert.deepEqual(body.cpa, { version: '7.1.39', usageStatisticsEnabled: true, retentionSeconds: 3600 });
  const info = await ask<Info>(daemon, '/usage-service/info', anonymous());
  assert.equal(info.body['configured'], true);
  assert.equal(info.body['setupRequired'], false);
  assert.equal(info.body['migrationStatus'], 'ready');

  // The gateway goes away: told with its cause and its time, and forgotten when it is back.
  await cpa.stopListening();
  // In a container, where tests may run, the same is said of its own address in particular.
  const refused = ['connection_refused', 'loopback_in_container'];
  const cut = await daemon.statusUntil(({ health }) =>
    health.reasons.some(({ code }) => refused.includes(code)),
  );
  assert.equal(cut.health.state, 'degraded');
  assert.notEqual(cut.collector.lastError, '');
  await assertAlive(daemon);
  await cpa.listenAgain();
  const back = await daemon.statusUntil(({ health }) => health.state === 'ok');
  assert.equal(back.collector.lastError, '');

  // Somebody else writes to the database for a while.
  const holder = new Database(join(dataDir, 'usage.sqlite'));
  t.after(() => holder.close());
  holder.exec('BEGIN IMMEDIATE');
  const locked = await daemon.statusUntil(({ health }) =>
    health.reasons.some(({ code }) => code === 'database_locked'),
  );
  assert.equal(locked.health.state, 'degraded');
  await assertAlive(daemon);
  holder.exec('ROLLBACK');
  await daemon.statusUntil(({ health }) => health.state === 'ok');

  assert.equal(await daemon.stop(), 0);
  const again = await startReady(t, { dataDir });
  const restarted = await again.statusUntil(({ eventCount }) => eventCount === 3);
  assert.equal(restarted.collector.totalInserted, 0, 'totals are of the process');
  assert.ok(Number((await ask<WholeStatus>(again, '/status')).body.lastInsertedAt) >= before);
  const history = await ask<Info>(again, '/usage-service/info', anonymous());
  assert.equal(history.body['hasHistoricalData'], true);
});
