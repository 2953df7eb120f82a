import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import Database from 'better-sqlite3';
import { AppError, type ErrorCode } from '../../src/lib/errors.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { APPLICATION_ID } from '../../src/lib/store/inspect.ts';
import { MIGRATIONS, SCHEMA_VERSION } from '../../src/lib/store/migrations/index.ts';
import { databaseState } from '../../src/lib/store/settings-store.ts';
import { toStoreError } from '../../src/lib/store/sqlite.ts';
import { storeDb, storeDir } from '../support/store-harness.ts';

const refuses = (work: () => unknown, code: ErrorCode, text: RegExp): void => {
  assert.throws(work, (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    return true;
  });
};

/** Everything in a directory, byte for byte. */
const contents = (dir: string): Map<string, string> =>
  new Map(fs.readdirSync(dir).map((name) => [name, fs.readFileSync(path.join(dir, name), 'latin1')]));

test('a new database is ours alone, and set up before its first table', (t) => {
  const dbPath = path.join(storeDir(t), 'data', 'usage.sqlite');
  const db = storeDb(t, dbPath);
  const pragma = (name: string): unknown => db.pragma(name, { simple: true });
  assert.equal(pragma('application_id'), 0x43504d50);
  assert.equal(pragma('user_version'), SCHEMA_VERSION);
  assert.equal(pragma('auto_vacuum'), 2);
  assert.equal(pragma('journal_mode'), 'wal');
  assert.equal(pragma('synchronous'), 2);
  assert.equal(pragma('foreign_keys'), 1);
  assert.equal(pragma('busy_timeout'), 250);
  assert.equal(pragma('journal_size_limit'), 64 * 1024 * 1024);
  db.exec("UPDATE settings SET value = 'cpamp'");
  for (const suffix of ['', '-wal', '-shm']) {
    assert.equal(fs.statSync(dbPath + suffix).mode & 0o777, 0o600, suffix);
  }
});

test('the main file says whose it is even when all else is still in the log', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  storeDb(t, dbPath);
  const killed = path.join(storeDir(t), 'usage.sqlite');
  fs.copyFileSync(dbPath, killed);
  openDatabase(killed, { mode: 'write' }).close();
});

test('opening again keeps what is there, and reading changes nothing', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const db = openDatabase(dbPath, { mode: 'write' });
  db.exec("INSERT INTO gateway (base_url, created_at_ms) VALUES ('http://cpa:8317', 1)");
  db.close();
  openDatabase(dbPath, { mode: 'write' }).close();
  const reader = openDatabase(dbPath, { mode: 'read' });
  assert.equal(reader.prepare('SELECT base_url FROM gateway').pluck().get(), 'http://cpa:8317');
  assert.equal(reader.pragma('busy_timeout', { simple: true }), 0);
  assert.throws(() => reader.exec('DELETE FROM gateway'), /readonly/);
  reader.close();
});

test('a database that was brought up to date says so in its file at once', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const old = new Database(dbPath);
  old.pragma('auto_vacuum = INCREMENTAL');
  old.pragma(`application_id = ${APPLICATION_ID}`);
  for (const statements of MIGRATIONS.slice(0, -1)) old.exec(statements);
  old.pragma(`user_version = ${SCHEMA_VERSION - 1}`);
  old.pragma('journal_mode = WAL');
  old.close();
  assert.equal(databaseState(dbPath), 'outdated');
  const db = openDatabase(dbPath, { mode: 'write' });
  assert.equal(databaseState(dbPath), 'ready');
  db.close();
});

test('reading what is not there makes no file', (t) => {
  const dir = storeDir(t);
  refuses(
    () => openDatabase(path.join(dir, 'usage.sqlite'), { mode: 'read' }),
    'database_missing',
    /usage\.sqlite/,
  );
  assert.deepEqual(fs.readdirSync(dir), []);
});

test('the database of an older manager is refused by name, and not one byte changes', (t) => {
  const made = path.join(storeDir(t), 'usage.sqlite');
  const old = new Database(made);
  old.pragma('journal_mode = WAL');
  old.exec('CREATE TABLE usage_events (id INTEGER PRIMARY KEY, event_hash TEXT)');
  old.exec("INSERT INTO usage_events (event_hash) VALUES ('a')");
  // As after kill -9: the rows, even the table, are in the log only.
  const dir = storeDir(t);
  for (const suffix of ['', '-wal']) fs.copyFileSync(made + suffix, path.join(dir, `usage.sqlite${suffix}`));
  old.close();
  const before = contents(dir);
  for (const mode of ['read', 'write'] as const) {
    refuses(() => openDatabase(path.join(dir, 'usage.sqlite'), { mode }), 'database_foreign', /CPA-Manager$/);
    assert.deepEqual(contents(dir), before);
  }
});

