import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { DaemonProcess, tempDir, type DaemonOptions } from '../support/daemon.ts';
import { filesBelow } from '../support/http.ts';

const PROGRAM = new URL('../../bin/cpamp.ts', import.meta.url).pathname;
const VOLUME = new URL('../fixtures/volumes/cpa-manager-1.1.4', import.meta.url).pathname;

/** A start that must fail: its exit code, and on stderr one sentence about it and at most one on what to do. */
async function refusedStart(
  t: TestContext,
  options: DaemonOptions,
  code: number,
  ...told: RegExp[]
): Promise<void> {
  const daemon = DaemonProcess.spawn(t, options);
  await once(daemon.child, 'close');
  const text = daemon.stderr.join('\n');
  assert.equal(daemon.child.exitCode, code, text);
  assert.deepEqual(daemon.stdout, []);
  assert.match(daemon.stderr[0] ?? '', /^cpamp: \S+/, text);
  assert.ok(daemon.stderr.length <= 2, text);
  assert.doesNotMatch(text, /^\s+at |node:internal|\.ts:\d+/m);
  for (const pattern of told) assert.match(text, pattern);
}

/** A command that runs another one as nobody where we are root; null where that cannot be had. */
function withoutPrivileges(): string[] | null {
  if (process.getuid?.() !== 0) return [];
  const wrap = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
  // Nobody may be unable to reach the repository.
  const [file, ...args] = [...wrap, process.execPath, '-e', `require('fs').readFileSync('${PROGRAM}')`];
  return spawnSync(file, args).status === 0 ? wrap : null;
}

test('values that decide where data and keys are must be right', async (t) => {
  const dir = tempDir(t);
  const broken = join(dir, 'config.json');
  writeFileSync(broken, '{"dataDir": ');
  const empty = join(dir, 'empty');
  writeFileSync(empty, ' \n');
  const missing = join(dir, 'no-such-file');
  const cases = [
    [{ HTTP_ADDR: '18317' }, /HTTP_ADDR is "18317"; allowed is/],
    [{ HTTP_ADDR: '127.0.0.1:99999' }, /HTTP_ADDR.*99999/],
    [{ CPA_UPSTREAM_URL: 'ftp://cpa' }, /CPA_UPSTREAM_URL.*ftp:\/\/cpa/],
    [
      { CPA_MANAGER_ADMIN_KEY: '', CPA_MANAGER_ADMIN_KEY_FILE: missing },
      /CPA_MANAGER_ADMIN_KEY_FILE/,
      /no-such-file/,
    ],
    [{ CPA_MANAGEMENT_KEY_FILE: dir }, /CPA_MANAGEMENT_KEY_FILE/],
    [{ CPA_MANAGER_DATA_KEY_FILE: empty }, /CPA_MANAGER_DATA_KEY_FILE/, /empty/],
    [{ CPA_MANAGER_CONFIG: broken }, /config\.json/],
  ] as const;
  await Promise.all(cases.map(([env, ...told]) => refusedStart(t, { env }, 2, ...told)));
});

test('the database of another program is left alone, byte for byte', async (t) => {
  const dataDir = tempDir(t);
  const scratch = tempDir(t);
  const db = new Database(join(scratch, 'usage.sqlite'));
  db.exec('PRAGMA journal_mode = wal; CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES (1)');
  // While it is open, so that the row is still in the log.
  cpSync(scratch, dataDir, { recursive: true });
  db.close();
  const before = filesBelow(dataDir);
  assert.equal(before.size, 3);
  await refusedStart(t, { dataDir }, 9, /not made by cpamp/, /notes/, /USAGE_DB_PATH/);
  const after = filesBelow(dataDir);
  for (const [name, bytes] of before) assert.ok(after.get(name)?.equals(bytes), name);
  assert.deepEqual(
    [...after.keys()].filter((name) => !before.has(name) && !name.endsWith('.serve.lock')),
    [],
    'and nothing is put beside it but the lock, which stays empty',
  );
});

test('an old volume of somebody else is refused with what mends it, byte for byte as it was', async (t) => {
  const wrap = withoutPrivileges();
  if (wrap === null || wrap.length === 0) {
    t.skip('only root can make files that belong to somebody else');
    return;
  }
  const dataDir = tempDir(t);
  cpSync(VOLUME, dataDir, { recursive: true });
  // The folder was given over, and the files in it were forgotten.
  chownSync(dataDir, 65534, 65534);
  const before = filesBelow(dataDir);
  for (const mode of [0o600, 0o644]) {
    for (const name of before.keys()) chmodSync(name, mode);
    await refusedStart(t, { dataDir, wrap }, 1, /uid/, /[Gg]ive|chown/);
  }
  const after = filesBelow(dataDir);
  for (const [name, bytes] of before) assert.ok(after.get(name)?.equals(bytes), name);
});

test('one database has one daemon, and one address one program', async (t) => {
  const dataDir = tempDir(t);
  const running = await DaemonProcess.start(t, { dataDir });
  await refusedStart(t, { dataDir }, 5, new RegExp(`cpamp serve, process ${running.child.pid} on `));

  const server = net.createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const taken = `127.0.0.1:${address.port}`;
  await refusedStart(t, { env: { HTTP_ADDR: taken } }, 8, new RegExp(`${taken}.*EADDRINUSE`));
  const { url } = running;
  assert.equal((await fetch(`${url}/health`)).status, 200, 'the first one never noticed');
  assert.equal(await running.stop(), 0);
});

test('a data directory that cannot be written says whose it is', async (t) => {
  const wrap = withoutPrivileges();
  if (wrap === null) {
    t.skip('root may write everywhere');
    return;
  }
  const parent = tempDir(t);
  chmodSync(parent, 0o755);
  const dataDir = join(parent, 'data');
  mkdirSync(dataDir);
  chmodSync(dataDir, 0o555);
  await refusedStart(t, { dataDir, wrap }, 1, /belongs to uid \d+/, /chown -R/);
});

test('a file where the data directory should be is no directory', async (t) => {
  const dataDir = join(tempDir(t), 'data');
  writeFileSync(dataDir, 'not a directory');
  const daemon = DaemonProcess.spawn(t, { dataDir });
  await once(daemon.child, 'close');
  assert.notEqual(daemon.child.exitCode, 0);
  assert.match(daemon.stderr.join('\n'), /USAGE_DATA_DIR/);
  assert.equal(readFileSync(dataDir, 'utf8'), 'not a directory');
});
