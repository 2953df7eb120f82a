import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { backUp, filledDataDir, namesBelow, newDataDir, restore } from '../support/backup.ts';
import { NO_PTY, runCli, startOnTerminal, type CliResult } from '../support/cli.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { filesBelow } from '../support/http.ts';

/** Restores with what people type, and expects it to be refused without a change. */
async function refused(
  t: TestContext,
  source: string,
  code: number,
  message: RegExp,
  more: readonly string[] = [],
): Promise<CliResult> {
  const into = await filledDataDir(t);
  const before = filesBelow(into);
  const run = await runCli(t, ['restore', '--replace', '--yes', ...more, '--data-dir', into, source]);
  assert.equal(run.code, code, run.stderr);
  assert.match(run.stderr, message);
  assert.equal(run.stdout, '');
  const locks = /\.(?:serve|bulk)\.lock$/;
  for (const name of locksOf(into)) rmSync(join(into, name));
  const after = filesBelow(into);
  assert.deepEqual(
    [...after.keys()].toSorted(),
    [...before.keys()].filter((name) => !locks.test(name)).toSorted(),
  );
  for (const [name, bytes] of after) assert.ok(before.get(name)?.equals(bytes), name);
  return run;
}

const locksOf = (dir: string): string[] =>
  readdirSync(dir).filter((name) => /\.(?:serve|bulk)\.lock$/.test(name));

/** A tar of a folder, made as people make one. */
function tarOf(t: TestContext, folder: string, ...names: readonly string[]): string {
  const path = join(tempDir(t), 'some.tar');
  assert.equal(spawnSync('tar', ['-cf', path, '-C', folder, ...names]).status, 0);
  return path;
}

async function unpacked(t: TestContext, dataDir?: string): Promise<string> {
  return (await backUp(t, dataDir ?? (await filledDataDir(t)), tempDir(t), '--format', 'directory')).path;
}

test('what was there is moved aside, can be put back, and is asked for first', async (t) => {
  const [dataDir, other] = [await filledDataDir(t), await newDataDir(t)];
  const { path } = await backUp(t, dataDir, tempDir(t));
  writeFileSync(join(other, 'config.json'), '{}');
  const key = readFileSync(join(other, 'data.key'));
  const args = ['restore', '--data-dir', other, path];
  const occupied = await runCli(t, args);
  assert.equal(occupied.code, 2);
  assert.match(occupied.stderr, /usage\.sqlite.*data\.key\nGive --replace/);
  const unasked = await runCli(t, [...args, '--replace']);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /Give --yes/);
  assert.deepEqual(readFileSync(join(other, 'data.key')), key);

  const done = await restore(t, other, path, '--replace', '--yes');
  assert.match(String(done.aside), /before-restore-\d{4}-\d\d-\d\dT\d{6}Z$/);
  const aside = String(done.aside);
  assert.deepEqual(readFileSync(join(aside, 'data.key')), key);
  assert.deepEqual(readFileSync(join(other, 'data.key')), readFileSync(join(dataDir, 'data.key')));
  assert.ok(existsSync(join(other, 'config.json')), 'what belongs to the machine stays');
  assert.ok(!namesBelow(other).some((name) => /partial|restoring/.test(name)));

  const back = await restore(t, other, aside, '--replace', '--yes');
  assert.deepEqual([back.kind, back.events, back.key], ['copy', 84, 'restored']);
  assert.notEqual(back.aside, aside);
  assert.deepEqual(readFileSync(join(other, 'data.key')), key);
});

test('a dry run proves it and makes nothing', async (t) => {
  const { path } = await backUp(t, await filledDataDir(t), tempDir(t));
  const into = join(tempDir(t), 'new');
  const scratch = tempDir(t);
  const run = await runCli(t, ['restore', '--dry-run', '--data-dir', into, path], {
    env: { TMPDIR: scratch },
  });
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /is a backup of .*, whole, with 84 events\.\n$/);
  assert.ok(!existsSync(into));
  assert.deepEqual(namesBelow(scratch), []);
});

test('archives that are cut or changed are refused, and the file is named', async (t) => {
  const dataDir = await filledDataDir(t);
  for (const format of ['tar.zst', 'tar.gz', 'tar']) {
    const { path } = await backUp(t, dataDir, tempDir(t), '--format', format);
    const whole = readFileSync(path);
    const cut = join(tempDir(t), `cut.${format}`);
    writeFileSync(cut, whole.subarray(0, Math.floor(whole.length / 2)));
    await refused(t, cut, 9, /the backup is damaged: .*cut\./);
    const flipped = Buffer.from(whole);
    const at = format === 'tar' ? whole.indexOf('SQLite format 3') + 40_000 : Math.floor(whole.length / 2);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    const changed = join(tempDir(t), `changed.${format}`);
    writeFileSync(changed, flipped);
    await refused(t, changed, 9, format === 'tar' ? /checksum of usage\.sqlite/ : /the backup is damaged: /);
  }
});

