import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import type { GatewayClient, KeyBreaker } from '../../src/lib/contract/gateway.ts';
import type { SinkAnswer } from '../../src/lib/contract/transport.ts';
import { createGatewayClient } from '../../src/lib/gateway/client.ts';
import { testConnection } from '../../src/lib/gateway/test-connection.ts';
import type { HttpHandler } from '../support/cpa/http-routes.ts';
import * as faults from '../support/cpa/http-faults.ts';
import { records } from '../support/cpa/records.ts';
import { CpaStandIn, type StandInOptions } from '../support/cpa/stand-in.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KEY, memoryBreaker, TransportRun } from '../support/transport-run.ts';

const QUEUE = '/v0/management/usage-queue';

async function start(t: TestContext, options: Partial<StandInOptions> = {}): Promise<CpaStandIn> {
  const cpa = await CpaStandIn.start({ version: '7.2.140', managementKey: KEY, ...options });
  t.after(() => cpa.close());
  return cpa;
}

/** What the runs of one session share. */
function session(t: TestContext, url: string): { client: GatewayClient; breaker: KeyBreaker } {
  const breaker = memoryBreaker();
  const connection = { baseUrl: url, managementKey: KEY, tlsSkipVerify: false };
  const client = createGatewayClient(connection, { breaker, clock: systemClock, inContainer: false });
  t.after(() => client.close());
  return { client, breaker };
}

const some = (count: number): Buffer[] => records(count, { version: '7.2.140' });
const texts = (buffers: readonly Buffer[]): string[] => buffers.map((buffer) => buffer.toString('utf8'));

/** The counts of all pops so far. */
function popped(cpa: CpaStandIn): number[] {
  const resp = cpa.connections.flatMap((one) => one.commands).filter(([name]) => name === 'lpop');
  const http = cpa.http.exchanges.map(({ url }) => /usage-queue\?count=(\d+)/u.exec(url)?.[1]);
  return [...resp.map((command) => command[2]), ...http].filter((count) => count !== undefined).map(Number);
}

test('after a lost answer fewer are asked for, also by the next run, and more again when they come', async (t) => {
  for (const name of ['http', 'resp'] as const) {
    const cpa = await start(t);
    for (const record of some(3_000)) cpa.publish(record);
    const shared = session(t, cpa.url);
    if (name === 'resp') cpa.resp.misbehaveOnce('half-frame', 'pop');
    else cpa.http.respondOnce(QUEUE, faults.brokenPop(cpa, 1_000, 100));
    await using first = new TransportRun(name, cpa.url, shared);
    assert.ok((await first.ended).kind === 'network');
    assert.equal(first.lost.length, 1);
    await using second = new TransportRun(name, cpa.url, { ...shared, settings: { pollIntervalMs: 60_000 } });
    await second.has(2_000);
    assert.deepEqual(popped(cpa).slice(0, 4), [1_000, 250, 500, 1_000], name);
  }
});

test('a steady poll too asks for less than it is set to, but never for less than ten', async (t) => {
  const cpa = await start(t);
  const shared = session(t, cpa.url);
  for (let round = 0; round < 6; round += 1) {
    cpa.http.respondOnce(QUEUE, faults.status(502));
    await using run = new TransportRun('http', cpa.url, shared);
    await run.ended;
  }
  assert.deepEqual(popped(cpa), [1_000, 250, 62, 15, 10, 10]);
});

test('a backlog that RESP could not bring comes over HTTP, which keeps what came whole', async (t) => {
  const clock = new FakeClock();
  const cpa = await start(t);
  const queued = some(1_500);
  for (const record of queued) cpa.publish(record);
  cpa.resp.misbehaveOnce('half-frame', 'pop');
  await using run = new TransportRun('subscribe', cpa.url, { clock });
  await cpa.when(() => cpa.connections.some((one) => one.commands.at(-1)?.[0] === 'lpop' && one.closed));
  await clock.someoneSleeps();
  while (run.lost.length === 0) await clock.advance(0);
  // The first pause after a failed draining.
  await clock.advance(1_000);
  await run.has(500);
  assert.deepEqual(run.texts, texts(queued.slice(1_000)));
  assert.ok(run.records.filter(({ transport }) => transport === 'http').length === 500);
});

