import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { NO_PTY, runCli, startOnTerminal, type CliResult } from '../support/cli.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { assertInNoFile, CPA_KEY, startCpa, startReady } from '../support/http.ts';

const FOREIGN = 'VP9bYwxbxmYAJdk/eE9gsxOWyVNizFWjL3Ids5Syq3M\n';
const OTHER_KEY = 'another-made-up-management-key';
const NO_KEY = { CPA_MANAGER_ADMIN_KEY: '' };

interface Printed {
  readonly url: string;
  readonly monitoring: boolean;
  readonly mode: string;
  readonly intervalMs: number;
  readonly adminKey: string | null;
  readonly daemon: string;
  readonly findings: readonly string[];
}

const parse = (done: CliResult): Printed => JSON.parse(done.stdout);

function setup(
  t: TestContext,
  dataDir: string,
  args: readonly string[],
  input = CPA_KEY,
  env: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  return runCli(t, ['setup', '--non-interactive', '--json', '--data-dir', dataDir, ...args], { input, env });
}

test('from nothing to a daemon that collects, with one command', async (t) => {
  const cpa = await startCpa(t, { usageStatisticsEnabled: false });
  const dataDir = join(tempDir(t), 'made', 'by', 'setup');
  const done = await setup(t, dataDir, ['--url', `${cpa.url}/`, '--key-file', '-']);
  assert.equal(done.code, 0, done.stderr);
  const printed = parse(done);
  assert.deepEqual([printed.url, printed.monitoring, printed.daemon], [cpa.url, true, 'none']);
  assert.match(printed.adminKey ?? '', /^cmp_admin_[\w-]{32}$/);
  assert.equal(cpa.usageStatisticsEnabled, true, 'records are published from now on');
  assert.match(done.stderr, /usage-statistics-enabled: true/);
  assert.equal(statSync(dataDir).mode & 0o777, 0o700);
  for (const name of ['data.key', 'usage.sqlite']) {
    assert.equal(statSync(join(dataDir, name)).mode & 0o777, 0o600, name);
  }
  assertInNoFile(dataDir, CPA_KEY);
  assertInNoFile(dataDir, printed.adminKey ?? '');

  const daemon = await DaemonProcess.start(t, { dataDir, env: NO_KEY });
  await cpa.subscribed();
  const answer = await daemon.request('/status', {
    headers: { authorization: `Bearer ${printed.adminKey ?? ''}` },
  });
  assert.equal(answer.status, 200);
  assert.ok(!daemon.stdout.join('\n').includes('cmp_admin_'), 'the daemon makes no other key');
});

test('run again it changes what is given and nothing else, and a running daemon follows', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const first = await setup(t, dataDir, ['--url', cpa.url, '--key-file', '-', '--interval', '750']);
  assert.equal(first.code, 0, first.stderr);
  const daemon = await startReady(t, { dataDir });
  await cpa.subscribed();

  const mode = await setup(t, dataDir, ['--mode', 'http']);
  assert.equal(mode.code, 0, mode.stderr);
  const after = parse(mode);
  assert.deepEqual(
    [after.url, after.mode, after.intervalMs, after.adminKey, after.daemon],
    [cpa.url, 'http', 750, null, 'reloaded'],
  );
  await daemon.statusUntil(({ collector }) => collector.mode === 'http' && collector.transport === 'http');

  const off = await setup(t, dataDir, ['--no-monitoring']);
  assert.equal(off.code, 0, off.stderr);
  const idle = await daemon.statusUntil(({ health }) =>
    health.reasons.some(({ code }) => code === 'monitoring_off'),
  );
  assert.equal(idle.collector.mode, 'http');
  const on = await setup(t, dataDir, ['--monitoring']);
  assert.equal(on.code, 0, on.stderr);
  await daemon.statusUntil(({ collector }) => collector.transport === 'http');
});

test('without its socket the daemon notices what was saved by itself', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  rmSync(join(dataDir, 'cpamp.sock'));
  const done = await setup(t, dataDir, ['--url', cpa.url, '--key-file', '-']);
  assert.equal(done.code, 0, done.stderr);
  assert.equal(parse(done).daemon, 'none');
  await cpa.subscribed();
  await daemon.statusUntil(({ collector }) => collector.transport === 'subscribe');
});

