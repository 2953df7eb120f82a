import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import test from 'node:test';
import { ADMIN_KEY } from '../support/daemon.ts';
import { ask, assertRefused, CPA_KEY, startReady } from '../support/http.ts';
import { RecordingGateway } from '../support/recording-gateway.ts';

const TRIAL = '/usage-service/test-connection';

test('trials that are given up again and again do not add up to a ban', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t);
  const refusal = Buffer.from('{"error":"invalid management key"}');
  // As the gateway does: it judges at once, and says so some 60 ms later, whether or not anybody listens.
  gateway.refuse = (response) => {
    setTimeout(() => response.writeHead(401, { 'content-type': 'application/json' }).end(refusal), 60);
  };
  for (let round = 0; round < 6; round += 1) {
    const sent = httpRequest(`${daemon.url}${TRIAL}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      agent: false,
    });
    sent.on('error', () => {});
    sent.end(JSON.stringify({ cpaBaseUrl: gateway.url, managementKey: CPA_KEY }));
    const before = gateway.own.length;
    const arrived = gateway.changes.when(() => gateway.own.length > before).then(() => 'sent');
    const answered = once(sent, 'response').then(() => 'answered');
    await Promise.race([arrived, answered]);
    sent.destroy();
  }
  assert.ok(gateway.own.length < 3, `the key was sent ${gateway.own.length} times`);
});

test('a question for the models takes no body along, and waits for none', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t, { env: gateway.env });
  const { hostname, port } = new URL(daemon.url);
  const headers = { 'content-length': '1000', 'content-type': 'text/plain' };
  const sent = httpRequest({ hostname, port, path: '/v1/models', headers, agent: false });
  sent.on('error', () => {});
  t.after(() => sent.destroy());
  sent.write('a');
  const [answer]: IncomingMessage[] = await once(sent, 'response');
  assert.equal(answer?.statusCode, 200);
  const { headers: arrived } = await gateway.arrival(0);
  assert.deepEqual(
    [arrived['content-length'], arrived['transfer-encoding'], arrived['content-type']],
    [undefined, undefined, undefined],
  );
});

test('a status that means nothing is not passed on, and its connection is let go', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t, { env: gateway.env });
  const closed = Promise.withResolvers<void>();
  gateway.handler = (_request, response) => {
    response.once('close', closed.resolve);
    response.writeHead(600).write('and on');
  };
  const { body } = await assertRefused(daemon, '/v0/management/odd', {}, 502, 'gateway_unreachable');
  assert.match(body.error, /status 600/);
  await closed.promise;
});

test('what stands in a query is in no log', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t, { env: gateway.env, args: ['--verbose'] });
  const path = '/v0/management/api-keys';
  await ask(daemon, `${path}?value=sk-made-up-client-key`, { method: 'DELETE' });
  await ask(daemon, '/nothing/here?code=sk-made-up-client-key');
  await daemon.until(() => daemon.stderr.filter((line) => line.includes('/nothing/here')).length > 0);
  const lines = daemon.stderr.join('\n');
  assert.ok(lines.includes(path));
  assert.ok(!lines.includes('made-up-client-key'));
});

test('names of files arrive letter for letter', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t, { env: gateway.env });
  const name = 'attachment; filename="\u65e5\u8a8c.log"';
  gateway.handler = (_request, response) => {
    response.setHeader('content-disposition', Buffer.from(name).toString('latin1'));
    response.end('log');
  };
  const { headers } = await ask(daemon, '/v0/management/logs');
  assert.equal(Buffer.from(headers.get('content-disposition') ?? '', 'latin1').toString(), name);
});
