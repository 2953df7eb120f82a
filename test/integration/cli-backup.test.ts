import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { backUp, filledDataDir, namesBelow, newDataDir, restore } from '../support/backup.ts';
import { CliProcess, NO_PTY, runCli, startCli, startOnTerminal } from '../support/cli.ts';
import { tempDir } from '../support/daemon.ts';
import { canMount, onSmallDisk } from '../support/small-disk.ts';

const PROGRAM = new URL('../../bin/cpamp.ts', import.meta.url).pathname;

test('an archive of each form, and a folder, hold the same, with a manifest that tar shows', async (t) => {
  const dataDir = await filledDataDir(t);
  const folder = tempDir(t);
  for (const format of ['tar.zst', 'tar.gz', 'tar', 'directory'] as const) {
    const { path, events, key, spool } = await backUp(t, dataDir, folder, '--format', format);
    assert.match(path.slice(folder.length), /^\/cpamp-backup-\d{4}-\d\d-\d\dT\d{6}Z(\.tar(\.gz|\.zst)?)?$/);
    assert.deepEqual([events, key, spool.records], [84, 'included', 0]);
    const into = tempDir(t);
    if (format === 'directory') cpSync(path, join(into, 'it'), { recursive: true });
    else if (format !== 'tar.zst') assert.equal(spawnSync('tar', ['-xf', path, '-C', into]).status, 0);
    else assert.equal((await restore(t, into, path)).events, 84);
    if (format === 'tar.zst') continue;
    const names = namesBelow(into).map((name) => name.slice(name.indexOf('/') + 1));
    assert.deepEqual(names.toSorted(), ['', 'data.key', 'manifest.json', 'spool/', 'usage.sqlite']);
    const [top = ''] = namesBelow(into);
    const manifest: Record<string, unknown> = JSON.parse(
      readFileSync(join(into, top, 'manifest.json'), 'utf8'),
    );
    assert.deepEqual([manifest['format'], manifest['version'], manifest['events']], ['cpamp-backup', 1, 84]);
    // What an archive was unpacked to is a backup as well.
    assert.equal((await restore(t, join(into, 'new'), join(into, top))).key, 'restored');
  }
  assert.ok(
    namesBelow(folder).every((name) => !name.startsWith('.')),
    'nothing half is left',
  );
});

test('a named archive, words for people, and nothing is overwritten', async (t) => {
  const dataDir = await filledDataDir(t);
  writeFileSync(join(dataDir, 'config.json'), '{}');
  mkdirSync(join(dataDir, 'pre-cpamp/old'), { recursive: true });
  const folder = tempDir(t);
  const args = ['backup', '--data-dir', dataDir];
  const first = await runCli(t, [...args, 'before.tar.gz'], { cwd: folder });
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /\/before\.tar\.gz: 84 events, [\d.]+ KiB\n$/);
  assert.match(first.stderr, /^Not in it: config\.json, pre-cpamp\/\n$/);
  const bytes = readFileSync(join(folder, 'before.tar.gz'));
  for (const [more, message] of [
    [['before.tar.gz'], /already/],
    [['--keep', '3', 'other.tar.gz'], /--keep/],
    [['--format', 'tar', 'other.tar.gz'], /--format tar/],
    [['--keep', '0'], /number from 1 on/],
    [['-'], /read back.*standard output cannot be\nName a folder/],
    [[''], /the target is empty/],
    [['some.zip'], /no name that a backup can have\n.*\.tar\.zst/],
    [[join(dataDir, 'spool')], /spool is no place for backups/],
    [[join(dataDir, 'spool/deep/a.tar')], /spool is no place for backups/],
  ] as const) {
    const run = await runCli(t, [...args, ...more], { cwd: folder });
    assert.equal(run.code, 2, more.join(' '));
    assert.match(run.stderr, message);
  }
  assert.deepEqual(namesBelow(folder), ['before.tar.gz']);
  assert.deepEqual(readFileSync(join(folder, 'before.tar.gz')), bytes);
  const none = await runCli(t, ['backup', '--data-dir', tempDir(t)], { cwd: folder });
  assert.equal(none.code, 3);
  const quiet = await runCli(t, ['backup', '--quiet', '--data-dir', dataDir, folder]);
  assert.equal(quiet.stderr, '', 'nothing for cron to mail');
});

