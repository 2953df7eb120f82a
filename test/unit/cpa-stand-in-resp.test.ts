import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { connect as tlsConnect } from 'node:tls';

import { RespClient } from '../support/cpa/resp-client.ts';
import { CpaStandIn } from '../support/cpa/stand-in.ts';
import type { StandInOptions } from '../support/cpa/stand-in.ts';
import { FakeClock } from '../support/fake-clock.ts';

const KEY = 'management-key';
const NOAUTH = '-NOAUTH Authentication required.';

const start = (options: Partial<StandInOptions> = {}): Promise<CpaStandIn> =>
  CpaStandIn.start({ version: '7.2.140', managementKey: KEY, ...options });

async function loggedIn(cpa: CpaStandIn): Promise<RespClient> {
  const client = await RespClient.connect(cpa.port);
  client.send('AUTH', KEY);
  assert.equal(await client.line(), '+OK');
  return client;
}

async function subscriber(cpa: CpaStandIn, channel = 'usage'): Promise<RespClient> {
  const client = await loggedIn(cpa);
  client.send('SUBSCRIBE', channel);
  assert.match(await client.until(':1\r\n'), /subscribe/u);
  return client;
}

test('five commands without a login ban the address for half an hour, also over HTTP and with the right key', async () => {
  const clock = new FakeClock();
  await using cpa = await start({ clock });
  using client = await RespClient.connect(cpa.port);
  for (const name of ['HELLO', 'CLIENT', 'INFO', 'SELECT', 'PING']) {
    client.send(name);
    assert.equal(await client.line(), NOAUTH);
  }
  await clock.advance(1000);
  const banned = 'IP banned due to too many failed attempts. Try again in 29m59s';
  client.send('AUTH', KEY);
  assert.equal(await client.line(), `-ERR ${banned}`);
  client.send('LPOP', 'usage');
  assert.equal(await client.line(), `-ERR ${banned}`);
  const http = await fetch(`${cpa.url}/v0/management/config`, {
    headers: { authorization: `Bearer ${KEY}` },
  });
  assert.equal(http.status, 403);
  assert.deepEqual(await http.json(), { error: banned });

  await clock.advance(30 * 60_000 - 1000);
  client.send('AUTH', KEY);
  assert.equal(await client.line(), '+OK');
});

test('failures over HTTP and RESP add up, and a success forgets them', async () => {
  await using cpa = await start();
  const wrong = (): Promise<Response> =>
    fetch(`${cpa.url}/v0/management/config`, { headers: { 'x-management-key': 'wrong' } });
  await wrong();
  await wrong();
  using client = await RespClient.connect(cpa.port);
  client.send('AUTH', 'wrong');
  assert.equal(await client.line(), '-ERR invalid management key');
  client.send('AUTH');
  assert.equal(await client.line(), "-ERR wrong number of arguments for 'auth' command");
  assert.equal(cpa.access.failures(), 4);
  client.send('AUTH', 'any name', KEY);
  assert.equal(await client.line(), '+OK');
  assert.equal(cpa.access.failures(), 0);
});

test('commands that are no arrays of strings end the connection', async () => {
  await using cpa = await start();
  for (const bytes of ['*1\r\n!4\r\nAUTH\r\n', '*x\r\n', '*1\r\n$4\r\nAUTHxx', '+AUTH\r\n']) {
    using client = await RespClient.connect(cpa.port);
    client.raw(bytes);
    assert.equal(await client.rest(), '-ERR protocol error\r\n', bytes);
  }
  using client = await RespClient.connect(cpa.port);
  client.raw('*0\r\n*2\r\n+auth\r\n$14\r\nmanagement-key\r\n');
  assert.equal(await client.line(), '-ERR empty command');
  assert.equal(await client.line(), '+OK');
});

