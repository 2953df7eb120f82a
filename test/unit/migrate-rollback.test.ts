import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { AppError, type ErrorCode } from '../../src/lib/errors.ts';
import { acquireLock, serveLockPath } from '../../src/lib/lock.ts';
import { finishMoves } from '../../src/lib/migrate/finish-moves.ts';
import { deleteOldVolume, markCopied, oldVolumes, volumeToCopy } from '../../src/lib/migrate/old-volume.ts';
import { lookForHistory } from '../../src/lib/migrate/places.ts';
import { rollback } from '../../src/lib/migrate/rollback.ts';
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
  VOLUME_EVENTS,
  type VolumeName,
} from '../support/old-files.ts';

const clock = systemClock;
const NAMES: readonly VolumeName[] = [
  'cpa-manager-1.1.4',
  'cpa-manager-2026-05-17',
  'cpa-manager-plus-1.12.2',
];
const noLink = (): never => {
  throw Object.assign(new Error('no links here'), { code: 'EPERM' });
};

const fails = async (work: Promise<unknown>, code: ErrorCode): Promise<AppError> => {
  let thrown: unknown;
  await work.catch((error: unknown) => {
    thrown = error;
  });
  assert.ok(thrown instanceof AppError, String(thrown));
  assert.equal(thrown.code, code, thrown.message);
  return thrown;
};

/** A volume that was taken over and read, with a row of ours that is still in our log. */
async function takenOver(t: TestContext, name: VolumeName, how: How = 'link'): Promise<string> {
  const dbPath = oldVolume(t, name);
  const { folder } = await aside(dbPath, how === 'rename' ? { link: noLink } : {});
  assert.equal(oldEvents(path.join(folder, 'usage.sqlite')), VOLUME_EVENTS[name]);
  const db = openDatabase(dbPath, { mode: 'write' });
  db.exec("INSERT INTO gateway (base_url, created_at_ms) VALUES ('http://cpa:8317', 1)");
  // As a killed daemon leaves it: with the row in the log.
  const killed = tempDir(t);
  for (const suffix of ['', '-wal']) fs.copyFileSync(dbPath + suffix, path.join(killed, `ours${suffix}`));
  db.close();
  for (const suffix of ['', '-wal']) fs.copyFileSync(path.join(killed, `ours${suffix}`), dbPath + suffix);
  return dbPath;
}

/** The old files are back as they were recorded, and ours is away with all its rows. */
function assertReturned(dbPath: string, name: VolumeName, step = ''): void {
  const dir = path.dirname(dbPath);
  for (const [file, bytes] of recorded(name)) {
    const back = path.join(dir, file);
    assert.ok(fs.readFileSync(back).equals(bytes), `${back} ${step}`);
    // CPA-Manager-Plus refuses a database that has a second name.
    assert.equal(fs.statSync(back).nlink, 1, `${back} ${step}`);
    assert.equal(fs.statSync(back).mode & 0o777, 0o644, `${back} ${step}`);
  }
  const all = fs.readdirSync(dir, { recursive: true, encoding: 'utf8' });
  const ours = all.filter((file) => file.startsWith('pre-rollback') && file.endsWith('usage.sqlite'));
  assert.equal(ours.length, 1, step);
  const db = openDatabase(path.join(dir, ours[0] ?? ''), { mode: 'write' });
  assert.equal(db.prepare('SELECT base_url FROM gateway').pluck().get(), 'http://cpa:8317', step);
  db.close();
  assert.deepEqual(
    all.filter((file) => file.startsWith('pre-cpamp') && !/manifest\.json$|Z$|^pre-cpamp$/.test(file)),
    [],
    step,
  );
}

for (const name of NAMES) {
  for (const how of ['link', 'rename'] as const) {
    test(`${name} comes back byte for byte, and ours is kept (${how})`, async (t) => {
      const dbPath = await takenOver(t, name, how);
      const before = fs.statSync(dbPath).size;
      const result = await rollback(dbPath, { clock, ...(how === 'rename' ? { link: noLink } : {}) });
      assert.partialDeepStrictEqual(result, {
        dbPath,
        files: ['usage.sqlite', 'usage.sqlite-wal', 'usage.sqlite-shm'],
        changed: [],
        resumed: false,
      });
      assert.equal(fs.statSync(result.oursPath ?? '').size, before);
      assert.ok((result.newestOldEventMs ?? 0) > 0 && result.movedAtMs > 0);
      assertReturned(dbPath, name);
      assert.deepEqual(await oldVolumes(dbPath), []);
      assert.partialDeepStrictEqual(await startState(dbPath, { clock }), { kind: 'old', heldBy: null });
      // And forth again.
      await aside(dbPath);
      assert.equal(oldEvents((await volumeToCopy(dbPath))?.dbPath ?? ''), VOLUME_EVENTS[name]);
    });
  }
}