test('a port that is closed after there was contact is a restart, said once', async (t) => {
  for (const name of ['http', 'resp', 'subscribe'] as const) {
    const cpa = await start(t);
    const shared = session(t, cpa.url);
    await using working = new TransportRun(name, cpa.url, shared);
    await working.ready;
    await working.stop();
    assert.deepEqual(working.lost, []);
    await cpa.stop();
    const losses: string[] = [];
    let refusals = 0;
    // The first may still meet the end of a connection that was kept.
    for (let round = 0; round < 4; round += 1) {
      await using run = new TransportRun(name, cpa.url, shared);
      const end = await run.ended;
      assert.ok(end.kind === 'network', JSON.stringify(end));
      if (end.diagnosis === 'connection_refused') refusals += 1;
      losses.push(...run.lost.map(({ cause }) => cause));
    }
    assert.ok(refusals >= 3, String(refusals));
    assert.equal(
      losses.filter((cause) => cause === 'gateway_restart').length,
      1,
      `${name}: ${losses.join()}`,
    );

    await cpa.listenAgain();
    await using again = new TransportRun(name, cpa.url, shared);
    await again.ready;
    await again.stop();
    assert.deepEqual(again.lost, []);
  }
});

test('a gateway that was never there has not restarted', async (t) => {
  for (const name of ['http', 'resp', 'subscribe'] as const) {
    await using run = new TransportRun(name, 'http://127.0.0.1:1', session(t, 'http://127.0.0.1:1'));
    const end = await run.ended;
    assert.ok(end.kind === 'network' && end.diagnosis === 'connection_refused');
    assert.deepEqual(run.lost, []);
  }
});

test('an answer over HTTP that is on its way when we stop is taken as far as it comes within the grace time', async (t) => {
  for (const inTime of [true, false]) {
    const clock = new FakeClock();
    const cpa = await start(t);
    const half = Promise.withResolvers<() => void>();
    const handler: HttpHandler = (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.write('[{"a":1},{"b"', () => half.resolve(() => response.end(':2}]')));
    };
    cpa.http.respondOnce(QUEUE, handler);
    await using run = new TransportRun('http', cpa.url, { clock });
    const finish = await half.promise;
    // Until it was read; what comes of an answer is told by the records only.
    for (let round = 0; round < 20; round += 1) await new Promise((resolve) => setImmediate(resolve));
    const ended = run.stop();
    await clock.advance(4_999);
    assert.equal(run.end, null);
    if (inTime) finish();
    else await clock.advance(1);
    assert.deepEqual(await ended, { kind: 'stopped' });
    assert.deepEqual(run.texts, inTime ? ['{"a":1}', '{"b":2}'] : ['{"a":1}']);
    assert.equal(run.lost.length, inTime ? 0 : 1);
  }
});

test('what goes wrong in the draining does not end the process, and comes out at the end', async (t) => {
  const cpa = await start(t);
  const run = new TransportRun('subscribe', cpa.url, {
    retentionSeconds: () => {
      throw new Error('a fault of our own');
    },
  });
  await run.ready;
  await cpa.subscribed();
  const sent = some(3);
  for (const record of sent) cpa.publish(record);
  await run.has(3);
  assert.deepEqual(run.texts, texts(sent));
  await assert.rejects(run.stop(), /a fault of our own/u);
  await cpa.when(() => cpa.subscriptions === 0);
});

