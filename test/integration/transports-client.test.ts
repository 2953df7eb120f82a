import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import test, { type TestContext } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { GatewayError, type GatewayClient, type GatewayConnection } from '../../src/lib/contract/gateway.ts';
import { createKeyBreaker } from '../../src/lib/gateway/breaker.ts';
import { createGatewayClient, type GatewayClientOptions } from '../../src/lib/gateway/client.ts';
import * as faults from '../support/cpa/http-faults.ts';
import { records } from '../support/cpa/records.ts';
import { CpaStandIn, type StandInOptions } from '../support/cpa/stand-in.ts';

const KEY = 'made-up-management-key';

function connect(
  t: TestContext,
  baseUrl: string,
  changes: Partial<GatewayConnection> = {},
  options: Partial<GatewayClientOptions> = {},
): GatewayClient {
  const breaker = createKeyBreaker({ load: () => null, save: () => Promise.resolve() }, systemClock);
  const client = createGatewayClient(
    { baseUrl, managementKey: KEY, tlsSkipVerify: false, ...changes },
    { breaker, clock: systemClock, inContainer: false, ...options },
  );
  t.after(() => client.close());
  return client;
}

async function start(t: TestContext, options: Partial<StandInOptions> = {}): Promise<CpaStandIn> {
  const cpa = await CpaStandIn.start({ version: '7.2.140', managementKey: KEY, ...options });
  t.after(() => cpa.close());
  return cpa;
}

