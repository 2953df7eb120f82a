import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import type { CpaVersion } from '../support/cpa/versions.ts';
import { records } from '../support/cpa/records.ts';
import { CpaStandIn, type StandInOptions } from '../support/cpa/stand-in.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KEY, memoryBreaker, TransportRun, type RunOptions } from '../support/transport-run.ts';

async function start(t: TestContext, options: Partial<StandInOptions> = {}): Promise<CpaStandIn> {
  const cpa = await CpaStandIn.start({ version: '7.2.140', managementKey: KEY, ...options });
  t.after(() => cpa.close());
  return cpa;
}

/** A run that has drained the backlog and is alone with the subscription. */
async function subscribe(t: TestContext, cpa: CpaStandIn, options: RunOptions = {}): Promise<TransportRun> {
  const run = new TransportRun('subscribe', cpa.url, options);
  t.after(() => run[Symbol.asyncDispose]());
  await run.ready;
  await cpa.when(() => cpa.connections.some((one) => one.commands.at(-1)?.[0] === 'lpop' && one.closed));
  return run;
}

const command = (...parts: string[]): string =>
  `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`;
const AUTH = command('AUTH', KEY);
const some = (count: number, version: CpaVersion = '7.2.140', seed = 1): Buffer[] =>
  records(count, { version, seed });
const texts = (buffers: readonly Buffer[]): string[] => buffers.map((buffer) => buffer.toString('utf8'));
const tls = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));

test('sends AUTH and SUBSCRIBE, drains on a second connection, and leaves with UNSUBSCRIBE', async (t) => {
  for (const version of ['7.1.39', '7.2.140'] as const) {
    const cpa = await start(t, { version });
    const run = await subscribe(t, cpa);
    assert.deepEqual(await run.stop(), { kind: 'stopped' });
    const received = cpa.connections.map((one) => one.received.toString('utf8'));
    // It asks for signs of life as often as it needs to know that nothing is under way.
    const pings = /(?:\*1\r\n\$4\r\nPING\r\n)+/u;
    assert.deepEqual(received.with(0, received[0]?.replace(pings, '(pings)') ?? ''), [
      `${AUTH}${command('SUBSCRIBE', 'usage')}(pings)${command('UNSUBSCRIBE', 'usage')}`,
      `*2\r\n$4\r\nauth\r\n$${KEY.length}\r\n${KEY}\r\n` + command('lpop', 'usage', '1000'),
    ]);
    assert.deepEqual(run.lost, []);
    assert.equal(cpa.access.failures(), 0);
  }
});

test('what was queued before comes too, and everything comes once', async (t) => {
  for (const version of ['7.1.39', '7.2.140'] as const) {
    const cpa = await start(t, { version });
    const queued = some(2_500, version);
    for (const record of queued) cpa.publish(record);
    const run = new TransportRun('subscribe', cpa.url);
    t.after(() => run[Symbol.asyncDispose]());
    await cpa.subscribed();
    const live = some(1_500, version, 2);
    await cpa.publishAll(live);
    await run.has(4_000);
    await run.stop();
    assert.deepEqual(run.texts.toSorted(), texts([...queued, ...live]).toSorted());
    assert.equal(cpa.counts().delivered, 4_000);
    const ways = new Set(run.records.map((record) => record.transport));
    assert.deepEqual(ways, new Set(['subscribe', 'resp']));
    assert.ok(run.records.every((record) => record.gatewayId === 1 && record.receivedAtMs > 0));
  }
});

test('the backlog is looked at again every third of the retention', async (t) => {
  const clock = new FakeClock();
  const cpa = await start(t);
  const run = await subscribe(t, cpa, { clock, retentionSeconds: () => 60 });
  const drains = (): number => cpa.connections.filter((one) => one.commands.at(-1)?.[0] === 'lpop').length;
  assert.equal(drains(), 1);
  await clock.advance(20_000);
  await cpa.when(() => drains() === 2);
  await run.stop();
});

