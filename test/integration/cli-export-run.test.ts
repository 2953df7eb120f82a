import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import { openDatabase } from '../../src/lib/store/open.ts';
import { NO_PTY, runCli, startCli, startOnTerminal } from '../support/cli.ts';
import { gatewayEnv, Load, sourceOf, startGateway } from '../support/collection.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { filledDir } from '../support/exporting.ts';
import { exported } from '../support/importing.ts';
import { canMount, onSmallDisk } from '../support/small-disk.ts';

const PROGRAM = new URL('../../bin/cpamp.ts', import.meta.url).pathname;
/** Some 12 MB of lines: more than pipes and buffers hold. */
const MANY = 12_000;

const hashesOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): string => JSON.parse(line).event_hash);

/** `cpamp export` whose output nobody reads. */
function unread(t: TestContext, args: readonly string[]) {
  const child = spawn(process.execPath, [PROGRAM, 'export', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { child, end: async () => ({ code: (await closed)[0], stderr }) };
}

test('beside a daemon that writes: what is there at the start, and the rest with the next', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url) });
  const load = new Load(t, cpa, sourceOf('7.2.140'), 500);
  await daemon.statusUntil(({ eventCount }) => eventCount > 300);
  const exports: string[] = [];
  let cursor = '';
  for (let round = 0; round < 3; round += 1) {
    const before = (await daemon.status()).eventCount;
    const run = await runCli(t, ['export', '--data-dir', dataDir, '--json', '--after', cursor]);
    assert.equal(run.code, 0, run.stderr);
    exports.push(run.stdout);
    ({ cursor } = JSON.parse(run.stderr));
    assert.ok(hashesOf(exports.join('')).length >= before, 'nothing that was there is missing');
  }
  await load.stop();
  const sent = cpa.counts().delivered;
  await daemon.statusUntil(({ eventCount }) => eventCount >= sent);
  const rest = await runCli(t, ['export', '--data-dir', dataDir, '--after', cursor]);
  const inParts = hashesOf(exports.join('') + rest.stdout);
  const whole = hashesOf(await exported(join(dataDir, 'usage.sqlite')));
  assert.deepEqual(inParts.toSorted(), whole.toSorted());
  assert.equal(await daemon.stop(), 0);
});

test('a reader that stands still holds neither the log nor the end of the command', async (t) => {
  const dataDir = filledDir(t, MANY);
  const dbPath = join(dataDir, 'usage.sqlite');
  const { child, end } = unread(t, ['--data-dir', dataDir]);
  await once(child.stdout, 'readable');
  const db = openDatabase(dbPath, { mode: 'write', busyTimeoutMs: 5000 });
  t.after(() => db.close());
  // Without a reader's transaction all of the log goes into the database, and it can begin anew.
  for (let round = 0; round < 3; round += 1) {
    db.prepare('UPDATE gateway SET base_url = base_url').run();
    const [result] = db.pragma('wal_checkpoint(TRUNCATE)') as ReadonlyArray<{ busy: number; log: number }>;
    assert.deepEqual([result?.busy, result?.log], [0, 0]);
  }
  child.kill('SIGTERM');
  assert.deepEqual(await end(), { code: 143, stderr: '' });
});

test('a pipe that is closed early is an end like any other', async (t) => {
  const dataDir = filledDir(t, MANY);
  for (const format of ['jsonl', 'csv', 'parquet']) {
    const { child, end } = unread(t, ['--data-dir', dataDir, '--format', format]);
    await once(child.stdout, 'readable');
    child.stdout.destroy();
    assert.deepEqual(await end(), { code: 0, stderr: '' }, format);
  }
});

test(
  'a named pipe takes all of it, and holds nobody whose reader stands still',
  { timeout: 120_000 },
  async (t) => {
    const dataDir = filledDir(t, MANY);
    const pipe = join(tempDir(t), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => reader.kill('SIGKILL'));
    const read = text(reader.stdout);
    const whole = await runCli(t, ['export', '--data-dir', dataDir, '-o', pipe]);
    assert.deepEqual([whole.code, whole.stdout, whole.stderr], [0, '', '']);
    assert.equal(await read, await exported(join(dataDir, 'usage.sqlite')));

    const fd = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    t.after(() => closeSync(fd));
    const run = startCli(t, ['export', '--data-dir', dataDir, '-o', pipe]);
    while (!begunToRead(fd)) await new Promise((resolve) => setTimeout(resolve, 5));
    run.child.kill('SIGTERM');
    const ended = await run.end();
    assert.deepEqual([ended.code, ended.stdout, ended.stderr], [143, '', '']);
  },
);

