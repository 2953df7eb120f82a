import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { Header, Pax } from 'tar';
import { readArchive } from '../../src/lib/transfer/backup/archive.ts';
import { keepNewest } from '../../src/lib/transfer/backup/keep.ts';
import { unpackSource } from '../../src/lib/transfer/backup/source.ts';
import { backUp, filledDataDir, namesBelow, restore } from '../support/backup.ts';
import { runCli } from '../support/cli.ts';
import { tempDir } from '../support/daemon.ts';

const signal = new AbortController().signal;

interface Entry {
  readonly path: string;
  readonly type?: 'File' | 'Link' | 'SymbolicLink' | 'CharacterDevice' | 'FIFO';
  readonly content?: Buffer;
  readonly pax?: string;
  readonly linkpath?: string;
}

/** A tar as no tool would write one. */
function tarOf(entries: Iterable<Entry>): Buffer {
  const blocks: Buffer[] = [];
  const padded = (content: Buffer): Buffer => {
    const block = Buffer.alloc(Math.ceil(content.length / 512) * 512);
    content.copy(block);
    return block;
  };
  for (const { path, type = 'File', content = Buffer.of(), pax, linkpath = '' } of entries) {
    if (pax !== undefined) blocks.push(new Pax({ path: pax }).encode());
    const block = Buffer.alloc(512);
    new Header({ path, type, size: content.length, mode: 0o777, mtime: new Date(0), linkpath }).encode(block);
    blocks.push(block, padded(content));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

test('an archive of tricks puts nothing but what it may anywhere', async (t) => {
  const dir = await filledDataDir(t);
  const database = readFileSync(join(dir, 'usage.sqlite'));
  const top = tempDir(t);
  const source = join(top, 'tricks.tar');
  const good: Entry = { path: 'data/usage.sqlite', content: database };
  const cases: ReadonlyArray<readonly [Entry[], number, RegExp]> = [
    // A name that only the extended header has.
    [[{ ...good, pax: '../../usage.sqlite' }], 2, /holds no usage\.sqlite/],
    [[{ path: 'innocent', content: database, pax: '/data/usage.sqlite' }], 0, /^$/],
    [[good, { ...good, path: './data//usage.sqlite' }], 2, /holds data\/usage\.sqlite twice/],
    [[good, { ...good, path: 'other/usage.sqlite' }], 2, /holds a database in data and in other/],
    [[good, { path: 'data/data.key', type: 'Link', linkpath: '/etc/passwd' }], 2, /no plain file/],
    [[good, { path: 'data/data.key', type: 'SymbolicLink', linkpath: '/etc/passwd' }], 2, /no plain file/],
    [[good, { path: 'data/data.key', type: 'CharacterDevice' }], 2, /no plain file/],
    [[good, { path: 'data/data.key', type: 'FIFO' }], 2, /no plain file/],
    // A link over the folder that files would then be written through.
    [[{ path: 'data/spool', type: 'SymbolicLink', linkpath: '/' }, good], 2, /is a link there/],
    [[good, { path: 'data/before-restore-\u001b[31mx/y' }, { path: '\u001b[31m' }], 0, /Not restored/],
    [[{ path: '\u001b[2J/usage.sqlite', type: 'SymbolicLink', linkpath: '/x' }], 2, /no plain file/],
    [
      Array.from({ length: 10_000 }, (_, index) => ({ path: `data/spool/${index}` })).concat([good]),
      0,
      /not known here: .* and 9995 more/,
    ],
  ];
  for (const [index, [entries, code, message]] of cases.entries()) {
    writeFileSync(source, tarOf(entries));
    const into = join(top, 'a/b', String(index));
    const run = await runCli(t, ['restore', '--data-dir', into, source]);
    assert.equal(run.code, code, `${index}: ${run.stderr}`);
    if (message.source !== '^$') assert.match(run.stderr, message);
    assert.ok(!/\p{Cc}/u.test(run.stderr.replaceAll('\n', '')), JSON.stringify(run.stderr));
    assert.deepEqual(
      namesBelow(into).filter((name) => !/^(?:usage\.sqlite|spool\/|data\.key)$|\.lock$/.test(name)),
      [],
    );
    assert.deepEqual(
      namesBelow(top).filter((name) => !name.startsWith('a/')),
      ['a/', 'tricks.tar'].filter((name) => !name.startsWith('a/')),
    );
  }
});

test('what unpacks to absurd sizes is given up early', async (t) => {
  const dir = tempDir(t);
  const bomb = join(dir, 'bomb.tar.gz');
  writeFileSync(bomb, gzipSync(tarOf([{ path: 'usage.sqlite', content: Buffer.alloc(4 << 20) }])));
  const limits = { mostRatio: 100, ratioFrom: 1 << 20 };
  let taken = 0;
  const reading = readArchive(
    bomb,
    () => async (bytes) => {
      for await (const chunk of bytes) taken += chunk.length;
    },
    signal,
    () => {},
    limits,
  );
  await assert.rejects(reading, { code: 'backup_damaged', message: /unpacks to an absurd size/ });
  assert.ok(taken <= 2 << 20, `${taken} bytes were taken`);
  await readArchive(
    bomb,
    () => null,
    signal,
    () => {},
    { ...limits, mostRatio: 2000 },
  );

  // Names of a megabyte each, which all have to be remembered.
  const name = 'n'.repeat(900_000);
  const names = join(dir, 'names.tar.gz');
  const entries = Array.from({ length: 40 }, () => ({ path: 'n', pax: name }));
  writeFileSync(names, gzipSync(tarOf(entries)));
  const stage = join(dir, 'stage');
  mkdirSync(stage);
  await assert.rejects(
    unpackSource(names, join(dir, 'usage.sqlite'), stage, signal, () => {}),
    {
      code: 'backup_unusable',
      message: /holds too many files/,
    },
  );
});

test('what no disk has room for is not begun', async (t) => {
  const source = tempDir(t);
  writeFileSync(join(source, 'usage.sqlite'), '');
  truncateSync(join(source, 'usage.sqlite'), 2 ** 43);
  const into = join(tempDir(t), 'new');
  const run = await runCli(t, ['restore', '--data-dir', into, source]);
  assert.equal(run.code, 1, run.stderr);
  assert.match(run.stderr, /new has .* left, and 8\.0 TiB are to be restored\n/);
  assert.deepEqual(
    namesBelow(into).filter((name) => !name.endsWith('.lock')),
    [],
  );
});

test('files beside those of the manifest are none of a backup', async (t) => {
  const dir = await filledDataDir(t);
  const { path } = await backUp(t, dir, tempDir(t), '--format', 'directory', '--without-key');
  const strange = 'spool/01ARZ3NDEKTSV4RRFFQ69G5FAV.seg';
  writeFileSync(join(path, strange), 'records of somebody');
  // Put back where it was left out.
  copyFileSync(join(dir, 'data.key'), join(path, 'data.key'));
  const into = join(tempDir(t), 'new');
  const done = await restore(t, into, path);
  assert.deepEqual([done.unknown, done.spool.segments, done.key], [[strange], 0, 'restored']);
  assert.ok(!existsSync(join(into, strange)));
  const manifest = join(path, 'manifest.json');
  const value: { files: unknown[] } = JSON.parse(readFileSync(manifest, 'utf8'));
  writeFileSync(manifest, JSON.stringify({ ...value, files: [] }));
  const run = await runCli(t, ['restore', '--data-dir', join(tempDir(t), 'x'), path]);
  assert.equal(run.code, 9);
  assert.match(run.stderr, /its manifest has no usage\.sqlite/);
});

test('logins that were ended since do not come back', async (t) => {
  const dir = await filledDataDir(t);
  const db = new Database(join(dir, 'usage.sqlite'));
  db.prepare("INSERT INTO session VALUES (x'00112233', 'admin', 1, 9999999999999, 1)").run();
  db.close();
  const { path } = await backUp(t, dir, tempDir(t));
  for (const source of [path, dir]) {
    const into = join(tempDir(t), 'new');
    await restore(t, into, source);
    const restored = new Database(join(into, 'usage.sqlite'), { readonly: true });
    assert.equal(restored.prepare('SELECT count(*) FROM session').pluck().get(), 0);
    restored.close();
  }
});

test('a dry run needs no free place, and a source is a file of some name', async (t) => {
  const dir = await filledDataDir(t);
  const { path } = await backUp(t, dir, tempDir(t));
  const run = await runCli(t, ['restore', '--dry-run', '--json', '--data-dir', dir, path]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /"dry_run":true/);
  for (const [source, message] of [
    ['-', /read twice.*\nWrite it into a file/],
    ['', /name a backup/],
    [join(dir, 'usage.sqlite.restore.partial'), /did not finish/],
  ] as const) {
    mkdirSync(join(dir, 'usage.sqlite.restore.partial'), { recursive: true });
    const refused = await runCli(t, ['restore', '--replace', '--yes', '--data-dir', dir, source]);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, message);
  }
});

const isRoot = process.getuid?.() === 0;

test('an older backup that cannot be removed is told of', { skip: isRoot && 'root may all' }, async (t) => {
  const dir = await filledDataDir(t);
  const folder = tempDir(t);
  const { path } = await backUp(t, dir, tempDir(t), '--format', 'directory');
  const old = join(folder, 'cpamp-backup-2026-11-01T000000Z');
  cpSync(path, old, { recursive: true });
  chmodSync(old, 0o500);
  const run = await runCli(t, ['backup', '--json', '--keep', '1', '--data-dir', dir, folder]);
  chmodSync(old, 0o700);
  assert.equal(run.code, 6, run.stderr);
  assert.match(run.stdout, /"path"/);
  assert.match(run.stderr, /should go, and cannot be removed \(EACCES\)/);
});

test('a spool that keeps us out is named', { skip: isRoot && 'root may all' }, async (t) => {
  const dir = await filledDataDir(t);
  mkdirSync(join(dir, 'spool'), { recursive: true });
  chmodSync(join(dir, 'spool'), 0);
  const run = await runCli(t, ['backup', '--data-dir', dir, tempDir(t)]);
  chmodSync(join(dir, 'spool'), 0o700);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /spool belongs to uid \d+ .* cpamp runs as uid/);
});