test('a refused key is sent once, saved by nobody, and tried again when somebody says so', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const args = ['--url', cpa.url, '--key-file', '-'];
  for (const more of [[], []]) {
    const refused = await setup(t, dataDir, [...args, ...more], OTHER_KEY);
    assert.equal(refused.code, 7, refused.stderr);
    assert.match(refused.stderr, /^\{"code":"gateway_key_refused".*add --try-again.*\}\n$/, 'said once');
    assert.equal(refused.stdout, '');
    assert.ok(!refused.stderr.includes(OTHER_KEY));
    assert.equal(cpa.access.failures(), 1, 'and not a second time');
  }
  const again = await setup(t, dataDir, [...args, '--try-again'], OTHER_KEY);
  assert.equal(again.code, 7);
  assert.equal(cpa.access.failures(), 2);
  const status = await runCli(t, ['status', '--json', '--data-dir', dataDir]);
  const { configured }: { configured: boolean } = JSON.parse(status.stdout);
  assert.equal(configured, false);
  const forced = await setup(t, dataDir, [...args, '--force'], OTHER_KEY);
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(forced.stderr, /Saved all the same/);
  assert.equal(cpa.access.failures(), 2);
  const right = await setup(t, dataDir, ['--key-file', '-']);
  assert.equal(right.code, 0, right.stderr);
  assert.equal(parse(right).adminKey, null, 'the forced one has made it');
});

test('what cannot be reached, a poll that is too slow, and what is missing', async (t) => {
  const cpa = await startCpa(t);
  const { url } = cpa;
  const dataDir = tempDir(t);
  const slow = await setup(t, dataDir, ['--url', url, '--key-file', '-', '--interval', '90000000']);
  assert.equal(slow.code, 2);
  assert.match(slow.stderr, /"code":"poll_interval_exceeds_retention"/);
  await cpa.stop();
  const dead = await setup(t, dataDir, ['--url', url, '--key-file', '-']);
  assert.equal(dead.code, 8);
  assert.match(dead.stderr, /"code":"gateway_unreachable"/);
  for (const [args, code] of [
    [[], 'cpa_connection_required_for_monitoring'],
    [['--url', url], 'cpa_connection_required'],
    [['--key-file', '-'], 'cpa_connection_required'],
    [['--url', 'ftp://nowhere', '--key-file', '-'], 'invalid_request'],
    [['--key-file', join(dataDir, 'absent')], 'secret_file_unreadable'],
    [['--mode', 'magic'], 'wrong_usage'],
    [['--interval', '1.5'], 'wrong_usage'],
    [['--key-file', '-', '--admin-key-file', '-'], 'wrong_usage'],
  ] as const) {
    const done = await setup(t, dataDir, args);
    assert.equal(done.code, 2, done.stderr);
    assert.match(done.stderr, new RegExp(`"code":"${code}"`), args.join(' '));
  }
});

test('--print-config tells what would count, without keys, and touches nothing', async (t) => {
  const dataDir = join(tempDir(t), 'not-yet');
  const args = ['--print-config', '--url', 'http://cpa.example:8317/', '--mode', 'resp', '--interval', '40'];
  const done = await setup(t, dataDir, args, '', { CPA_MANAGEMENT_KEY: CPA_KEY });
  assert.equal(done.code, 0, done.stderr);
  assert.ok(!done.stdout.includes(CPA_KEY));
  const value: Record<string, unknown> = JSON.parse(done.stdout);
  assert.deepEqual(
    [value['url'], value['mode'], value['intervalMs'], value['managementKey'], value['dataDir']],
    ['http://cpa.example:8317', 'resp', 40, 'set', dataDir],
  );
  assert.equal(existsSync(dataDir), false);
});

test("an admin key of one's own, and keys of the environment", async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const file = join(tempDir(t), 'admin');
  writeFileSync(file, 'short');
  const args = ['--url', cpa.url, '--key-file', '-', '--admin-key-file', file];
  assert.match((await setup(t, dataDir, args)).stderr, /"code":"weak_admin_key"/);
  assert.deepEqual(readdirSync(dataDir), [], 'nothing is made before the options are right');
  writeFileSync(file, 'long-enough-for-an-admin-key\n');
  const done = await setup(t, dataDir, args);
  assert.equal(done.code, 0, done.stderr);
  assert.equal(parse(done).adminKey, null);
  const daemon = await startReady(t, { dataDir, env: NO_KEY });
  const headers = { authorization: 'Bearer long-enough-for-an-admin-key' };
  assert.equal((await daemon.request('/status', { headers })).status, 200);
  assert.equal(await daemon.stop(), 0);

  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY };
  const managed = await setup(t, dataDir, ['--mode', 'http'], '', env);
  assert.equal(managed.code, 1);
  assert.match(managed.stderr, /"code":"setup_env_managed"/);
  const monitoring = await setup(t, dataDir, ['--no-monitoring'], '', env);
  assert.equal(monitoring.code, 0, monitoring.stderr);
  // A variable that stands alone counts as given.
  const alone = await setup(t, tempDir(t), ['--url', cpa.url], '', { CPA_MANAGEMENT_KEY: CPA_KEY });
  assert.equal(alone.code, 0, alone.stderr);
});