test('--keep removes older backups of this database, and nothing else', async (t) => {
  const [dataDir, other] = [await filledDataDir(t), await newDataDir(t)];
  const folder = tempDir(t);
  const at = (second: number): string => `cpamp-backup-2026-11-0${second}T000000Z`;
  const made = await backUp(t, dataDir, folder);
  const foreign = await backUp(t, other, tempDir(t));
  const unpacked = await backUp(t, dataDir, tempDir(t), '--format', 'directory');
  cpSync(made.path, join(folder, `${at(1)}.tar.zst`));
  cpSync(made.path, join(folder, `${at(2)}.tar.zst`));
  cpSync(unpacked.path, join(folder, at(3)), { recursive: true });
  cpSync(foreign.path, join(folder, `${at(4)}.tar.zst`));
  cpSync(made.path, join(folder, 'mine.tar.zst'));
  writeFileSync(join(folder, `${at(5)}.tar.gz`), 'no archive');
  renameSync(made.path, join(folder, `${at(6)}.tar.zst`));
  const run = await runCli(t, ['backup', '--json', '--keep', '2', '--data-dir', dataDir, folder]);
  assert.equal(run.code, 0, run.stderr);
  const removed = [`${at(1)}.tar.zst`, `${at(2)}.tar.zst`, at(3)].map((name) => join(folder, name));
  const answer: { removed: unknown } = JSON.parse(run.stdout);
  assert.deepEqual(answer.removed, removed);
  assert.match(run.stderr, /05T000000Z\.tar\.gz cannot be read, and was left/);
  const left = namesBelow(folder).filter((name) => !name.startsWith('cpamp-backup-2026-11-2'));
  assert.deepEqual(left.slice(0, 4), [
    `${at(4)}.tar.zst`,
    `${at(5)}.tar.gz`,
    `${at(6)}.tar.zst`,
    'mine.tar.zst',
  ]);
});

test('without the key: a warning, and a restored daemon that wants it', async (t) => {
  const dataDir = await filledDataDir(t);
  const run = await runCli(t, ['backup', '--without-key', '--json', '--data-dir', dataDir, tempDir(t)]);
  assert.equal(run.code, 0);
  assert.match(run.stderr, /data\.key is not in it/);
  assert.match(run.stdout, /"key":"left-out"/);
});

test('a key that is lost or another one is told of, and the rest can be saved', async (t) => {
  const dataDir = await filledDataDir(t);
  const folder = tempDir(t);
  const key = join(dataDir, 'data.key');
  for (const [change, code] of [
    [() => writeFileSync(key, Buffer.alloc(32, 7).toString('base64')), 'data_key_foreign'],
    [() => writeFileSync(key, 'short'), 'data_key_malformed'],
    [() => rmSync(key), 'data_key_missing'],
  ] as const) {
    change();
    const run = await runCli(t, ['backup', '--json', '--data-dir', dataDir, folder]);
    assert.equal(run.code, 9, code);
    assert.match(run.stderr, new RegExp(`"${code}".*--without-key`));
    assert.deepEqual(namesBelow(folder), []);
  }
  assert.equal((await backUp(t, dataDir, folder, '--without-key')).events, 84);
});

test('a key of the environment is tried, and stays there', async (t) => {
  const dataDir = await filledDataDir(t);
  const secret = readFileSync(join(dataDir, 'data.key'), 'utf8').trim();
  rmSync(join(dataDir, 'data.key'));
  const env = { CPA_MANAGER_DATA_KEY: secret };
  const folder = tempDir(t);
  const run = await runCli(t, ['backup', '--json', '--data-dir', dataDir, folder], { env });
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /"key":"environment"/);
  const { path }: { path: string } = JSON.parse(run.stdout);
  const into = tempDir(t);
  const back = await runCli(t, ['restore', '--json', '--data-dir', into, path], { env });
  assert.match(back.stdout, /"key":"environment"/);
  assert.ok(!existsSync(join(into, 'data.key')));
});

