import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { openInbox } from '../../src/daemon/collector/inbox/inbox.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createSecretBox } from '../../src/lib/secrets/secret-box.ts';
import { NO_PTY, runCli, startOnTerminal } from '../support/cli.ts';
import { tempDir } from '../support/daemon.ts';
import { startReady } from '../support/http.ts';
import { exported, exportPath } from '../support/importing.ts';
import { asideIn, assertEqual, eventsIn, migrate } from '../support/migrating.ts';
import { copyFolder, moveElsewhere } from '../support/moves.ts';
import { openElsewhere, recorded, VOLUME_EVENTS } from '../support/old-files.ts';
import { readOldVolume } from '../support/old-volumes/old-reader.ts';
import { call, record } from '../support/store-harness.ts';
import { databaseIn, dataKeyOf, VOLUMES, volumeCopy, type VolumeName } from '../support/takeover.ts';

interface Printed {
  readonly db_path: string;
  readonly files: readonly string[];
  readonly changed: readonly string[];
  readonly cpamp_database: string;
  readonly events_since: number;
  readonly events_file: string | null;
}

const printed = (stdout: string): Printed => JSON.parse(stdout);
/** Another export than that of the volume: events that came since. */
const SINCE = {
  'cpa-manager-1.1.4': 'cpa-manager-plus-1.12.2',
  'cpa-manager-2026-05-17': 'cpa-manager-1.1.4',
  'cpa-manager-plus-1.12.2': 'cpa-manager-2026-05-17',
} as const;

function assertAsRecorded(dir: string, name: VolumeName): void {
  for (const [file, bytes] of recorded(name)) {
    assert.ok(fs.readFileSync(path.join(dir, file)).equals(bytes), file);
  }
}

const sorted = (jsonl: string): readonly string[] => jsonl.trimEnd().split('\n').toSorted();

for (const name of VOLUMES) {
  test(`${name}: back byte for byte, and forth again with what came since`, async (t) => {
    const before = readOldVolume(databaseIn(volumeCopy(t, name)), name);
    const dir = volumeCopy(t, name);
    const dbPath = databaseIn(dir);
    assertEqual(await migrate(t, '--data-dir', dir));
    assert.equal((await runCli(t, ['import', '--data-dir', dir, exportPath(SINCE[name])])).code, 0);
    const all = await exported(dbPath);
    const since = VOLUME_EVENTS[SINCE[name]];

    const run = await runCli(t, ['rollback', '--yes', '--json', '--data-dir', dir]);
    assert.equal(run.code, 0, run.stderr);
    const { events_since: events, events_file: file, changed, cpamp_database: ours } = printed(run.stdout);
    assert.deepEqual([events, changed], [since, []]);
    assert.equal(path.dirname(file ?? ''), dir);
    assert.equal(fs.statSync(file ?? '').mode & 0o777, 0o600);
    assert.equal(eventsIn(ours), VOLUME_EVENTS[name] + since);
    assertAsRecorded(dir, name);
    assert.deepEqual(readOldVolume(dbPath, name), before);

    assertEqual(await migrate(t, '--data-dir', dir));
    const back = await runCli(t, ['import', '--json', '--data-dir', dir, file ?? '']);
    assert.deepEqual([back.code, JSON.parse(back.stdout).added], [0, since]);
    assert.deepEqual(sorted(await exported(dbPath)), sorted(all));
  });
}

/** A volume that was taken over, with records in its spool that nobody has stored. */
async function withSpool(t: Parameters<typeof tempDir>[0], records: number): Promise<string> {
  const dir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  assertEqual(await migrate(t, '--data-dir', dir));
  const inbox = await openInbox({
    dir: path.join(dir, 'spool'),
    box: createSecretBox(dataKeyOf(dir)),
    clock: systemClock,
    after: null,
    onDamage: () => assert.fail('nothing is damaged yet'),
  });
  const calls = Array.from({ length: records }, (_, index) => call({ request_id: `spooled-${index}` }));
  await inbox.append(calls.map((one) => record(one)));
  await inbox.close();
  return dir;
}

test('what a killed daemon had received and not stored is among the events', async (t) => {
  const dir = await withSpool(t, 300);
  const run = await runCli(t, ['rollback', '--yes', '--data-dir', dir]);
  assert.deepEqual([run.code, run.stderr], [0, '']);
  const [, file = ''] = /300 events collected since, which are not in there: (\S+)/.exec(run.stdout) ?? [];
  const ids = new Set(fs.readFileSync(file, 'utf8').match(/spooled-\d+/g));
  assert.equal(ids.size, 300);
  assert.match(run.stdout, /Do not start cpamp serve on it: that would take it over again/);
  assert.match(run.stdout, /add the events with: cpamp import cpamp-events-since-/);
});

test('without the data key the spool stays, and that is said', async (t) => {
  const dir = await withSpool(t, 3);
  fs.rmSync(path.join(dir, 'data.key'));
  const run = await runCli(t, ['rollback', '--yes', '--data-dir', dir]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stderr, /in spool\/ could not be read, .*data\.key.*They stay there/);
  assert.equal(fs.readdirSync(path.join(dir, 'spool')).filter((file) => file.endsWith('.seg')).length, 1);
  assert.match(run.stdout, /No event was collected since/);
});

