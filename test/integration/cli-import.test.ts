import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { acquireLock, serveLockPath } from '../../src/lib/lock.ts';
import { SCHEMA_VERSION } from '../../src/lib/store/migrations/index.ts';
import { NO_PTY, runCli, startCli, startOnTerminal } from '../support/cli.ts';
import { tempDir } from '../support/daemon.ts';
import { startReady } from '../support/http.ts';
import { EXPORTS, exported, exportLines, exportPath } from '../support/importing.ts';

const paths = EXPORTS.map(exportPath);
const text = EXPORTS.flatMap(exportLines).join('\n');

interface Printed {
  readonly dry_run: boolean;
  readonly added: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly models: ReadonlyArray<{ readonly model: string; readonly calls: number }>;
  readonly rejects: ReadonlyArray<{ readonly where: string; readonly reason: string }>;
}

const printed = (stdout: string): Printed => JSON.parse(stdout);

test('a table for people, an object for programs, and nothing at all for a dry run', async (t) => {
  const dataDir = join(tempDir(t), 'new');
  const args = ['--data-dir', dataDir, ...paths];
  const dry = await runCli(t, ['import', '--dry-run', '--json', ...args, exportPath('cpa-manager-1.1.4')]);
  assert.deepEqual([dry.code, dry.stderr], [0, '']);
  assert.deepEqual([printed(dry.stdout).added, printed(dry.stdout).duplicates], [84, 26]);
  assert.ok(!existsSync(dataDir), 'not even the directory');

  const first = await runCli(t, ['import', ...args]);
  assert.deepEqual([first.code, first.stderr], [0, '']);
  assert.match(first.stdout, /^84 events added, 2026-11-21T11:08:38Z to /);
  assert.match(first.stdout, /^gpt-5\.3-codex +18 +0 /m);
  assert.match(first.stdout, /^all +84 +12 /m);
  const again = await runCli(t, ['import', '--json', ...args]);
  const { added, duplicates, models, dry_run: dryRun } = printed(again.stdout);
  assert.deepEqual([again.code, added, duplicates, models, dryRun], [0, 0, 84, [], false]);
  const known = await runCli(t, ['import', '--dry-run', '--json', ...args]);
  assert.deepEqual([printed(known.stdout).added, printed(known.stdout).duplicates], [0, 84]);
});

test('bad lines are named, kept as they are, and change the exit code', async (t) => {
  const dir = tempDir(t);
  const file = join(dir, 'some.jsonl');
  const rejects = join(dir, 'bad.jsonl');
  const bad = ['{"event_hash":"x', '{"model":"m","tokens":{},"api_key":"sk-made-up-0123456789"}'];
  writeFileSync(file, [text, ...bad].join('\n'));
  const run = await runCli(t, ['import', '--rejects', rejects, '--data-dir', dir, file]);
  assert.equal(run.code, 6);
  assert.match(run.stdout, /^84 events added.*\n2 could not be read, kept in /);
  assert.match(run.stderr, /some\.jsonl:85: it is not JSON.*\n.*some\.jsonl:86: it has neither/);
  assert.ok(!run.stderr.includes('sk-made-up'));
  assert.equal(readFileSync(rejects, 'utf8'), `${bad.join('\n')}\n`);
  assert.equal(statSync(rejects).mode & 0o777, 0o600);
  const json = await runCli(t, ['import', '--json', '--data-dir', dir, file]);
  assert.deepEqual([json.code, printed(json.stdout).rejected], [6, 2]);
  assert.equal(printed(json.stdout).rejects[0]?.where, `${file}:85`);
});

test('standard input, packed as well', async (t) => {
  const dir = tempDir(t);
  const run = await runCli(t, ['import', '--json', '--data-dir', dir, '-'], { input: gzipSync(text) });
  assert.deepEqual([run.code, printed(run.stdout).added], [0, 84]);
});

test('what cannot be imported is an error with its own code', async (t) => {
  const dir = tempDir(t);
  const sums = join(dir, 'sums.json');
  writeFileSync(sums, '{"total_requests":4,"apis":{}}');
  for (const [file, message] of [
    [join(dir, 'missing.jsonl'), /there is no such file/],
    [dir, /is a directory/],
    [sums, /does not contain request details/],
    ['/dev/null', /empty/],
  ] as const) {
    const run = await runCli(t, ['import', '--data-dir', dir, file]);
    assert.equal(run.code, 2, file);
    assert.equal(run.stdout, '');
    assert.match(run.stderr, message);
  }
  // One of several does not keep the others from coming in.
  const partly = await runCli(t, ['import', '--json', '--data-dir', dir, sums, ...paths]);
  assert.deepEqual([partly.code, printed(partly.stdout).added], [6, 84]);
  assert.match(partly.stderr, /request details/);
});