test('a command may arrive in pieces, and several in one', async () => {
  await using cpa = await start();
  using client = await RespClient.connect(cpa.port);
  const command = `*2\r\n$4\r\nAUTH\r\n$${KEY.length}\r\n${KEY}\r\n`;
  for (const [index, byte] of command.split('').entries()) {
    client.raw(byte);
    await cpa.when(() => cpa.connections[0]?.received.length === index + 1);
  }
  assert.equal(await client.line(), '+OK');
  client.raw('*2\r\n$4\r\nLPOP\r\n$5\r\nusage\r\n*3\r\n$4\r\nRPOP\r\n$5\r\nUSAGE\r\n:2\r\n');
  assert.equal(await client.line(), '$-1');
  assert.equal(await client.line(), '*0');
  assert.deepEqual(cpa.connections[0]?.commands, [
    ['AUTH', KEY],
    ['LPOP', 'usage'],
    ['RPOP', 'USAGE', '2'],
  ]);
});

test('pop says what is wrong with its arguments', async () => {
  await using cpa = await start();
  using client = await loggedIn(cpa);
  for (const count of ['0', '-1', 'many', '1.5']) {
    client.send('LPOP', 'usage', count);
    assert.equal(await client.line(), '-ERR value is not an integer or out of range');
  }
  client.send('RPOP', 'usage', '1', '2');
  assert.equal(await client.line(), "-ERR wrong number of arguments for 'rpop' command");
  client.send('LPOP', ' other ', '1');
  assert.equal(await client.line(), "-ERR unsupported channel 'other'");
  cpa.setVersion('7.1.39');
  client.send('LPOP', 'other', '1');
  assert.equal(await client.line(), '*0');
});

test('the channel is repeated as asked by v7.2.140 and is always usage for v7.1.39', async () => {
  await using newer = await start();
  using echoed = await loggedIn(newer);
  echoed.send('SUBSCRIBE', ' Usage ');
  assert.equal(await echoed.until(':1\r\n'), '*3\r\n$9\r\nsubscribe\r\n$5\r\nUsage\r\n:1\r\n');
  await using older = await start({ version: '7.1.39' });
  using constant = await loggedIn(older);
  constant.send('SUBSCRIBE', 'USAGE');
  assert.equal(await constant.until(':1\r\n'), '*3\r\n$9\r\nsubscribe\r\n$5\r\nusage\r\n:1\r\n');
  using refused = await loggedIn(older);
  refused.send('SUBSCRIBE', 'errors');
  assert.equal(await refused.line(), "-ERR unsupported channel 'errors'");
  refused.send('SUBSCRIBE', 'usage', 'errors');
  assert.equal(await refused.line(), "-ERR wrong number of arguments for 'subscribe' command");
});

test('within a subscription only PING, UNSUBSCRIBE and QUIT are known, and control messages come between', async () => {
  await using cpa = await start();
  using client = await subscriber(cpa);
  await client.until('{"support_refresh":true}\r\n');
  cpa.sendRefresh();
  assert.equal(
    await client.until('}\r\n'),
    '*3\r\n$7\r\nmessage\r\n$5\r\nusage\r\n$16\r\n{"refresh":true}\r\n',
  );
  client.send('PING', 'are you there');
  assert.equal(await client.until('there\r\n'), '*2\r\n$4\r\npong\r\n$13\r\nare you there\r\n');
  client.send('LPOP', 'usage');
  assert.equal(await client.line(), "-ERR unknown command 'lpop'");
  client.send('QUIT');
  assert.equal(await client.rest(), '+OK\r\n');
  await cpa.when(() => cpa.subscriptions === 0);
  cpa.publish('{"queued":1}');
  assert.equal(cpa.counts().queued, 1);
});

test('channel errors has no first message and carries what is published there', async () => {
  await using cpa = await start();
  using client = await subscriber(cpa, 'errors');
  await cpa.subscribed();
  cpa.publishError({ status_code: 429 });
  assert.equal(
    await client.until('}\r\n'),
    '*3\r\n$7\r\nmessage\r\n$6\r\nerrors\r\n$19\r\n{"status_code":429}\r\n',
  );
  cpa.publish('{"for":"usage"}');
  assert.equal(cpa.counts().queued, 1);
});

