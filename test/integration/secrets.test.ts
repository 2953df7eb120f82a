import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ADMIN_KEY, DaemonProcess, tempDir } from '../support/daemon.ts';
import { Browser } from '../support/browser.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { gatewayEnv, MANAGEMENT_KEY, sourceOf, startGateway, take } from '../support/collection.ts';
import { CPA_VERSIONS } from '../support/cpa/versions.ts';

/** Keys of clients and providers in the recorded records, and in answers of the gateway. */
const RECORDED = [
  'sk-client-alpha-0001',
  'sk-client-beta-0002',
  'sk-client-gamma-0003',
  'sk-upstream-openai-aaaa',
  'sk-upstream-openai-bbbb',
  'sk-ant-upstream-cccc',
  'sk-codex-upstream-dddd',
  'AIza-upstream-eeee',
];
const UNREADABLE_KEY = 'sk-in-what-is-no-record-7777';
/** Tokens of sessions come to these as they are made. */
const SECRETS = [...RECORDED, UNREADABLE_KEY, MANAGEMENT_KEY, ADMIN_KEY];

/** Fails naming the place, never with the bytes around it. */
function assertNoSecret(where: string, bytes: Buffer | string): void {
  for (const secret of SECRETS) {
    assert.ok(!bytes.includes(secret), `${secret} in ${where}`);
    // As it stands in a Basic header, or in a value that was encoded once more.
    const encoded = Buffer.from(secret).toString('base64').replace(/=+$/u, '');
    assert.ok(!bytes.includes(encoded), `${secret} as base64 in ${where}`);
  }
}

function assertDirectory(dir: string, step: string): string[] {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const name of names) assertNoSecret(`${name} ${step}`, readFileSync(name));
  return names;
}

const PATHS = [
  '/health',
  '/status',
  '/usage-service/info',
  '/usage-service/config',
  '/usage-service/session',
  '/v0/management/usage/export',
  '/v0/management/usage',
  '/v0/management/usage-queue',
  '/management.html',
  '/nothing-here',
];

test('no key is in a file, in the log or in an answer, whatever happens to the records', async (t) => {
  const cpa = await startGateway(t);
  for (const version of CPA_VERSIONS) await cpa.publishAll(take(sourceOf(version), 36));
  cpa.publish(`{"api_key":"${UNREADABLE_KEY}", no json`);
  cpa.publish(UNREADABLE_KEY);
  const dataDir = tempDir(t);
  const daemon = await DaemonProcess.start(t, {
    dataDir,
    env: { ...gatewayEnv(cpa.url), USAGE_CORS_ORIGINS: '*' },
    args: ['--verbose'],
  });
  await daemon.statusUntil(({ eventCount, deadLetters }) => eventCount === 108 && deadLetters === 2);

  // The token of a session is told to the browser alone, in the header for it.
  const browser = new Browser();
  const login = await browser.login(daemon);
  const tokens = [...browser.cookies.values()];
  assert.equal(tokens.length, 1, login.text);
  SECRETS.push(...tokens);
  assertNoSecret('the answer to a login', login.text);
  for (const path of PATHS) {
    const answer = await browser.request(daemon.url + path);
    assertNoSecret(`${path} (${answer.status}) with a session`, answer.text);
    assertNoSecret(`headers of ${path} with a session`, JSON.stringify(answer.headers));
  }

  // The key as it is saved, and one that the gateway refuses.
  const put = (managementKey: string): Promise<Response> =>
    daemon.request('/usage-service/config', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ config: { cpaConnection: { cpaBaseUrl: cpa.url, managementKey } } }),
    });
  assertNoSecret('an answer to PUT', await (await put(MANAGEMENT_KEY)).text());
  assertNoSecret('an answer to PUT', await (await put(`${MANAGEMENT_KEY}-wrong`)).text());

  for (const path of PATHS) {
    for (const init of [{}, { headers: { authorization: 'Bearer wrong-key' } }, { method: 'DELETE' }]) {
      const answer = await daemon.request(path, init);
      assertNoSecret(`${path} (${answer.status})`, await answer.text());
      assertNoSecret(`headers of ${path}`, JSON.stringify([...answer.headers]));
    }
  }
  // The gateway's key given for ours is recognised, and not repeated.
  const mistaken = await daemon.request('/status', {
    headers: { authorization: `Bearer ${MANAGEMENT_KEY}` },
  });
  assert.equal(mistaken.status, 401);
  assertNoSecret('/status with the key of the gateway', await mistaken.text());

  // Records that wait in the spool are the only ones with keys in them: only encrypted.
  const release = await lockDatabase(t, dataDir);
  await cpa.publishAll(take(sourceOf('7.2.140', 2), 200));
  await daemon.statusUntil(({ spool }) => spool.records >= 200);
  await daemon.kill();
  const left = readdirSync(join(dataDir, 'spool')).filter((name) => name.endsWith('.seg'));
  assert.ok(left.length > 0);
  assert.ok(assertDirectory(dataDir, 'after a kill').some((name) => name.endsWith('-wal')));
  await release();

  const second = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url), args: ['--verbose'] });
  await second.statusUntil(({ eventCount }) => eventCount === 308);
  assert.equal(await second.stop(), 0);
  assertDirectory(dataDir, 'after a stop');
  for (const { stdout, stderr } of [daemon, second]) {
    assert.ok(stdout.length + stderr.length > 0);
    assertNoSecret('the output', [...stdout, ...stderr].join('\n'));
  }
});

test('a saved connection is in no file in the clear', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const daemon = await DaemonProcess.start(t, { dataDir });
  await daemon.statusUntil(({ configured }) => !configured);
  const answer = await daemon.request('/setup', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ cpaBaseUrl: cpa.url, managementKey: MANAGEMENT_KEY }),
  });
  assert.equal(answer.status, 200, await answer.text());
  await cpa.subscribed();
  await cpa.publishAll(take(sourceOf('7.2.140'), 40));
  await daemon.statusUntil(({ eventCount }) => eventCount === 40);
  const config = await (await daemon.request('/usage-service/config')).text();
  assert.match(config, /"managementKey":"\*{8}"/u);
  assertNoSecret('the configuration', config);
  assertDirectory(dataDir, 'while it runs in another process');
  assert.equal(await daemon.stop(), 0);
  assertDirectory(dataDir, 'after a stop');
  assertNoSecret('the output', [...daemon.stdout, ...daemon.stderr].join('\n'));

  // It works all the same, from the file alone.
  const second = await DaemonProcess.start(t, { dataDir });
  await cpa.subscribed();
  await second.statusUntil(({ collector }) => collector.collector === 'running');
});
