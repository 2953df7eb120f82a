import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test, { type TestContext } from 'node:test';
import { brokenPop, garbage, halfBody, redirect, status as answer } from '../support/cpa/http-faults.ts';
import type { HttpHandler } from '../support/cpa/http-routes.ts';
import type { RespMisbehaviour, RespStage } from '../support/cpa/misbehaviour.ts';
import type { CpaStandIn } from '../support/cpa/stand-in.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import {
  assertExactly,
  assertNothingInvented,
  assertWithinGaps,
  codes,
  countOf,
  gatewayEnv,
  listenOn,
  Load,
  memoryOf,
  missing,
  remains,
  sourceOf,
  startGateway,
  take,
} from '../support/collection.ts';

const QUEUE = '/v0/management/usage-queue';

/** Waits until the daemon has taken all there is, ends it, and asserts that only records within gaps are missing. */
async function assertRecovered(
  t: TestContext,
  cpa: CpaStandIn,
  daemon: DaemonProcess,
  dataDir: string,
): Promise<number> {
  await cpa.publishAll(take(sourceOf('7.2.140', 77), 30));
  await cpa.when(() => cpa.counts().buffered === 0 || cpa.subscriptions > 0);
  await daemon.statusUntil(({ collector }) => collector.collector === 'running' && cpa.usage.length === 0);
  await cpa.settled();
  assert.equal(await daemon.stop(), 0);
  const { events, status } = await remains(t, dataDir);
  assertNothingInvented(cpa.fates(), events);
  const lost = missing(cpa.fates(), events);
  assertWithinGaps(lost, status.gaps);
  return lost.length;
}

test('a gateway that restarts under load: what is missing lies within gaps', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const env = gatewayEnv(cpa.url, { quickRetries: true });
  const daemon = await DaemonProcess.start(t, { dataDir, env });
  const load = new Load(t, cpa, sourceOf('7.2.140'), 500);
  for (const [at, how] of (['fin', 'rst', 'fin'] as const).entries()) {
    await cpa.subscribed();
    const before = cpa.counts().delivered;
    await cpa.when(() => cpa.counts().delivered > before + 100);
    await cpa.restart(at === 2 ? { how, version: '7.1.39' } : { how });
  }
  await cpa.subscribed();
  await load.stop();
  await assertRecovered(t, cpa, daemon, dataDir);
});

test('a gateway that cannot be reached for a while: its queue is taken when it is back, nothing is missing', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const env = gatewayEnv(cpa.url, { mode: 'http', quickRetries: true });
  const daemon = await DaemonProcess.start(t, { dataDir, env });
  await daemon.statusUntil(({ collector }) => collector.collector === 'running');
  await cpa.stopListening();
  await cpa.publishAll(take(sourceOf('7.2.140'), 200));
  // A poll that was under way when the port closed ends as a lost connection; the next one is refused. Between two
  // tries the collector is starting.
  const away = await daemon.statusUntil(
    (status) =>
      status.collector.collector === 'error' &&
      ['connection_refused', 'loopback_in_container'].some((code) => codes(status).includes(code)),
  );
  assert.equal(away.health.state, 'degraded');
  await cpa.listenAgain();
  const back = await daemon.statusUntil(({ eventCount }) => eventCount === 200);
  // Nobody listened on its port: as far as we can know it was restarted, and its queue is gone.
  // A poll that was cut in half by that is another one, however short.
  assert.deepEqual(
    back.gaps.map(({ cause }) => cause).filter((cause) => cause !== 'truncated_answer'),
    ['gateway_restart'],
  );
  assertExactly(cpa.fates(), await daemon.exportEvents());
});

const RESP_FAULTS: ReadonlyArray<readonly [string, RespMisbehaviour, RespStage, string]> = [
  ['garbage instead of a record', 'garbage', 'message', 'unexpected_answer'],
  ['half a record', 'half-frame', 'message', 'connection_lost'],
  ['an HTTP page instead of a record', 'http-400', 'message', 'resp_through_http'],
  ['garbage instead of the answer to AUTH', 'garbage', 'auth', 'unexpected_answer'],
  ['half an acknowledgement', 'half-frame', 'subscribe', 'connection_lost'],
  ['an unknown error', { error: 'ERR something new' }, 'subscribe', 'unexpected_answer'],
];

