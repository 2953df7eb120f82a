import assert from 'node:assert/strict';
import test from 'node:test';
import { CpaStandIn } from '../support/cpa/stand-in.ts';
import { DaemonProcess } from '../support/daemon.ts';

test('a key that was refused is tried again only when a person asks, after it was put right over there', async (t) => {
  const cpa = await CpaStandIn.start({ version: '7.2.140', managementKey: 'the-old-key' });
  t.after(() => cpa.close());
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: 'the-new-key' };
  const daemon = await DaemonProcess.start(t, { env });
  const refused = await daemon.statusUntil(({ health }) =>
    health.reasons.some(({ code }) => code === 'key_refused'),
  );
  assert.match(refused.health.reasons[0]?.fix ?? '', /POST \/usage-service\/retry/);
  assert.equal(cpa.access.failures('127.0.0.1'), 1);

  cpa.setManagementKey('the-new-key');
  const anonymous = await fetch(`${daemon.url}/usage-service/retry`, { method: 'POST' });
  assert.equal(anonymous.status, 401);
  assert.equal((await daemon.request('/usage-service/retry')).status, 405);
  assert.equal((await daemon.status()).collector.collector, 'error', 'nobody has asked yet');

  const answer = await daemon.request('/usage-service/retry', { method: 'POST' });
  assert.deepEqual([answer.status, await answer.json()], [200, { ok: true }]);
  const running = await daemon.statusUntil(({ collector }) => collector.collector === 'running');
  assert.deepEqual(
    running.health.reasons.filter(({ code }) => code === 'key_refused'),
    [],
  );
});