test('nothing is imported while --rejects names what cannot be written, or what is read', async (t) => {
  const dir = tempDir(t);
  const file = join(dir, 'some.jsonl');
  writeFileSync(file, `${text}\nbad\n`);
  for (const [rejects, why] of [
    [join(dir, 'absent', 'bad.jsonl'), /cannot be written: there is no such file\nName a file/],
    [dir, /cannot be written: it is a directory\n/],
    [file, /is one of the files to import/],
  ] as const) {
    const run = await runCli(t, ['import', '--rejects', rejects, '--data-dir', dir, file]);
    assert.equal(run.code, 2);
    assert.match(run.stderr, why);
  }
  assert.ok(!existsSync(join(dir, 'usage.sqlite')));
  assert.equal(readFileSync(file, 'utf8'), `${text}\nbad\n`);
  const twice = await runCli(t, ['import', '--data-dir', dir, '-', '-']);
  assert.match(twice.stderr, /standard input \(-\) can be read only once/);
});

test('a database of an older version is not changed under its daemon', async (t) => {
  const dataDir = tempDir(t);
  const dbPath = join(dataDir, 'usage.sqlite');
  assert.equal((await runCli(t, ['import', '--data-dir', dataDir, ...paths])).code, 0);
  // Closed each time: the last connection puts what is in the log into the file.
  const version = (change = ''): unknown => {
    const db = new Database(dbPath);
    try {
      return db.pragma(`user_version${change}`, { simple: true });
    } finally {
      db.close();
    }
  };
  version(` = ${SCHEMA_VERSION - 1}`);
  const lock = await acquireLock(await serveLockPath(dbPath), 'serve', Date.now());
  const run = await runCli(t, ['import', '--data-dir', dataDir, ...paths]);
  assert.equal(run.code, 5, run.stderr);
  assert.match(run.stderr, /cpamp serve, process \d+ .*\nStop it, run this again/);
  assert.equal(version(), SCHEMA_VERSION - 1);
  await lock.release();
});

test('an interrupted import is made whole by the next', async (t) => {
  const dir = tempDir(t);
  const run = startCli(t, ['import', '--verbose', '--data-dir', dir, '-']);
  // A bad line is told of as soon as it is read: then the ones before it were read as well.
  run.child.stdin.write(`${exportLines('cpa-manager-1.1.4').join('\n')}\nbad\n`);
  await run.until(({ stderr }) => stderr.includes('stdin:27'));
  run.child.kill('SIGINT');
  const ended = await run.end();
  assert.equal(ended.code, 130, ended.stderr);
  assert.match(ended.stderr, /Interrupted\. Run it again/);
  const again = await runCli(t, ['import', '--json', '--data-dir', dir, ...paths]);
  assert.deepEqual([again.code, printed(again.stdout).added, printed(again.stdout).duplicates], [0, 58, 26]);
});

test('beside a daemon, which sees what was added, and not beside another import', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  const first = startCli(t, ['import', '--verbose', '--data-dir', dataDir, '-']);
  first.child.stdin.write('bad\n');
  await first.until(({ stderr }) => stderr.includes('stdin:1'));
  const second = await runCli(t, ['import', '--data-dir', dataDir, ...paths]);
  assert.equal(second.code, 5);
  assert.match(second.stderr, /import/);
  first.child.stdin.end(text);
  assert.equal((await first.end()).code, 6);
  const seen = await daemon.statusUntil(({ eventCount }) => eventCount === 84);
  assert.equal(
    seen.health.reasons.some(({ code }) => code === 'database_locked'),
    false,
  );
  assert.equal(await daemon.stop(), 0);
});

test(
  'on a terminal it shows how far it is, and what it shows is gone afterwards',
  { skip: NO_PTY },
  async (t) => {
    const dir = tempDir(t);
    const run = startOnTerminal(t, ['import', '--data-dir', dir, ...paths]);
    const { code, stdout } = await run.end();
    assert.equal(code, 0);
    assert.match(stdout, /84 events added/);
    assert.match(stdout, /Importing/);
  },
);

test('the file of the events is that of any other way in', async (t) => {
  const dir = tempDir(t);
  await runCli(t, ['import', '--data-dir', dir, ...paths]);
  const out = await exported(join(dir, 'usage.sqlite'));
  const copy = tempDir(t);
  await runCli(t, ['import', '--data-dir', copy, '-'], { input: out });
  assert.equal(await exported(join(copy, 'usage.sqlite')), out);
});