test('ends: too old, RESP off, refused, not there, a proxy in between', async (t) => {
  const cases: Array<[Partial<StandInOptions>, RunOptions, string, string]> = [
    [{ version: '6.10.8' }, {}, 'unsupported', 'too_old_for_subscribe'],
    [{ respRefusal: 'ERR RESP AUTH disabled; use mTLS' }, {}, 'unsupported', 'resp_disabled'],
    [{ respRefusal: 'ERR redis usage output disabled in home mode' }, {}, 'unsupported', 'resp_disabled'],
    [{ managementKey: 'another' }, {}, 'refused', 'key_refused'],
    [{ managementKey: null }, {}, 'refused', 'key_missing'],
    [{}, { connection: { managementKey: '' } }, 'refused', 'not_configured'],
    [{}, { connection: { baseUrl: 'http://127.0.0.1:1' } }, 'network', 'connection_refused'],
    [
      {},
      { connection: { baseUrl: 'http://127.0.0.1:1' }, inContainer: true },
      'network',
      'loopback_in_container',
    ],
  ];
  for (const [options, changes, kind, diagnosis] of cases) {
    const cpa = await start(t, options);
    await using run = new TransportRun('subscribe', cpa.url, changes);
    const end = await run.ended;
    assert.equal(end.kind, kind);
    assert.ok(end.kind !== 'stopped' && end.diagnosis === diagnosis, JSON.stringify(end));
    assert.ok(!JSON.stringify(end).includes(KEY));
    assert.deepEqual(run.lost, []);
  }
});

test('ends: misbehaviour before the subscription', async (t) => {
  const cpa = await start(t);
  const cases = [
    ['http-400', 'auth', 'unsupported', 'resp_through_http'],
    ['garbage', 'auth', 'protocol', 'unexpected_answer'],
    ['close', 'auth', 'network', 'connection_lost'],
    ['reset', 'auth', 'network', 'connection_lost'],
    ['half-frame', 'auth', 'network', 'connection_lost'],
    [{ error: 'ERR remote management disabled' }, 'auth', 'refused', 'remote_management_off'],
    ['half-frame', 'subscribe', 'network', 'connection_lost'],
    [{ error: "ERR unsupported channel 'usage'" }, 'subscribe', 'protocol', 'unexpected_answer'],
  ] as const;
  for (const [how, stage, kind, diagnosis] of cases) {
    cpa.resp.misbehaveOnce(how, stage);
    await using run = new TransportRun('subscribe', cpa.url);
    const end = await run.ended;
    assert.ok(end.kind === kind && end.diagnosis === diagnosis, JSON.stringify([how, stage, end]));
    assert.equal(run.lost.length, stage === 'subscribe' && kind === 'network' ? 1 : 0);
  }
});

test('a wrong key is sent exactly once, over any number of runs of any transport', async (t) => {
  const cpa = await start(t, { managementKey: 'another key' });
  const breaker = memoryBreaker();
  for (let round = 0; round < 4; round += 1) {
    for (const name of ['subscribe', 'http', 'resp'] as const) {
      await using run = new TransportRun(name, cpa.url, { breaker });
      const end = await run.ended;
      assert.ok(end.kind === 'refused' && end.diagnosis === 'key_refused', JSON.stringify(end));
    }
  }
  assert.equal(cpa.connections.length, 1);
  assert.equal(cpa.access.failures(), 1);
});

test('a ban is not answered with more logins', async (t) => {
  const cpa = await start(t);
  for (let wrong = 0; wrong < 5; wrong += 1) cpa.access.decide('127.0.0.1', 'wrong');
  const breaker = memoryBreaker();
  for (let round = 0; round < 3; round += 1) {
    await using run = new TransportRun('subscribe', cpa.url, { breaker });
    const end = await run.ended;
    assert.ok(end.kind === 'refused' && end.diagnosis === 'banned', JSON.stringify(end));
  }
  assert.equal(cpa.connections.length, 1);
});

test('a subscription that breaks off hands over what came whole and reports the rest as lost', async (t) => {
  for (const how of ['fin', 'rst'] as const) {
    const cpa = await start(t);
    const run = await subscribe(t, cpa);
    for (const record of some(20)) cpa.publish(record);
    await run.has(20);
    cpa.cutSubscriptions(how);
    const end = await run.ended;
    assert.ok(end.kind === 'network' && end.diagnosis === 'connection_lost', JSON.stringify(end));
    assert.equal(run.texts.length, 20);
    assert.deepEqual(
      run.lost.map(({ cause, estimate }) => [cause, estimate]),
      [['subscription_cut', null]],
    );
  }
});

