import assert from 'node:assert/strict';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { backUp, filledDataDir, namesBelow, newDataDir } from '../support/backup.ts';
import { CliProcess, runCli, type CliResult } from '../support/cli.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { filesBelow } from '../support/http.ts';
import { canMount, onSmallDisk } from '../support/small-disk.ts';

const PROGRAM = new URL('../../bin/cpamp.ts', import.meta.url).pathname;
const HOOK = new URL('../support/kill-at-step.ts', import.meta.url).href;

const inShm = (): string => mkdtempSync('/dev/shm/cpamp-test-');
const isRoot = process.getuid?.() === 0;
const twoDisks = existsSync('/dev/shm') && statSync('/dev/shm').dev !== statSync(tmpdir()).dev;

/** What is in a database, as far as it tells two of them apart. */
function idOf(path: string): unknown {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare("SELECT value FROM settings WHERE key = 'database_id'").pluck().get();
  } finally {
    db.close();
  }
}

/** Two places with the same events, another id and another key, and a backup of the second. */
async function twoPlaces(t: TestContext): Promise<{ mine: string; path: string; theirs: string }> {
  const [mine, theirs] = [await filledDataDir(t), await newDataDir(t)];
  mkdirSync(join(mine, 'spool'), { recursive: true });
  const { path } = await backUp(t, theirs, tempDir(t));
  return { mine, path, theirs };
}

/** Restores into a copy of `mine`, killed before its nth step, and finishes it. Answers whether it got so far. */
async function killed(
  t: TestContext,
  { mine, path, theirs }: { mine: string; path: string; theirs: string },
  step: number,
  keyDir: string,
): Promise<boolean> {
  const dataDir = join(tempDir(t), 'data');
  cpSync(mine, dataDir, { recursive: true });
  const dbPath = join(dataDir, 'usage.sqlite');
  const keyPath = join(keyDir, 'data.key');
  cpSync(join(mine, 'data.key'), keyPath);
  const env = { CPA_MANAGER_DATA_KEY_PATH: keyPath };
  const run = await runCli(t, ['restore', '--replace', '--yes', '--data-dir', dataDir, path], {
    env: {
      ...env,
      NODE_OPTIONS: `--import=${HOOK}`,
      KILL_WHILE: `${dbPath}.restoring`,
      KILL_AT_STEP: String(step),
    },
  });
  const wasKilled = run.signal === 'SIGKILL';
  if (wasKilled) {
    const finished = await runCli(t, ['restore', '--finish', '--data-dir', dataDir], { env });
    assert.equal(finished.code, 0, `step ${step}: ${finished.stderr}`);
  } else assert.equal(run.code, 0, run.stderr);
  assert.equal(idOf(dbPath), idOf(join(theirs, 'usage.sqlite')), `step ${step}`);
  assert.deepEqual(readFileSync(keyPath), readFileSync(join(theirs, 'data.key')), `step ${step}`);
  assert.equal(statSync(keyPath).mode & 0o777, 0o600);
  const [aside = ''] = namesBelow(dataDir).filter((name) => /^before-restore-[^/]*\/$/.test(name));
  assert.equal(idOf(join(dataDir, aside, 'usage.sqlite')), idOf(join(mine, 'usage.sqlite')));
  assert.deepEqual(readFileSync(join(dataDir, aside, 'data.key')), readFileSync(join(mine, 'data.key')));
  const left = [...namesBelow(dataDir), ...namesBelow(keyDir)];
  assert.deepEqual(
    left.filter((name) => /partial|restoring|\.tmp$/.test(name)),
    [],
    `step ${step}`,
  );
  return wasKilled;
}

test('killed before any step of its exchange, it is finished later', async (t) => {
  const places = await twoPlaces(t);
  // What goes to another disk is copied there, which takes more steps.
  const elsewhere = twoDisks ? inShm() : tempDir(t);
  t.after(() => rmSync(elsewhere, { recursive: true, force: true }));
  let step = 1;
  while (await killed(t, places, step, elsewhere)) step += 1;
  assert.ok(step > (twoDisks ? 10 : 6), `it was killed ${step - 1} times`);
});

test('half of a restore keeps the daemon and every command away, and says how to go on', async (t) => {
  const { mine: dataDir, path } = await twoPlaces(t);
  const dbPath = join(dataDir, 'usage.sqlite');
  const run = await runCli(t, ['restore', '--replace', '--yes', '--data-dir', dataDir, path], {
    env: { NODE_OPTIONS: `--import=${HOOK}`, KILL_WHILE: `${dbPath}.restoring`, KILL_AT_STEP: '2' },
  });
  assert.equal(run.signal, 'SIGKILL');
  assert.ok(!existsSync(dbPath));
  const serve = DaemonProcess.spawn(t, { dataDir });
  const runs = serve.until(() => serve.url !== '').then(() => serve.statusUntil(() => true));
  // It listens before it opens the database, and must not come so far as to have one.
  const outcome = await Promise.race([
    serve.exit(),
    runs.then(
      () => 'it runs',
      () => serve.exit(),
    ),
  ]);
  assert.equal(outcome, 9);
  assert.match(serve.stderr.join('\n'), /a restore of this database was interrupted/);
  for (const args of [
    ['restore', path],
    ['backup', tempDir(t)],
    ['import', join(import.meta.dirname, '../fixtures/exports/cpa-manager-1.1.4.jsonl')],
    ['events'],
    ['export'],
    ['aliases', 'list'],
    ['prices', 'list'],
  ]) {
    const other = await runCli(t, [...args, '--data-dir', dataDir]);
    assert.equal(other.code, 9, `${args[0]}: ${other.stderr}`);
    assert.match(other.stderr, /was interrupted.*\nFinish it with: cpamp restore --finish\n$/, args[0]);
  }
  const doctor = await runCli(t, ['doctor', '--data-dir', dataDir]);
  assert.match(doctor.stdout, /FAIL Database: A restore of this.*\n +fix: .*--finish/);
  assert.ok(!existsSync(dbPath));
  assert.equal((await runCli(t, ['restore', '--finish', '--data-dir', dataDir])).code, 0);
  const nothing = await runCli(t, ['restore', '--finish', '--data-dir', dataDir]);
  assert.equal(nothing.code, 4);
});

