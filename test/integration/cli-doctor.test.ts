import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { CHECKS } from '../../src/lib/doctor/result.ts';
import { NO_PTY, runCli, startCli, startOnTerminal } from '../support/cli.ts';
import { listenOn } from '../support/collection.ts';
import { records } from '../support/cpa/records.ts';
import { tempDir } from '../support/daemon.ts';
import { examine, fingerprints, setUp, strikes } from '../support/doctor.ts';
import { CPA_KEY, startCpa, startReady } from '../support/http.ts';

const WRONG = 'made-up-key-that-is-wrong';
const at = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

test('all is well: nothing is taken, nothing is written, nothing is left locked', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  for (const record of records(5, { version: '7.2.140' })) cpa.publish(record);
  const before = fingerprints(dataDir);
  const connections = cpa.connections.length;
  const calls = cpa.http.exchanges.length;

  const seen = await examine(t, dataDir);
  assert.equal(seen.code, 0, JSON.stringify(seen.checks));
  assert.equal(seen.stderr, '');
  const asked = Object.keys(CHECKS).filter((id) => !/^proxy_(?!path)/.test(id));
  assert.deepEqual(
    seen.checks.map(({ id }) => id),
    asked,
  );
  // Disk and other programs are the machine's affair.
  for (const { id, state } of seen.checks) {
    if (id === 'disk_space' || id === 'second_consumer') continue;
    const expected = id === 'daemon' ? 'warn' : id === 'proxy_path' ? 'skipped' : 'ok';
    assert.equal(state, expected, id);
  }
  assert.match(seen.text('daemon'), /cpamp serve/);
  assert.match(seen.text('version'), /7\.2\.140/);

  assert.deepEqual(
    cpa.fates().map(({ fate }) => fate),
    Array.from({ length: 5 }, () => 'queued'),
  );
  const sent = cpa.connections.slice(connections).flatMap(({ commands }) => commands.map(([name]) => name));
  assert.deepEqual(sent, ['auth']);
  const called = cpa.http.exchanges.slice(calls).map(({ method, url }) => `${method} ${url}`);
  assert.deepEqual(called, ['GET /healthz', 'GET /v0/management/config']);
  const after = fingerprints(dataDir);
  for (const [name, hash] of before) assert.equal(after.get(name), hash, name);
  // SQLite's own, empty or rebuilt at the next start, beside a database that is open read-only.
  const more = [...after.keys()].filter((name) => !before.has(name)).toSorted();
  assert.ok(
    more.every((name) => ['usage.sqlite-shm', 'usage.sqlite-wal'].includes(name)),
    more.join(),
  );
});

test('a wrong key is one strike, however often it is looked at, until a person says so', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  const before = fingerprints(dataDir).get('usage.sqlite');
  const wrong = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: WRONG };
  const first = await examine(t, dataDir, wrong);
  assert.equal(first.code, 1);
  assert.equal(first.state('management_key'), 'fail');
  assert.match(first.text('management_key'), /refuses the management key .*--try-key-again/);
  assert.equal(first.state('resp'), 'skipped');
  assert.equal(strikes(cpa), 1);

  const connections = cpa.connections.length;
  const second = await examine(t, dataDir, wrong);
  assert.match(second.text('management_key'), /remembered from/);
  assert.equal(strikes(cpa), 1);
  // Only the call that wants no key went out, and no RESP.
  assert.equal(cpa.connections.length, connections + 1);

  const again = await examine(t, dataDir, wrong, ['--try-key-again']);
  assert.equal(again.state('management_key'), 'fail');
  assert.equal(strikes(cpa), 2);
  assert.equal(fingerprints(dataDir).get('usage.sqlite'), before);
  for (const file of fingerprints(dataDir).keys()) {
    assert.ok(!readFileSync(join(dataDir, file)).includes(WRONG), `the key is in ${file}`);
  }

  // The right one works at once, and then there is nothing to remember.
  const right = await examine(t, dataDir);
  assert.equal(right.state('management_key'), 'ok');
  assert.ok(!fingerprints(dataDir).has('usage.sqlite.refused-key'));
});

test('a key put right over there is tried when a person says so', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: WRONG };
  assert.equal((await examine(t, dataDir, env)).state('management_key'), 'fail');
  cpa.setManagementKey(WRONG);
  assert.equal((await examine(t, dataDir, env)).state('management_key'), 'fail');
  assert.equal((await examine(t, dataDir, env, ['--try-key-again'])).state('management_key'), 'ok');
  assert.equal((await examine(t, dataDir, env)).state('management_key'), 'ok');
});

