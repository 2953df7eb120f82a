import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { openDatabase } from '../../src/lib/store/open.ts';
import { CliProcess, NO_PTY, runCli, startOnTerminal, type CliResult } from '../support/cli.ts';
import { tempDir } from '../support/daemon.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { filledDir } from '../support/exporting.ts';
import { CPA_KEY, startCpa, startReady } from '../support/http.ts';
import { exportPath } from '../support/importing.ts';
import { canMount, onSmallDisk } from '../support/small-disk.ts';
import { call, count } from '../support/store-harness.ts';

const PROGRAM = new URL('../../bin/cpamp.ts', import.meta.url).pathname;
const FOREIGN = 'VP9bYwxbxmYAJdk/eE9gsxOWyVNizFWjL3Ids5Syq3M\n';
const HASH = 'ab'.repeat(32);

/** Commands that read, and commands that write, each in a way that has something to do. */
const READING = [
  ['export'],
  ['events'],
  ['prices', 'list'],
  ['prices', 'show', 'gpt-5.4'],
  ['prices', 'recalc', '--dry-run'],
  ['aliases', 'list', '--all'],
] as const;
const WRITING = [
  ['prices', 'set', 'some-model', '--input', '1', '--output', '2'],
  ['prices', 'unset', 'some-model'],
  ['aliases', 'set', HASH, 'Team Alpha'],
  ['aliases', 'unset', HASH],
  ['import', exportPath('cpa-manager-plus-1.12.2')],
  ['reset-admin-key', '--yes'],
] as const;

const run = (t: TestContext, dataDir: string, words: readonly string[]): Promise<CliResult> =>
  runCli(t, [...words, '--json', '--data-dir', dataDir]);

/** Its last line, in which it says what was wrong. */
const codeOf = ({ stderr }: CliResult): unknown => {
  const { code }: { code: unknown } = JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '');
  return code;
};

/** A data directory that was set up, with events in it. */
async function setUp(t: TestContext): Promise<string> {
  const cpa = await startCpa(t);
  const dataDir = filledDir(t, 200);
  const args = ['setup', '--data-dir', dataDir, '--url', cpa.url, '--key-file', '-', '--non-interactive'];
  const done = await runCli(t, args, { input: CPA_KEY });
  assert.equal(done.code, 0, done.stderr);
  return dataDir;
}

test('a database that somebody has alone: each command says so, and none has changed it', async (t) => {
  const dataDir = filledDir(t, 50);
  const release = await lockDatabase(t, dataDir, 'alone');
  for (const words of [...READING, ...WRITING]) {
    const done = await run(t, dataDir, words);
    assert.deepEqual([done.code, done.stdout, codeOf(done)], [5, '', 'database_locked'], words.join(' '));
  }
  await release();
  const db = openDatabase(join(dataDir, 'usage.sqlite'), { mode: 'read' });
  t.after(() => db.close());
  assert.equal(count(db, 'SELECT count(*) FROM event'), 50);
});

test('without data.key, and with that of another place, all goes on that needs none', async (t) => {
  const dataDir = await setUp(t);
  const key = join(dataDir, 'data.key');
  for (const spoil of [() => rmSync(key), () => writeFileSync(key, FOREIGN)]) {
    spoil();
    for (const words of [...READING, ...WRITING]) {
      const done = await run(t, dataDir, words);
      assert.equal(done.code, 0, `${words.join(' ')}: ${done.stderr}`);
    }
  }
});

test('beside a daemon each command does what it does without one', async (t) => {
  const dataDir = await setUp(t);
  const alone = await run(t, dataDir, ['export']);
  const daemon = await startReady(t, { dataDir });
  assert.equal((await run(t, dataDir, ['export'])).stdout, alone.stdout);
  for (const words of [...READING, ...WRITING]) {
    const done = await run(t, dataDir, words);
    assert.equal(done.code, 0, `${words.join(' ')}: ${done.stderr}`);
    assert.notEqual(done.stdout, '', words.join(' '));
  }
  assert.equal(await daemon.stop(), 0);
});

test(
  'on a terminal each command ends with a whole line and gives the cursor back',
  { skip: NO_PTY },
  async (t) => {
    const dataDir = filledDir(t, 5);
    for (const words of [...READING, ...WRITING]) {
      const { code, stdout } = await startOnTerminal(t, [...words, '--data-dir', dataDir]).end();
      assert.equal(code, 0, `${words.join(' ')}: ${stdout}`);
      const hidden = stdout.split('\u001B[?25l').length;
      assert.equal(stdout.split('\u001B[?25h').length >= hidden, true, words.join(' '));
      const plain = stripVTControlCharacters(stdout);
      assert.ok(plain === '' || plain.endsWith('\n'), JSON.stringify(stdout.slice(-80)));
    }
  },
);

test(
  'a full disk: an import says so, and what it has stored is whole and kept',
  { skip: canMount() ? false : 'no file system can be mounted here' },
  async (t) => {
    const lines = join(tempDir(t), 'many.jsonl');
    const records = Array.from({ length: 20_000 }, (_, at) =>
      JSON.stringify(
        call({ timestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, at)).toISOString(), request_id: `r${at}` }),
      ),
    );
    writeFileSync(lines, records.join('\n'));
    const disk = join(tempDir(t), 'disk');
    const out = tempDir(t);
    const [file = '', ...args] = onSmallDisk(disk, 2 << 20);
    // The disk is gone with the program: so what is on it is copied away.
    const look = 'code=0; "$@" || code=$?; cp -a "$0"/. "$OUT"; exit $code';
    const command = [process.execPath, PROGRAM, 'import', '--json', '--data-dir', disk, lines];
    const full = await new CliProcess(t, file, [...args, 'sh', '-c', look, disk, ...command], {
      env: { OUT: out },
    }).end();
    assert.equal(full.code, 1, full.stderr);
    assert.equal(codeOf(full), 'disk_full');
    assert.ok(!full.stderr.includes('    at '), 'no stack');
    assert.ok(readdirSync(out).includes('usage.sqlite'));
    // With room again the rest comes in.
    const again = await run(t, out, ['import', lines]);
    assert.equal(again.code, 0, again.stderr);
    const db = openDatabase(join(out, 'usage.sqlite'), { mode: 'read' });
    t.after(() => db.close());
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    assert.equal(count(db, 'SELECT count(*) FROM event'), records.length);
  },
);

test(
  'a full disk: every command that writes says so, in its own words',
  { skip: canMount() ? false : 'no file system can be mounted here' },
  async (t) => {
    const dataDir = filledDir(t, 50);
    const disk = join(tempDir(t), 'disk');
    const [file = '', ...args] = onSmallDisk(disk, 1 << 20);
    const commands = WRITING.map((words) => {
      const typed = [process.execPath, PROGRAM, ...words, '--json', '--data-dir', disk];
      return `${typed.map((word) => `'${word}'`).join(' ')}; echo "code $?"`;
    });
    const script = [
      `cp -a '${dataDir}/.' '${disk}'`,
      `dd if=/dev/zero of='${disk}/fill' bs=4096 2>/dev/null`,
      ...commands,
    ].join('\n');
    const done = await new CliProcess(t, file, [...args, 'sh', '-c', script], {}).end();
    assert.deepEqual(
      done.stdout.trimEnd().split('\n'),
      WRITING.map(() => 'code 1'),
      done.stderr,
    );
    const said = done.stderr.trimEnd().split('\n');
    assert.deepEqual(
      said.map((line): unknown => JSON.parse(line).code),
      WRITING.map(() => 'disk_full'),
    );
  },
);