test('a lost data.key stops it, and a new one sets aside what only the old one opens', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const connect = ['--url', cpa.url, '--key-file', '-'];
  assert.equal((await setup(t, dataDir, connect)).code, 0);
  const keyFile = join(dataDir, 'data.key');
  const right = readFileSync(keyFile);
  rmSync(keyFile);
  const missing = await setup(t, dataDir, connect);
  assert.equal(missing.code, 9);
  assert.match(missing.stderr, /"code":"data_key_missing".*--new-data-key/);
  writeFileSync(keyFile, FOREIGN);
  assert.match((await setup(t, dataDir, ['--mode', 'http'])).stderr, /"code":"data_key_foreign"/);

  const segment = join(dataDir, 'spool', '01HZZZZZZZZZZZZZZZZZZZZZZZ.seg');
  const daemon = await startReady(t, { dataDir });
  const held = await setup(t, dataDir, ['--new-data-key', '--yes', ...connect]);
  assert.equal(held.code, 5, held.stderr);
  assert.match(held.stderr, new RegExp(`process ${daemon.child.pid}`));
  assert.equal(await daemon.stop(), 0);
  mkdirSync(join(dataDir, 'spool'), { recursive: true });
  writeFileSync(segment, 'sealed with the old key');

  const unasked = await setup(t, dataDir, ['--new-data-key', ...connect]);
  assert.equal(unasked.code, 2);
  assert.equal(readFileSync(keyFile, 'utf8'), FOREIGN);
  const renewed = await setup(t, dataDir, ['--new-data-key', '--yes', ...connect]);
  assert.equal(renewed.code, 0, renewed.stderr);
  const { newDataKey }: { newDataKey: Record<string, unknown> } = JSON.parse(renewed.stdout);
  assert.deepEqual(
    [newDataKey['connection'], newDataKey['segments'], newDataKey['deadLetters']],
    [true, 1, 0],
  );
  assert.equal(readFileSync(String(newDataKey['formerKey']), 'utf8'), FOREIGN);
  assert.equal(existsSync(segment), false);
  assert.deepEqual(readdirSync(String(newDataKey['formerSpool'])), ['01HZZZZZZZZZZZZZZZZZZZZZZZ.seg']);
  assert.notDeepEqual(readFileSync(keyFile), right);
  assertInNoFile(dataDir, CPA_KEY);
  await startReady(t, { dataDir });
  await cpa.subscribed();
});

test('a new data key alone leaves the connection to be entered again', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  assert.equal((await setup(t, dataDir, ['--url', cpa.url, '--key-file', '-'])).code, 0);
  rmSync(join(dataDir, 'data.key'));
  const renewed = await setup(t, dataDir, ['--new-data-key', '--yes'], '');
  assert.equal(renewed.code, 0, renewed.stderr);
  const status = await runCli(t, ['status', '--json', '--data-dir', dataDir]);
  const { configured, health }: { configured: boolean; health: { reasons: Array<{ code: string }> } } =
    JSON.parse(status.stdout);
  assert.equal(configured, false);
  assert.deepEqual(
    health.reasons.map(({ code }) => code),
    ['daemon_stopped', 'not_configured'],
  );
});

test('a database that another process has locked is not waited for without an end', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  assert.equal((await setup(t, dataDir, ['--url', cpa.url, '--key-file', '-'])).code, 0);
  const release = await lockDatabase(t, dataDir);
  const locked = await setup(t, dataDir, ['--mode', 'http']);
  assert.equal(locked.code, 5, locked.stderr);
  await release();
});

test('on a terminal it asks for the address and, unseen, for the key', { skip: NO_PTY }, async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const run = startOnTerminal(t, ['setup', '--data-dir', dataDir]);
  await run.until(({ stdout }) => stdout.includes('Address of CLIProxyAPI'));
  run.child.stdin.write(`${cpa.url}\r`);
  await run.until(({ stdout }) => stdout.includes('(not shown): '));
  run.child.stdin.write(`${CPA_KEY}\r`);
  const done = await run.end();
  assert.equal(done.code, 0, done.stdout);
  assert.ok(!done.stdout.includes(CPA_KEY), 'a key is not echoed');
  assert.match(done.stdout, /Admin key +cmp_admin_[\w-]{32}/);

  // Told no after a refusal, it saves nothing.
  const wrong = startOnTerminal(t, ['setup', '--url', cpa.url, '--data-dir', tempDir(t)]);
  await wrong.until(({ stdout }) => stdout.includes('(not shown): '));
  wrong.child.stdin.write(`${OTHER_KEY}\r`);
  await wrong.until(({ stdout }) => stdout.includes('Save it all the same?'));
  wrong.child.stdin.write('n\r');
  const refused = await wrong.end();
  assert.equal(refused.code, 7, refused.stdout);
  assert.ok(!refused.stdout.includes(OTHER_KEY));
});