for (const how of ['link', 'rename'] as const) {
  test(`killed after any step of the way back, it is finished or taken back (${how})`, async (t) => {
    const name = 'cpa-manager-1.1.4';
    const made = path.dirname(await takenOver(t, name, how));
    const outcomes: string[] = [];
    const fresh = (): string => {
      const dir = tempDir(t);
      copyFolder(made, dir);
      return path.join(dir, 'usage.sqlite');
    };
    // Without links it is only from there on that anything differs.
    const from = how === 'rename' ? 'manifest replacing' : null;
    const steps = await killAtEachStep(
      fresh,
      { what: 'rollback', how, from },
      async (dbPath, step, index) => {
        const [finished] = await finishMoves(dbPath);
        const outcome = finished?.outcome ?? 'nothing';
        outcomes[index] = outcome;
        if (outcome === 'return-undone') {
          const files = ['', '-wal'].map((suffix) => `usage.sqlite${suffix}`);
          for (const file of files) {
            assert.ok(
              fs
                .readFileSync(path.join(path.dirname(dbPath), file))
                .equals(fs.readFileSync(path.join(made, file))),
              step,
            );
          }
          await rollback(dbPath, { clock, ...(how === 'rename' ? { link: noLink } : {}) });
        }
        assert.deepEqual(await finishMoves(dbPath), [], step);
        assertReturned(dbPath, name, step);
      },
    );
    const commit = steps.indexOf('manifest replacing') + 1;
    assert.ok(commit > 2, steps.join(', '));
    assert.ok(!outcomes.slice(0, commit).includes('returned'));
    assert.equal(outcomes[commit - 1], 'return-undone');
    assert.deepEqual(new Set(outcomes.slice(commit, -1)), new Set(['returned']));
  });
}

test('cut short while the way back is finished, the next one finishes it', async (t) => {
  const name = 'cpa-manager-1.1.4';
  const dbPath = await takenOver(t, name);
  const whole = tempDir(t);
  copyFolder(path.dirname(dbPath), whole);
  const steps = await moveElsewhere('rollback', path.join(whole, 'usage.sqlite'), 0);
  await moveElsewhere('rollback', dbPath, steps.indexOf('unlink usage.sqlite') + 1);
  for (let count = 1, ended = false; !ended; count += 1) {
    const dir = tempDir(t);
    copyFolder(path.dirname(dbPath), dir);
    const again = path.join(dir, 'usage.sqlite');
    let cut = '';
    const onStep = cutAfter(count);
    ended = await toItsCut(
      finishMoves(again, {
        onStep: (step) => {
          cut = step;
          onStep(step);
        },
      }),
    );
    // Nobody who went back wants the start that finishes it to go forth again.
    const state = await startState(again, { clock });
    assert.equal(state.kind, ended || cut === 'manifest returned' ? 'old' : 'returned');
    assertReturned(again, name, String(count));
    assert.ok(ended || count < 30);
  }
});

test('of two volumes the one that was moved aside last goes back, also when the clock was set back', async (t) => {
  const dbPath = await takenOver(t, 'cpa-manager-plus-1.12.2');
  const second = path.dirname(oldVolume(t, 'cpa-manager-1.1.4'));
  for (const suffix of ['', '-wal', '-shm']) {
    fs.copyFileSync(path.join(second, `usage.sqlite${suffix}`), dbPath + suffix);
    fs.chmodSync(dbPath + suffix, 0o644);
  }
  const dayBefore = { ...clock, now: () => clock.now() - 86_400_000 };
  const { folder } = await aside(dbPath, { clock: dayBefore });
  const names = (await oldVolumes(dbPath)).map(({ name }) => name);
  assert.deepEqual([names.length, names.at(-1)], [2, path.basename(folder)]);
  await rollback(dbPath, { clock: dayBefore });
  for (const [file, bytes] of recorded('cpa-manager-1.1.4')) {
    assert.ok(fs.readFileSync(path.join(path.dirname(dbPath), file)).equals(bytes), file);
  }
});

test('a log that an old program brought in after the way back is not put there again', async (t) => {
  const dbPath = await takenOver(t, 'cpa-manager-1.1.4');
  const whole = tempDir(t);
  copyFolder(path.dirname(dbPath), whole);
  const steps = await moveElsewhere('rollback', path.join(whole, 'usage.sqlite'), 0);
  await moveElsewhere(
    'rollback',
    dbPath,
    steps.indexOf('link usage.sqlite', steps.indexOf('manifest replacing')) + 1,
  );
  const { default: Database } = await import('better-sqlite3');
  const db = new Database(dbPath);
  db.exec("INSERT INTO dead_letter_events (payload, error, created_at_ms) VALUES ('a', 'b', 1)");
  db.close();
  await finishMoves(dbPath);
  assert.equal(fs.existsSync(`${dbPath}-wal`), false);
  const old = new Database(dbPath, { readonly: true });
  assert.equal(old.prepare('SELECT count(*) FROM usage_events').pluck().get(), 26);
  assert.equal(old.prepare('SELECT count(*) FROM dead_letter_events').pluck().get(), 1);
  old.close();
});

