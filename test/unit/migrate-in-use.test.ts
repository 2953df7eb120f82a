import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { systemClock } from '../../src/lib/clock.ts';
import { claimDatabase, LOOK_AGAIN_MS, probeDatabase } from '../../src/lib/migrate/in-use.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { oldVolume, openElsewhere, traces, tempDir, type Hold } from '../support/old-files.ts';

const clock = systemClock;
const noLinks = (): Promise<never> => Promise.reject(Object.assign(new Error('no'), { code: 'EPERM' }));

/** A database in rollback mode, as nobody but a person makes one. */
function rollbackVolume(t: TestContext): string {
  const dbPath = path.join(tempDir(t), 'usage.sqlite');
  const db = new Database(dbPath);
  db.exec('CREATE TABLE dead_letter_events (payload TEXT, error TEXT, created_at_ms INTEGER)');
  db.close();
  return dbPath;
}

for (const name of ['cpa-manager-1.1.4', 'cpa-manager-2026-05-17', 'cpa-manager-plus-1.12.2'] as const) {
  test(`${name}: the probe finds nobody, and changes nothing`, async (t) => {
    const dbPath = oldVolume(t, name);
    const before = traces(path.dirname(dbPath));
    assert.partialDeepStrictEqual(await probeDatabase(dbPath, { clock }), { kind: 'free', by: 'lock' });
    assert.deepEqual(traces(path.dirname(dbPath)), before);
  });
}

const HOLDS: ReadonlyArray<readonly [Hold, (t: TestContext) => string]> = [
  ['wal', (t) => oldVolume(t, 'cpa-manager-2026-05-17')],
  ['rollback-reading', rollbackVolume],
  ['rollback-idle', rollbackVolume],
];

for (const [hold, make] of HOLDS) {
  const seen = hold !== 'rollback-idle' || fs.existsSync('/proc/self/fd');
  test(`a process that has it open (${hold}) is seen, and its end too`, { skip: !seen }, async (t) => {
    const dbPath = make(t);
    const other = await openElsewhere(t, dbPath, hold);
    const before = traces(path.dirname(dbPath));
    const busy = await probeDatabase(dbPath, { clock });
    assert.equal(busy.kind, 'in-use');
    assert.deepEqual(traces(path.dirname(dbPath)), before);
    if (fs.existsSync('/proc/self/fd')) {
      assert.deepEqual(busy.kind === 'in-use' && busy.holders.map(({ pid }) => pid), [other.pid]);
    }
    await other.end();
    assert.partialDeepStrictEqual(await probeDatabase(dbPath, { clock }), { kind: 'free' });
  });
}

test('the probe does not disturb the one who has it open', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-2026-05-17');
  // In this process, so that it can go on: its locks must outlive the probe.
  const db = new Database(dbPath, { timeout: 0 });
  const store = db.prepare(
    "INSERT INTO dead_letter_events (payload, error, created_at_ms) VALUES ('a', 'b', 1)",
  );
  store.run();
  assert.equal((await probeDatabase(dbPath, { clock })).kind, 'in-use');
  store.run();
  assert.equal((await probeDatabase(dbPath, { clock })).kind, 'in-use');
  db.close();
});

test('as long as it is claimed nobody else gets in', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-2026-05-17');
  const claim = await claimDatabase(dbPath, { clock });
  assert.ok(claim.kind === 'free');
  const db = new Database(dbPath, { timeout: 0 });
  assert.throws(() => db.prepare('SELECT count(*) FROM settings').get(), /locked/);
  await claim.release();
  assert.equal(db.prepare('SELECT count(*) FROM usage_events').pluck().get(), 28);
  db.close();
});

test('where links cannot be made, two looks tell', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-2026-05-17');
  const still = new FakeClock();
  const quiet = probeDatabase(dbPath, { clock: still, link: noLinks });
  await still.someoneSleeps();
  await still.advance(LOOK_AGAIN_MS - 1);
  await still.advance(1);
  assert.partialDeepStrictEqual(await quiet, { kind: 'free', by: 'looks' });

  const growing = probeDatabase(dbPath, { clock: still, link: noLinks });
  await still.someoneSleeps();
  fs.appendFileSync(`${dbPath}-wal`, 'one more frame');
  await still.advance(LOOK_AGAIN_MS);
  assert.equal((await growing).kind, 'in-use');
});
