import assert from 'node:assert/strict';
import test from 'node:test';
import { ADMIN_KEY, DaemonProcess, tempDir } from '../support/daemon.ts';
import {
  anonymous,
  ask,
  assertInNoFile,
  assertRefused,
  CPA_KEY,
  startCpa,
  startReady,
  withHeaders,
} from '../support/http.ts';

const bearer = (key: string, headers: Record<string, string> = {}): RequestInit =>
  withHeaders({ ...headers, authorization: `Bearer ${key}` });

const FORWARDED = 'X-Forwarded-For from an address that is not trusted';

test('without the admin key nothing is shown, and guessing is slowed down', async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t, {
    env: { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY },
  });
  for (const path of [
    '/status',
    '/usage-service/status',
    '/usage-service/config',
    '/v0/management/usage/export',
    '/v0/management/config',
  ]) {
    const missing = await assertRefused(daemon, path, anonymous(), 401, 'invalid_admin_key');
    assert.equal(missing.body.error, 'invalid admin key');
    assert.doesNotMatch(missing.text, /_url|cpaConnection/);
  }
  // Ways of sending a key that are not known here.
  for (const init of [
    withHeaders({ authorization: ADMIN_KEY }),
    withHeaders({ authorization: `Basic ${Buffer.from(`admin:${ADMIN_KEY}`).toString('base64')}` }),
    withHeaders({ authorization: '', 'x-management-key': ADMIN_KEY }),
    withHeaders({ authorization: '', cookie: `cpamp_session=${ADMIN_KEY}` }),
  ]) {
    await assertRefused(daemon, '/status', init, 401, 'invalid_admin_key');
  }
  await assertRefused(daemon, `/status?key=${ADMIN_KEY}`, anonymous(), 401, 'invalid_admin_key');
  assert.equal(
    (await ask(daemon, '/status', withHeaders({ authorization: `bEARER   ${ADMIN_KEY} ` }))).status,
    200,
  );

  // Attempts 1 to 10 of this minute, each "from" somebody else: nobody has to believe that header.
  const typed = await assertRefused(daemon, '/status', bearer(CPA_KEY), 401, 'cpa_key_given');
  assert.match(typed.body.hint ?? '', /cmp_admin_.*docker compose logs/);
  assert.ok(!typed.text.includes(CPA_KEY));
  for (let attempt = 2; attempt <= 10; attempt += 1) {
    const forwarded = { 'x-forwarded-for': `198.51.100.${attempt}` };
    await assertRefused(daemon, '/status', bearer('wrong', forwarded), 401, 'invalid_admin_key');
  }
  for (const key of ['wrong', CPA_KEY]) {
    const late = await assertRefused(daemon, '/status', bearer(key), 429, 'too_many_attempts');
    const wait = Number(late.headers.get('retry-after'));
    assert.ok(Number.isInteger(wait) && wait > 0 && wait <= 30, String(wait));
  }
  assert.equal((await ask(daemon, '/status')).status, 200, 'a right key passes');
  await assertRefused(daemon, '/status', anonymous(), 401, 'invalid_admin_key');
  assert.equal(daemon.stderr.filter((line) => line.includes(FORWARDED)).length, 1, 'said once');

  const log = daemon.stderr.join('\n');
  assert.ok(!log.includes(ADMIN_KEY) && !log.includes(CPA_KEY));
});

test('behind a trusted proxy each client is counted by itself', async (t) => {
  const daemon = await startReady(t, { env: { USAGE_TRUSTED_PROXIES: '127.0.0.0/8, ::1' } });
  const from = (forwarded: string): RequestInit => bearer('wrong', { 'x-forwarded-for': forwarded });
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    await assertRefused(daemon, '/status', from('203.0.113.7'), 401, 'invalid_admin_key');
  }
  await assertRefused(daemon, '/status', from('203.0.113.7'), 429, 'too_many_attempts');
  await assertRefused(daemon, '/status', from('203.0.113.8'), 401, 'invalid_admin_key');
  // What a client puts in front of the header is not what the proxy saw.
  await assertRefused(daemon, '/status', from('192.0.2.1, 203.0.113.7'), 429, 'too_many_attempts');
  assert.ok(!daemon.stderr.some((line) => line.includes(FORWARDED)));
});

test('a generated admin key is printed once and kept nowhere; one that is given decides', async (t) => {
  const dataDir = tempDir(t);
  const generated = await startReady(t, { dataDir, env: { CPA_MANAGER_ADMIN_KEY: '' } });
  await generated.until(() => generated.stdout.length >= 2);
  assert.equal(generated.stdout.length, 2);
  const [key] = /cmp_admin_[\w-]{32}$/.exec(generated.stdout[0] ?? '') ?? [];
  assert.ok(key, generated.stdout[0]);
  assert.match(generated.stdout[1] ?? '', /\/management\.html/);
  assert.equal((await ask(generated, '/status', bearer(key))).status, 200);
  await assertRefused(generated, '/status', bearer(`${key}x`), 401, 'invalid_admin_key');
  assertInNoFile(dataDir, key);
  assert.equal(await generated.stop(), 0);
  assert.equal(generated.stdout.length, 2);
  assert.ok(!generated.stderr.join('\n').includes(key));
  assertInNoFile(dataDir, key);

  const second = await startReady(t, { dataDir, env: { CPA_MANAGER_ADMIN_KEY: '' } });
  assert.equal((await ask(second, '/status', bearer(key))).status, 200);
  assert.equal(await second.stop(), 0);
  assert.deepEqual(second.stdout, []);

  const given = await startReady(t, { dataDir });
  assert.equal((await ask(given, '/status')).status, 200);
  await assertRefused(given, '/status', bearer(key), 401, 'invalid_admin_key');
  const said = (daemon: DaemonProcess) =>
    daemon.stderr.filter((line) => line.includes('the admin key was replaced')).length;
  assert.equal(said(given), 1);
  assert.match(given.stderr.join('\n'), /replaced by the one of CPA_MANAGER_ADMIN_KEY/);
  assert.equal(await given.stop(), 0);
  assertInNoFile(dataDir, ADMIN_KEY);

  const unset = await startReady(t, { dataDir, env: { CPA_MANAGER_ADMIN_KEY: '' } });
  assert.equal((await ask(unset, '/status')).status, 200, 'the stored one stays');
  assert.equal(said(unset), 0);
  assert.deepEqual(unset.stdout, []);
});
