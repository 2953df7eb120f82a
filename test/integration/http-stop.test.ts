import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { openDatabase } from '../../src/lib/store/open.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { CPA_KEY, startCpa, startReady } from '../support/http.ts';

/** Another process that has the database; let go after the test. */
function holder(t: TestContext, dataDir: string): Database.Database {
  const database = new Database(join(dataDir, 'usage.sqlite'));
  t.after(() => database.close());
  return database;
}

test('a daemon that waits for its database ends in good order', async (t) => {
  const dataDir = tempDir(t);
  openDatabase(join(dataDir, 'usage.sqlite'), { mode: 'write' }).close();
  const other = holder(t, dataDir);
  other.pragma('locking_mode = EXCLUSIVE');
  other.exec('BEGIN EXCLUSIVE');
  const daemon = await DaemonProcess.start(t, { dataDir });
  await daemon.until(() => daemon.log.some((line) => line['code'] === 'database_locked'));
  assert.equal(await daemon.stop(), 0);
  assert.equal(daemon.log.at(-1)?.['event'], 'stopped');
});

test('so does one that can read but not write, and so has not begun to collect', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY };
  const first = await startReady(t, { dataDir, env });
  await cpa.subscribed();
  assert.equal(await first.stop(), 0);
  await cpa.when(() => cpa.subscriptions === 0);

  holder(t, dataDir).exec('BEGIN IMMEDIATE');
  const daemon = await startReady(t, { dataDir, env });
  await daemon.statusUntil(({ health }) => health.reasons.some(({ code }) => code === 'database_locked'));
  assert.equal(cpa.subscriptions, 0, 'nothing is taken that could not be stored');
  assert.equal(await daemon.stop(), 0);
  assert.equal(daemon.log.at(-1)?.['event'], 'stopped');
});