test('a damaged database is no backup', async (t) => {
  const dataDir = await filledDataDir(t);
  const path = join(dataDir, 'usage.sqlite');
  const bytes = readFileSync(path);
  // The pages from the second on hold tables; the first has the schema.
  bytes.fill(0xff, 4096 * 3, bytes.length);
  writeFileSync(path, bytes);
  const folder = tempDir(t);
  const run = await runCli(t, ['backup', '--data-dir', dataDir, folder]);
  assert.equal(run.code, 9);
  assert.match(
    run.stderr,
    /^cpamp: the backup is damaged: \S+usage\.sqlite: the database is not whole.*\nNothing was written\./,
  );
  assert.deepEqual(namesBelow(folder), []);
});

/** Keeps even readers out of a database, which another process then waits for. */
function lock(dataDir: string): Database.Database {
  const db = new Database(join(dataDir, 'usage.sqlite'));
  db.pragma('locking_mode = EXCLUSIVE');
  db.exec('BEGIN EXCLUSIVE');
  return db;
}

test('a database that is locked even for reading', async (t) => {
  const dataDir = await filledDataDir(t);
  const db = lock(dataDir);
  t.after(() => db.close());
  const folder = tempDir(t);
  const run = await runCli(t, ['backup', '--json', '--data-dir', dataDir, folder]);
  assert.equal(run.code, 5);
  assert.match(run.stderr, /"database_locked"/);
  assert.deepEqual(namesBelow(folder), []);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} in the middle leaves nothing`, async (t) => {
    const dataDir = await filledDataDir(t);
    // It waits for this lock while it copies the database.
    const db = lock(dataDir);
    t.after(() => db.close());
    const folder = tempDir(t);
    const run = startCli(t, ['backup', '--data-dir', dataDir, folder]);
    while (!namesBelow(folder).some((name) => name.includes('/spool/'))) await pause(5);
    run.child.kill(signal);
    const ended = await run.end();
    assert.deepEqual([ended.code, ended.stdout], [signal === 'SIGINT' ? 130 : 143, '']);
    assert.deepEqual(namesBelow(folder), []);
  });
}

test('what a killed backup left is removed a day later', async (t) => {
  const dataDir = await filledDataDir(t);
  const folder = tempDir(t);
  const left = [
    '.cpamp-backup-2026-11-01T000000Z.tar.zst.0a1b2c3d.partial',
    '.cpamp-backup-2026-11-02T000000Z.0a1b2c3e.partial',
    '.before-upgrade.tar.gz.0a1b2c3f.partial',
    '.somebody.0a1b2c3f.partial',
  ];
  for (const name of left) mkdirSync(join(folder, name, 'stage'), { recursive: true });
  for (const index of [0, 2, 3]) utimesSync(join(folder, left[index] ?? ''), 1_700_000_000, 1_700_000_000);
  await backUp(t, dataDir, folder);
  assert.deepEqual(
    left.map((name) => existsSync(join(folder, name))),
    [false, true, false, true],
  );
});

test('a full disk', { skip: canMount() ? false : 'no file system can be mounted here' }, async (t) => {
  const dataDir = await filledDataDir(t);
  const disk = join(tempDir(t), 'disk');
  for (const [bytes, format] of [
    [64 << 10, 'tar.zst'],
    // The copy of the database fits, and the archive beside it does not.
    [statSync(join(dataDir, 'usage.sqlite')).size + (48 << 10), 'tar'],
  ] as const) {
    const command = [
      process.execPath,
      PROGRAM,
      'backup',
      '--json',
      '--format',
      format,
      '--data-dir',
      dataDir,
      disk,
    ];
    const [file = '', ...args] = onSmallDisk(disk, bytes);
    // The disk is gone with the program, so that it is looked at before.
    const look = 'code=0; "$@" || code=$?; echo "left: $(ls -A "$0")"; exit $code';
    const run = await new CliProcess(t, file, [...args, 'sh', '-c', look, disk, ...command], {}).end();
    assert.equal(run.code, 1, run.stderr);
    assert.match(run.stderr, /"disk_full".*name another folder/);
    assert.equal(run.stdout, 'left: \n');
  }
});

test('on a terminal it shows what it does', { skip: NO_PTY }, async (t) => {
  const dataDir = await filledDataDir(t);
  const run = startOnTerminal(t, ['backup', '--data-dir', dataDir, tempDir(t)]);
  const { code, stdout } = await run.end();
  assert.equal(code, 0);
  assert.match(stdout, /Copying the spool/);
  assert.match(stdout, /84 events/);
});