async function listen(t: TestContext, server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

const failsWith = (diagnosis: string) => (error: unknown) => {
  assert.ok(error instanceof GatewayError);
  assert.equal(error.diagnosis, diagnosis, error.message);
  assert.ok(!error.message.includes(KEY));
  return true;
};

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

test('info tells version, publishing and retention of each recorded version', async (t) => {
  for (const version of ['6.10.8', '7.1.39', '7.2.140'] as const) {
    const cpa = await start(t, { version, retentionSeconds: 120, usageStatisticsEnabled: false });
    const client = connect(t, cpa.url);
    const info = await client.info();
    assert.deepEqual(info, {
      version,
      usageStatisticsEnabled: false,
      retentionSeconds: 120,
      retentionAssumed: false,
    });
    await client.enableUsageStatistics();
    assert.equal(cpa.usageStatisticsEnabled, true);
    assert.equal((await client.info()).usageStatisticsEnabled, true);
  }
});

test('requestCount moves by what the gateway counted', async (t) => {
  const cpa = await start(t);
  const client = connect(t, cpa.url);
  const before = await client.requestCount();
  for (const record of records(7, { version: '7.2.140' })) cpa.publish(record);
  assert.equal((await client.requestCount())! - before!, 7);
});

test('popUsage gives every record byte for byte, once', async (t) => {
  const cpa = await start(t);
  const published = records(25, { version: '7.2.140' });
  for (const record of published) cpa.publish(record);
  cpa.publish('no json');
  const client = connect(t, cpa.url);
  const first = await client.popUsage(20);
  const second = await client.popUsage(20);
  assert.deepEqual([...first.payloads, ...second.payloads].map(text), [...published.map(text), 'no json']);
  assert.equal(first.damage, null);
  assert.deepEqual(await client.popUsage(20), { payloads: [], truncated: new Map(), damage: null });
});

test('a body that breaks off gives what came whole, and says so', async (t) => {
  const cpa = await start(t);
  const published = records(3, { version: '7.2.140' });
  for (const record of published) cpa.publish(record);
  const whole = published[0]!.length + published[1]!.length;
  cpa.http.respondOnce('/v0/management/usage-queue', faults.brokenPop(cpa, 10, whole + 50));
  const popped = await connect(t, cpa.url).popUsage(10);
  assert.deepEqual(popped.payloads.map(text), published.slice(0, 2).map(text));
  assert.equal(popped.damage?.diagnosis, 'connection_lost');
  assert.match(popped.damage?.detail ?? '', /broke off in the middle of record 3/);
});

test('rubbish, null and strings in a body', async (t) => {
  const cpa = await start(t);
  cpa.http.respondOnce('/v0/management/usage-queue', faults.status(200, '[{"a": 1.0},null,@@,"x",{"b":2}]'));
  const popped = await connect(t, cpa.url).popUsage(10);
  assert.deepEqual(popped.payloads.map(text), ['{"a": 1.0}', 'x', '{"b":2}']);
  assert.equal(popped.damage?.diagnosis, 'unexpected_answer');
});

test('a record over the limit costs neither memory nor its neighbours', async (t) => {
  const cpa = await start(t);
  const huge = JSON.stringify({ body: 'x'.repeat(3 << 20) });
  for (const record of ['{"a":1}', huge, '{"b":2}']) cpa.publish(record);
  const client = connect(t, cpa.url, {}, { limits: { maxElement: 1 << 20, head: 1000 } });
  const popped = await client.popUsage(10);
  assert.deepEqual(popped.payloads.map(text), ['{"a":1}', huge.slice(0, 1000), '{"b":2}']);
  assert.deepEqual(popped.truncated, new Map([[1, huge.length]]));
  assert.equal(popped.damage, null);
});

test('a wrong key is sent once, whatever is called afterwards', async (t) => {
  const cpa = await start(t, { managementKey: 'the right key' });
  const client = connect(t, cpa.url);
  const calls = [client.info(), client.popUsage(1), client.requestCount(), client.enableUsageStatistics()];
  for (const call of calls) await assert.rejects(call, failsWith('key_refused'));
  for (let round = 0; round < 10; round += 1) await assert.rejects(client.info(), failsWith('key_refused'));
  assert.equal(cpa.access.failures(), 1);
});

test('refusals and answers that are none', async (t) => {
  const cpa = await start(t);
  const client = connect(t, cpa.url);
  const queue = client.popUsage.bind(client, 1);
  const info = client.info.bind(client);
  const cases: Array<[Parameters<typeof cpa.http.respondOnce>[1], () => Promise<unknown>, string]> = [
    [faults.refused(403, 'remote management disabled'), info, 'remote_management_off'],
    [faults.refused(403, 'remote management key not set'), info, 'key_missing'],
    [faults.status(404), info, 'management_disabled'],
    [faults.status(404), queue, 'too_old_for_http'],
    [faults.status(405), queue, 'too_old_for_http'],
    [faults.status(501), queue, 'too_old_for_http'],
    [faults.status(500, '<html>oops</html>'), queue, 'unexpected_status'],
    [faults.redirect('http://127.0.0.1:1/elsewhere?key=1'), info, 'unexpected_redirect'],
    [faults.status(200, '<html>'), info, 'unexpected_answer'],
    [faults.status(200, '[]'), info, 'unexpected_answer'],
    [faults.status(200, '<html>'), queue, 'unexpected_answer'],
    [faults.garbage(), info, 'unexpected_answer'],
    [faults.refused(403, 'IP banned due to too many failed attempts. Try again in 3m0s'), info, 'banned'],
  ];
  for (const [handler, call, diagnosis] of cases) {
    cpa.http.respondOnce(call === queue ? '/v0/management/usage-queue' : '/v0/management/config', handler);
    await assert.rejects(call(), failsWith(diagnosis));
  }
  const sent = cpa.http.exchanges.length;
  await assert.rejects(info(), failsWith('banned'));
  assert.equal(cpa.http.exchanges.length, sent);
});

test('a redirect is not followed, and its query is not repeated', async (t) => {
  const cpa = await start(t);
  let visited = 0;
  const elsewhere = http.createServer((_request, response) => {
    visited += 1;
    response.end('{}');
  });
  const port = await listen(t, elsewhere);
  cpa.http.respondOnce('/v0/management/config', faults.redirect(`http://127.0.0.1:${port}/x?token=made-up`));
  await assert.rejects(connect(t, cpa.url).info(), (error: unknown) => {
    assert.ok(error instanceof GatewayError && !error.message.includes('made-up'));
    return true;
  });
  assert.equal(visited, 0);
});

test('a gateway that is not there, hangs, or resets', async (t) => {
  const cpa = await start(t);
  await assert.rejects(connect(t, 'http://127.0.0.1:1').info(), failsWith('connection_refused'));
  await assert.rejects(
    connect(t, 'http://localhost:1', {}, { inContainer: true }).info(),
    failsWith('loopback_in_container'),
  );
  cpa.http.respondOnce('/v0/management/config', faults.hang());
  await assert.rejects(connect(t, cpa.url, {}, { timeoutMs: 50 }).info(), failsWith('timed_out'));
  cpa.http.respondOnce('/v0/management/config', faults.hang());
  await assert.rejects(connect(t, cpa.url, {}, { totalMs: 50 }).info(), failsWith('timed_out'));
  const server = net.createServer((socket) => socket.on('data', () => socket.resetAndDestroy()));
  const port = await listen(t, server);
  await assert.rejects(connect(t, `http://127.0.0.1:${port}`).info(), failsWith('connection_lost'));
});

test('a self-signed certificate is refused unless asked otherwise', async (t) => {
  const at = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
  const cpa = await start(t, { tls: { key: at('key.pem'), cert: at('cert.pem') } });
  await assert.rejects(connect(t, cpa.url).info(), failsWith('tls_untrusted'));
  assert.equal((await connect(t, cpa.url, { tlsSkipVerify: true }).info()).version, '7.2.140');
  const plain = await start(t);
  await assert.rejects(
    connect(t, plain.url.replace('http:', 'https:'), { tlsSkipVerify: true }).info(),
    failsWith('tls_failed'),
  );
});

test('keys travel as UTF-8', async (t) => {
  const cpa = await start(t, { managementKey: 'schlüssel-密钥' });
  let seen: string | undefined;
  cpa.http.respondOnce('/v0/management/config', (request, response) => {
    seen = Buffer.from(request.headers.authorization ?? '', 'latin1').toString('utf8');
    response.end('{}');
  });
  await connect(t, cpa.url, { managementKey: 'schlüssel-密钥' }).info();
  assert.equal(seen, 'Bearer schlüssel-密钥');
});