test('a folder whose files are not those of its manifest', async (t) => {
  const path = await unpacked(t);
  const changes: ReadonlyArray<readonly [(dir: string) => void, RegExp]> = [
    [
      (dir) => writeFileSync(join(dir, 'data.key'), readFileSync(join(dir, 'data.key')).toReversed()),
      /checksum of data\.key/,
    ],
    [(dir) => writeFileSync(join(dir, 'data.key'), 'x', { flag: 'a' }), /data\.key has \d+ bytes instead/],
    [(dir) => rmSync(join(dir, 'data.key')), /data\.key is not in it/],
    [
      (dir) => writeFileSync(join(dir, 'manifest.json'), '{"format":"cpamp-backup"'),
      /manifest\.json is not JSON/,
    ],
    [
      (dir) => edit(dir, (text) => text.replace('"events": 84', '"events": 85')),
      /manifest speaks of another/,
    ],
    [(dir) => edit(dir, (text) => text.replace('"version": 1', '"version": 2')), /newer cpamp/],
  ];
  for (const [change, message] of changes) {
    const copy = join(tempDir(t), 'copy');
    cpSync(path, copy, { recursive: true });
    change(copy);
    await refused(t, copy, 9, message);
  }
  // What somebody who looked into the database left beside it is none of the backup's.
  writeFileSync(join(path, 'usage.sqlite-wal'), 'not a log');
  assert.equal((await restore(t, join(tempDir(t), 'new'), path)).events, 84);
});

function edit(dir: string, change: (text: string) => string): void {
  const path = join(dir, 'manifest.json');
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

test('a newer schema, an older program, and what is no backup at all', async (t) => {
  const newer = await filledDataDir(t);
  const db = new Database(join(newer, 'usage.sqlite'));
  db.pragma('user_version = 999');
  db.close();
  await refused(t, newer, 9, /^cpamp: this database was written by a newer cpamp: .*schema 999.*\n/);
  const volume = join(import.meta.dirname, '../fixtures/volumes/cpa-manager-1.1.4');
  await refused(
    t,
    volume,
    9,
    /it is the database of CPA-Manager\n.*taking over such a volume is the work of/,
  );
  const folder = tempDir(t);
  writeFileSync(join(folder, 'a.txt'), 'text');
  await refused(t, folder, 2, /holds no usage\.sqlite/);
  await refused(t, join(folder, 'a.txt'), 2, /is no tar archive/);
  await refused(t, tarOf(t, folder, 'a.txt'), 2, /holds no usage\.sqlite/);
  await refused(t, join(folder, 'none.tar'), 2, /there is no such file/);
});

test('a foreign key is refused, and a missing one starts locked until it is back', async (t) => {
  const dataDir = await filledDataDir(t);
  const copy = join(tempDir(t), 'copy');
  cpSync(dataDir, copy, { recursive: true });
  writeFileSync(join(copy, 'data.key'), Buffer.alloc(32, 9).toString('base64'));
  await refused(t, copy, 9, /data\.key does not fit this database: the one in the backup\n.*--without-key/);

  const { path } = await backUp(t, dataDir, tempDir(t), '--without-key');
  const into = join(tempDir(t), 'new');
  const run = await runCli(t, ['restore', '--json', '--data-dir', into, path]);
  assert.equal(run.code, 0);
  assert.match(run.stdout, /"key":"missing"/);
  assert.match(run.stderr, /the daemon starts locked/);
  const daemon = await DaemonProcess.start(t, { dataDir: into });
  const { health, eventCount } = await daemon.statusUntil(() => true);
  assert.deepEqual(
    [health.reasons.map(({ code }) => code).includes('locked_data_key'), eventCount],
    [true, 84],
  );
  await daemon.stop();

  // The key that was put there first is the right one, and stays.
  const again = join(tempDir(t), 'again');
  mkdirSync(again);
  cpSync(join(dataDir, 'data.key'), join(again, 'data.key'));
  assert.equal((await restore(t, again, path)).key, 'kept');
  assert.equal((await restore(t, join(tempDir(t), 'x'), copy, '--without-key')).key, 'missing');
});

test('a copy of a data directory with its log, deep in a tar, among other things', async (t) => {
  const dataDir = await filledDataDir(t);
  const db = new Database(join(dataDir, 'usage.sqlite'));
  db.pragma('wal_autocheckpoint = 0');
  db.prepare("INSERT INTO settings VALUES ('only_in_the_log', 'yes', 0)").run();
  const top = tempDir(t);
  const inside = join(top, 'var/lib/cpamp');
  cpSync(dataDir, inside, { recursive: true });
  db.close();
  mkdirSync(join(inside, 'pre-cpamp/2026'), { recursive: true });
  writeFileSync(join(inside, 'pre-cpamp/2026/usage.sqlite'), 'an old one');
  writeFileSync(join(inside, 'config.json'), '{}');
  writeFileSync(join(inside, 'notes.txt'), 'mine');
  writeFileSync(join(top, 'beside.txt'), 'mine');
  const into = join(tempDir(t), 'new');
  const done = await restore(t, into, tarOf(t, top, '.'));
  assert.deepEqual(
    [done.kind, done.events, done.left_out.toSorted()],
    ['copy', 84, ['config.json', 'pre-cpamp/']],
  );
  assert.deepEqual(done.unknown.toSorted(), ['beside.txt', 'notes.txt']);
  const names = namesBelow(into).filter((name) => !name.endsWith('.lock'));
  assert.deepEqual(names, ['data.key', 'spool/', 'usage.sqlite']);
  const restored = new Database(join(into, 'usage.sqlite'), { readonly: true });
  t.after(() => restored.close());
  assert.deepEqual(
    restored.prepare("SELECT value FROM settings WHERE key = 'only_in_the_log'").pluck().all(),
    ['yes'],
  );
});

/** Adds a row that an index does not know of, as when the pages of the index are older than those of its table. */
function loseIndexRow(path: string): void {
  const change = (work: (db: Database.Database) => void): void => {
    const db = new Database(path);
    db.unsafeMode();
    db.pragma('writable_schema = ON');
    work(db);
    db.close();
  };
  let index: unknown;
  change((db) => {
    index = db.prepare("SELECT * FROM sqlite_schema WHERE name = 'dead_letter_events'").get();
    db.prepare("DELETE FROM sqlite_schema WHERE name = 'dead_letter_events'").run();
  });
  assert.ok(index !== undefined);
  change((db) =>
    db.prepare("INSERT INTO dead_letter VALUES (1, 1, 1, 'http', 'r', 'd', 1, 'e', 1, NULL)").run(),
  );
  change((db) =>
    db.prepare('INSERT INTO sqlite_schema VALUES (@type, @name, @tbl_name, @rootpage, @sql)').run(index),
  );
}

test('indexes that a copy tore are made anew; torn rows are refused', async (t) => {
  const copy = await filledDataDir(t);
  const path = join(copy, 'usage.sqlite');
  loseIndexRow(path);
  const done = await runCli(t, ['restore', '--json', '--data-dir', join(tempDir(t), 'new'), copy]);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /"repaired":true/);
  assert.match(done.stderr, /Indexes of the database did not fit/);

  const bytes = readFileSync(path);
  bytes.fill(0xff, 4096 * 3);
  writeFileSync(path, bytes);
  await refused(t, copy, 9, /usage\.sqlite|the database is not whole/);
});

