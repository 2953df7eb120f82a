import assert from 'node:assert/strict';
import test from 'node:test';

import { brokenPop, garbage, halfBody, hugeBody, redirect, status } from '../support/cpa/http-faults.ts';
import { isObject, jsonObject } from '../support/cpa/json.ts';
import { recordedAnswer, recordedUsage } from '../support/cpa/recordings.ts';
import { CpaStandIn } from '../support/cpa/stand-in.ts';
import type { StandInOptions } from '../support/cpa/stand-in.ts';
import { CPA_VERSIONS } from '../support/cpa/versions.ts';

const KEY = 'management-key';
const QUEUE = '/v0/management/usage-queue';

const start = (options: Partial<StandInOptions> = {}): Promise<CpaStandIn> =>
  CpaStandIn.start({ version: '7.2.140', managementKey: KEY, ...options });

function call(cpa: CpaStandIn, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(cpa.url + path, { redirect: 'manual', headers: { authorization: `Bearer ${KEY}` }, ...init });
}

for (const version of CPA_VERSIONS) {
  test(`v${version}: the queue comes out over HTTP as it was recorded`, async () => {
    await using cpa = await start({ version });
    const records = recordedUsage(version);
    for (const record of records) cpa.publish(record);
    const first = await call(cpa, QUEUE);
    assert.equal(await first.text(), `[${records[0]?.toString('utf8')}]`);
    assert.equal(first.headers.get('x-cpa-version'), version);
    const rest = await call(cpa, `${QUEUE}?count=1000`);
    assert.equal(await rest.text(), `[${records.slice(1).join(',')}]`);
    assert.equal(await (await call(cpa, `${QUEUE}?count=5`)).text(), '[]');
    await cpa.settled();
    assert.equal(cpa.counts().delivered, records.length);
  });
}

test('a count that is no positive integer is refused, a record that is no JSON becomes a string', async () => {
  await using cpa = await start();
  for (const count of ['0', '-1', 'x', '1.5']) {
    const answer = await call(cpa, `${QUEUE}?count=${count}`);
    assert.equal(answer.status, 400);
    assert.deepEqual(await answer.json(), { error: 'count must be a positive integer' });
  }
  cpa.publish('not "json"');
  cpa.publish({ html: '<a&b>' });
  assert.equal(
    await (await call(cpa, `${QUEUE}?count=2`)).text(),
    '["not \\"json\\"",{"html":"\\u003ca\\u0026b\\u003e"}]',
  );
});

test('the key is decided in the order of the gateway', async () => {
  await using cpa = await start();
  const ask = async (headers: Record<string, string>): Promise<[number, unknown, string | null]> => {
    const answer = await call(cpa, '/v0/management/debug', { headers });
    return [answer.status, await answer.json(), answer.headers.get('x-cpa-version')];
  };
  const good = [200, { debug: false }, '7.2.140'];
  assert.deepEqual(await ask({ authorization: `bEaReR ${KEY}` }), good);
  assert.deepEqual(await ask({ authorization: KEY }), good);
  assert.deepEqual(await ask({ 'x-management-key': KEY }), good);
  assert.deepEqual(await ask({}), [401, { error: 'missing management key' }, '7.2.140']);
  assert.deepEqual(await ask({ authorization: 'Bearer x', 'x-management-key': KEY }), [
    401,
    { error: 'invalid management key' },
    '7.2.140',
  ]);
  const remote = { authorization: `Bearer ${KEY}`, 'x-forwarded-for': '10.9.9.9, 127.0.0.1' };
  assert.deepEqual(await ask(remote), [403, { error: 'remote management disabled' }, '7.2.140']);
  cpa.access.allowRemote = true;
  assert.deepEqual(await ask(remote), good);
  for (let attempt = 0; attempt < 5; attempt += 1) await ask({ ...remote, authorization: 'no' });
  assert.match(String((await ask(remote)).map((part) => JSON.stringify(part))), /403,.*IP banned/u);
  // The ban is for the address that was told, not for the one that asked.
  assert.deepEqual(await ask({ authorization: KEY }), good);
  cpa.setManagementKey(null);
  assert.deepEqual(await ask({ authorization: KEY }), [
    403,
    { error: 'remote management key not set' },
    '7.2.140',
  ]);
  cpa.disableManagement();
  const off = await call(cpa, '/v0/management/debug');
  assert.deepEqual([off.status, await off.text(), off.headers.get('x-cpa-version')], [404, '', null]);
});