test('what arrives says nothing about what is behind it', async (t) => {
  const clock = new FakeClock();
  const cpa = await start(t);
  await using run = new TransportRun('subscribe', cpa.url, { clock });
  await run.when(() => run.completeMs !== null);
  const before = clock.now();
  assert.equal(run.completeMs, before);
  // Time passes in which nothing comes through, and then one record of three.
  await clock.advance(5_000);
  cpa.holdSubscriptions();
  const sent = some(3);
  for (const record of sent) cpa.publish(record);
  await clock.advance(5_000);
  cpa.resp.misbehaveOnce('half-frame', 'message');
  cpa.releaseSubscriptions();
  const end = await run.ended;
  assert.ok(end.kind === 'network', JSON.stringify(end));
  assert.ok(run.completeMs !== null && run.completeMs <= before + 5_000, String(run.completeMs));
});

test('only what is durable is complete', async (t) => {
  const cpa = await start(t);
  const gate = Promise.withResolvers<void>();
  await using run = new TransportRun('subscribe', cpa.url, {
    sink: async (): Promise<SinkAnswer> => {
      await gate.promise;
      return 'more';
    },
  });
  await run.ready;
  const connection = cpa.connections[0]!;
  await cpa.when(() => connection.commands.filter(([name]) => name === 'PING').length >= 2);
  await cpa.when(() => cpa.connections.some((one) => one.commands.at(-1)?.[0] === 'lpop' && one.closed));
  for (let round = 0; round < 20; round += 1) await new Promise((resolve) => setImmediate(resolve));
  // The gateway's own first message.
  assert.equal(run.records.length, 1);
  assert.equal(run.completeMs, null);
  gate.resolve();
  await run.when(() => run.completeMs !== null);
});

test('under a load without pause it goes on being said up to when all has come', async (t) => {
  const cpa = await start(t);
  await using run = new TransportRun('subscribe', cpa.url);
  await run.when(() => run.completeMs !== null);
  const flood = new AbortController();
  t.after(() => flood.abort());
  const publisher = (async () => {
    while (!flood.signal.aborted) {
      await cpa.publishAll(some(64), 16);
    }
  })();
  await run.has(300);
  const before = systemClock.now();
  await run.when(() => run.completeMs! > before);
  flood.abort();
  await publisher;
});

test('a key that is repeated by what answers is not repeated by us', async (t) => {
  const cpa = await start(t);
  const echo = { error: `ERR unknown command \`AUTH\`, with args beginning with: \`${KEY}\`, ` };
  for (const name of ['subscribe', 'resp'] as const) {
    cpa.resp.misbehaveOnce(echo, 'auth');
    await using run = new TransportRun(name, cpa.url);
    const end = await run.ended;
    assert.ok(end.kind === 'unsupported' && end.diagnosis === 'resp_disabled', JSON.stringify(end));
    assert.ok(!JSON.stringify(end).includes(KEY));
  }
  cpa.resp.misbehaveOnce(echo, 'auth');
  const connection = { baseUrl: cpa.url, managementKey: KEY, tlsSkipVerify: false };
  const report = await testConnection(connection, { breaker: memoryBreaker(), clock: systemClock });
  assert.ok(report.findings.length > 0 && !JSON.stringify(report).includes(KEY));
  // Cut where the key stands: no part of it is left.
  cpa.http.respondOnce(QUEUE, faults.status(403, `${'.'.repeat(190)} ${KEY}`));
  await using http = new TransportRun('http', cpa.url);
  assert.ok(!JSON.stringify(await http.ended).includes(KEY.slice(0, 6)));
});

test('no PING goes out to a gateway that may have thrown us out and is still writing', async (t) => {
  for (let round = 0; round < 3; round += 1) {
    const cpa = await start(t);
    await using run = new TransportRun('subscribe', cpa.url);
    await cpa.subscribed();
    cpa.holdSubscriptions();
    const sent = some(300);
    for (const record of sent) cpa.publish(record);
    cpa.releaseSubscriptions();
    const end = await run.ended;
    // With a PING on its way the connection is reset, and the rest of the buffer gone.
    assert.ok(end.kind === 'overflow', JSON.stringify(end));
    assert.ok(run.texts.length >= 256);
  }
});
