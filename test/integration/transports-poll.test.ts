import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { RawRecord } from '../../src/lib/contract/record.ts';
import type { SinkAnswer } from '../../src/lib/contract/transport.ts';
import * as faults from '../support/cpa/http-faults.ts';
import { records } from '../support/cpa/records.ts';
import { CpaStandIn, type StandInOptions } from '../support/cpa/stand-in.ts';
import type { CpaVersion } from '../support/cpa/versions.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KEY, TransportRun } from '../support/transport-run.ts';

const QUEUE = '/v0/management/usage-queue';

async function start(t: TestContext, options: Partial<StandInOptions> = {}): Promise<CpaStandIn> {
  const cpa = await CpaStandIn.start({ version: '7.2.140', managementKey: KEY, ...options });
  t.after(() => cpa.close());
  return cpa;
}

const some = (count: number, version: CpaVersion = '7.2.140'): Buffer[] => records(count, { version });
const texts = (buffers: readonly Buffer[]): string[] => buffers.map((buffer) => buffer.toString('utf8'));
const command = (...parts: string[]): string =>
  `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('both polls take the backlog in large bites, then every interval, and every record once and in order', async (t) => {
  for (const version of ['6.10.8', '7.1.39', '7.2.140'] as const) {
    for (const name of ['http', 'resp'] as const) {
      const cpa = await start(t, { version });
      const queued = some(2_300, version);
      for (const record of queued) cpa.publish(record);
      await using run = new TransportRun(name, cpa.url, { settings: { batchSize: 7 } });
      await run.has(2_300);
      const live = records(30, { version, seed: 2 });
      for (const record of live) cpa.publish(record);
      await run.has(2_330);
      assert.deepEqual(await run.stop(), { kind: 'stopped' });
      assert.deepEqual(run.texts, texts([...queued, ...live]));
      assert.ok(run.records.every((record) => record.transport === name));
      assert.deepEqual(run.lost, []);
      assert.equal(cpa.counts().delivered, 2_330);
    }
  }
});

test('what is sent: nothing but the key and the pop', async (t) => {
  const clock = new FakeClock();
  const cpa = await start(t);
  cpa.publish(some(1)[0]!);
  await using http = new TransportRun('http', cpa.url, { clock, settings: { batchSize: 50 } });
  await http.when(() => http.contacts === 2);
  const sent = cpa.http.exchanges.map(({ method, url, headers }) => ({
    line: `${method} ${url}`,
    names: Object.keys(headers).toSorted().join(' '),
    key: headers.authorization,
  }));
  const one = {
    line: `GET ${QUEUE}?count=1000`,
    names: 'accept authorization connection host user-agent',
    key: `Bearer ${KEY}`,
  };
  assert.deepEqual(sent, [one, one]);
  await turn();
  await clock.advance(5);
  await cpa.when(() => cpa.http.exchanges.length === 3);
  assert.equal(cpa.http.exchanges[2]?.url, `${QUEUE}?count=50`);
  await http.stop();

  await using resp = new TransportRun('resp', cpa.url, { clock, settings: { batchSize: 50 } });
  await resp.when(() => resp.contacts === 1);
  await turn();
  await clock.advance(5);
  await resp.when(() => resp.contacts === 2);
  await resp.stop();
  const connection = cpa.connections.at(-1)!;
  assert.equal(
    connection.received.toString('utf8'),
    command('auth', KEY) + command('lpop', 'usage', '1000') + command('lpop', 'usage', '50'),
  );
  assert.equal(cpa.access.failures(), 0);
});

test('the next pop waits until the records of the last are durable', async (t) => {
  for (const name of ['http', 'resp'] as const) {
    const cpa = await start(t);
    for (const record of some(1_500)) cpa.publish(record);
    const gate = Promise.withResolvers<void>();
    let waiting = 0;
    await using run = new TransportRun(name, cpa.url, {
      sink: async (): Promise<SinkAnswer> => {
        waiting += 1;
        await gate.promise;
        return 'more';
      },
    });
    await run.has(1_000);
    for (let round = 0; round < 20; round += 1) await turn();
    assert.equal(waiting, 1);
    assert.equal(cpa.counts().queued, 500);
    gate.resolve();
    await run.has(1_500);
  }
});

test('a sink that says stop ends the run before the next pop', async (t) => {
  for (const name of ['http', 'resp'] as const) {
    const cpa = await start(t);
    for (const record of some(1_500)) cpa.publish(record);
    const stop = (_records: readonly RawRecord[]): Promise<SinkAnswer> => Promise.resolve('stop');
    await using run = new TransportRun(name, cpa.url, { sink: stop });
    assert.deepEqual(await run.ended, { kind: 'stopped' });
    assert.equal(run.texts.length, 1_000);
    assert.equal(cpa.counts().queued, 500);
  }
});

test('an answer that is on its way when we stop is taken', async (t) => {
  const cpa = await start(t, { httpAuthDelayMs: 50 });
  for (const record of some(10)) cpa.publish(record);
  await using run = new TransportRun('http', cpa.url);
  await cpa.when(() => cpa.http.exchanges.length === 1);
  assert.deepEqual(await run.stop(), { kind: 'stopped' });
  assert.equal(run.texts.length, 10);
  assert.equal(cpa.counts().delivered, 10);
});

test('ends of http', async (t) => {
  const cases: Array<[Parameters<CpaStandIn['http']['respondOnce']>[1], string, string, number]> = [
    [faults.status(404), 'unsupported', 'too_old_for_http', 0],
    [faults.status(405), 'unsupported', 'too_old_for_http', 0],
    [faults.status(501), 'unsupported', 'too_old_for_http', 0],
    [faults.status(500), 'network', 'unexpected_status', 1],
    // A proxy may have passed the request on before it gave up.
    [faults.status(502), 'network', 'unexpected_status', 1],
    [faults.status(504, 'upstream timed out'), 'network', 'unexpected_status', 1],
    [faults.status(403, 'blocked'), 'network', 'unexpected_status', 0],
    [faults.redirect('https://elsewhere/'), 'network', 'unexpected_redirect', 0],
    [faults.status(200, '<html>'), 'protocol', 'unexpected_answer', 0],
    [faults.refused(401, 'invalid management key'), 'refused', 'key_refused', 0],
    [faults.refused(403, 'remote management disabled'), 'refused', 'remote_management_off', 0],
    [(request) => void request.socket.resetAndDestroy(), 'network', 'connection_lost', 1],
    [faults.halfBody('[{"a":1},{"b":2}]', 12), 'network', 'connection_lost', 1],
    [faults.status(200, '[{"a":1},@]'), 'protocol', 'unexpected_answer', 1],
  ];
  for (const [handler, kind, diagnosis, losses] of cases) {
    const cpa = await start(t);
    cpa.http.respondOnce(QUEUE, handler);
    await using run = new TransportRun('http', cpa.url);
    const end = await run.ended;
    assert.ok(end.kind !== 'stopped', 'it stopped');
    assert.deepEqual([end.kind, end.diagnosis], [kind, diagnosis], end.detail);
    assert.equal(run.lost.length, losses, JSON.stringify(end));
    assert.ok(run.lost.every(({ cause }) => cause === 'truncated_answer'));
  }
});

test('records of an answer that breaks off are kept as far as they came', async (t) => {
  const cpa = await start(t);
  const sent = some(3);
  for (const record of sent) cpa.publish(record);
  cpa.http.respondOnce(QUEUE, faults.brokenPop(cpa, 10, sent[0]!.length + sent[1]!.length + 10));
  await using run = new TransportRun('http', cpa.url);
  await run.ended;
  assert.deepEqual(run.texts, texts(sent.slice(0, 2)));
});

test('ends of resp', async (t) => {
  const cases = [
    ['http-400', 'auth', 'unsupported', 'resp_through_http', 0],
    [{ error: 'ERR RESP AUTH disabled; use mTLS' }, 'auth', 'unsupported', 'resp_disabled', 0],
    [{ error: 'ERR invalid management key' }, 'auth', 'refused', 'key_refused', 0],
    [
      { error: 'ERR IP banned due to too many failed attempts. Try again in 29m59s' },
      'auth',
      'refused',
      'banned',
      0,
    ],
    ['close', 'auth', 'network', 'connection_lost', 0],
    ['close', 'pop', 'network', 'connection_lost', 1],
    ['half-frame', 'pop', 'network', 'connection_lost', 1],
    ['reset', 'pop', 'network', 'connection_lost', 1],
    [{ error: "ERR unknown command 'lpop'" }, 'pop', 'unsupported', 'resp_disabled', 0],
  ] as const;
  for (const [how, stage, kind, diagnosis, losses] of cases) {
    const cpa = await start(t);
    for (const record of some(3)) cpa.publish(record);
    cpa.resp.misbehaveOnce(how, stage);
    await using run = new TransportRun('resp', cpa.url);
    const end = await run.ended;
    assert.ok(end.kind === kind && end.diagnosis === diagnosis, JSON.stringify([how, stage, end]));
    assert.equal(run.lost.length, losses, JSON.stringify([how, stage]));
    assert.ok(!JSON.stringify([end, run.lost]).includes(KEY));
    const pops = cpa.connections.flatMap((one) => one.commands).filter(([name]) => name === 'lpop');
    assert.ok(pops.length <= 1, 'a pop was repeated');
  }
});

test('a wrong key over RESP is one login, and the connection is not opened again', async (t) => {
  const cpa = await start(t, { managementKey: 'another key' });
  await using run = new TransportRun('resp', cpa.url);
  const end = await run.ended;
  assert.ok(end.kind === 'refused' && end.diagnosis === 'key_refused', JSON.stringify(end));
  await cpa.when(() => cpa.connections.every((one) => one.closed));
  assert.equal(cpa.connections.length, 1);
  assert.equal(cpa.access.failures(), 1);
});

test('records over the limit keep their beginning and their length', async (t) => {
  for (const name of ['http', 'resp'] as const) {
    const cpa = await start(t);
    const long = JSON.stringify({ body: 'x'.repeat(9 << 20) });
    for (const record of ['{"a":1}', long, '{"b":2}']) cpa.publish(record);
    await using run = new TransportRun(name, cpa.url);
    await run.has(3);
    assert.deepEqual(run.texts, ['{"a":1}', long.slice(0, 64 << 10), '{"b":2}']);
    assert.deepEqual(
      run.records.map((record) => record.truncatedFrom),
      [undefined, long.length, undefined],
    );
  }
});
