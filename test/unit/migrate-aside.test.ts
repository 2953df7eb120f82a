import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { systemClock } from '../../src/lib/clock.ts';
import { AppError, type ErrorCode } from '../../src/lib/errors.ts';
import { finishMoves } from '../../src/lib/migrate/finish-moves.ts';
import { readManifests } from '../../src/lib/migrate/manifest.ts';
import { volumeToCopy } from '../../src/lib/migrate/old-volume.ts';
import { startState } from '../../src/lib/migrate/start-state.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import {
  aside,
  copyFolder,
  cutAfter,
  filesIn,
  killAtEachStep,
  moveElsewhere,
  oldEvents,
  toItsCut,
  type How,
} from '../support/moves.ts';
import {
  oldVolume,
  openElsewhere,
  recorded,
  tempDir,
  traces,
  VOLUME_EVENTS,
  type VolumeName,
} from '../support/old-files.ts';

const NAMES: readonly VolumeName[] = [
  'cpa-manager-1.1.4',
  'cpa-manager-2026-05-17',
  'cpa-manager-plus-1.12.2',
];
const HOWS: readonly How[] = ['link', 'rename'];
const noLink = (): never => {
  throw Object.assign(new Error('no links here'), { code: 'EPERM' });
};
const linksOf = (how: How): { link?: () => never } => (how === 'rename' ? { link: noLink } : {});

const fails = async (work: Promise<unknown>, code: ErrorCode): Promise<AppError> => {
  let thrown: unknown;
  await work.catch((error: unknown) => {
    thrown = error;
  });
  assert.ok(thrown instanceof AppError, String(thrown));
  assert.equal(thrown.code, code, thrown.message);
  return thrown;
};

/** Ours is in its place and empty; the old files are aside, byte for byte, and all their rows can be read there. */
async function assertAside(dbPath: string, name: VolumeName): Promise<void> {
  const dir = path.dirname(dbPath);
  openDatabase(dbPath, { mode: 'read' }).close();
  const volume = await volumeToCopy(dbPath);
  assert.ok(volume);
  const files = recorded(name);
  for (const suffix of ['', '-wal', '-shm']) {
    const moved = path.join(volume.folder, `usage.sqlite${suffix}`);
    assert.ok(fs.readFileSync(moved).equals(files.get(`usage.sqlite${suffix}`) ?? Buffer.alloc(0)), moved);
    assert.equal(fs.statSync(moved).mode & 0o777, 0o600);
    assert.equal(fs.statSync(moved).nlink, 1);
  }
  const kept = fs.readFileSync(path.join(volume.folder, 'usage.sqlite-shm.kept'));
  assert.ok(kept.equals(files.get('usage.sqlite-shm') ?? Buffer.alloc(0)));
  assert.equal(fs.statSync(dbPath).mode & 0o777, 0o600);
  assert.equal(fs.statSync(volume.folder).mode & 0o777, 0o700);
  assert.deepEqual(fs.readdirSync(volume.folder).toSorted(), [
    'manifest.json',
    'usage.sqlite',
    'usage.sqlite-shm',
    'usage.sqlite-shm.kept',
    'usage.sqlite-wal',
  ]);
  assert.deepEqual(
    fs.readdirSync(dir).filter((file) => file.startsWith('.') || file === 'new.sqlite'),
    [],
  );
  assert.equal(oldEvents(volume.dbPath), VOLUME_EVENTS[name]);
}

for (const name of NAMES) {
  for (const how of HOWS) {
    test(`${name} is moved aside whole (${how})`, async (t) => {
      const dbPath = oldVolume(t, name);
      const { manifest } = await aside(dbPath, linksOf(how));
      assert.partialDeepStrictEqual(manifest, {
        step: 'moved',
        how,
        database: 'usage.sqlite',
        copiedAtMs: null,
      });
      assert.deepEqual(
        readManifests(dbPath).map((volume) => volume.manifest),
        [manifest],
      );
      await assertAside(dbPath, name);
      // Others' files stay where they are.
      if (name === 'cpa-manager-plus-1.12.2')
        assert.ok(fs.existsSync(path.join(path.dirname(dbPath), 'data.key')));
    });
  }
}

test('links keep the very file: what somebody still does with it is not lost', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-1.1.4');
  const { ino, mtimeMs } = fs.statSync(`${dbPath}-wal`);
  const { folder } = await aside(dbPath);
  const moved = fs.statSync(path.join(folder, 'usage.sqlite-wal'));
  assert.deepEqual([moved.ino, moved.mtimeMs], [ino, mtimeMs]);
});