test('other foreign files are refused untouched', (t) => {
  const dir = storeDir(t);
  const file = path.join(dir, 'usage.sqlite');
  const check = (text: RegExp): void => {
    const before = contents(dir);
    refuses(() => openDatabase(file, { mode: 'write' }), 'database_foreign', text);
    assert.deepEqual(contents(dir), before);
    fs.rmSync(file, { recursive: true });
  };
  fs.writeFileSync(file, 'this is a text, and a rather long one at that: '.repeat(10));
  check(/not an SQLite database/);
  fs.writeFileSync(file, 'short');
  check(/not an SQLite database/);
  const other = new Database(file);
  other.exec('CREATE TABLE bookmarks (url TEXT)');
  other.pragma('application_id = 7');
  other.close();
  check(/another program/);
  const plus = new Database(file);
  plus.exec('CREATE TABLE usage_events (id INTEGER); CREATE TABLE usage_event_identity_ledger (id INTEGER)');
  plus.close();
  check(/CPA-Manager-Plus/);
  fs.mkdirSync(file);
  refuses(() => openDatabase(file, { mode: 'write' }), 'database_foreign', /not a file/);
});

test('a log without its database stops us: SQLite would delete it', (t) => {
  const dir = storeDir(t);
  fs.writeFileSync(path.join(dir, 'usage.sqlite-wal'), 'rows');
  refuses(
    () => openDatabase(path.join(dir, 'usage.sqlite'), { mode: 'write' }),
    'database_foreign',
    /without its database/,
  );
  assert.deepEqual([...contents(dir)], [['usage.sqlite-wal', 'rows']]);
});

test('a journal without its database stops us as well', (t) => {
  const made = path.join(storeDir(t), 'usage.sqlite');
  const old = new Database(made);
  old.exec('CREATE TABLE usage_events (id INTEGER)');
  old.exec('BEGIN; INSERT INTO usage_events VALUES (1)');
  const journal = fs.readFileSync(`${made}-journal`);
  old.close();
  for (const bytes of [journal, Buffer.from('rows')]) {
    for (const beside of [false, true]) {
      const dir = storeDir(t);
      const dbPath = path.join(dir, 'usage.sqlite');
      fs.writeFileSync(`${dbPath}-journal`, bytes);
      if (beside) fs.writeFileSync(dbPath, '');
      const before = contents(dir);
      refuses(() => openDatabase(dbPath, { mode: 'write' }), 'database_foreign', /without its database/);
      assert.deepEqual(contents(dir), before);
    }
  }
});

test('the journal of a database that was just being made stops nobody', (t) => {
  const made = path.join(storeDir(t), 'usage.sqlite');
  const first = new Database(made);
  first.exec('BEGIN; CREATE TABLE t (id INTEGER)');
  assert.equal(fs.statSync(made).size, 0);
  assert.ok(fs.statSync(`${made}-journal`).size > 0);
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  for (const suffix of ['', '-journal']) fs.copyFileSync(made + suffix, dbPath + suffix);
  first.close();
  storeDb(t, dbPath);
  const zeros = path.join(storeDir(t), 'usage.sqlite');
  fs.writeFileSync(`${zeros}-journal`, Buffer.alloc(512));
  storeDb(t, zeros);
});

test('a newer schema is refused, before SQLite opens it and after', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const db = openDatabase(dbPath, { mode: 'write' });
  db.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
  refuses(() => openDatabase(dbPath, { mode: 'read', beside: true }), 'database_newer', /schema/);
  db.close();
  refuses(() => openDatabase(dbPath, { mode: 'write' }), 'database_newer', /schema/);
});

test('what SQLite throws becomes an error that a user can meet', () => {
  const code = (sqlite: string): string => toStoreError(new Database.SqliteError('x', sqlite)).code;
  assert.equal(code('SQLITE_BUSY'), 'database_locked');
  assert.equal(code('SQLITE_BUSY_SNAPSHOT'), 'database_locked');
  assert.equal(code('SQLITE_FULL'), 'disk_full');
  assert.equal(code('SQLITE_NOTADB'), 'database_foreign');
  assert.equal(code('SQLITE_CORRUPT'), 'database_failed');
  assert.equal(toStoreError(new Error('odd')).code, 'database_failed');
  for (const forbidden of ['SQLITE_READONLY_DIRECTORY', 'SQLITE_CANTOPEN']) {
    const { hint, message } = toStoreError(new Database.SqliteError('x', forbidden));
    assert.match(message, /may not use it/);
    assert.match(hint, /as the user that the data directory belongs to/);
  }
});
