import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Checkpoints } from '../../src/lib/store/checkpoint.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import type { Db } from '../../src/lib/store/sqlite.ts';
import { storeDb, storeDir } from '../support/store-harness.ts';

/** Puts this many bytes into the log. */
function write(db: Db, bytes: number): void {
  db.prepare('INSERT INTO settings VALUES (?, ?, 0)').run(`k${Math.random()}`, 'x'.repeat(bytes));
}

test('the log goes into the database when nothing was written for a while', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const db = storeDb(t, dbPath);
  const checkpoints = new Checkpoints(db);
  const before = fs.statSync(dbPath).size;
  write(db, 100_000);
  checkpoints.written(true);
  t.mock.timers.tick(200);
  checkpoints.written(true);
  t.mock.timers.tick(200);
  assert.equal(fs.statSync(dbPath).size, before);
  t.mock.timers.tick(200);
  assert.ok(fs.statSync(dbPath).size > before + 90_000);
  checkpoints.stop();
});

test('under load it does not wait for that, and the log is cut back when a reader had kept it', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const db = storeDb(t, dbPath);
  const checkpoints = new Checkpoints(db);
  const before = fs.statSync(dbPath).size;
  const reader = openDatabase(dbPath, { mode: 'read', beside: true });
  t.after(() => reader.close());
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM settings').get();
  for (let n = 0; n < 7; n += 1) {
    write(db, 10_000_000);
    checkpoints.written(false);
  }
  assert.ok(fs.statSync(`${dbPath}-wal`).size > 64 * 1024 * 1024);
  assert.equal(fs.statSync(dbPath).size, before);
  reader.exec('COMMIT');
  checkpoints.written(false);
  assert.ok(fs.statSync(dbPath).size > 70_000_000);
  checkpoints.written(true);
  t.mock.timers.tick(300);
  assert.equal(fs.statSync(`${dbPath}-wal`).size, 0);
});
