import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import test, { type TestContext } from 'node:test';
import { respPopper, tookRecords } from '../../src/daemon/collector/transports/popper.ts';
import { GatewayError } from '../../src/lib/contract/gateway.ts';
import { connectRedis } from '../../src/lib/gateway/redis.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KEY, memoryBreaker, TransportRun } from '../support/transport-run.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const answerOf = (payloads: readonly string[]): string =>
  `*${payloads.length}\r\n${payloads.map((text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`).join('')}`;

/** A gateway that lets everybody in and leaves the answers to pops to the test. */
class SlowGateway {
  readonly url: string;
  /** Resolves with the connection once a pop was asked for on it. */
  readonly popped: Promise<net.Socket>;
  pops = 0;

  static async start(t: TestContext): Promise<SlowGateway> {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const sockets = new Set<net.Socket>();
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    server.on('connection', (socket) => sockets.add(socket));
    return new SlowGateway(server, `http://127.0.0.1:${address.port}`);
  }

  private constructor(server: net.Server, url: string) {
    this.url = url;
    const popped = Promise.withResolvers<net.Socket>();
    this.popped = popped.promise;
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        const text = chunk.toString('utf8').toLowerCase();
        if (text.includes('auth')) socket.write('+OK\r\n');
        if (!text.includes('lpop')) return;
        this.pops += 1;
        if (this.pops === 1) popped.resolve(socket);
        else socket.write('*0\r\n');
      });
    });
  }
}

const optionsFor = (url: string): Parameters<typeof connectRedis>[0] => ({
  connection: { baseUrl: url, managementKey: KEY, tlsSkipVerify: false },
  breaker: memoryBreaker(),
  url,
  inContainer: false,
});

test('an answer that takes long is waited for as long as it goes on', async (t) => {
  const gateway = await SlowGateway.start(t);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const redis = await connectRedis(optionsFor(gateway.url));
  t.after(() => redis.disconnect());
  const popped = redis.lpopBuffer('usage', 4);
  const socket = await gateway.popped;
  const answer = answerOf(['{"a":1}', '{"b":2}', '{"c":3}', '{"d":4}']);
  const piece = Math.ceil(answer.length / 4);
  for (let at = 0; at < 4; at += 1) {
    t.mock.timers.tick(25_000);
    const arrived = once(redis.stream, 'data');
    socket.write(answer.slice(at * piece, (at + 1) * piece));
    await arrived;
  }
  assert.equal((await popped)?.length, 4);
});

test('an answer that does not come, or breaks off, is given up after 30 s of silence, and is a loss', async (t) => {
  for (const beginning of ['', '*2\r\n$7\r\n{"a":1']) {
    const gateway = await SlowGateway.start(t);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const popper = await respPopper(optionsFor(gateway.url));
    const popped = popper.pop(2);
    const failed = assert.rejects(popped, (error: unknown) => {
      assert.ok(error instanceof GatewayError && error.diagnosis === 'timed_out', String(error));
      return tookRecords(error);
    });
    const socket = await gateway.popped;
    socket.write(beginning);
    // Until the beginning was read; silence counts from there.
    for (let round = 0; round < 20; round += 1) await turn();
    t.mock.timers.tick(30_000);
    await failed;
    popper.close();
    t.mock.timers.reset();
  }
});

test('a pop on a connection that was closed meanwhile is not sent, and nothing is lost with it', async (t) => {
  const gateway = await SlowGateway.start(t);
  const popper = await respPopper(optionsFor(gateway.url));
  t.after(() => popper.close());
  const first = popper.pop(2);
  const socket = await gateway.popped;
  socket.end(answerOf(['{"a":1}']));
  assert.equal((await first).payloads.length, 1);
  await once(socket, 'close');
  for (let round = 0; round < 20; round += 1) await turn();
  await assert.rejects(popper.pop(2), (error: unknown) => {
    assert.ok(error instanceof GatewayError && error.diagnosis === 'connection_lost', String(error));
    return !tookRecords(error);
  });
  assert.equal(gateway.pops, 1);
});

test('an answer over RESP that is on its way when we stop is taken if it comes within the grace time', async (t) => {
  for (const inTime of [true, false]) {
    const clock = new FakeClock();
    const gateway = await SlowGateway.start(t);
    await using run = new TransportRun('resp', gateway.url, { clock });
    const socket = await gateway.popped;
    const answer = answerOf(['{"a":1}', '{"b":2}']);
    socket.write(answer.slice(0, 20));
    const ended = run.stop();
    await clock.advance(4_999);
    assert.equal(run.end, null);
    if (inTime) socket.write(answer.slice(20));
    else await clock.advance(1);
    assert.deepEqual(await ended, { kind: 'stopped' });
    assert.deepEqual(run.texts, inTime ? ['{"a":1}', '{"b":2}'] : []);
    assert.equal(run.lost.length, inTime ? 0 : 1);
  }
});

test('a stop does not wait for a connection on which nothing was asked yet', async (t) => {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets: net.Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  // The first connection is subscribed, that of the draining never answered.
  const second = Promise.withResolvers<void>();
  server.on('connection', (socket) => {
    sockets.push(socket);
    if (sockets.length === 2) second.resolve();
    if (sockets.length > 1) return;
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('utf8');
      if (text.includes('UNSUBSCRIBE')) socket.end('*3\r\n$11\r\nunsubscribe\r\n$5\r\nusage\r\n:0\r\n');
      else if (text.includes('SUBSCRIBE')) socket.write('*3\r\n$9\r\nsubscribe\r\n$5\r\nusage\r\n:1\r\n');
      else if (text.includes('AUTH')) socket.write('+OK\r\n');
      for (const _ of text.matchAll(/\nPING\r/gu)) socket.write('*2\r\n$4\r\npong\r\n$-1\r\n');
    });
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  // The clock stands still, so no time limit can end it.
  const run = new TransportRun('subscribe', `http://127.0.0.1:${address.port}`, { clock: new FakeClock() });
  await second.promise;
  assert.deepEqual(await run.stop(), { kind: 'stopped' });
  assert.deepEqual(run.lost, []);
});