test('what cannot be put in place is taken back, and said', async (t) => {
  const { mine: dataDir, path } = await twoPlaces(t);
  const before = filesBelow(dataDir);
  const lost = join(tempDir(t), 'not there');
  const args = ['restore', '--replace', '--yes', '--data-dir', dataDir, path];
  const run = await runCli(t, args, { env: { CPA_MANAGER_DATA_KEY_PATH: join(lost, 'data.key') } });
  assert.equal(run.code, 1, run.stderr);
  assert.match(
    run.stderr,
    /cpamp: the data directory cannot be written: .*not there cannot be made.*\nRun: sudo mkdir -p '.*not there' /,
  );
  assertSame(filesBelow(dataDir), before);
  assert.ok(existsSync(join(dataDir, 'spool')));
  assert.deepEqual(
    namesBelow(dataDir).filter((name) => /before-restore|partial|restoring/.test(name)),
    [],
  );
});

const LOCK = /\.(?:serve|bulk)\.lock$/;

function assertSame(after: ReadonlyMap<string, Buffer>, before: ReadonlyMap<string, Buffer>): void {
  const names = (files: ReadonlyMap<string, Buffer>): string[] =>
    [...files.keys()].filter((name) => !LOCK.test(name)).toSorted();
  assert.deepEqual(names(after), names(before));
  for (const name of names(after)) assert.ok(before.get(name)?.equals(after.get(name) ?? Buffer.of()), name);
}

test('root restores for the owner of the folder', { skip: isRoot ? false : 'it takes root' }, async (t) => {
  const { mine: dataDir, path } = await twoPlaces(t);
  const keyDir = twoDisks ? inShm() : tempDir(t);
  t.after(() => rmSync(keyDir, { recursive: true, force: true }));
  const keyPath = join(keyDir, 'data.key');
  cpSync(join(dataDir, 'data.key'), keyPath);
  for (const name of ['', ...namesBelow(dataDir)]) chownSync(join(dataDir, name), 12_345, 12_346);
  for (const file of [keyDir, keyPath]) chownSync(file, 12_345, 12_346);
  const run = await runCli(t, ['restore', '--replace', '--yes', '--data-dir', dataDir, path], {
    env: { CPA_MANAGER_DATA_KEY_PATH: keyPath },
  });
  assert.equal(run.code, 0, run.stderr);
  for (const file of [keyPath, dataDir, ...namesBelow(dataDir).map((name) => join(dataDir, name))]) {
    const { uid, gid, mode } = statSync(file);
    assert.deepEqual([uid, gid], [12_345, 12_346], file);
    if (file !== dataDir) assert.equal(mode & 0o077, 0, file);
  }
});

test('a full disk', { skip: canMount() ? false : 'no file system can be mounted here' }, async (t) => {
  const { path, theirs } = await twoPlaces(t);
  const disk = join(tempDir(t), 'disk');
  const { size } = statSync(join(theirs, 'usage.sqlite'));
  const restoring = async (bytes: number, source: string, ...more: string[]): Promise<CliResult> => {
    const into = join(disk, 'data');
    const command = [process.execPath, PROGRAM, 'restore', '--json', '--data-dir', into, ...more, source];
    const [file = '', ...args] = onSmallDisk(disk, bytes);
    const look = 'code=0; "$@" || code=$?; echo "left: $(find "$0" -type f -size +0)"; exit $code';
    return new CliProcess(t, file, [...args, 'sh', '-c', look, disk, ...command], {
      env: { TMPDIR: disk },
    }).end();
  };
  // A log of no sense is dropped where it is read, and has to be unpacked before that.
  const torn = await filledDataDir(t);
  const db = new Database(join(torn, 'usage.sqlite'));
  db.pragma('wal_autocheckpoint = 0');
  db.exec('CREATE TABLE filler (data)');
  const insert = db.prepare('INSERT INTO filler VALUES (zeroblob(60000))');
  for (let row = 0; row < 8; row += 1) insert.run();
  const copy = join(tempDir(t), 'copy');
  cpSync(torn, copy, { recursive: true });
  db.close();
  for (const [bytes, source] of [
    // Too little for what it declares, and too little for what comes in it from the log.
    [size / 2, path],
    [size + (640 << 10), copy],
  ] as const) {
    const run = await restoring(bytes, source);
    assert.equal(run.code, 1, run.stderr);
    assert.match(run.stderr, /"disk_full"/);
    assert.equal(run.stdout, 'left: \n');
    assert.match((await restoring(bytes, source, '--dry-run')).stderr, /"disk_full".*set TMPDIR/);
  }
});
