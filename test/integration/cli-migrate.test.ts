import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import Database from 'better-sqlite3';
import { moveAside } from '../../src/lib/migrate/aside.ts';
import { writeManifest } from '../../src/lib/migrate/manifest.ts';
import { whatIs } from '../../src/lib/migrate/start-state.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { NO_PTY, runCli, startOnTerminal } from '../support/cli.ts';
import { tempDir } from '../support/daemon.ts';
import { filesBelow, startReady } from '../support/http.ts';
import { asideIn, assertEqual, eventsIn, madeVolume, migrate } from '../support/migrating.ts';
import { openElsewhere, traces, VOLUME_EVENTS } from '../support/old-files.ts';
import { exported } from '../support/importing.ts';
import { databaseIn, VOLUMES, volumeCopy } from '../support/takeover.ts';

interface DryRun {
  readonly added: number;
  readonly duplicates: number;
  readonly old_path: string;
  readonly needed_bytes: number;
  readonly enough: boolean;
  readonly held_by: ReadonlyArray<{ readonly pid: number }> | null;
}

const dryRun = (stdout: string): DryRun => JSON.parse(stdout);
const KEYS = ['sk-upstream-openai-aaaa', 'mgmt-secret-for-lab', 'AIza-upstream-eeee'];

for (const name of VOLUMES) {
  test(`${name}: taken over in place, after a look that changes nothing`, async (t) => {
    const dir = volumeCopy(t, name);
    const before = traces(dir);
    const look = await runCli(t, ['migrate', '--dry-run', '--json', '--data-dir', dir]);
    assert.deepEqual([look.code, look.stderr], [0, '']);
    assert.deepEqual(traces(dir), before);
    const { added, duplicates, enough, needed_bytes: needed } = dryRun(look.stdout);
    assert.deepEqual([added, duplicates, enough, needed > 0], [VOLUME_EVENTS[name], 0, true, true]);

    const first = await migrate(t, '--data-dir', dir);
    assertEqual(first);
    assert.deepEqual(asideIn(dir), [first.report.oldVolume]);
    assert.equal(eventsIn(databaseIn(dir)), VOLUME_EVENTS[name]);
    const again = await migrate(t, '--data-dir', dir);
    assertEqual(again);
    assert.match(again.stderr, /was taken over before/);
    assert.equal(again.report.copy?.added, VOLUME_EVENTS[name]);
    assertEqual(await migrate(t, '--verify', '--data-dir', dir));
    for (const [file, bytes] of filesBelow(dir)) {
      if (!file.includes('pre-cpamp'))
        for (const key of KEYS) assert.ok(!bytes.includes(key), `${file}: ${key}`);
    }
  });

  test(`${name}: taken over from a folder that stays as it is`, async (t) => {
    const from = volumeCopy(t, name);
    const to = path.join(tempDir(t), 'new', 'data');
    const before = traces(from);
    const look = await runCli(t, ['migrate', '--dry-run', '--json', '--from', from, '--to', to]);
    assert.equal(dryRun(look.stdout).added, VOLUME_EVENTS[name], look.stderr);
    assert.ok(!fs.existsSync(to), 'not even the directory');
    const run = await migrate(t, '--from', from, '--to', to);
    assertEqual(run);
    assert.deepEqual([run.report.oldVolume, run.report.oldPath], [null, databaseIn(from)]);
    assert.ok(!run.stdout.includes('.cpamp-look-'), 'nobody is told of a view that is gone');
    assertEqual(await migrate(t, '--verify', '--from', databaseIn(from), '--to', to));
    assert.deepEqual(traces(from), before);
    const modes = fs.readdirSync(to).map((file) => fs.statSync(path.join(to, file)).mode & 0o077);
    assert.ok(modes.every((mode) => mode === 0));
  });
}