test('a silent connection keeps later ones waiting in v6.10.8 only', async () => {
  await using cpa = await start({ version: '6.10.8' });
  using silent = await RespClient.connect(cpa.port);
  await cpa.when(() => cpa.connections.length === 1);
  using later = await RespClient.connect(cpa.port);
  later.send('PING');
  await cpa.when(() => cpa.connections.length === 2);
  // A third connection that is accepted proves that the second had its chance and was not looked at.
  using third = await RespClient.connect(cpa.port);
  await cpa.when(() => cpa.connections.length === 3);
  assert.equal(cpa.connections[1]?.protocol, 'undecided');
  silent.close();
  assert.equal(await later.line(), NOAUTH);
  third.close();

  cpa.setVersion('7.1.39');
  using quiet = await RespClient.connect(cpa.port);
  using prompt = await RespClient.connect(cpa.port);
  prompt.send('PING');
  assert.equal(await prompt.line(), NOAUTH);
  quiet.close();
});

test('a connection that stays silent is closed at the deadline', async () => {
  await using cpa = await start({ sniffDeadlineMs: 20 });
  using client = await RespClient.connect(cpa.port);
  assert.equal(await client.rest(), '');
});

test('management switched off: the next RESP connection is closed without a word', async () => {
  await using cpa = await start();
  using client = await subscriber(cpa);
  await client.until('{"support_refresh":true}\r\n');
  cpa.disableManagement();
  assert.equal(await client.rest(), '');
  using later = await RespClient.connect(cpa.port);
  later.send('AUTH', KEY);
  assert.equal(await later.rest(), '');
});

test('a release that refuses RESP says so and closes', async () => {
  await using cpa = await start({ respRefusal: 'ERR RESP AUTH disabled; use mTLS' });
  using client = await RespClient.connect(cpa.port);
  client.send('AUTH', KEY);
  assert.equal(await client.rest(), '-ERR RESP AUTH disabled; use mTLS\r\n');
});

test('TLS carries both; who offers ALPN is taken for HTTP whatever he sends', async () => {
  const pem = (name: string): string =>
    readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8');
  await using cpa = await start({ tls: { key: pem('key'), cert: pem('cert') } });
  using client = await RespClient.connect(cpa.port, { tls: true });
  client.send('AUTH', KEY);
  assert.equal(await client.line(), '+OK');

  const alpn = tlsConnect({
    port: cpa.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  });
  let answer = '';
  alpn.on('data', (chunk: Buffer) => (answer += chunk.toString('utf8')));
  alpn.write('*1\r\n$4\r\nPING\r\n');
  await new Promise((resolve) => alpn.once('close', resolve));
  assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/u);

  client.send('SUBSCRIBE', 'usage');
  await cpa.subscribed();
  assert.equal(cpa.cutSubscriptions('rst'), 1);
  await client.closed;
});

test('every way to misbehave happens once, at its stage', async () => {
  await using cpa = await start();
  const once = async (how: Parameters<typeof cpa.resp.misbehaveOnce>[0]): Promise<string> => {
    cpa.publish('{"request_id":"1"}');
    cpa.resp.misbehaveOnce(how, 'pop');
    using client = await loggedIn(cpa);
    client.send('LPOP', 'usage', '10');
    return how === 'garbage' ? await client.until('\r\n') : await client.rest();
  };
  assert.notEqual((await once('garbage'))[0], '*');
  assert.equal(await once('half-frame'), '*1\r\n$18\r\n{"req');
  assert.match(await once('http-400'), /^HTTP\/1\.1 400/u);
  assert.equal(await once('close'), '');
  assert.equal(await once('reset'), '');
  await cpa.settled();
  assert.deepEqual(
    cpa.fates().map(({ fate, reason }) => [fate, reason]),
    Array.from({ length: 5 }, () => ['dropped', 'fault']),
  );
  cpa.resp.misbehaveOnce({ error: 'ERR custom' }, 'auth');
  using client = await RespClient.connect(cpa.port);
  client.send('AUTH', KEY);
  assert.equal(await client.line(), '-ERR custom');
  client.send('AUTH', KEY);
  assert.equal(await client.line(), '+OK');
});
