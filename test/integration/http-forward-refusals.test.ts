import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { refused, status } from '../support/cpa/http-faults.ts';
import type { CpaStandIn } from '../support/cpa/stand-in.ts';
import { tempDir } from '../support/daemon.ts';
import { ask, assertRefused, CPA_KEY, post, startCpa, startReady } from '../support/http.ts';

const CONFIG = '/v0/management/config';
const envOf = (cpa: CpaStandIn): Record<string, string> => ({
  CPA_UPSTREAM_URL: cpa.url,
  CPA_MANAGEMENT_KEY: CPA_KEY,
});

test('a key that is refused in a forwarded call is not tried by the collector either', async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t, { env: envOf(cpa) });
  await cpa.subscribed();
  assert.equal((await ask(daemon, CONFIG)).status, 200);
  cpa.setManagementKey('changed-over-there');
  const { body } = await assertRefused(daemon, CONFIG, {}, 502, 'gateway_key_refused');
  assert.match(body.error, /invalid management key/);
  assert.match(body.hint ?? '', /POST \/usage-service\/retry/);
  assert.equal(cpa.access.failures(), 1);

  const calls = cpa.http.exchanges.length;
  for (const init of [{}, post('{}'), { method: 'DELETE' }]) {
    await assertRefused(daemon, CONFIG, init, 502, 'gateway_key_refused');
  }
  cpa.cutSubscriptions('rst');
  await daemon.statusUntil(({ health }) => health.reasons.some(({ code }) => code === 'key_refused'));
  assert.equal(cpa.http.exchanges.length, calls, 'nobody has asked again');
  assert.equal(cpa.access.failures(), 1);

  // A person says "try again", after it was put right over there.
  cpa.setManagementKey(CPA_KEY);
  await assertRefused(daemon, CONFIG, {}, 502, 'gateway_key_refused');
  assert.equal((await ask(daemon, '/usage-service/retry', { method: 'POST' })).status, 200);
  assert.equal((await ask(daemon, CONFIG)).status, 200);
});

test('a key that the collector was refused with is not sent for others', async (t) => {
  const cpa = await startCpa(t, { managementKey: 'another-made-up-key' });
  const daemon = await startReady(t, { env: envOf(cpa) });
  await daemon.statusUntil(({ health }) => health.reasons.some(({ code }) => code === 'key_refused'));
  const failures = cpa.access.failures();
  const connections = cpa.connections.length;
  for (const path of [CONFIG, '/v0/resource/plugins/one']) {
    await assertRefused(daemon, path, {}, 502, 'gateway_key_refused');
  }
  assert.deepEqual([cpa.access.failures(), cpa.connections.length], [failures, connections]);
});

test('401 from here means only that the login here is missing', async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t, { env: envOf(cpa) });
  await cpa.subscribed();
  const json = { 'content-type': 'application/json' };
  const page = `<title>${'x'.repeat(10_000)}</title>`;
  cpa.http.route('GET', '/v0/management/plugin', status(401, '{"error":"the plugin wants a login"}', json));
  cpa.http.route('GET', '/v0/management/page', status(401, page));
  cpa.http.route('GET', '/v0/management/own', status(403, '{"error":"not for you"}', json));
  cpa.http.route('GET', '/v0/management/long', status(403, page));
  const { body } = await assertRefused(daemon, '/v0/management/plugin', {}, 502, 'gateway_login_wanted');
  assert.match(body.error, /401 the plugin wants a login$/);
  await assertRefused(daemon, '/v0/management/page', {}, 502, 'gateway_login_wanted');
  // A handler may refuse for reasons of its own, and says them itself.
  const own = await ask(daemon, '/v0/management/own');
  assert.deepEqual([own.status, own.text], [403, '{"error":"not for you"}']);
  const long = await ask(daemon, '/v0/management/long');
  assert.deepEqual([long.status, long.text], [403, page]);

  // What is about our login is told as that, with what to do, and is no strike.
  cpa.access.allowRemote = false;
  for (const [code, message] of [
    [403, 'remote management disabled'],
    [403, 'remote management key not set'],
  ] as const) {
    cpa.http.respondOnce(CONFIG, refused(code, message));
    const answer = await assertRefused(daemon, CONFIG, {}, 502, 'gateway_key_refused');
    assert.ok(answer.body.error.includes(message) && answer.body.hint, answer.text);
  }
  assert.equal((await ask(daemon, CONFIG)).status, 200, 'and it may be tried at once');

  // Words that we do not know, for a key that is wrong: one call of our own finds out.
  cpa.http.respondOnce('/v0/management/plugin', status(401, 'nope'));
  cpa.setManagementKey('changed-over-there');
  await assertRefused(daemon, '/v0/management/plugin', {}, 502, 'gateway_key_refused');
  assert.equal(cpa.access.failures(), 1);
  await assertRefused(daemon, CONFIG, {}, 502, 'gateway_key_refused');
  assert.equal(cpa.access.failures(), 1);
});

test('a gateway that is not there is told with its diagnosis, and a locked key as what it is', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  const setup = { cpaBaseUrl: cpa.url, cpaManagementKey: CPA_KEY };
  assert.equal((await ask(daemon, '/setup', post(setup))).status, 200);
  await cpa.subscribed();
  await cpa.stop();
  for (const path of [CONFIG, '/v1/models']) {
    const init = path === CONFIG ? {} : { headers: { authorization: 'Bearer made-up-client-key' } };
    const { body } = await assertRefused(daemon, path, init, 502, 'gateway_unreachable');
    assert.match(body.error, /ECONNREFUSED/);
    assert.match(body.hint ?? '', /http:\/\/127\.0\.0\.1.*\. (Start|Use) /);
  }
  assert.equal(await daemon.stop(), 0);

  await cpa.listenAgain();
  writeFileSync(join(dataDir, 'data.key'), 'this is no key');
  const locked = await startReady(t, { dataDir });
  const before = cpa.http.exchanges.length;
  const { body } = await assertRefused(locked, CONFIG, {}, 503, 'data_key_malformed');
  assert.match(body.hint ?? '', /new-data-key/);
  assert.equal(cpa.http.exchanges.length, before);
});
