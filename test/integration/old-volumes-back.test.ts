import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { recognise } from '../../src/lib/migrate/recognise.ts';
import { rollback } from '../../src/lib/migrate/rollback.ts';
import { aside, filesIn } from '../support/moves.ts';
import { copyInto } from '../support/old-volumes/copy-volume.ts';
import { GENERATIONS, isPlus, type Generation } from '../support/old-volumes/generations.ts';
import { makeOldVolume } from '../support/old-volumes/make.ts';
import { ALL_ODDITIES } from '../support/old-volumes/oddities.ts';
import { readOldVolume, startOldProgram } from '../support/old-volumes/old-reader.ts';
import { makeOwnVolume, OWN_SCHEMAS } from '../support/old-volumes/own.ts';
import { storeDir } from '../support/store-harness.ts';

/** How we call it; what is named by its last day here is known by the day its newest table came. */
function releaseOf(generation: Generation): string {
  const release = generation.replace(/^cpa-manager-(plus-)?/, '').replace('05-17', '05-14');
  return /^\d{4}-/.test(release) ? `1.2 (${release})` : release;
}

test('every generation is told by what is in it, in the log or not, and nothing changes by looking', async (t) => {
  for (const generation of GENERATIONS) {
    for (const inWal of [false, true, 'tail'] as const) {
      const dir = path.join(storeDir(t), 'volume');
      const volume = makeOldVolume(dir, { generation, events: 30, inWal });
      const before = filesIn(dir);
      const found = await recognise(volume.dbPath);
      assert.equal(found.kind, 'old', generation);
      if (found.kind !== 'old') continue;
      assert.equal(found.program, isPlus(generation) ? 'cpa-manager-plus' : 'cpa-manager', generation);
      assert.equal(found.release, releaseOf(generation), generation);
      assert.equal(found.eventsAtMost, 30, `${generation} ${inWal}`);
      assert.deepEqual(found.beyond, [], generation);
      assert.deepEqual(filesIn(dir), before);
    }
  }
});

test('our own earlier schemas are told as ours', async (t) => {
  for (const schema of OWN_SCHEMAS) {
    const { dbPath } = makeOwnVolume(storeDir(t), { schema, events: 3, inWal: schema % 2 === 1 });
    const age = schema === OWN_SCHEMAS.length ? 'same' : 'older';
    assert.deepEqual(await recognise(dbPath), { kind: 'ours', schemaVersion: schema, age });
  }
});

const TO_AND_FRO = ['cpa-manager-1.1.0', 'cpa-manager-2026-05-17', 'cpa-manager-plus-1.12.2'] as const;

for (const generation of TO_AND_FRO) {
  for (const inWal of [false, true]) {
    test(`${generation} ${inWal ? 'killed' : 'stopped'}: taken over and given back, the old program finds every byte`, async (t) => {
      const dir = path.join(storeDir(t), 'volume');
      const { dbPath } = makeOldVolume(dir, { generation, events: 120, oddities: ALL_ODDITIES, inWal });
      const copy = path.join(storeDir(t), 'copy');
      fs.cpSync(dir, copy, { recursive: true });
      const view = readOldVolume(path.join(copy, 'usage.sqlite'), generation);
      const before = filesIn(dir);
      const { folder } = await aside(dbPath);
      // From the folder that it lies in now into the database that took its place.
      await copyInto(t, folder, dbPath);
      await rollback(dbPath, { clock: systemClock });
      const after = filesIn(dir);
      for (const [name, digest] of before) assert.equal(after.get(name), digest, name);
      if (!inWal) assert.equal(fs.statSync(`${dbPath}-wal`, { throwIfNoEntry: false })?.size ?? 0, 0);
      assert.deepEqual(startOldProgram(dbPath, generation), view);
    });
  }
}