/** Whether somebody has written to a pipe. */
function begunToRead(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1)) > 0;
  } catch {
    return false;
  }
}

test('an interrupted export leaves nothing, and what had the name', async (t) => {
  const dataDir = filledDir(t, MANY);
  const dir = tempDir(t);
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    for (const name of ['out.jsonl.gz', 'out.parquet']) {
      const file = join(dir, name);
      writeFileSync(file, 'before');
      const run = startCli(t, ['export', '--data-dir', dataDir, '-o', file]);
      while (readdirSync(dir).length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      run.child.kill(signal);
      const ended = await run.end();
      assert.deepEqual([ended.code, ended.stdout, ended.stderr], [code, '', ''], name);
      assert.deepEqual(readdirSync(dir), [name]);
      assert.equal(readFileSync(file, 'utf8'), 'before');
      // The next one has its own name.
      const moved = await runCli(t, ['export', '--data-dir', dataDir, '--limit', '1', '-o', file]);
      assert.equal(moved.code, 0);
      rmSync(file);
    }
  }
});

test(
  'a full disk is said to be full, and nothing is left on it',
  { skip: canMount() ? false : 'no file system can be mounted here' },
  async (t) => {
    const dataDir = filledDir(t, 3000);
    const disk = join(tempDir(t), 'small');
    const [file, ...args] = onSmallDisk(disk, 1 << 18);
    assert.ok(file);
    const script = `"$@"; code=$?; ls -A ${disk} >&2; exit $code`;
    const command = ['sh', '-c', script, 'sh', process.execPath, PROGRAM, 'export', '--data-dir', dataDir];
    for (const name of ['out.jsonl', 'out.csv.gz', 'out.parquet']) {
      const all = [...args, ...command, '-o', join(disk, name)];
      const child: ChildProcess = spawn(file, all, { stdio: ['ignore', 'ignore', 'pipe'] });
      let stderr = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      const [code] = await once(child, 'close');
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        /^cpamp: the disk is full: .*\nFree space.*\n$/,
        'and no name of a file behind it',
      );
    }
  },
);

test(
  'a standard output that is full is an error without a stack',
  { skip: existsSync('/dev/full') ? false : 'there is no /dev/full' },
  async (t) => {
    const dataDir = filledDir(t, 10);
    for (const args of [['export'], ['status']]) {
      const child = spawn(process.execPath, [PROGRAM, ...args, '--data-dir', dataDir], {
        stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
      });
      let stderr = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      const [code] = await once(child, 'close');
      assert.equal(code, 1, stderr);
      assert.match(stderr, /the disk is full: standard output\n/);
      assert.ok(!/ {4}at /.test(stderr), stderr);
    }
  },
);

test('a database that is being written can be exported, one that is held alone cannot', async (t) => {
  const dataDir = filledDir(t, 50);
  const release = await lockDatabase(t, dataDir);
  const beside = await runCli(t, ['export', '--data-dir', dataDir]);
  assert.deepEqual([beside.code, hashesOf(beside.stdout).length], [0, 50], beside.stderr);
  await release();
  const db = openDatabase(join(dataDir, 'usage.sqlite'), { mode: 'write' });
  t.after(() => db.close());
  db.pragma('locking_mode = EXCLUSIVE');
  db.exec('BEGIN IMMEDIATE');
  const dir = join(tempDir(t), 'out');
  mkdirSync(dir);
  const alone = await runCli(t, ['export', '--data-dir', dataDir, '-o', join(dir, 'out.csv')]);
  assert.equal(alone.code, 5, alone.stderr);
  assert.match(alone.stderr, /^cpamp: the database is locked/);
  assert.deepEqual(readdirSync(dir), []);
});

test('on a terminal it shows how far it is, and is no place for Parquet', { skip: NO_PTY }, async (t) => {
  const dataDir = filledDir(t, MANY);
  const file = join(tempDir(t), 'out.jsonl.zst');
  const run = await startOnTerminal(t, ['export', '--data-dir', dataDir, '-o', file]).end();
  assert.equal(run.code, 0, run.stdout);
  assert.match(run.stdout, /[\d,]+ events, \d+ %/);
  assert.match(run.stdout, /12,000 events, .* in .*out\.jsonl\.zst\. .*--after 12000\r\n/);
  const refused = await startOnTerminal(t, ['export', '--data-dir', dataDir, '--format', 'parquet']).end();
  assert.equal(refused.code, 2);
  assert.match(refused.stdout, /nothing for a terminal/);
  const lines = await startOnTerminal(t, ['export', '--data-dir', dataDir, '--limit', '2']).end();
  assert.equal(lines.stdout.trimEnd().split('\r\n').length, 2, 'lines alone');
});