for (const how of HOWS) {
  test(`killed after any step, the next start finishes it or takes it back (${how})`, async (t) => {
    const outcomes: string[] = [];
    const originals = new Map<string, ReadonlyMap<string, string>>();
    const fresh = (): string => {
      const dbPath = oldVolume(t, 'cpa-manager-1.1.4');
      originals.set(dbPath, traces(path.dirname(dbPath)));
      return dbPath;
    };
    // Without links it is only from there on that anything differs.
    const from = how === 'rename' ? 'manifest moving' : null;
    const steps = await killAtEachStep(fresh, { what: 'aside', how, from }, async (dbPath, step, index) => {
      const finished = await finishMoves(dbPath);
      const [outcome = 'nothing'] = finished.map((one) => one.outcome);
      outcomes[index] = outcome;
      // Before the first old name is gone the volume is as it was, to the last byte, time and link.
      if (outcome !== 'moved' && readManifests(dbPath).length === 0) {
        assert.deepEqual(traces(path.dirname(dbPath)), originals.get(dbPath), step);
        await aside(dbPath, linksOf(how));
      }
      assert.deepEqual(await finishMoves(dbPath), [], step);
      await assertAside(dbPath, 'cpa-manager-1.1.4');
    });
    const commit = steps.findIndex((step) => /^(unlink|rename) usage.sqlite/.test(step));
    assert.ok(commit > 5 && steps[commit - 1] === 'manifest moving', steps.join(', '));
    assert.ok(!outcomes.slice(0, commit).includes('moved'));
    assert.equal(outcomes[commit - 1], 'aside-undone');
    assert.deepEqual(new Set(outcomes.slice(commit, -1)), new Set(['moved']));
    assert.equal(outcomes.at(-1), 'nothing');
  });
}

test('cut short while it finishes or takes back, the start after that does', async (t) => {
  const steps = await moveElsewhere('aside', oldVolume(t, 'cpa-manager-1.1.4'), 0);
  for (const at of ['manifest moving', 'unlink usage.sqlite']) {
    const killed = oldVolume(t, 'cpa-manager-1.1.4');
    const original = filesIn(path.dirname(killed));
    await moveElsewhere('aside', killed, steps.indexOf(at) + 1);
    for (let count = 1, ended = false; !ended; count += 1) {
      const dir = tempDir(t);
      copyFolder(path.dirname(killed), dir);
      const dbPath = path.join(dir, 'usage.sqlite');
      ended = await toItsCut(finishMoves(dbPath, { onStep: cutAfter(count) }));
      await finishMoves(dbPath);
      if (at === 'unlink usage.sqlite') await assertAside(dbPath, 'cpa-manager-1.1.4');
      else {
        assert.deepEqual(filesIn(dir), original);
        for (const name of original.keys()) assert.equal(fs.statSync(path.join(dir, name)).nlink, 1);
      }
      assert.ok(ended || count < 30);
    }
  }
});

test('an old program that ran between the kill and the next start loses nothing', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-1.1.4');
  const steps = await moveElsewhere('aside', dbPath, 0);
  const again = oldVolume(t, 'cpa-manager-1.1.4');
  await moveElsewhere('aside', again, steps.indexOf('manifest moving') + 1);
  // It stores a row, and its end brings the log into the main file and deletes it.
  const db = new Database(again);
  db.exec("INSERT INTO dead_letter_events (payload, error, created_at_ms) VALUES ('a', 'b', 1)");
  db.close();
  assert.equal(fs.existsSync(`${again}-wal`), false);
  assert.deepEqual(
    (await finishMoves(again)).map(({ outcome }) => outcome),
    ['aside-undone'],
  );
  const { folder } = await aside(again);
  const old = new Database(path.join(folder, 'usage.sqlite'), { readonly: true });
  assert.equal(old.prepare('SELECT count(*) FROM dead_letter_events').pluck().get(), 1);
  assert.equal(old.prepare('SELECT count(*) FROM usage_events').pluck().get(), 26);
  old.close();
});

