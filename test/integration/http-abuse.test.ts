import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import test from 'node:test';
import { ADMIN_KEY } from '../support/daemon.ts';
import { CPA_KEY, startReady } from '../support/http.ts';
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
