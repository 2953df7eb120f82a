import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
  closeSync,
  mkdirSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CliProcess, runCli } from '../support/cli.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { tempDir } from '../support/daemon.ts';
import { examine, readExamined, setUp, strikes, type Examined } from '../support/doctor.ts';
import { CPA_KEY, startCpa } from '../support/http.ts';
import { canMount, onSmallDisk } from '../support/small-disk.ts';

const PROGRAM = new URL('../../bin/cpamp.ts', import.meta.url).pathname;
const isRoot = process.getuid?.() === 0;

test('a directory that is not there, and one that is none', async (t) => {
  const cpa = await startCpa(t);
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY };
  const missing = join(tempDir(t), 'data');
  const seen = await examine(t, missing, env);
  assert.equal(seen.code, 1);
  assert.equal(seen.state('directory'), 'fail');
  assert.deepEqual(
    seen.checks.filter(({ state }) => state === 'fail').map(({ id }) => id),
    ['directory'],
  );
  // The way there is looked at, and the key stays at home: a refusal could not be remembered.
  assert.equal(seen.state('tcp'), 'ok');
  assert.equal(seen.state('management_key'), 'skipped');
  assert.deepEqual(
    cpa.http.exchanges.map(({ url }) => url),
    ['/healthz'],
  );
  assert.equal(statSync(missing, { throwIfNoEntry: false }), undefined, 'nothing is made');

  const empty = await examine(t, tempDir(t));
  assert.deepEqual(
    empty.checks.filter(({ state }) => state === 'fail').map(({ id }) => id),
    ['database'],
  );
  assert.match(empty.text('database'), /cpamp setup/);
});

test('modes that let others in', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  chmodSync(join(dataDir, 'data.key'), 0o644);
  const key = await examine(t, dataDir);
  assert.equal(key.code, 0);
  assert.equal(key.state('permissions'), 'warn');
  assert.match(key.text('permissions'), /data\.key can be read by other users \(mode 644\).*chmod go-rwx/);
  chmodSync(join(dataDir, 'data.key'), 0o600);
  chmodSync(dataDir, 0o777);
  assert.match((await examine(t, dataDir)).text('permissions'), /chmod go-w/);
});

test('files of somebody else', { skip: isRoot ? false : 'it takes root to give files away' }, async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  chownSync(join(dataDir, 'usage.sqlite'), 12_345, 12_345);
  const seen = await examine(t, dataDir);
  assert.equal(seen.code, 1);
  assert.equal(seen.state('permissions'), 'fail');
  assert.match(seen.text('permissions'), /uid 12345.*sudo chown -R 0:0/);

  // What is remembered in somebody's place is theirs.
  chownSync(dataDir, 12_345, 12_345);
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: 'made-up-wrong-key' };
  assert.equal((await examine(t, dataDir, env)).state('management_key'), 'fail');
  assert.equal(statSync(join(dataDir, 'usage.sqlite.refused-key')).uid, 12_345);
});

test(
  'what we may not write is left alone',
  { skip: isRoot ? 'root may write everything' : false },
  async (t) => {
    const cpa = await startCpa(t);
    const dataDir = await setUp(t, cpa);
    const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY };
    chmodSync(dataDir, 0o500);
    const seen = await examine(t, dataDir, env);
    // The directory is removed after the test.
    chmodSync(dataDir, 0o700);
    assert.deepEqual([seen.state('permissions'), seen.state('database')], ['fail', 'skipped']);
    assert.equal(seen.state('management_key'), 'skipped');

    const spool = join(dataDir, 'spool');
    mkdirSync(spool, { recursive: true });
    chmodSync(spool, 0);
    const shut = await examine(t, dataDir, env);
    chmodSync(spool, 0o700);
    assert.equal(shut.code, 1, shut.stderr);
    assert.match(shut.text('permissions'), /spool belongs to uid .*chown/);
    assert.equal(shut.checks.length, seen.checks.length);
  },
);