test('answers over RESP that make no sense: told, tried again, and what is missing lies within gaps', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const env = gatewayEnv(cpa.url, { mode: 'subscribe', quickRetries: true });
  const daemon = await DaemonProcess.start(t, { dataDir, env });
  const source = sourceOf('7.2.140');
  for (const [what, how, stage, code] of RESP_FAULTS) {
    await cpa.subscribed();
    await cpa.publishAll(take(source, 20));
    const told = countOf(daemon, code);
    cpa.resp.misbehaveOnce(how, stage);
    if (stage !== 'message') cpa.cutSubscriptions('fin');
    await cpa.publishAll(take(source, 20));
    await daemon.until(() => countOf(daemon, code) > told);
    const status = await daemon.statusUntil(({ collector }) => collector.collector === 'running');
    assert.equal(status.collector.transport, 'subscribe', what);
  }
  await assertRecovered(t, cpa, daemon, dataDir);
});

test('answers over HTTP that make no sense: told, tried again, and what is missing lies within gaps', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const env = gatewayEnv(cpa.url, { mode: 'http', quickRetries: true });
  const daemon = await DaemonProcess.start(t, { dataDir, env });
  await daemon.statusUntil(({ collector }) => collector.collector === 'running');
  const source = sourceOf('7.2.140');
  const faults: ReadonlyArray<readonly [HttpHandler, string]> = [
    [garbage(), 'unexpected_answer'],
    [answer(500, '{"error":"boom"}'), 'unexpected_status'],
    [answer(502, '<html><title>Bad Gateway</title></html>'), 'unexpected_status'],
    [answer(200, '<html>Welcome</html>'), 'unexpected_answer'],
    [halfBody('[]', 1), 'connection_lost'],
    [brokenPop(cpa, 20, 5_000), 'connection_lost'],
  ];
  for (const [handler, code] of faults) {
    const told = countOf(daemon, code);
    cpa.http.respondOnce(QUEUE, handler);
    await cpa.publishAll(take(source, 20));
    await daemon.until(() => countOf(daemon, code) > told);
    await daemon.statusUntil(({ collector }) => collector.collector === 'running' && cpa.usage.length === 0);
  }
  const lost = await assertRecovered(t, cpa, daemon, dataDir);
  assert.ok(lost > 0 && lost <= 20, `${lost} of the one broken answer`);
});

test('a redirect: the key is sent nowhere else', async (t) => {
  const cpa = await startGateway(t);
  let connections = 0;
  const elsewhere = createServer((_request, response) => response.end('[]'));
  elsewhere.on('connection', () => (connections += 1));
  const port = await listenOn(t, elsewhere);
  const env = gatewayEnv(cpa.url, { mode: 'http', quickRetries: true });
  const daemon = await DaemonProcess.start(t, { env });
  await daemon.statusUntil(({ collector }) => collector.collector === 'running');
  for (const code of [301, 302, 307, 308]) {
    const told = countOf(daemon, 'unexpected_redirect');
    cpa.http.respondOnce(QUEUE, redirect(`http://127.0.0.1:${port}${QUEUE}?count=1`, code));
    await daemon.until(() => countOf(daemon, 'unexpected_redirect') > told);
    await daemon.statusUntil(({ collector }) => collector.collector === 'running');
  }
  await cpa.publishAll(take(sourceOf('7.2.140'), 10));
  await daemon.statusUntil(({ eventCount }) => eventCount === 10);
  assert.equal(connections, 0);
});

for (const mode of ['subscribe', 'http', 'resp']) {
  test(`${mode}: a record of 100 MB becomes a dead letter, in bounded memory, and later records arrive`, async (t) => {
    const cpa = await startGateway(t);
    const source = sourceOf('7.2.140');
    const daemon = await DaemonProcess.start(t, { env: gatewayEnv(cpa.url, { mode }) });
    await daemon.statusUntil(({ collector }) => collector.collector === 'running');
    await cpa.publishAll(take(source, 10));
    cpa.publish(Buffer.concat([Buffer.from('{"junk":"'), Buffer.alloc(100 << 20, 0x78), Buffer.from('"}')]));
    await cpa.publishAll(take(source, 30));
    const status = await daemon.statusUntil(({ eventCount }) => eventCount === 40);
    const after = await daemon.statusUntil(({ deadLetters }) => deadLetters === 1);
    assert.deepEqual(status.gaps, []);
    assert.equal(after.collector.lastError, '');
    const peak = memoryOf(daemon.child.pid ?? 0, true);
    assert.ok(peak < 700 << 20, `${Math.round(peak / 2 ** 20)} MiB`);
  });
}
