import assert from 'node:assert/strict';
import test from 'node:test';

import { RespClient } from '../support/cpa/resp-client.ts';
import { CpaStandIn } from '../support/cpa/stand-in.ts';
import type { StandInOptions } from '../support/cpa/stand-in.ts';
import { FakeClock } from '../support/fake-clock.ts';

const KEY = 'management-key';

const start = (options: Partial<StandInOptions> = {}): Promise<CpaStandIn> =>
  CpaStandIn.start({ version: '7.2.140', managementKey: KEY, ...options });

const record = (id: number): string => JSON.stringify({ request_id: id });

async function subscriber(cpa: CpaStandIn): Promise<RespClient> {
  const before = cpa.subscriptions;
  const client = await RespClient.connect(cpa.port);
  client.send('AUTH', KEY);
  client.send('SUBSCRIBE', 'usage');
  await cpa.subscribed(before + 1);
  await client.until('{"support_refresh":true}\r\n');
  return client;
}

async function popAll(cpa: CpaStandIn): Promise<number[]> {
  using client = await RespClient.connect(cpa.port);
  client.send('AUTH', KEY);
  await client.line();
  client.send('LPOP', 'usage', '1000');
  const ids: number[] = [];
  const count = Number((await client.line()).slice(1));
  for (let left = count; left > 0; left -= 1) {
    await client.line();
    ids.push(idOf(await client.line()));
  }
  return ids;
}

const idOf = (line: string): number => Number(/"request_id":(\d+)/u.exec(line)?.[1]);
const idsIn = (text: string): number[] =>
  [...text.matchAll(/"request_id":(\d+)/gu)].map((match) => Number(match[1]));

test('what is older than the retention expires when somebody next touches the queue, not before', async () => {
  const clock = new FakeClock();
  await using cpa = await start({ clock, retentionSeconds: 60 });
  cpa.publish(record(1));
  await clock.advance(30_000);
  cpa.publish(record(2));
  await clock.advance(30_001);
  assert.equal(cpa.counts().queued, 2);
  cpa.publish(record(3));
  assert.equal(cpa.counts().expired, 1);
  await clock.advance(30_000);
  assert.deepEqual(await popAll(cpa), [3]);
  await cpa.settled();
  assert.deepEqual(
    cpa.fates().map(({ fate }) => fate),
    ['expired', 'expired', 'delivered'],
  );
});

test('the retention is clamped as the gateway does', async () => {
  await using cpa = await start({ retentionSeconds: 7200 });
  assert.equal(cpa.usage.retentionSeconds, 3600);
  cpa.usage.retentionSeconds = 0;
  assert.equal(cpa.usage.retentionSeconds, 60);
});

test('with a subscriber records are not queued, and the backlog from before can still be popped', async () => {
  await using cpa = await start();
  cpa.publish(record(1));
  using client = await subscriber(cpa);
  cpa.publish(record(2));
  assert.deepEqual(idsIn(await client.until('}\r\n')), [2]);
  assert.deepEqual(await popAll(cpa), [1]);
  await cpa.settled();
  assert.equal(cpa.counts().delivered, 2);
});

test('every subscriber gets every record; it is delivered once any of them has it', async () => {
  await using cpa = await start();
  using one = await subscriber(cpa);
  using two = await subscriber(cpa);
  const published = cpa.publish(record(7));
  assert.deepEqual(idsIn(await one.until('}\r\n')), [7]);
  assert.deepEqual(idsIn(await two.until('}\r\n')), [7]);
  await cpa.when(() => published.deliveries === 2);
  assert.equal(published.fate, 'delivered');
  assert.equal(cpa.counts().published, 1);
});

test('a full buffer loses the record that did not fit and ends the subscription after what was buffered', async () => {
  await using cpa = await start();
  using client = await subscriber(cpa);
  await cpa.settled();
  cpa.holdSubscriptions();
  const all = Array.from({ length: 300 }, (_, index) => record(index));
  for (const each of all) cpa.publish(each);
  assert.deepEqual(
    { ...cpa.counts(), published: 0 },
    {
      published: 0,
      queued: 300 - 257,
      buffered: 256,
      delivered: 0,
      dropped: 1,
      expired: 0,
      unpublished: 0,
    },
  );
  assert.deepEqual([cpa.fates()[256]?.fate, cpa.fates()[256]?.reason], ['dropped', 'overflow']);
  cpa.releaseSubscriptions();
  assert.deepEqual(
    idsIn(await client.rest()),
    Array.from({ length: 256 }, (_, index) => index),
  );
  assert.equal(cpa.counts().delivered, 256);
});