test('a data.key that is gone, and one of another place', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  const calls = cpa.http.exchanges.length;
  rmSync(join(dataDir, 'data.key'));
  const gone = await examine(t, dataDir);
  assert.equal(gone.code, 1);
  assert.equal(gone.state('data_key'), 'fail');
  assert.match(gone.text('data_key'), /missing.*setup --new-data-key/);
  assert.equal(gone.state('connection'), 'fail');
  writeFileSync(join(dataDir, 'data.key'), 'VP9bYwxbxmYAJdk/eE9gsxOWyVNizFWjL3Ids5Syq3M\n', { mode: 0o600 });
  const foreign = await examine(t, dataDir);
  assert.equal(foreign.state('data_key'), 'fail');
  assert.match(foreign.text('data_key'), /does not fit/);
  assert.equal(cpa.http.exchanges.length, calls, 'nobody is called with a key that cannot be opened');
});

test('a damaged page, many of them, and a file that is no database', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  const path = join(dataDir, 'usage.sqlite');
  // Far behind the settings, which live near the beginning.
  const last = Math.floor(statSync(path).size / PAGE) - 1;
  damage(path, last - 10, last - 10);
  const one = await examine(t, dataDir);
  assert.equal(one.code, 1);
  assert.equal(one.state('integrity'), 'fail', JSON.stringify(one.checks));
  assert.match(one.text('integrity'), /The database is damaged: .*restore a backup/);

  damage(path, last - 8, last);
  const many = await examine(t, dataDir);
  assert.equal(many.state('integrity'), 'fail', JSON.stringify(many.checks));

  writeFileSync(path, 'no database at all');
  const foreign = await examine(t, dataDir);
  assert.deepEqual([foreign.state('database'), foreign.state('integrity')], ['fail', 'skipped']);
  assert.match(foreign.text('database'), /not made by cpamp/);
});

const PAGE = 4_096;

/** Overwrites pages, counted from 0, with what no page looks like. */
function damage(path: string, from: number, to: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc((to - from + 1) * PAGE, 0xff), 0, null, from * PAGE);
  closeSync(file);
}

test('--full goes through indexes as well', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  const seen = await examine(t, dataDir, {}, ['--full']);
  assert.equal(seen.state('integrity'), 'ok');
  assert.match(seen.text('integrity'), /whole file/);
});

test('a database that somebody holds is said to be, and the key is not tried', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  await lockDatabase(t, dataDir, 'alone');
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: 'made-up-wrong-key' };
  const seen = await examine(t, dataDir, env);
  assert.equal(seen.state('database'), 'fail');
  assert.match(seen.text('database'), /locked by another process/);
  assert.equal(seen.state('management_key'), 'skipped');
  assert.equal(strikes(cpa), 0);
});

test('a full disk', { skip: canMount() ? false : 'no file system can be mounted here' }, async (t) => {
  const cpa = await startCpa(t);
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: 'made-up-wrong-key' };
  const program = `${process.execPath} ${PROGRAM}`;
  const fill = 'dd if=/dev/zero of=filler bs=1k 2>/dev/null';
  const onFullDisk = async (...before: readonly string[]): Promise<Examined> => {
    const dataDir = join(tempDir(t), 'small');
    const doctor = `${program} doctor --json --data-dir ${dataDir}`;
    const script = [`cd ${dataDir}`, ...before, fill, doctor].join('; ');
    const [file, ...args] = [...onSmallDisk(dataDir, 4 << 20), 'sh', '-c', script];
    const { code, stdout, stderr } = await new CliProcess(t, file, args, { env }).end();
    const seen = readExamined(code, stdout, stderr);
    assert.equal(seen.code, 1);
    assert.equal(seen.state('disk_space'), 'fail');
    assert.match(seen.text('disk_space'), /^Only 0 B are free/);
    assert.equal(seen.state('management_key'), 'skipped');
    return seen;
  };
  const made = await onFullDisk(
    `${program} setup --data-dir . --no-monitoring --non-interactive --quiet >&2`,
  );
  assert.match(made.text('database'), /disk/);
  const calls = cpa.http.exchanges.length;
  const empty = await onFullDisk();
  assert.match(empty.text('management_key'), /could not be remembered here \(ENOSPC\)/);
  assert.deepEqual(
    cpa.http.exchanges.slice(calls).map(({ url }) => url),
    ['/healthz'],
  );
});

test('monitoring that is switched off is a warning', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = await setUp(t, cpa);
  const done = await runCli(t, [
    'setup',
    '--data-dir',
    dataDir,
    '--no-monitoring',
    '--non-interactive',
    '--quiet',
  ]);
  assert.equal(done.code, 0, done.stderr);
  const off = await examine(t, dataDir);
  assert.equal(off.state('connection'), 'warn');
  assert.match(off.text('connection'), /monitoring is switched off/);
});