test('a look at a takeover that was cut short counts what is there already, and changes nothing', async (t) => {
  const dir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const { found } = await whatIs(databaseIn(dir), systemClock);
  assert.ok(found.kind === 'old');
  const { folder, manifest } = await moveAside(databaseIn(dir), found, { clock: systemClock });
  const look = async (): Promise<DryRun> => {
    // Who reads a database of ours leaves an empty log beside it.
    const files = (): unknown[] =>
      [...traces(dir)].filter(([file]) => !/^usage\.sqlite-(wal|shm)$/.test(file));
    const before = files();
    const run = await runCli(t, ['migrate', '--dry-run', '--json', '--data-dir', dir]);
    assert.deepEqual([run.code, run.stderr], [0, '']);
    assert.deepEqual(files(), before);
    const told = dryRun(run.stdout);
    assert.equal(told.old_path, databaseIn(folder));
    return told;
  };
  const nothing = await look();
  assert.deepEqual([nothing.added, nothing.duplicates], [30, 0]);
  assertEqual(await migrate(t, '--data-dir', dir));
  // Killed after the last event and before that was noted.
  await writeManifest(folder, { ...manifest, copiedAtMs: null });
  const all = await look();
  assert.deepEqual([all.added, all.duplicates], [0, 30]);
  assertEqual(await migrate(t, '--data-dir', dir));
});

test('what is here already stays in a merge, and the report says how much of it is another one', async (t) => {
  const dataDir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  assertEqual(await migrate(t, '--data-dir', dataDir));
  const from = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const old = new Database(databaseIn(from));
  old.exec(`update model_prices set prompt_per_1m = 99 where model = 'gpt-5.4';
    update api_key_aliases set alias = 'Another Name'`);
  old.close();
  const { report, code } = await migrate(t, '--from', from, '--data-dir', dataDir);
  assert.deepEqual([code, report.copy?.added, report.copy?.duplicates], [0, 0, 30]);
  assert.deepEqual(report.items.slice(0, 2), [
    { what: 'model prices', old: 4, now: 4, changed: 1 },
    { what: 'names of client keys', old: 1, now: 1, changed: 1 },
  ]);
  const again = await runCli(t, ['migrate', '--from', from, '--data-dir', dataDir]);
  assert.match(
    again.stdout,
    /the admin key that it had logs in; where it had none, the admin key of CPA-Manager-Plus/,
  );
  const names = await runCli(t, ['aliases', 'list', '--json', '--data-dir', dataDir]);
  assert.match(names.stdout, /Team Alpha/);
  assert.ok(!names.stdout.includes('Another Name'));
});

test('a second volume is added beside a running daemon, and a third time nothing', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  const dirs = VOLUMES.map((name) => volumeCopy(t, name));
  for (const from of dirs) {
    const run = await migrate(t, '--from', from, '--data-dir', dataDir);
    assertEqual(run);
    assert.equal(run.report.copy?.added, run.report.old.events);
  }
  await daemon.statusUntil(({ eventCount }) => eventCount === 84);
  const known = await runCli(t, ['migrate', '--dry-run', '--json', '--from', dirs[0] ?? '', '--to', dataDir]);
  assert.deepEqual([dryRun(known.stdout).added, dryRun(known.stdout).duplicates], [0, 26]);
  // The same events from another folder: told by their hashes, not by where they lie.
  const copy = await migrate(t, '--from', volumeCopy(t, 'cpa-manager-1.1.4'), '--data-dir', dataDir);
  assertEqual(copy);
  assert.deepEqual([copy.report.copy?.added, copy.report.copy?.duplicates], [0, 26]);
  assert.equal((await daemon.statusUntil(() => true)).eventCount, 84);

  const inPlace = await runCli(t, ['migrate', '--data-dir', dataDir]);
  assert.equal(inPlace.code, 5);
  assert.match(inPlace.stderr, /cpamp serve, process \d+/);
  assert.equal(await daemon.stop(), 0);
});