test('what a daemon was refused counts here too', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: WRONG };
  const daemon = await startReady(t, { dataDir, env });
  await daemon.statusUntil(({ health }) => health.reasons.some(({ code }) => code === 'key_refused'));
  const before = strikes(cpa);
  const beside = await examine(t, dataDir, env);
  assert.match(beside.text('management_key'), /remembered from/);
  assert.equal(await daemon.stop(), 0);
  const alone = await examine(t, dataDir, env);
  assert.match(alone.text('management_key'), /remembered from/);
  assert.equal(strikes(cpa), before);

  cpa.setManagementKey(WRONG);
  const again = await examine(t, dataDir, env, ['--try-key-again']);
  assert.equal(again.state('management_key'), 'warn');
  assert.match(again.text('management_key'), /daemon still remembers/);
});

test('keys that people mistake for it are told apart', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  for (const [key, told] of [
    ['cmp_admin_made-up-key-of-the-panel000000', /admin key of cpamp/],
    ['sk-ab****yz', /masked/],
    ['$2a$10$abcdefghijklmnopqrstuv', /hash of a key/],
  ] as const) {
    const seen = await examine(t, dataDir, { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: key });
    assert.match(seen.text('management_key'), told);
    assert.ok(!JSON.stringify(seen.checks).includes(key));
    await cpa.restart();
  }
});

test('nothing listens, and what listens is no gateway', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  await cpa.stop();
  const silent = await examine(t, dataDir);
  assert.equal(silent.code, 1);
  assert.deepEqual([silent.state('dns'), silent.state('tcp')], ['ok', 'fail']);
  for (const id of ['tls', 'management_key', 'version', 'publishing', 'retention', 'resp'] as const) {
    assert.equal(silent.state(id), 'skipped', id);
  }

  const server = createServer((_request, response) => response.writeHead(404).end('<title>shop</title>'));
  const url = `http://127.0.0.1:${await listenOn(t, server)}`;
  const env = { CPA_UPSTREAM_URL: url, CPA_MANAGEMENT_KEY: CPA_KEY };
  const shop = await examine(t, dataDir, env);
  assert.equal(shop.state('management_key'), 'fail');
  assert.match(shop.text('management_key'), /default port is 8317/);

  const nowhere = { CPA_UPSTREAM_URL: 'http://no-such-host.invalid:8317', CPA_MANAGEMENT_KEY: CPA_KEY };
  const unknown = await examine(t, dataDir, nowhere);
  assert.deepEqual([unknown.state('dns'), unknown.state('tcp')], ['fail', 'skipped']);
});

test('publishing, retention and RESP are judged one by one', async (t) => {
  const cpa = await startCpa(t, {
    usageStatisticsEnabled: false,
    retentionSeconds: 60,
    respRefusal: 'ERR RESP AUTH disabled; use mTLS',
  });
  const dataDir = await setUp(t, cpa);
  const auto = await examine(t, dataDir);
  assert.equal(auto.code, 1);
  assert.deepEqual(
    [auto.state('publishing'), auto.state('retention'), auto.state('resp')],
    ['fail', 'warn', 'warn'],
  );
  assert.match(auto.text('resp'), /mTLS/);

  const given = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY, USAGE_POLL_INTERVAL_MS: '90000' };
  const slow = await examine(t, dataDir, { ...given, USAGE_COLLECTOR_MODE: 'resp' });
  assert.deepEqual([slow.state('retention'), slow.state('resp')], ['fail', 'fail']);
  assert.match(slow.text('retention'), /every 90 s.*only 60 s/);
  const http = await examine(t, dataDir, { ...given, USAGE_COLLECTOR_MODE: 'http' });
  assert.equal(http.state('resp'), 'skipped');
  assert.equal(cpa.usageStatisticsEnabled, false, 'nothing is changed over there');
});

test('an old gateway, and one without management', async (t) => {
  const cpa = await startCpa(t, { version: '6.10.8' });
  const dataDir = await setUp(t, cpa);
  const old = await examine(t, dataDir);
  assert.deepEqual([old.state('version'), old.state('resp')], ['warn', 'warn']);
  assert.equal(old.code, 0);
  cpa.disableManagement();
  const off = await examine(t, dataDir);
  assert.equal(off.state('management_key'), 'fail');
  assert.match(off.text('management_key'), /\(404\)/);
});

test('a certificate that nobody vouches for keeps the key at home', async (t) => {
  const cpa = await startCpa(t, { tls: { key: at('key'), cert: at('cert') } });
  const dataDir = join(tempDir(t), 'data');
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY };
  await runCli(t, ['setup', '--data-dir', dataDir, '--force', '--non-interactive', '--quiet'], { env });
  const calls = cpa.http.exchanges.length;
  const seen = await examine(t, dataDir, env);
  assert.deepEqual([seen.state('tls'), seen.state('management_key')], ['fail', 'skipped']);
  assert.match(seen.text('tls'), /self-signed/);
  assert.ok(cpa.http.exchanges.slice(calls).every(({ url }) => url === '/healthz'));

  const skipping = await examine(t, dataDir, { ...env, USAGE_RESP_TLS_SKIP_VERIFY: 'true' });
  assert.deepEqual([skipping.state('tls'), skipping.state('management_key')], ['warn', 'ok']);
  const trusted = new URL('../fixtures/tls/cert.pem', import.meta.url).pathname;
  const trusting = await examine(t, dataDir, { ...env, NODE_EXTRA_CA_CERTS: trusted });
  assert.deepEqual([trusting.state('tls'), trusting.state('management_key')], ['ok', 'ok']);

  const plain = await examine(t, dataDir, { ...env, CPA_UPSTREAM_URL: cpa.url.replace('https', 'http') });
  assert.equal(plain.state('management_key'), 'fail');
  assert.match(plain.text('management_key'), /must start with https/);
});

