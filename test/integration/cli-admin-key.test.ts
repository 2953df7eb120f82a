import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Browser } from '../support/browser.ts';
import { NO_PTY, runCli, startOnTerminal } from '../support/cli.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { ADMIN_KEY, tempDir, type DaemonProcess } from '../support/daemon.ts';
import { assertInNoFile, startReady } from '../support/http.ts';

const GIVEN = 'a-made-up-key-that-is-long-enough';
const NO_KEY = { CPA_MANAGER_ADMIN_KEY: '' };

const statusWith = async (daemon: DaemonProcess, key: string): Promise<number> => {
  const answer = await daemon.request('/status', { headers: { authorization: `Bearer ${key}` } });
  await answer.arrayBuffer();
  return answer.status;
};

/** A daemon that made its admin key itself, and that key. */
async function withGeneratedKey(t: Parameters<typeof tempDir>[0], dataDir: string) {
  const daemon = await startReady(t, { dataDir, env: NO_KEY });
  await daemon.until(() => daemon.stdout.some((line) => line.includes('cmp_admin_')));
  const [key = ''] = /cmp_admin_\S+/.exec(daemon.stdout.join('\n')) ?? [];
  return { daemon, key };
}

test('a generated key counts at once, and the old one and its sessions no more', async (t) => {
  const dataDir = tempDir(t);
  const { daemon, key } = await withGeneratedKey(t, dataDir);
  const browser = new Browser();
  assert.equal((await browser.login(daemon, key)).status, 200);
  assert.equal((await browser.request(`${daemon.url}/usage-service/status`)).status, 200);

  const done = await runCli(t, ['reset-admin-key', '--yes', '--data-dir', dataDir]);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /^cmp_admin_[\w-]{32}\n$/, 'the key alone, for a file or a pipe');
  assert.match(done.stderr, /shown only this once/);
  const next = done.stdout.trim();
  assert.equal(await statusWith(daemon, next), 200);
  assert.equal(await statusWith(daemon, key), 401);
  assert.equal((await browser.request(`${daemon.url}/usage-service/status`)).status, 401);
  assert.equal(await daemon.stop(), 0);
  assertInNoFile(dataDir, next);

  // It lasts, and without a daemon it works as well.
  const stopped = await runCli(t, [
    'reset-admin-password',
    '--yes',
    '--json',
    '--db-path',
    join(dataDir, 'usage.sqlite'),
  ]);
  assert.equal(stopped.code, 0, stopped.stderr);
  const { adminKey }: { adminKey: string } = JSON.parse(stopped.stdout);
  const again = await startReady(t, { dataDir, env: NO_KEY });
  assert.equal(await statusWith(again, adminKey), 200);
  assert.equal(await statusWith(again, next), 401);
});

test("a key of one's own comes from a file or from standard input, and is not printed", async (t) => {
  const dataDir = tempDir(t);
  const { daemon } = await withGeneratedKey(t, dataDir);
  const file = join(tempDir(t), 'key');
  writeFileSync(file, `${GIVEN}\n`);
  const args = ['reset-admin-key', '--yes', '--data-dir', dataDir, '--key-file'];
  for (const [source, input, key] of [
    [file, '', GIVEN],
    ['-', `${GIVEN}-piped\r\n`, `${GIVEN}-piped`],
  ] as const) {
    const done = await runCli(t, [...args, source], { input });
    assert.equal(done.code, 0, done.stderr);
    assert.equal(done.stdout, '');
    assert.ok(!done.stderr.includes(GIVEN));
    assert.equal(await statusWith(daemon, key), 200);
  }
});

test('options of CPA-Manager-Plus: the file is read, a key on the command line is not taken', async (t) => {
  const dataDir = tempDir(t);
  const { daemon, key } = await withGeneratedKey(t, dataDir);
  const args = ['reset-admin-password', '--yes', '--db-path', join(dataDir, 'usage.sqlite')];
  const open = await runCli(t, [...args, '--admin-key', GIVEN]);
  assert.equal(open.code, 2);
  assert.match(open.stderr, /seen by everybody/);
  assert.ok(!open.stderr.includes(GIVEN));
  assert.equal(await statusWith(daemon, key), 200);
  const file = join(dataDir, 'new-key');
  writeFileSync(file, `${GIVEN}\n`);
  const done = await runCli(t, [...args, '--admin-key-file', file]);
  assert.equal(done.code, 0, done.stderr);
  assert.equal(await statusWith(daemon, GIVEN), 200);
});