test('refused while the old program has it open, naming it and how it is stopped', async (t) => {
  const dir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const holder = await openElsewhere(t, databaseIn(dir), 'wal');
  const before = traces(dir);
  const to = tempDir(t);
  for (const args of [
    ['--data-dir', dir],
    ['--from', dir, '--to', to],
  ]) {
    const run = await runCli(t, ['migrate', ...args]);
    assert.equal(run.code, 5, run.stderr);
    assert.match(run.stderr, new RegExp(`process ${holder.pid} \\(.*kill ${holder.pid}`, 's'));
    const look = await runCli(t, ['migrate', '--dry-run', '--json', ...args]);
    assert.deepEqual([look.code, dryRun(look.stdout).held_by?.map(({ pid }) => pid)], [5, [holder.pid]]);
  }
  const after = traces(dir);
  const locks = [...after.keys()].filter((file) => file.endsWith('.lock'));
  for (const file of before.keys())
    if (!file.endsWith('-shm')) assert.equal(after.get(file), before.get(file), file);
  assert.deepEqual(
    [...after.keys()].filter((file) => !before.has(file)),
    locks,
  );
  await holder.end();
  assertEqual(await migrate(t, '--data-dir', dir));
});

test('interrupted on a terminal, then killed, it goes on where it stopped', { skip: NO_PTY }, async (t) => {
  const { dir, rows } = madeVolume(t, { events: 20_000 });
  const copying = /Copying: [1-9][\d,]* of/;
  const first = startOnTerminal(t, ['migrate', '--data-dir', dir]);
  await first.until(({ stdout }) => copying.test(stdout));
  first.child.stdin.write('\u0003');
  const ended = await first.end();
  assert.equal(ended.code, 130, ended.stdout);
  assert.match(ended.stdout, /Interrupted\. Run it again, or start cpamp serve/);
  const early = await runCli(t, ['migrate', '--verify', '--json', '--data-dir', dir]);
  assert.equal(early.code, 6);
  assert.equal(JSON.parse(early.stdout).state, 'copying');
  const undeleted = await runCli(t, ['cleanup', '--old-volume', '--yes', '--data-dir', dir]);
  assert.equal(undeleted.code, 5);
  const second = startOnTerminal(t, ['migrate', '--data-dir', dir]);
  await second.until(({ stdout }) => copying.test(stdout));
  second.child.kill('SIGKILL');
  await second.end();
  const whole = await migrate(t, '--data-dir', dir);
  const { state, copy, old } = whole.report;
  assert.deepEqual(
    [whole.code, state, old.events, copy?.added, copy?.duplicates],
    [0, 'equal', rows, rows, 0],
  );
  assert.equal(asideIn(dir).length, 1);
});

test('pages for people, kept in a file as well', async (t) => {
  const dir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const kept = path.join(tempDir(t), 'report.txt');
  const run = await runCli(t, ['migrate-from-cpa-manager', '--report', kept, '--data-dir', dir]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(
    run.stdout,
    /^CPA-Manager-Plus, .*\nEverything is here as it was there.*\n {2}events: 30, equal\n/,
  );
  assert.match(
    run.stdout,
    /\nNext: cpamp serve on .*admin key of CPA-Manager-Plus logs in\.\nTo go back instead: cpamp rollback\./,
  );
  assert.match(run.stderr, /^CPA-Manager-Plus 1\.12\.2 with up to 30 events: moved aside to .*pre-cpamp/);
  assert.match(fs.readFileSync(kept, 'utf8'), /2026-11-21 {2}gpt-5\.4 {2}3 events {2}equal/);
  const json = path.join(path.dirname(kept), 'report.json');
  await runCli(t, ['migrate', '--verify', '--report', json, '--data-dir', dir]);
  assert.equal(JSON.parse(fs.readFileSync(json, 'utf8')).state, 'equal');
});

test('the events are the same whichever way they came', async (t) => {
  const dir = volumeCopy(t, 'cpa-manager-2026-05-17');
  const to = tempDir(t);
  assertEqual(await migrate(t, '--from', dir, '--to', to));
  assertEqual(await migrate(t, '--data-dir', dir));
  const [here, there] = [await exported(databaseIn(dir)), await exported(path.join(to, 'usage.sqlite'))];
  assert.ok(here.length > 0);
  assert.equal(here, there);
});