test('refused while a daemon runs, and while anybody reads the old files', async (t) => {
  const name = 'cpa-manager-1.1.4';
  const dir = volumeCopy(t, name);
  const { report } = await migrate(t, '--data-dir', dir);
  const daemon = await startReady(t, { dataDir: dir });
  const beside = await runCli(t, ['rollback', '--yes', '--data-dir', dir]);
  assert.equal(beside.code, 5);
  assert.match(beside.stderr, /cpamp serve, process \d+/);
  assert.equal(await daemon.stop(), 0);
  const holder = await openElsewhere(t, report.oldPath, 'rollback-idle');
  const held = await runCli(t, ['rollback', '--yes', '--data-dir', dir]);
  assert.equal(held.code, 5);
  assert.match(held.stderr, new RegExp(`process ${holder.pid}`));
  await holder.end();
  assert.deepEqual(asideIn(dir), [report.oldVolume]);
  assert.equal(eventsIn(databaseIn(dir)), VOLUME_EVENTS[name]);
  const file = path.join(dir, 'nowhere', 'since.jsonl');
  await runCli(t, ['import', '--data-dir', dir, exportPath('cpa-manager-plus-1.12.2')]);
  const unwritable = await runCli(t, ['rollback', '--yes', '--data-dir', dir, '--events', file]);
  assert.equal(unwritable.code, 2);
  assert.match(unwritable.stderr, /cannot be written \(ENOENT\).*Nothing was moved/s);
  assert.equal(eventsIn(databaseIn(dir)), 56);
});

test('a database of ours that cannot be read is no reason to stay', async (t) => {
  const name = 'cpa-manager-1.1.4';
  const dir = volumeCopy(t, name);
  const dbPath = databaseIn(dir);
  await migrate(t, '--data-dir', dir);
  const bytes = fs.readFileSync(dbPath);
  bytes.fill(0xa5, 4096);
  fs.writeFileSync(dbPath, bytes);
  fs.rmSync(`${dbPath}-wal`, { force: true });
  const refused = await runCli(t, ['rollback', '--yes', '--data-dir', dir]);
  assert.ok(refused.code !== 0 && refused.code !== null);
  assert.match(refused.stderr, /nothing was moved\. With --no-events/);
  assert.equal(asideIn(dir).length, 1);
  assert.ok(fs.readFileSync(dbPath).equals(bytes));
  const run = await runCli(t, ['rollback', '--yes', '--no-events', '--data-dir', dir]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /What was collected since was left in it/);
  assertAsRecorded(dir, name);
});

test('a way back that was cut short is finished by the next command', async (t) => {
  const name = 'cpa-manager-1.1.4';
  const dir = volumeCopy(t, name);
  await migrate(t, '--data-dir', dir);
  const [probe, other] = [tempDir(t), tempDir(t)];
  copyFolder(dir, probe);
  copyFolder(dir, other);
  const { length } = await moveElsewhere('rollback', databaseIn(probe), 0);
  for (const one of [dir, other]) await moveElsewhere('rollback', databaseIn(one), length - 1);
  const run = await runCli(t, ['rollback', '--yes', '--data-dir', dir]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^A rollback that was cut short is finished: /);
  assertAsRecorded(dir, name);
  // Nobody wanted it taken over again.
  const forth = await runCli(t, ['migrate', '--data-dir', other]);
  assert.equal(forth.code, 1);
  assert.match(forth.stderr, /the old database is back in its place/);
  assertAsRecorded(other, name);
  assert.equal((await runCli(t, ['migrate', '--data-dir', other])).code, 0);
});

test('nothing is put back where nothing was taken over', async (t) => {
  const old = volumeCopy(t, 'cpa-manager-1.1.4');
  for (const dir of [old, tempDir(t)]) {
    const run = await runCli(t, ['rollback', '--yes', '--data-dir', dir]);
    assert.equal(run.code, 4, run.stderr);
  }
  assertAsRecorded(old, 'cpa-manager-1.1.4');
});

test('it asks, and a no changes nothing', { skip: NO_PTY }, async (t) => {
  const name = 'cpa-manager-1.1.4';
  const dir = volumeCopy(t, name);
  await migrate(t, '--data-dir', dir);
  const nobody = await runCli(t, ['rollback', '--data-dir', dir]);
  assert.deepEqual([nobody.code, /Give --yes/.test(nobody.stderr)], [2, true]);
  for (const [answer, code] of [
    ['n', 1],
    ['y', 0],
  ] as const) {
    const run = startOnTerminal(t, ['rollback', '--data-dir', dir]);
    await run.until(({ stdout }) => stdout.includes('[y/N]'));
    run.child.stdin.write(`${answer}\r`);
    const ended = await run.end();
    assert.equal(ended.code, code, ended.stdout);
    assert.equal(asideIn(dir).length, 1);
    if (code === 1) assert.equal(eventsIn(databaseIn(dir)), VOLUME_EVENTS[name]);
  }
  assertAsRecorded(dir, name);
});