test('a link in the place is not moved to where it leads nowhere', async (t) => {
  const dir = await filledDataDir(t);
  const { path } = await backUp(t, dir, tempDir(t));
  const far = tempDir(t);
  renameSync(join(dir, 'usage.sqlite'), join(far, 'usage.sqlite'));
  symlinkSync(join(far, 'usage.sqlite'), join(dir, 'usage.sqlite'));
  // The same key behind a link stays where it is.
  renameSync(join(dir, 'data.key'), join(far, 'data.key'));
  symlinkSync(join(far, 'data.key'), join(dir, 'data.key'));
  const args = ['restore', '--replace', '--yes', '--data-dir', dir, path];
  const run = await runCli(t, args);
  assert.equal(run.code, 2, run.stderr);
  assert.match(run.stderr, /usage\.sqlite is a link to .*\nRemove the link/);
  rmSync(join(dir, 'usage.sqlite'));
  assert.equal((await runCli(t, args)).code, 0);
  assert.deepEqual(
    namesBelow(far).filter((name) => !name.endsWith('.lock')),
    ['data.key', 'usage.sqlite'],
  );
});

test('a clock that goes back costs no backup that is newer by its name', async (t) => {
  const dir = await filledDataDir(t);
  const folder = tempDir(t);
  const { path } = await backUp(t, dir, tempDir(t));
  const at = (year: number): string => join(folder, `cpamp-backup-${year}-01-01T000000Z.tar.zst`);
  for (const year of [2025, 2026, 2027]) linkSync(path, at(year));
  const id: { database_id: string } = JSON.parse(
    (await runCli(t, ['restore', '--dry-run', '--json', '--data-dir', dir, path])).stdout,
  );
  const kept = await keepNewest(at(2026), id.database_id, 1, signal);
  assert.deepEqual([kept.removed, kept.stuck], [[at(2025)], []]);
  assert.ok(existsSync(at(2026)) && existsSync(at(2027)));
});

test('plain tar reads what a backup is, whatever the umask', async (t) => {
  const dir = await filledDataDir(t);
  const folder = tempDir(t);
  const program = new URL('../../bin/cpamp.ts', import.meta.url).pathname;
  for (const [mask, format] of [
    ['000', 'tar'],
    ['027', 'directory'],
  ] as const) {
    const command = `umask ${mask}; exec "$0" "$@"`;
    const args = ['backup', '--format', format, '--data-dir', dir, join(folder, mask)];
    mkdirSync(join(folder, mask));
    const done = spawnSync('sh', ['-c', command, process.execPath, program, ...args], { encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
    const listed = spawnSync('find', [join(folder, mask), '-mindepth', '1', '-perm', '/077'], {
      encoding: 'utf8',
    });
    assert.equal(listed.stdout, '');
  }
});