test('a client that does not read fills the kernel first, then the buffer, and gets all of it when it reads', async () => {
  await using cpa = await start();
  using client = await subscriber(cpa);
  client.socket.pause();
  const filler = 'x'.repeat(16 * 1024);
  let id = 0;
  while (cpa.counts().dropped === 0) {
    cpa.publish(JSON.stringify({ request_id: id, filler }));
    id += 1;
    if (id % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  // 256 in the channel, one being written; the rest is in the kernel.
  assert.ok(id > 258, `${id}`);
  assert.equal(cpa.counts().buffered, 257);
  client.socket.resume();
  assert.equal(idsIn(await client.rest()).length, id - 1);
  assert.equal(cpa.counts().delivered, id - 1);
});

test('UNSUBSCRIBE loses what is still buffered when it is chosen first, and nothing when it is chosen last', async () => {
  for (const select of ['command', 'message'] as const) {
    await using cpa = await start({ select });
    using client = await subscriber(cpa);
    await cpa.settled();
    cpa.holdSubscriptions();
    for (let id = 0; id < 10; id += 1) cpa.publish(record(id));
    client.send('UNSUBSCRIBE', 'usage');
    await cpa.when(() => cpa.connections[0]?.commands.length === 3);
    cpa.releaseSubscriptions();
    const rest = await client.rest();
    assert.ok(rest.endsWith('*3\r\n$11\r\nunsubscribe\r\n$5\r\nusage\r\n:0\r\n'));
    const { delivered, dropped } = cpa.counts();
    assert.deepEqual(
      { delivered, dropped },
      select === 'command' ? { delivered: 0, dropped: 10 } : { delivered: 10, dropped: 0 },
    );
    if (select === 'command') assert.equal(cpa.fates()[0]?.reason, 'unsubscribed');
  }
});

test('between a message and a command the gateway tosses a coin, here from a seed', async () => {
  const delivered = new Set<number>();
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    await using cpa = await start({ seed: seed * 0x1234567 });
    using client = await subscriber(cpa);
    await cpa.settled();
    cpa.holdSubscriptions();
    for (let id = 0; id < 10; id += 1) cpa.publish(record(id));
    client.send('UNSUBSCRIBE');
    await cpa.when(() => cpa.connections[0]?.commands.length === 3);
    cpa.releaseSubscriptions();
    await client.rest();
    assert.equal(cpa.counts().delivered + cpa.counts().dropped, 10);
    delivered.add(cpa.counts().delivered);
  }
  assert.ok(delivered.size > 1, [...delivered].join());
});

for (const how of ['fin', 'rst'] as const) {
  test(`a subscription cut with ${how} loses what was buffered, and later records are queued`, async () => {
    await using cpa = await start();
    using client = await subscriber(cpa);
    const first = cpa.publish(record(0));
    await client.until('}\r\n');
    cpa.holdSubscriptions();
    cpa.publish(record(1));
    cpa.publish(record(2));
    const ended = new Promise<string>((resolve) => {
      client.socket.once('end', () => resolve('fin'));
      client.socket.once('error', () => resolve('rst'));
    });
    assert.equal(cpa.cutSubscriptions(how), 1);
    cpa.publish(record(3));
    assert.equal(await ended, how);
    assert.equal(first.fate, 'delivered');
    assert.deepEqual(
      cpa.fates().map(({ fate, reason }) => [fate, reason]),
      [
        ['delivered', null],
        ['dropped', 'connection'],
        ['dropped', 'connection'],
        ['queued', null],
      ],
    );
  });
}

test('a subscriber that goes away is noticed, and records are queued again', async () => {
  await using cpa = await start();
  using client = await subscriber(cpa);
  client.close();
  await cpa.when(() => cpa.subscriptions === 0);
  assert.equal(cpa.publish(record(1)).fate, 'queued');
});

test('a restart forgets queue, bans and counters and comes back on the same port', async () => {
  await using cpa = await start();
  cpa.publish(record(1));
  for (let attempt = 0; attempt < 5; attempt += 1) cpa.access.decide('127.0.0.1', 'wrong');
  using client = await RespClient.connect(cpa.port);
  const { port } = cpa;
  await cpa.restart({ version: '7.1.39' });
  await client.closed;
  assert.equal(cpa.port, port);
  assert.deepEqual([cpa.fates()[0]?.fate, cpa.fates()[0]?.reason], ['dropped', 'cleared']);
  assert.deepEqual(await popAll(cpa), []);
});

test('while it cannot be reached the queue stays', async () => {
  await using cpa = await start();
  cpa.publish(record(1));
  await cpa.stopListening();
  await assert.rejects(RespClient.connect(cpa.port), { code: 'ECONNREFUSED' });
  cpa.publish(record(2));
  await cpa.listenAgain();
  assert.deepEqual(await popAll(cpa), [1, 2]);
});

test('with publishing or management off no record is made', async () => {
  await using cpa = await start({ usageStatisticsEnabled: false });
  assert.equal(cpa.publish(record(1)).fate, 'unpublished');
  cpa.usageStatisticsEnabled = true;
  assert.equal(cpa.publish(record(2)).fate, 'queued');
  cpa.disableManagement();
  assert.equal(cpa.fates()[1]?.reason, 'cleared');
  assert.equal(cpa.publish(record(3)).fate, 'unpublished');
});
