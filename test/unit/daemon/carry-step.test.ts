import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { carryStep } from '../../../src/daemon/takeover/carry-step.ts';
import { loadConfig, type StartConfig } from '../../../src/lib/config/start-config.ts';
import { sealedKey, savedRows } from '../../../src/lib/config/settings-rows.ts';
import type { OldVolume } from '../../../src/lib/migrate/old-volume.ts';
import { changeAliases, readAliases } from '../../../src/lib/store/alias-store.ts';
import { openDatabase } from '../../../src/lib/store/open.ts';
import { ReadStore } from '../../../src/lib/store/read-store.ts';
import type { Db } from '../../../src/lib/store/sqlite.ts';
import { tempDir } from '../../support/daemon.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { volumeCopy, type VolumeName } from '../../support/takeover.ts';

const clock = new FakeClock();

function world(t: TestContext, name: VolumeName): { config: StartConfig; volume: OldVolume } {
  const folder = volumeCopy(t, name);
  const from = {
    program: name.includes('plus') ? 'cpa-manager-plus' : 'cpa-manager',
    release: '1',
    eventsAtMost: 30,
    newestEventMs: null,
    beyond: [],
  } as const;
  const dbPath = join(folder, 'usage.sqlite');
  const volume = { name: 'old', folder, dbPath, from, movedAtMs: 7, copiedAtMs: null, bytes: 0 };
  // Plus keeps its key beside its database, and ours goes on with it.
  const dataDir = name.includes('plus') ? folder : tempDir(t);
  const env = { USAGE_DATA_DIR: dataDir, USAGE_DB_PATH: join(tempDir(t), 'ours.sqlite') };
  return { config: loadConfig({ env, cwd: folder }), volume };
}

function inOurs<T>({ dbPath }: StartConfig, work: (db: Db) => T): T {
  const db = openDatabase(dbPath, { mode: 'write' });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

const names = (config: StartConfig): string[] =>
  inOurs(config, (db) => readAliases(db).map(({ alias }) => alias));

function savedKey({ dbPath }: StartConfig): string | null {
  const store = new ReadStore(dbPath);
  try {
    return sealedKey(savedRows((key) => store.setting(key)));
  } finally {
    store.close();
  }
}

test('what was changed since the copy began is not brought back, and until then nothing is lost', async (t) => {
  const { config, volume } = world(t, 'cpa-manager-plus-1.12.2');
  const first = await carryStep(volume, { config, clock });
  assert.match(first.gateway, /^http:\/\/127\.0\.0\.1:/);
  assert.deepEqual(names(config), ['Team Alpha']);
  const remove = (db: Db): void => {
    for (const { apiKeyHash: hash } of readAliases(db)) changeAliases(db, { kind: 'remove', hash }, 1);
  };
  inOurs(config, remove);
  await carryStep(volume, { config, clock });
  assert.deepEqual(names(config), ['Team Alpha'], 'an earlier start may have been killed before');

  inOurs(config, (db) => {
    remove(db);
    db.exec(`INSERT INTO takeover VALUES ('old', 1, '', 1, 0, 0, 0, 1, NULL)`);
  });
  assert.deepEqual(await carryStep(volume, { config, clock }), first);
  assert.deepEqual(names(config), []);
});

test('a data key is made for the key that CPA-Manager kept in clear', async (t) => {
  const { config, volume } = world(t, 'cpa-manager-1.1.4');
  await carryStep(volume, { config, clock });
  assert.ok(existsSync(config.dataKeyPath));
  assert.match(savedKey(config) ?? '', /^enc:v1:/);
});

test('with the data key of CPA-Manager-Plus gone, all but the key of the gateway comes over', async (t) => {
  const { config, volume } = world(t, 'cpa-manager-plus-1.12.2');
  rmSync(config.dataKeyPath);
  await carryStep(volume, { config, clock });
  assert.deepEqual(names(config), ['Team Alpha']);
  assert.equal(savedKey(config), null);
  assert.ok(existsSync(config.dataKeyPath));
});