test('half a frame at the end costs only that record', async (t) => {
  const cpa = await start(t);
  const run = await subscribe(t, cpa);
  const sent = some(3);
  cpa.publish(sent[0]!);
  await run.has(1);
  cpa.resp.misbehaveOnce('half-frame', 'message');
  cpa.publish(sent[1]!);
  const end = await run.ended;
  assert.equal(end.kind, 'network');
  assert.deepEqual(run.texts, texts(sent.slice(0, 1)));
  assert.equal(run.lost.length, 1);
});

test('garbage in the middle ends the run as a protocol error', async (t) => {
  const cpa = await start(t);
  const run = await subscribe(t, cpa);
  cpa.resp.misbehaveOnce('garbage', 'message');
  cpa.publish(some(1)[0]!);
  const end = await run.ended;
  assert.ok(end.kind === 'protocol' && end.diagnosis === 'unexpected_answer', JSON.stringify(end));
  assert.equal(run.lost.length, 1);
});

test('thrown out for reading too slowly: the buffered records are taken, and one is lost', async (t) => {
  const cpa = await start(t);
  const run = await subscribe(t, cpa);
  cpa.holdSubscriptions();
  const sent = some(300);
  for (const record of sent) cpa.publish(record);
  cpa.releaseSubscriptions();
  const end = await run.ended;
  assert.ok(end.kind === 'overflow' && end.diagnosis === 'overflow', JSON.stringify(end));
  assert.deepEqual(run.texts, texts(sent.slice(0, 256)));
  assert.deepEqual(
    run.lost.map(({ cause, estimate }) => [cause, estimate]),
    [['overflow', 1]],
  );
});

test('a gateway that falls silent is noticed by its missing pong', async (t) => {
  const clock = new FakeClock();
  const cpa = await start(t);
  const run = await subscribe(t, cpa, { clock });
  for (let round = 0; round < 3; round += 1) {
    const { contacts } = run;
    await clock.advance(20_000);
    await run.when(() => run.contacts > contacts);
  }
  assert.equal(run.end, null);
  cpa.holdSubscriptions();
  for (let second = 0; second < 9; second += 1) await clock.advance(1_000);
  assert.equal(run.end, null);
  // A PING within 20 s, and 10 s for its pong.
  for (let second = 9; second <= 31; second += 1) await clock.advance(1_000);
  const end = await run.ended;
  assert.ok(end.kind === 'network' && end.diagnosis === 'timed_out', JSON.stringify(end));
  assert.deepEqual(
    run.lost.map(({ cause }) => cause),
    ['subscription_cut'],
  );
});

test('leaving under load loses nothing, or says so', async (t) => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const cpa = await start(t, { seed });
    const run = await subscribe(t, cpa);
    let publishing = true;
    const publisher = (async () => {
      for (const [at, record] of some(20_000, '7.2.140', seed).entries()) {
        cpa.publish(record);
        // Now and then a little pause, as there is between the requests of people.
        for (let turn = at % 40; turn > 0; turn -= 1) await new Promise((resolve) => setImmediate(resolve));
        if (!publishing) return;
      }
    })();
    await run.has(100);
    await run.stop();
    publishing = false;
    await publisher;
    await cpa.settled();
    const { delivered, dropped, queued, published } = cpa.counts();
    assert.equal(delivered + dropped + queued, published);
    assert.equal(new Set(run.texts).size, run.texts.length);
    assert.equal(run.texts.length, delivered);
    if (dropped > 0) assert.equal(run.lost.length, 1, `${dropped} dropped unseen with seed ${seed}`);
  }
});