test('no way back while the daemon runs, while somebody reads, or without an old volume', async (t) => {
  const dbPath = await takenOver(t, 'cpa-manager-1.1.4');
  const before = filesIn(path.dirname(dbPath));
  const holder = spawn(
    process.execPath,
    [path.join(import.meta.dirname, '../support/hold-lock.ts'), await serveLockPath(dbPath)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  t.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  await fails(rollback(dbPath, { clock }), 'database_held');
  const gone = once(holder, 'exit');
  holder.kill('SIGKILL');
  await gone;
  const lock = await acquireLock(await serveLockPath(dbPath), 'serve', 1);
  await lock.release();

  const [volume] = await oldVolumes(dbPath);
  const reader = await openElsewhere(t, volume?.dbPath ?? '', 'wal');
  await fails(rollback(dbPath, { clock }), 'old_program_running');
  await reader.end();
  const after = filesIn(path.dirname(dbPath));
  assert.equal(after.get('usage.sqlite'), before.get('usage.sqlite'));
  assert.equal(after.get('usage.sqlite-wal'), before.get('usage.sqlite-wal'));

  // Somebody has written to it since: it goes back all the same, and that is said.
  const result = await rollback(dbPath, { clock });
  assert.deepEqual(result.changed, ['usage.sqlite-wal']);
  await fails(rollback(dbPath, { clock }), 'no_such_thing');
});

test('what is in the place of ours and is not ours stays there', async (t) => {
  const dbPath = await takenOver(t, 'cpa-manager-1.1.4');
  fs.rmSync(`${dbPath}-wal`);
  fs.writeFileSync(dbPath, 'a text');
  await fails(rollback(dbPath, { clock }), 'database_foreign');
  assert.equal(fs.readFileSync(dbPath, 'utf8'), 'a text');
});

test('an old volume is deleted only when all of it is in ours, and wholly', async (t) => {
  const dbPath = await takenOver(t, 'cpa-manager-plus-1.12.2');
  const [volume] = await oldVolumes(dbPath);
  assert.ok(volume);
  assert.partialDeepStrictEqual(volume, { copiedAtMs: null, from: { release: '1.12.2' } });
  assert.equal(volume.bytes, 839_680 + 4_152_992 + 32_768);
  await fails(deleteOldVolume(dbPath, volume.name, { clock }), 'takeover_unfinished');
  await markCopied(dbPath, volume.name, 5);
  assert.equal(await volumeToCopy(dbPath), null);
  assert.partialDeepStrictEqual(await startState(dbPath, { clock }), {
    kind: 'ours',
    age: 'same',
    toCopy: null,
  });
  const reader = await openElsewhere(t, volume.dbPath, 'wal');
  await fails(deleteOldVolume(dbPath, volume.name, { clock }), 'old_program_running');
  await reader.end();
  // Cut short after each step, the next start deletes the rest.
  const [first = ''] = await moveElsewhere('delete', dbPath, 1);
  assert.equal(first, 'manifest deleting');
  assert.deepEqual(
    (await finishMoves(dbPath)).map(({ outcome }) => outcome),
    ['deleted'],
  );
  assert.equal(fs.existsSync(path.join(path.dirname(dbPath), 'pre-cpamp')), false);
  await fails(deleteOldVolume(dbPath, volume.name, { clock }), 'no_such_thing');
});

test('a start that finds no history says where it looked, and what is there', async (t) => {
  const dir = tempDir(t);
  const dbPath = path.join(dir, 'new', 'usage.sqlite');
  fs.mkdirSync(path.dirname(dbPath));
  const usual = path.dirname(oldVolume(t, 'cpa-manager-2026-05-17'));
  fs.copyFileSync(path.join(usual, 'usage.sqlite'), path.join(dir, 'new', 'backup.db'));
  fs.copyFileSync(path.join(usual, 'usage.sqlite-wal'), path.join(dir, 'new', 'backup.db-wal'));
  openDatabase(path.join(dir, 'new', 'other.sqlite'), { mode: 'write' }).close();
  fs.writeFileSync(path.join(dir, 'new', 'notes.db'), 'a text');
  const before = filesIn(dir);
  const looked = await lookForHistory(dbPath, { cwd: dir, usual: [usual] });
  assert.deepEqual(filesIn(dir), before);
  assert.deepEqual(
    looked.map((one) => [path.relative(dir, one.path), one.found, one.from?.eventsAtMost ?? null]),
    [
      ['new/usage.sqlite', 'nothing', null],
      ['new/backup.db', 'old', 28],
      ['new/notes.db', 'other', null],
      ['new/other.sqlite', 'ours', null],
      ['usage.sqlite', 'nothing', null],
      ['data/usage.sqlite', 'nothing', null],
      [path.relative(dir, path.join(usual, 'usage.sqlite')), 'old', 28],
    ],
  );
});