test('a clock that goes wrong is seen by the date of an answer', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  const ahead = async (ms: number) => {
    cpa.http.respondOnce('/healthz', (_request, response) => {
      response.writeHead(200, { date: new Date(Date.now() + ms).toUTCString() }).end('{}');
    });
    return examine(t, dataDir);
  };
  const minutes = await ahead(120_000);
  assert.equal(minutes.state('clock'), 'warn');
  assert.match(minutes.text('clock'), /behind that of CLIProxyAPI/);
  const hours = await ahead(-7_200_000);
  assert.equal(hours.state('clock'), 'fail');
  assert.match(hours.text('clock'), /ahead of that of CLIProxyAPI/);
  const zone = await examine(t, dataDir, { TZ: 'Mars/Olympus' });
  assert.equal(zone.state('clock'), 'warn');
  assert.match(zone.text('clock'), /Mars\/Olympus/);
});

test('beside a daemon it asks the daemon, and leaves it alone', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY };
  const daemon = await startReady(t, { dataDir, env });
  await cpa.subscribed();
  await daemon.statusUntil(({ health, collector }) => health.state === 'ok' && collector.transport !== '');
  const seen = await examine(t, dataDir, env);
  assert.equal(seen.code, 0, JSON.stringify(seen.checks));
  assert.equal(seen.state('daemon'), 'ok');
  assert.match(seen.text('daemon'), new RegExp(`${daemon.child.pid ?? ''}.*by subscribe`));
  assert.equal(seen.state('management_key'), 'ok');
  cpa.publish(records(1, { version: '7.2.140' })[0] ?? {});
  await daemon.statusUntil(({ eventCount }) => eventCount === 1);

  // Without its environment the daemon still tells.
  const strange = await examine(t, dataDir);
  assert.equal(strange.state('connection'), 'warn');
  assert.ok(strange.text('connection').includes(cpa.url));
  assert.equal(strange.state('management_key'), 'skipped');
  assert.equal(strange.code, 0);
});

test('a terminal gets signs and colours, a pipe gets words, and --quiet only what is wrong', async (t) => {
  const cpa = await startCpa(t, { usageStatisticsEnabled: false });
  const dataDir = await setUp(t, cpa);
  const piped = await runCli(t, ['doctor', '--data-dir', dataDir]);
  assert.equal(piped.stderr, '');
  assert.match(piped.stdout, /^ok {3}Directory: /);
  assert.match(piped.stdout, /\nFAIL Publishing: .*\n {5}fix: /);
  assert.match(piped.stdout, /\n\n1 check failed, .*Begin with the first\.\n$/);
  assert.ok(!piped.stdout.includes('\u001B'));
  const quiet = await runCli(t, ['doctor', '--quiet', '--data-dir', dataDir]);
  assert.ok(
    quiet.stdout.split('\n').every((line) => /^(FAIL|warn|$| {5}fix:)/.test(line)),
    quiet.stdout,
  );
  const wrong = await runCli(t, ['doctor', '--url', 'ftp://cpa.example.org']);
  assert.equal(wrong.code, 2);
  if (NO_PTY !== false) return;
  const shown = await startOnTerminal(t, ['doctor', '--data-dir', dataDir]).end();
  assert.equal(shown.code, 1);
  assert.ok(shown.stdout.includes('\u001B[32m✔\u001B[39m \u001B[1mDirectory'));
  assert.ok(shown.stdout.includes('\u001B[31m✖\u001B[39m \u001B[1mPublishing'));
});

test('a signal ends it at once', async (t) => {
  const server = createServer(() => {});
  const url = `http://127.0.0.1:${await listenOn(t, server)}`;
  t.after(() => server.closeAllConnections());
  const dataDir = tempDir(t);
  const env = { CPA_UPSTREAM_URL: url, CPA_MANAGEMENT_KEY: CPA_KEY };
  const asked = new Promise((resolve) => server.once('request', resolve));
  const run = startCli(t, ['doctor', '--data-dir', dataDir], { env });
  await asked;
  run.child.kill('SIGINT');
  const { code, stderr } = await run.end();
  assert.equal(code, 130);
  assert.equal(stderr, '');
});