test('a flood that never pauses is left all the same, and the loss is said', async (t) => {
  const cpa = await start(t);
  const run = await subscribe(t, cpa);
  const flood = new AbortController();
  const publisher = (async () => {
    for (let at = 0; !flood.signal.aborted; at += 1) {
      cpa.publish({ at });
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await run.has(100);
  assert.deepEqual(await run.stop(), { kind: 'stopped' });
  flood.abort();
  await publisher;
  await cpa.settled();
  assert.equal(run.texts.length, cpa.counts().delivered);
  assert.deepEqual(
    run.lost.map(({ cause, estimate }) => [cause, estimate]),
    [['subscription_cut', null]],
  );
});

test('a sink that is slow does not stop the reading; one that says stop ends the run', async (t) => {
  const cpa = await start(t);
  const gate = Promise.withResolvers<void>();
  const run = await subscribe(t, cpa, {
    sink: async () => {
      await gate.promise;
      return 'stop';
    },
  });
  const sent = some(2_000);
  await cpa.publishAll(sent);
  await run.has(2_000);
  assert.equal(run.end, null);
  gate.resolve();
  assert.deepEqual(await run.ended, { kind: 'stopped' });
  assert.deepEqual(run.texts, texts(sent));
  assert.equal(cpa.counts().dropped, 0);
});

test('a sink that fails ends the run in order, and its error comes out', async (t) => {
  const cpa = await start(t);
  const run = new TransportRun('subscribe', cpa.url, {
    sink: () => Promise.reject(new Error('spool is gone')),
  });
  cpa.publish(some(1)[0]!);
  await assert.rejects(run.ended, /spool is gone/);
  await cpa.when(() => cpa.subscriptions === 0);
});

test('a record over the limit is read past', async (t) => {
  const cpa = await start(t);
  const run = await subscribe(t, cpa, { limits: { maxBulk: 10_000, head: 100 } });
  const long = JSON.stringify({ body: 'x'.repeat(3_000_000) });
  cpa.publish(long);
  cpa.publish('{"small":1}');
  await run.has(2);
  assert.deepEqual(run.texts, [long.slice(0, 100), '{"small":1}']);
  assert.equal(run.records.at(-2)?.truncatedFrom, long.length);
  assert.equal(run.records.at(-1)?.truncatedFrom, undefined);
});

test('over TLS, with a certificate that is trusted only when asked', async (t) => {
  const cpa = await start(t, { tls: { key: tls('key.pem'), cert: tls('cert.pem') } });
  await using refused = new TransportRun('subscribe', cpa.url);
  const end = await refused.ended;
  assert.ok(end.kind === 'network' && end.diagnosis === 'tls_untrusted', JSON.stringify(end));
  const run = await subscribe(t, cpa, { connection: { tlsSkipVerify: true } });
  cpa.publish(some(1)[0]!);
  await run.has(1);
});

test('https that leads to an HTTP proxy is told as such', async (t) => {
  const cpa = await start(t, { tls: { key: tls('key.pem'), cert: tls('cert.pem') } });
  for (const how of ['http-400', 'close'] as const) {
    for (const name of ['subscribe', 'resp'] as const) {
      cpa.resp.misbehaveOnce(how, 'auth');
      await using run = new TransportRun(name, cpa.url, { connection: { tlsSkipVerify: true } });
      const end = await run.ended;
      assert.ok(end.kind === 'unsupported' && end.diagnosis === 'resp_behind_proxy', JSON.stringify(end));
    }
  }
});

test('the first bytes go out at once, and a peer that never answers is given up', async (t) => {
  const clock = new FakeClock();
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const run = new TransportRun('subscribe', `http://127.0.0.1:${address.port}`, { clock });
  const [socket]: net.Socket[] = await once(server, 'connection');
  assert.ok(socket);
  const [first]: Buffer[] = await once(socket, 'data');
  assert.equal(first?.toString('utf8'), AUTH);
  await clock.advance(10_000);
  const end = await run.ended;
  assert.ok(end.kind === 'network' && end.diagnosis === 'timed_out', JSON.stringify(end));
});

test('stopping while connecting, and before', async (t) => {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const url = `http://127.0.0.1:${address.port}`;
  for (const name of ['subscribe', 'resp'] as const) {
    const run = new TransportRun(name, url);
    const [socket]: net.Socket[] = await once(server, 'connection');
    t.after(() => socket?.destroy());
    assert.deepEqual(await run.stop(), { kind: 'stopped' });
    assert.deepEqual(run.lost, []);
  }
});
