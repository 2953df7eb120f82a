import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { reading, recognise, type Recognised } from '../../src/lib/migrate/recognise.ts';
import { openView, sweepViews } from '../../src/lib/migrate/view.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { SCHEMA_VERSION } from '../../src/lib/store/migrations/index.ts';
import { GENERATIONS } from '../../src/lib/store/old/generations.ts';
import {
  oldVolume,
  openElsewhere,
  tempDir,
  traces,
  VOLUME_EVENTS,
  type VolumeName,
} from '../support/old-files.ts';

const KNOWN: ReadonlyArray<readonly [VolumeName, Partial<Recognised>]> = [
  ['cpa-manager-1.1.4', { kind: 'old', program: 'cpa-manager', release: '1.1.4' }],
  ['cpa-manager-2026-05-17', { kind: 'old', program: 'cpa-manager', release: '1.2 (2026-05-14)' }],
  ['cpa-manager-plus-1.12.2', { kind: 'old', program: 'cpa-manager-plus', release: '1.12.2' }],
];

/** Recognises, and proves that it left no trace. */
async function untouched(dbPath: string): Promise<Recognised> {
  const before = traces(path.dirname(dbPath));
  const found = await recognise(dbPath);
  assert.deepEqual(traces(path.dirname(dbPath)), before);
  return found;
}

function makeDatabase(dbPath: string, statements: string): void {
  const db = new Database(dbPath);
  db.exec(statements);
  db.close();
}

for (const [name, expected] of KNOWN) {
  test(`${name} is recognised with the rows in its log, and nothing of it changes`, async (t) => {
    const found = await untouched(oldVolume(t, name));
    assert.partialDeepStrictEqual(found, {
      ...expected,
      eventsAtMost: VOLUME_EVENTS[name],
      beyond: [],
    });
    assert.ok(found.kind === 'old' && (found.newestEventMs ?? 0) > Date.UTC(2026, 0));
  });
}

test('it is recognised through copies where links cannot be made', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-plus-1.12.2');
  const before = traces(path.dirname(dbPath));
  const view = await openView(dbPath, {
    link: () => Promise.reject(Object.assign(new Error('no links here'), { code: 'EPERM' })),
  });
  assert.equal(view.how, 'copy');
  const db = new Database(view.path, { readonly: true });
  assert.equal(db.prepare('SELECT count(*) FROM usage_events').pluck().get(), 30);
  db.close();
  await view.close();
  assert.deepEqual(traces(path.dirname(dbPath)), before);
});

test('what a killed look left is swept away', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-1.1.4');
  const before = traces(path.dirname(dbPath));
  await openView(dbPath);
  assert.equal(fs.statSync(dbPath).nlink, 2);
  await sweepViews(path.dirname(dbPath));
  assert.deepEqual(traces(path.dirname(dbPath)), before);
});

test('one that another process writes is recognised through its own index', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-2026-05-17');
  await openElsewhere(t, dbPath, 'wal');
  const found = await recognise(dbPath, { inUse: true });
  assert.partialDeepStrictEqual(found, { kind: 'old', program: 'cpa-manager', eventsAtMost: 28 });
});

test('a symbolic link is followed to the log of the file', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-2026-05-17');
  const link = path.join(tempDir(t), 'usage.sqlite');
  fs.symlinkSync(dbPath, link);
  assert.partialDeepStrictEqual(await untouched(link), { kind: 'old', eventsAtMost: 28 });
});

/** The statements that make what a mark looks for, in a database that has the marks of the releases before it. */
function markStatements(mark: string): string {
  if (mark.startsWith('settings:')) {
    return `INSERT INTO settings VALUES ('${mark.slice('settings:'.length)}', '1', 1)`;
  }
  const [table, column] = mark.split('.');
  if (column !== undefined) {
    return `CREATE TABLE IF NOT EXISTS ${table} (id INTEGER PRIMARY KEY);
      ALTER TABLE ${table} ADD COLUMN ${column} TEXT`;
  }
  return `CREATE TABLE IF NOT EXISTS ${table} (id INTEGER PRIMARY KEY)`;
}

