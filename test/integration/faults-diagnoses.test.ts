import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import test, { type TestContext } from 'node:test';
import type { CpaStandIn } from '../support/cpa/stand-in.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import {
  assertExactly,
  codes,
  countOf,
  gatewayEnv,
  listenOn,
  sourceOf,
  startGateway,
  take,
} from '../support/collection.ts';

for (const mode of ['auto', 'http', 'resp']) {
  test(`${mode}: a wrong key is sent once, and not again by the next start`, async (t) => {
    const cpa = await startGateway(t);
    const dataDir = tempDir(t);
    const env = gatewayEnv(cpa.url, { mode, key: 'not-the-key', quickRetries: true });
    for (let start = 1; start <= 3; start += 1) {
      const daemon = await DaemonProcess.start(t, { dataDir, env });
      const status = await daemon.statusUntil((now) => codes(now).includes('key_refused'));
      assert.equal(status.health.state, 'down');
      const reason = status.health.reasons.find(({ code }) => code === 'key_refused');
      assert.match(reason?.message ?? '', /refuses the management key/u);
      assert.match(reason?.fix ?? '', /remote-management\.secret-key/u);
      assert.equal(await daemon.stop(), 0);
    }
    assert.equal(cpa.access.failures(), 1);

    // The right one is another key: it is tried at once.
    await cpa.publishAll(take(sourceOf('7.2.140'), 10));
    const right = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url, { mode }) });
    const status = await right.statusUntil(({ eventCount }) => eventCount === 10);
    assert.ok(!codes(status).includes('key_refused'));
  });
}

/** What can be wrong with a gateway, and the word for it. */
const DIAGNOSES: ReadonlyArray<{
  readonly what: string;
  readonly code: string;
  readonly state: string;
  readonly mode?: string;
  readonly intervalMs?: number;
  readonly options?: Parameters<typeof startGateway>[1];
  readonly prepare?: (cpa: CpaStandIn) => void;
}> = [
  {
    what: 'remote management off',
    code: 'remote_management_off',
    state: 'down',
    prepare: (cpa) => refuseAll(cpa, 'remote management disabled'),
  },
  { what: 'no key set', code: 'key_missing', state: 'down', options: { managementKey: null } },
  {
    what: 'a ban in force',
    code: 'banned',
    state: 'down',
    prepare: (cpa) => {
      for (let attempt = 0; attempt < 5; attempt += 1) cpa.access.decide('127.0.0.1', 'wrong');
    },
  },
  {
    what: 'publishing off',
    code: 'publishing_off',
    state: 'degraded',
    options: { usageStatisticsEnabled: false },
  },
  {
    what: 'a retention of a minute',
    code: 'retention_short',
    state: 'ok',
    options: { retentionSeconds: 60 },
  },
  {
    what: 'a poll interval beyond the retention',
    code: 'poll_exceeds_retention',
    state: 'degraded',
    mode: 'http',
    intervalMs: 61_000,
    options: { retentionSeconds: 60 },
  },
  { what: 'an old version', code: 'older_than_recommended', state: 'ok', options: { version: '6.10.8' } },
  {
    what: 'no queue over HTTP',
    code: 'too_old_for_http',
    state: 'degraded',
    mode: 'http',
    options: { version: '6.10.8', usageQueueRoute: false },
  },
  {
    what: 'RESP switched off',
    code: 'resp_disabled',
    state: 'degraded',
    mode: 'subscribe',
    options: { respRefusal: 'ERR RESP AUTH disabled; use mTLS' },
  },
];

for (const { what, code, state, mode, intervalMs, options, prepare } of DIAGNOSES) {
  test(`${what} is told as ${code}, with a sentence and a fix`, async (t) => {
    const cpa = await startGateway(t, options);
    prepare?.(cpa);
    const env = gatewayEnv(cpa.url, {
      ...(mode === undefined ? {} : { mode }),
      ...(intervalMs === undefined ? {} : { intervalMs }),
    });
    const daemon = await DaemonProcess.start(t, { env });
    const status = await daemon.statusUntil((now) => codes(now).includes(code));
    const reason = status.health.reasons.find((one) => one.code === code);
    assert.equal(status.health.state, state);
    assert.ok((reason?.message.length ?? 0) > 20 && (reason?.fix.length ?? 0) > 20);
    await daemon.until(() => countOf(daemon, code) > 0);
  });
}