test('publishing can be read and switched, and the configuration shows it with the retention', async () => {
  await using cpa = await start({ usageStatisticsEnabled: false, retentionSeconds: 9999 });
  const path = '/v0/management/usage-statistics-enabled';
  assert.deepEqual(await (await call(cpa, path)).json(), { 'usage-statistics-enabled': false });
  const bad = await call(cpa, path, { method: 'PUT', body: '{"value":1}' });
  assert.deepEqual([bad.status, await bad.json()], [400, { error: 'invalid body' }]);
  const put = await call(cpa, path, { method: 'PUT', body: '{"value":true}' });
  assert.deepEqual([put.status, await put.json()], [200, { status: 'ok' }]);
  assert.equal(cpa.usageStatisticsEnabled, true);
  const config = jsonObject(await (await call(cpa, '/v0/management/config')).text());
  assert.deepEqual(config, {
    ...jsonObject(recordedAnswer('config') ?? ''),
    'usage-statistics-enabled': true,
    'redis-usage-queue-retention-seconds': 3600,
  });
});

test('the recorded answers come as they were recorded', async () => {
  await using cpa = await start();
  for (const route of ['auth-files', 'api-keys', 'routing/strategy', 'logs', 'plugins']) {
    assert.deepEqual(
      await (await call(cpa, `/v0/management/${route}`)).bytes(),
      new Uint8Array(recordedAnswer(route) ?? []),
      route,
    );
  }
  assert.equal((await call(cpa, '/v0/management/nothing')).status, 404);
  assert.deepEqual(await (await fetch(`${cpa.url}/healthz`)).json(), { status: 'ok' });
  assert.equal((await fetch(`${cpa.url}/v1/models`)).status, 401);
  const models = await fetch(`${cpa.url}/v1/models`, {
    headers: { authorization: 'Bearer sk-client-alpha-0001' },
  });
  assert.equal(jsonObject(await models.text())['object'], 'list');
});

test('the counters of upstream keys move with every request, published or not', async () => {
  await using cpa = await start();
  const total = async (): Promise<number> => {
    const answer = jsonObject(await (await call(cpa, '/v0/management/api-key-usage')).text());
    let sum = 0;
    for (const keys of Object.values(answer)) {
      for (const entry of Object.values(isObject(keys) ? keys : {})) {
        if (isObject(entry)) sum += Number(entry['success']) + Number(entry['failed']);
      }
    }
    return sum;
  };
  assert.equal(await total(), 0);
  for (const record of recordedUsage('7.2.140')) cpa.publish(record);
  cpa.usageStatisticsEnabled = false;
  cpa.publish(recordedUsage('7.2.140')[0] ?? '');
  assert.equal(await total(), 19);
  const answer = jsonObject(await (await call(cpa, '/v0/management/api-key-usage')).text());
  assert.deepEqual(Object.keys(answer).sort(), ['claude', 'codex', 'fakeai', 'gemini']);
  const claude = answer['claude'];
  assert.deepEqual(
    isObject(claude) &&
      Object.values(claude).map((entry) => isObject(entry) && [entry['success'], entry['failed']]),
    [[4, 0]],
  );
  await cpa.restart();
  assert.ok(!JSON.stringify(cpa.counters.answer()).includes('"success":1'));
});

test('faults answer once and then the gateway is itself again', async () => {
  await using cpa = await start();
  const next = (): Promise<Response> => call(cpa, `${QUEUE}?count=10`);
  cpa.http.respondOnce(QUEUE, status(500, 'oops'));
  cpa.http.respondOnce(QUEUE, redirect('http://127.0.0.1:1/elsewhere'));
  assert.deepEqual([(await next()).status, (await next()).status], [500, 302]);
  cpa.http.respondOnce(QUEUE, garbage());
  await assert.rejects(next());
  cpa.http.respondOnce(QUEUE, halfBody('[{"a":1}]'));
  await assert.rejects((await next()).text());
  cpa.http.respondOnce(QUEUE, hugeBody(3_000_000));
  assert.equal((await (await next()).arrayBuffer()).byteLength, 3_000_000);
  cpa.publish('{"lost":1}');
  cpa.http.respondOnce(QUEUE, brokenPop(cpa, 10, 5));
  await assert.rejects((await next()).text());
  assert.equal(cpa.fates()[0]?.reason, 'fault');
  assert.equal(await (await next()).text(), '[]');
  assert.equal(cpa.http.exchanges.length, 7);
});

test('a route of a test is reached only with the key', async () => {
  await using cpa = await start();
  cpa.http.route('POST', '/v0/management/own', (_request, response) => response.end('mine'));
  assert.equal(await (await call(cpa, '/v0/management/own', { method: 'POST' })).text(), 'mine');
  assert.equal((await call(cpa, '/v0/management/own', { method: 'POST', headers: {} })).status, 401);
});

test('HTTP and RESP on one port leave a record of what was sent', async () => {
  await using cpa = await start();
  await (await call(cpa, '/v0/management/debug')).text();
  const [connection] = cpa.connections;
  assert.equal(connection?.protocol, 'http');
  assert.match(connection.received.toString('latin1'), /^GET \/v0\/management\/debug HTTP\/1\.1\r\n/u);
  await cpa.when(() => cpa.http.exchanges[0]?.status === 200);
});