test('every schema generation is told from the one before it', async (t) => {
  const dbPath = path.join(tempDir(t), 'usage.sqlite');
  makeDatabase(
    dbPath,
    `CREATE TABLE usage_events (id INTEGER PRIMARY KEY AUTOINCREMENT, event_hash TEXT NOT NULL UNIQUE,
       timestamp_ms INTEGER, model TEXT, total_tokens INTEGER, created_at_ms INTEGER);
     CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL, updated_at_ms INTEGER NOT NULL);
     CREATE TABLE usage_monitoring_event_projection_v1 (event_id INTEGER PRIMARY KEY);`,
  );
  const seen: string[] = [];
  for (const { program, release, mark } of GENERATIONS) {
    if (mark !== 'usage_events') makeDatabase(dbPath, markStatements(mark));
    const found = await recognise(dbPath);
    assert.partialDeepStrictEqual(found, { kind: 'old', program, release }, mark);
    seen.push(release);
  }
  assert.equal(new Set(seen).size, GENERATIONS.length - 2);
});

test('what a later CPA-Manager-Plus added is named', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-plus-1.12.2');
  makeDatabase(
    dbPath,
    `ALTER TABLE usage_events ADD COLUMN mood TEXT;
     UPDATE settings SET value = '9' WHERE key = 'usage_dashboard_hourly_format_version'`,
  );
  const found = await recognise(dbPath);
  assert.ok(found.kind === 'old');
  assert.deepEqual(found.beyond, ['usage_events.mood', 'usage_dashboard_hourly_format_version=9']);
});

test('ours is told apart by age, also when the newer schema is still in the log', async (t) => {
  const dbPath = path.join(tempDir(t), 'usage.sqlite');
  openDatabase(dbPath, { mode: 'write' }).close();
  assert.deepEqual(await untouched(dbPath), { kind: 'ours', schemaVersion: SCHEMA_VERSION, age: 'same' });
  const killed = path.join(tempDir(t), 'usage.sqlite');
  const db = openDatabase(dbPath, { mode: 'write' });
  for (const [version, age] of [
    [SCHEMA_VERSION + 1, 'newer'],
    [1, 'older'],
  ] as const) {
    db.pragma(`user_version = ${version}`);
    for (const suffix of ['', '-wal']) fs.copyFileSync(dbPath + suffix, killed + suffix);
    assert.deepEqual(await untouched(killed), { kind: 'ours', schemaVersion: version, age });
  }
  db.close();
});

test('nothing, and what is no database of anybody we know', async (t) => {
  const dir = tempDir(t);
  const dbPath = path.join(dir, 'usage.sqlite');
  assert.deepEqual(await untouched(dbPath), { kind: 'absent' });
  fs.writeFileSync(dbPath, '');
  assert.deepEqual(await untouched(dbPath), { kind: 'empty' });
  const wrote = async (bytes: Buffer | string): Promise<Recognised> => {
    fs.writeFileSync(dbPath, bytes);
    return await untouched(dbPath);
  };
  assert.deepEqual(await wrote('a text'), { kind: 'not-sqlite', detail: 'it is not an SQLite database' });
  assert.partialDeepStrictEqual(await wrote(Buffer.alloc(8192)), {
    kind: 'not-sqlite',
    detail: 'it begins with zeros, as after a loss of power',
  });
  const noise = Buffer.from(Array.from({ length: 8192 }, (_, at) => (at * 7919 + (at >> 3)) % 251));
  assert.deepEqual(await wrote(noise), {
    kind: 'not-sqlite',
    detail: 'it is encrypted, or its first page is damaged',
  });
  fs.rmSync(dbPath);
  fs.mkdirSync(dbPath);
  assert.deepEqual(await untouched(dbPath), { kind: 'foreign', detail: 'it is not a file' });
  fs.rmdirSync(dbPath);
  makeDatabase(dbPath, 'CREATE TABLE moz_places (url TEXT)');
  assert.partialDeepStrictEqual(await untouched(dbPath), { kind: 'foreign' });
  makeDatabase(dbPath, 'DROP TABLE moz_places; CREATE TABLE usage_events (id INTEGER, cost REAL)');
  const other = await untouched(dbPath);
  assert.ok(other.kind === 'foreign' && other.detail.includes('usage_events'), JSON.stringify(other));
});

test('a damaged schema is said to be damaged', async (t) => {
  const dbPath = path.join(tempDir(t), 'usage.sqlite');
  makeDatabase(dbPath, 'CREATE TABLE usage_events (id INTEGER); CREATE TABLE settings (id INTEGER)');
  const bytes = fs.readFileSync(dbPath);
  bytes.fill(0xff, 100, 4096);
  fs.writeFileSync(dbPath, bytes);
  assert.partialDeepStrictEqual(await untouched(dbPath), { kind: 'damaged' });
});