for (const mode of ['subscribe', 'http', 'resp']) {
  test(`${mode}: management that is switched off while records come is told, until it is back`, async (t) => {
    const cpa = await startGateway(t);
    const env = gatewayEnv(cpa.url, { mode, quickRetries: true });
    const daemon = await DaemonProcess.start(t, { env });
    await daemon.statusUntil(({ collector }) => collector.collector === 'running');
    cpa.disableManagement();
    const off = await daemon.statusUntil((now) => codes(now).includes('management_disabled'));
    assert.equal(off.health.state, 'down');
    cpa.enableManagement();
    await daemon.statusUntil(({ collector }) => collector.collector === 'running');
    await cpa.publishAll(take(sourceOf('7.2.140'), 10));
    await daemon.statusUntil((now) => now.eventCount === 10 && !codes(now).includes('management_disabled'));
  });
}

test('publishing is switched on when that is asked for, and only then', async (t) => {
  const cpa = await startGateway(t, { usageStatisticsEnabled: false });
  const daemon = await DaemonProcess.start(t, { env: gatewayEnv(cpa.url) });
  await daemon.statusUntil((now) => codes(now).includes('publishing_off'));
  assert.equal(cpa.usageStatisticsEnabled, false);
  const saved = await daemon.request('/setup', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ cpaBaseUrl: cpa.url, ensureUsageStatisticsEnabled: true }),
  });
  assert.equal(saved.status, 200, await saved.text());
  assert.equal(cpa.usageStatisticsEnabled, true);
  await daemon.statusUntil((now) => !codes(now).includes('publishing_off'));
});

test('nothing is set up: down, with the way to change that', async (t) => {
  const daemon = await DaemonProcess.start(t);
  const status = await daemon.statusUntil((now) => codes(now).includes('not_configured'));
  assert.equal(status.configured, false);
  assert.equal(status.health.state, 'down');
  assert.match(status.health.reasons[0]?.fix ?? '', /CPA_UPSTREAM_URL/u);
});

test('a proxy that speaks only HTTP: auto takes the records by HTTP, and resp is told why it cannot', async (t) => {
  const cpa = await startGateway(t);
  const proxy = await httpOnlyProxy(t, cpa.port);
  await cpa.publishAll(take(sourceOf('7.2.140'), 60));
  const auto = await DaemonProcess.start(t, { env: gatewayEnv(proxy) });
  const status = await auto.statusUntil(({ eventCount }) => eventCount === 60);
  assert.equal(status.collector.transport, 'http');
  assertExactly(cpa.fates(), await auto.exportEvents());
  await auto.stop();

  const resp = await DaemonProcess.start(t, { env: gatewayEnv(proxy, { mode: 'resp' }) });
  const told = await resp.statusUntil((now) => codes(now).includes('resp_through_http'));
  const reason = told.health.reasons.find(({ code }) => code === 'resp_through_http');
  assert.match(reason?.message ?? '', /speaks only HTTP/u);
  assert.match(reason?.fix ?? '', /http:\/\/cli-proxy-api:8317/u);
});

test('a certificate that nobody vouches for is told, and RESP over TLS works where it is accepted', async (t) => {
  const at = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
  const cpa = await startGateway(t, { tls: { key: at('key'), cert: at('cert') } });
  const strict = await DaemonProcess.start(t, { env: gatewayEnv(cpa.url, { mode: 'subscribe' }) });
  const status = await strict.statusUntil((now) => codes(now).includes('tls_untrusted'));
  const reason = status.health.reasons.find(({ code }) => code === 'tls_untrusted');
  assert.match(reason?.fix ?? '', /USAGE_RESP_TLS_SKIP_VERIFY/u);
  await strict.stop();

  await cpa.publishAll(take(sourceOf('7.2.140'), 30));
  const env = { ...gatewayEnv(cpa.url), USAGE_RESP_TLS_SKIP_VERIFY: 'true' };
  const trusting = await DaemonProcess.start(t, { env });
  const running = await trusting.statusUntil(({ eventCount }) => eventCount === 30);
  assert.equal(running.collector.transport, 'subscribe');
});

/** The gateway refuses everybody, for a reason that is no strike. */
function refuseAll(cpa: CpaStandIn, message: string): void {
  cpa.access.decide = () => ({ allowed: false, status: 403, message, banned: false });
}

/** A reverse proxy as people have them: it reads requests of HTTP and knows nothing else. Answers its URL. */
async function httpOnlyProxy(t: TestContext, to: number): Promise<string> {
  const proxy = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const forwarded = httpRequest({ port: to, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  return `http://127.0.0.1:${await listenOn(t, proxy)}`;
}