test('weak keys, missing files and two lines are refused before anything changes', async (t) => {
  const dataDir = tempDir(t);
  const { daemon, key } = await withGeneratedKey(t, dataDir);
  const args = ['reset-admin-key', '--yes', '--data-dir', dataDir, '--key-file'];
  for (const [source, input, code] of [
    ['-', 'fifteen-letters', 'weak_admin_key'],
    ['-', '\u043a\u043b\u044e\u0447-of-sixteen-letters', 'weak_admin_key'],
    ['-', 'abababababababababababab', 'weak_admin_key'],
    ['-', '', 'secret_file_unreadable'],
    ['-', `${GIVEN}\n${GIVEN}\n`, 'secret_file_unreadable'],
    [join(dataDir, 'absent'), '', 'secret_file_unreadable'],
  ] as const) {
    const done = await runCli(t, [...args, source, '--json'], { input });
    assert.equal(done.code, 2, done.stderr);
    assert.match(done.stderr, new RegExp(`^\\{"code":"${code}"`));
    assert.doesNotMatch(done.stderr, /ENOENT/);
  }
  assert.equal(await statusWith(daemon, key), 200);
});

test('a key of the environment is left alone, and the variable is named', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  const file = join(tempDir(t), 'admin');
  writeFileSync(file, ADMIN_KEY);
  for (const [name, env] of [
    ['CPA_MANAGER_ADMIN_KEY', { CPA_MANAGER_ADMIN_KEY: ADMIN_KEY }],
    [file, { CPA_MANAGER_ADMIN_KEY_FILE: file }],
  ] as const) {
    const done = await runCli(t, ['reset-admin-key', '--yes', '--data-dir', dataDir], { env });
    assert.equal(done.code, 2);
    assert.ok(done.stderr.includes(name), done.stderr);
    assert.equal(done.stdout, '');
  }
  assert.equal(await statusWith(daemon, ADMIN_KEY), 200);
  // Where only the daemon has the variable, it is remembered that the key came from there.
  const elsewhere = await runCli(t, ['reset-admin-key', '--yes', '--data-dir', dataDir]);
  assert.equal(elsewhere.code, 0);
  assert.match(elsewhere.stderr, /came from the environment of the daemon/);
});

test('nobody to ask, no database, and a locked one have their codes', async (t) => {
  const dataDir = tempDir(t);
  assert.equal((await runCli(t, ['reset-admin-key', '--yes', '--data-dir', dataDir])).code, 3);
  const { daemon, key } = await withGeneratedKey(t, dataDir);
  const unasked = await runCli(t, ['reset-admin-key', '--data-dir', dataDir]);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /--yes/);
  assert.equal(await statusWith(daemon, key), 200);
  assert.equal(await daemon.stop(), 0);
  const release = await lockDatabase(t, dataDir);
  const locked = await runCli(t, ['reset-admin-key', '--yes', '--data-dir', dataDir]);
  assert.equal(locked.code, 5, locked.stderr);
  assert.equal(locked.stdout, '');
  await release();
});

test(
  'on a terminal it asks: no changes nothing, yes does it, Ctrl-C ends it',
  { skip: NO_PTY },
  async (t) => {
    const dataDir = tempDir(t);
    const { daemon, key } = await withGeneratedKey(t, dataDir);
    const question = /Replace the admin key\?.*\[y\/N\]/;
    for (const [keys, code] of [
      ['\r', 1],
      ['n\r', 1],
      ['\u0004', 1],
      ['\u0003', 130],
    ] as const) {
      const run = startOnTerminal(t, ['reset-admin-key', '--data-dir', dataDir]);
      await run.until(({ stdout }) => question.test(stdout));
      run.child.stdin.write(keys);
      assert.equal((await run.end()).code, code, JSON.stringify(keys));
      assert.equal(await statusWith(daemon, key), 200);
    }
    const run = startOnTerminal(t, ['reset-admin-key', '--data-dir', dataDir]);
    await run.until(({ stdout }) => question.test(stdout));
    run.child.stdin.write('y\r');
    const done = await run.end();
    assert.equal(done.code, 0, done.stdout);
    const [next = ''] = /cmp_admin_[\w-]{32}/.exec(done.stdout) ?? [];
    assert.equal(await statusWith(daemon, next), 200);
    assert.equal(await statusWith(daemon, key), 401);
  },
);
