import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { fastify, type FastifyInstance } from 'fastify';
import '../../../src/daemon/caller.ts';
import { limitSlowBodies, PATIENCE_MS } from '../../../src/daemon/plugins/slow-bodies.ts';
import { FakeClock } from '../../support/fake-clock.ts';

interface Listening {
  readonly app: FastifyInstance;
  readonly clock: FakeClock;
  /** Sends a request of which this much of the body is there. */
  readonly send: (path: string, body: string, headers?: string) => Promise<Socket>;
}

async function listening(t: TestContext): Promise<Listening> {
  const clock = new FakeClock();
  const app = fastify({ forceCloseConnections: true });
  app.decorateRequest('caller', null);
  limitSlowBodies(app, clock);
  const logIn = async (request: { caller: unknown }): Promise<void> => {
    request.caller = { kind: 'bearer', ended: new AbortController().signal };
  };
  const refuse = async (): Promise<never> => Promise.reject(new Error('no'));
  app.post('/open', () => 'ok');
  app.post('/refused', { onRequest: refuse }, () => 'ok');
  app.post('/mine', { onRequest: logIn }, () => 'ok');
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => app.close());
  const port = Number(new URL(url).port);
  const send = async (path: string, body: string, headers = 'Content-Length: 9\r\n'): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    const arrived = once(app.server, 'request');
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n${headers}\r\n${body}`);
    await arrived;
    return socket.resume();
  };
  return { app, clock, send };
}

test('a stranger whose body does not come to an end is let go, read or not', async (t) => {
  const { clock, send } = await listening(t);
  for (const path of ['/open', '/refused']) {
    for (const headers of [undefined, 'Transfer-Encoding: chunked\r\n']) {
      const socket = await send(path, headers === undefined ? 'half' : '4\r\nhalf\r\n', headers);
      const closed = once(socket, 'close');
      await clock.someoneSleeps();
      await clock.advance(PATIENCE_MS);
      await closed;
    }
  }
});

test('who is logged in may take any time, and a body that is there is no matter of time', async (t) => {
  const { app, clock, send } = await listening(t);
  const slow = await send('/mine', 'half');
  const answered = Promise.race([once(slow, 'data'), once(slow, 'close')]);
  const quick = await send('/open', 'all there');
  await once(quick, 'data');
  await clock.advance(10 * PATIENCE_MS);
  const served = once(app.server, 'request');
  quick.write('POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
  await served;
  slow.write(' done');
  const [answer]: unknown[] = await answered;
  assert.match(String(answer), /^HTTP\/1.1 200/);
});
