import assert from 'node:assert/strict';
import test from 'node:test';
import { tempDir, type DaemonProcess } from '../support/daemon.ts';
import {
  anonymous,
  ask,
  assertInNoFile,
  assertRefused,
  CPA_KEY,
  post,
  put,
  startCpa,
  startReady,
  type ConfigAnswer,
} from '../support/http.ts';

const CONFIG = '/usage-service/config';
const WRONG = 'a-wrong-management-key';

const configured = async (daemon: DaemonProcess): Promise<boolean> =>
  (await ask<{ configured: boolean }>(daemon, '/usage-service/info', anonymous())).body.configured;

test('a wrong key is sent once, remembered over a restart, and nothing is saved', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  let daemon = await startReady(t, { dataDir });
  const wrong = post({ cpaBaseUrl: cpa.url, cpaManagementKey: WRONG });
  await assertRefused(daemon, '/setup', anonymous(wrong), 401, 'invalid_admin_key');
  assert.equal(cpa.http.exchanges.length, 0);
  for (const path of ['/setup', '/setup', '/usage-service/setup']) {
    const refused = await assertRefused(daemon, path, wrong, 502, 'management_api_validation_failed');
    assert.ok(!refused.text.includes(WRONG));
    assert.equal(cpa.http.exchanges.length, 1, 'the gateway is asked once');
  }
  assert.equal(await configured(daemon), false);
  assert.equal(await daemon.stop(), 0);
  assertInNoFile(dataDir, WRONG);

  daemon = await startReady(t, { dataDir });
  await assertRefused(daemon, '/setup', wrong, 502, 'management_api_validation_failed');
  assert.equal(cpa.http.exchanges.length, 1, 'and not again after a restart');
  assert.equal(cpa.access.failures(), 1);
  // Another key is another question.
  const right = await ask(daemon, '/setup', post({ cpaBaseUrl: cpa.url, cpaManagementKey: CPA_KEY }));
  assert.deepEqual([right.status, right.body], [200, { ok: true, upstream: cpa.url }]);
  assert.equal(await configured(daemon), true);
  await cpa.subscribed();
  assert.equal(cpa.access.failures(), 0);
});

test('setup says what it misses, and when nobody answers', async (t) => {
  const cpa = await startCpa(t);
  const { url } = cpa;
  await cpa.stop();
  const daemon = await startReady(t);
  for (const [body, code] of [
    ['', 'request_failed'],
    ['{', 'request_failed'],
    ['7', 'invalid_request'],
    [{}, 'cpa_connection_required'],
    [{ cpaBaseUrl: url }, 'cpa_connection_required'],
    [{ cpaBaseUrl: url, cpaManagementKey: '  ', managementKey: '********' }, 'cpa_connection_required'],
    [{ cpaManagementKey: CPA_KEY }, 'cpa_connection_required'],
    [{ cpaBaseUrl: 'not a url', cpaManagementKey: CPA_KEY }, 'invalid_request'],
  ] as const) {
    await assertRefused(daemon, '/setup', post(body), 400, code);
  }
  const gone = post({ cpaBaseUrl: url, cpaManagementKey: CPA_KEY });
  const refused = await assertRefused(daemon, '/setup', gone, 502, 'request_failed');
  assert.notEqual(refused.body.hint ?? '', '', 'with what may be done');
  assert.equal(await configured(daemon), false);
  // It was never told that the key is wrong, so it may be tried again at once.
  await cpa.listenAgain();
  assert.equal((await ask(daemon, '/setup', gone)).status, 200);
});

test('an existing setup moves one step at a time: the address or the key', async (t) => {
  const first = await startCpa(t);
  const second = await startCpa(t);
  const daemon = await startReady(t);
  const setup = (cpaBaseUrl: string, managementKey: string): RequestInit =>
    post({ cpaBaseUrl, managementKey });
  assert.equal((await ask(daemon, '/setup', setup(first.url, CPA_KEY))).status, 200);
  await first.subscribed();

  const both = setup(second.url, 'another-key-of-the-second');
  await assertRefused(daemon, '/setup', both, 401, 'invalid_existing_management_key');
  assert.equal(second.http.exchanges.length, 0);
  assert.equal(first.subscriptions, 1);

  assert.equal((await ask(daemon, '/setup', setup(second.url, CPA_KEY))).status, 200, 'the same key');
  await second.subscribed();
  await first.when(() => first.subscriptions === 0);
  second.setManagementKey('changed-key-of-the-second');
  const changed = setup(second.url, 'changed-key-of-the-second');
  assert.equal((await ask(daemon, '/setup', changed)).status, 200, 'the same address');
  const status = await daemon.statusUntil(({ collector }) => collector.collector === 'running');
  assert.equal(status.health.state, 'ok', JSON.stringify(status.health));
});

test('what the environment decides cannot be changed from here, and is not saved', async (t) => {
  const cpa = await startCpa(t);
  const other = await startCpa(t);
  const dataDir = tempDir(t);
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY, USAGE_BATCH_SIZE: '80' };
  const daemon = await startReady(t, { dataDir, env });
  await cpa.subscribed();
  const read = await ask<ConfigAnswer>(daemon, CONFIG);
  assert.equal(read.body.source, 'env');
  assert.equal(read.body.config.collector['batchSize'], 80);
  assert.equal(read.body.config.cpaConnection['managementKey'], '********');

  const change = (cpaConnection: object, collector: object = {}): RequestInit =>
    put({ config: { cpaConnection, collector } });
  for (const init of [
    change({ cpaBaseUrl: other.url, managementKey: CPA_KEY }),
    change({ cpaBaseUrl: other.url }),
    change({ managementKey: 'another-key' }),
    change({}, { enabled: false }),
    change({}, { collectorMode: 'http' }),
    change({}, { queue: 'other' }),
    change({}, { popSide: 'left' }),
    change({}, { batchSize: 81 }),
    change({}, { pollIntervalMs: 501 }),
    change({}, { tlsSkipVerify: true }),
  ]) {
    await assertRefused(daemon, CONFIG, init, 409, 'connection_env_managed');
  }
  const setup = (fields: object): RequestInit =>
    post({ cpaBaseUrl: cpa.url, cpaManagementKey: CPA_KEY, ...fields });
  for (const init of [
    setup({ cpaBaseUrl: other.url }),
    setup({ cpaManagementKey: 'another-key' }),
    setup({ queue: 'other' }),
    setup({ popSide: 'left' }),
  ]) {
    await assertRefused(daemon, '/setup', init, 409, 'setup_env_managed');
  }
  // All of what was read may be sent back, with what is not the environment's.
  const { cpaConnection, collector } = read.body.config;
  const sent = { cpaConnection, collector: { ...collector, queryLimit: 9 }, codexInspection: { workers: 2 } };
  const saved = await ask<ConfigAnswer>(daemon, CONFIG, put({ config: sent }));
  assert.equal(saved.status, 200, saved.text);
  assert.equal(saved.body.config.codexInspection['workers'], 2);
  assert.deepEqual((await ask(daemon, '/setup', setup({}))).body, { ok: true, upstream: cpa.url });
  assert.equal(other.http.exchanges.length, 0);
  assert.equal(await daemon.stop(), 0);

  // The variables are gone, and so is all that they decided.
  const without = await startReady(t, { dataDir });
  assert.equal(await configured(without), false);
  const now = await ask<ConfigAnswer>(without, CONFIG);
  assert.deepEqual(now.body.config.cpaConnection, { cpaBaseUrl: '', managementKeySet: false });
  assert.equal(now.body.config.collector['batchSize'], 100);
  assert.equal(now.body.config.codexInspection['workers'], 2);
});