test('an archive cannot write elsewhere, and links and traps are refused', async (t) => {
  const dir = await filledDataDir(t);
  const outside = tempDir(t);
  writeFileSync(join(outside, 'secret'), 'x');
  const linked = tempDir(t);
  symlinkSync(join(dir, 'usage.sqlite'), join(linked, 'usage.sqlite'));
  await refused(t, tarOf(t, linked, 'usage.sqlite'), 2, /usage\.sqlite is no plain file/);
  const into = join(tempDir(t), 'deep/new');
  const climbing = join(tempDir(t), 'climbing.tar');
  const flags = [
    '-cPf',
    climbing,
    '-C',
    dir,
    '--transform',
    's,^data.key,../../data.key,',
    'usage.sqlite',
    'data.key',
  ];
  assert.equal(spawnSync('tar', flags).status, 0);
  const done = await restore(t, into, climbing);
  assert.deepEqual([done.key, done.unknown], ['missing', ['../../data.key']]);
  assert.deepEqual(
    namesBelow(join(into, '../..')).filter((name) => name.endsWith('data.key')),
    [],
  );

  // A header that promises more than any disk has.
  const huge = readFileSync(tarOf(t, dir, 'usage.sqlite'));
  huge.write('77777777777\0', 124, 'latin1');
  huge.write('        ', 148, 'latin1');
  const sum = huge.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  huge.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const trap = join(outside, 'huge.tar.gz');
  writeFileSync(trap, gzipSync(huge));
  await refused(t, trap, 9, /the backup is damaged/);
});

test('on a terminal it asks, and a no changes nothing', { skip: NO_PTY }, async (t) => {
  const dataDir = await filledDataDir(t);
  const { path } = await backUp(t, dataDir, tempDir(t));
  for (const [answer, code] of [
    ['n', 1],
    ['y', 0],
  ] as const) {
    const run = startOnTerminal(t, ['restore', '--replace', '--data-dir', dataDir, path]);
    await run.until(({ stdout }) => stdout.includes('[y/N]'));
    run.child.stdin.write(`${answer}\r`);
    const ended = await run.end();
    assert.equal(ended.code, code, ended.stdout);
    assert.equal(
      readdirSync(dataDir).some((name) => name.startsWith('before-restore-')),
      answer === 'y',
    );
  }
});
