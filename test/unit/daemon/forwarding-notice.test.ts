import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import test from 'node:test';
import { fastify } from 'fastify';
import { warnOfForwarding } from '../../../src/daemon/plugins/forwarding-notice.ts';

/** Requests in turn, as the address of the peer and whether it says for whom it speaks; answers the warnings. */
async function warnings(
  trustProxy: string[] | false,
  requests: ReadonlyArray<readonly [peer: string, forwarded: boolean]>,
): Promise<number[]> {
  let said = 0;
  const stream = new Writable({
    write: (_line, _encoding, done) => {
      said += 1;
      done();
    },
  });
  const app = fastify({ trustProxy, logger: { level: 'warn', stream } });
  warnOfForwarding(app);
  app.get('/', () => 'ok');
  const after: number[] = [];
  for (const [remoteAddress, forwarded] of requests) {
    const headers = forwarded ? { 'x-forwarded-for': '198.51.100.9' } : {};
    await app.inject({ url: '/', remoteAddress, headers });
    after.push(said);
  }
  await app.close();
  return after;
}

test('forwarding by an address that is not trusted is told once, whoever else is trusted', async () => {
  const trusted = ['10.0.0.0/8'];
  assert.deepEqual(
    await warnings(trusted, [
      ['10.1.2.3', true],
      ['192.0.2.1', false],
      ['192.0.2.1', true],
      ['192.0.2.1', true],
    ]),
    [0, 0, 1, 1],
  );
  assert.deepEqual(
    await warnings(false, [
      ['10.1.2.3', true],
      ['192.0.2.1', true],
    ]),
    [1, 1],
  );
});