test('our own log is no stranger, whatever a kill or a loss of power left of it', async (t) => {
  const dbPath = path.join(tempDir(t), 'usage.sqlite');
  const db = openDatabase(dbPath, { mode: 'write' });
  db.exec("UPDATE settings SET value = 'cpamp'");
  db.exec('CREATE TABLE more (text TEXT)');
  const log = fs.readFileSync(`${dbPath}-wal`);
  const main = fs.readFileSync(dbPath);
  db.close();
  const frame = 24 + 4096;
  const starts = Array.from({ length: (log.length - 32) / frame }, (_, at) => 32 + at * frame);
  const first = starts.find((at) => log.readUInt32BE(at) === 1);
  assert.ok(first !== undefined);
  const zeroed = Buffer.from(log).fill(0, first + 24, first + frame);
  for (const bytes of [
    log,
    zeroed,
    ...starts.flatMap((at) => [log.subarray(0, at), log.subarray(0, at + 24)]),
  ]) {
    const killed = path.join(tempDir(t), 'usage.sqlite');
    fs.writeFileSync(killed, main);
    fs.writeFileSync(`${killed}-wal`, bytes);
    assert.deepEqual(await untouched(killed), { kind: 'ours', schemaVersion: SCHEMA_VERSION, age: 'same' });
  }
});

test('our own log fits after any number of checkpoints, growing and shrinking', async (t) => {
  const dbPath = path.join(tempDir(t), 'usage.sqlite');
  const killed = path.join(tempDir(t), 'usage.sqlite');
  const db = openDatabase(dbPath, { mode: 'write' });
  db.exec('CREATE TABLE more (text TEXT)');
  for (let round = 0; round < 40; round += 1) {
    if (round % 4 === 1) db.exec('INSERT INTO more VALUES (zeroblob(20000))');
    else if (round % 4 === 3) db.exec('DELETE FROM more; PRAGMA incremental_vacuum(3)');
    else db.exec(`UPDATE settings SET updated_at_ms = ${round}`);
    if (round % 3 === 0) db.pragma('wal_checkpoint(PASSIVE)');
    for (const suffix of ['', '-wal']) fs.copyFileSync(dbPath + suffix, killed + suffix);
    assert.partialDeepStrictEqual(await recognise(killed), { kind: 'ours', age: 'same' }, String(round));
  }
  db.close();
});

function strangers(t: TestContext): ReadonlyArray<readonly [what: string, main: string | null, log: string]> {
  const ourPath = path.join(tempDir(t), 'usage.sqlite');
  const db = openDatabase(ourPath, { mode: 'write' });
  db.exec("UPDATE settings SET value = 'cpamp'");
  db.pragma('user_version = 1');
  t.after(() => db.close());
  const old = oldVolume(t, 'cpa-manager-plus-1.12.2');
  const wide = path.join(tempDir(t), 'usage.sqlite');
  makeDatabase(wide, 'PRAGMA page_size = 8192; CREATE TABLE usage_events (id INTEGER)');
  return [
    ['an old log beside ours', ourPath, `${old}-wal`],
    ['our log beside an old one', old, `${ourPath}-wal`],
    // With page 1 in it, so that nothing but the size of the pages tells.
    ['a log with other pages', wide, `${oldVolume(t, 'cpa-manager-1.1.4')}-wal`],
    ['a log alone', null, `${old}-wal`],
  ];
}

test('a log that is not of the database beside it is found', async (t) => {
  for (const [what, main, log] of strangers(t)) {
    const dbPath = path.join(tempDir(t), 'usage.sqlite');
    if (main !== null) fs.copyFileSync(main, dbPath);
    fs.copyFileSync(log, `${dbPath}-wal`);
    assert.partialDeepStrictEqual(await untouched(dbPath), { kind: 'stranger-log' }, what);
  }
});

test('a file that may not be read is named, with the command that helps', () => {
  const look = (code: string) => () =>
    reading('/srv/old/usage.sqlite', () => {
      throw Object.assign(new Error('made up'), { code });
    });
  assert.throws(look('EACCES'), {
    code: 'data_dir_unusable',
    hint: /^Run: sudo chown -R \d+:\d+ \/srv\/old/,
  });
  assert.throws(look('EIO'), { code: 'data_dir_unusable', hint: /disk that holds \/srv\/old/ });
});