test('a database that somebody made in the gap stops the start, and nothing is deleted', async (t) => {
  const steps = await moveElsewhere('aside', oldVolume(t, 'cpa-manager-1.1.4'), 0);
  const dbPath = oldVolume(t, 'cpa-manager-1.1.4');
  await moveElsewhere('aside', dbPath, steps.indexOf('unlink usage.sqlite') + 1);
  fs.writeFileSync(dbPath, 'somebody was here');
  const before = filesIn(path.dirname(dbPath));
  const error = await fails(finishMoves(dbPath), 'takeover_stuck');
  assert.ok(error.message.includes(`${dbPath} was put there`), error.message);
  assert.deepEqual(filesIn(path.dirname(dbPath)), before);
  fs.renameSync(dbPath, `${dbPath}.elsewhere`);
  assert.deepEqual(
    (await finishMoves(dbPath)).map(({ outcome }) => outcome),
    ['moved'],
  );
  await assertAside(dbPath, 'cpa-manager-1.1.4');
});

test('while the old program runs nothing moves; once it ended everything does', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-2026-05-17');
  const other = await openElsewhere(t, dbPath, 'wal');
  const before = traces(path.dirname(dbPath));
  const state = await startState(dbPath, { clock: systemClock });
  assert.ok(state.kind === 'old' && state.heldBy !== null);
  const error = await fails(aside(dbPath), 'old_program_running');
  if (state.heldBy.length > 0) assert.match(error.message, new RegExp(`process ${other.pid} .*hold-open`));
  const unchanged = [...before].filter(([name]) => !name.endsWith('-shm'));
  assert.deepEqual(
    [...traces(path.dirname(dbPath))].filter(([name]) => !name.endsWith('-shm')),
    unchanged,
  );
  await other.end();
  const { folder } = await aside(dbPath);
  assert.equal(oldEvents(path.join(folder, 'usage.sqlite')), 28);
});

test('a new database that cannot be made leaves the old volume as it was', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-1.1.4');
  const before = traces(path.dirname(dbPath));
  const makeNew = (file: string): void => {
    fs.writeFileSync(file, 'half');
    throw new Error('no more room');
  };
  await assert.rejects(aside(dbPath, { makeNew }), /no more room/);
  assert.deepEqual(traces(path.dirname(dbPath)), before);
});

// Root may write everything.
const isRoot = process.getuid?.() === 0;
test(
  'a file that may not be written is named, with what helps, and nothing moves',
  { skip: isRoot },
  async (t) => {
    const dbPath = oldVolume(t, 'cpa-manager-1.1.4');
    fs.chmodSync(`${dbPath}-wal`, 0o444);
    const before = traces(path.dirname(dbPath));
    const error = await fails(aside(dbPath), 'data_dir_unusable');
    assert.match(error.message, /usage.sqlite-wal belongs to uid/);
    assert.match(error.hint, /chown/);
    assert.deepEqual(traces(path.dirname(dbPath)), before);
  },
);

test('a file that the system does not let go of is named, with what helps', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-1.1.4');
  const before = traces(path.dirname(dbPath));
  for (const [code, expected, hint] of [
    ['EBUSY', 'data_dir_unusable', /mount the folder/],
    ['EROFS', 'data_dir_unusable', /mounted writable/],
    ['ENOSPC', 'disk_full', /Free space/],
  ] as const) {
    const makeNew = (): never => {
      throw Object.assign(new Error('the system says no'), { code });
    };
    const error = await fails(aside(dbPath, { makeNew }), expected);
    assert.match(error.hint, hint);
    assert.deepEqual(traces(path.dirname(dbPath)), before);
  }
});

test('too little room is refused with both numbers before anything moves', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-1.1.4');
  const before = traces(path.dirname(dbPath));
  const { moveAside } = await import('../../src/lib/migrate/aside.ts');
  const from = { program: 'cpa-manager', release: '1.1.4', newestEventMs: null, beyond: [] } as const;
  const error = await fails(
    moveAside(dbPath, { ...from, eventsAtMost: 2 ** 45 }, { clock: systemClock }),
    'space_needed',
  );
  assert.match(error.message, /needs \d+ MiB in .*, and [\d.]+ MiB are free/);
  assert.deepEqual(traces(path.dirname(dbPath)), before);
});

test('two takeovers one after the other have folders of their own', async (t) => {
  const dbPath = oldVolume(t, 'cpa-manager-1.1.4');
  const clock = { ...systemClock, now: () => 1_795_000_000_000 };
  const first = await aside(dbPath, { clock });
  for (const suffix of ['', '-wal'])
    fs.copyFileSync(path.join(first.folder, `usage.sqlite${suffix}`), dbPath + suffix);
  const second = await aside(dbPath, { clock });
  assert.equal(path.basename(first.folder), '2026-11-18T11-06-40Z');
  assert.equal(path.basename(second.folder), '2026-11-18T11-06-40Z-2');
  assert.equal(oldEvents(path.join(second.folder, 'usage.sqlite')), 26);
});
