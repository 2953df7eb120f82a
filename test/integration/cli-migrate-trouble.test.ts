import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import Database from 'better-sqlite3';
import { CliProcess, runCli } from '../support/cli.ts';
import { tempDir } from '../support/daemon.ts';
import { filesBelow } from '../support/http.ts';
import { asideIn, eventsIn, madeVolume, migrate } from '../support/migrating.ts';
import { corruptPage } from '../support/old-volumes/corrupt.ts';
import { canMount, onSmallDisk } from '../support/small-disk.ts';
import { databaseIn, volumeCopy } from '../support/takeover.ts';

const PROGRAM = new URL('../../bin/cpamp.ts', import.meta.url).pathname;

test('of a damaged page the rows are named, all others are saved, and the code is 6', async (t) => {
  const { dir, rows } = madeVolume(t, { events: 300 });
  const { ids } = corruptPage(dir, 2);
  assert.ok(ids.length > 0);
  const look = await runCli(t, ['migrate', '--dry-run', '--data-dir', dir]);
  assert.equal(look.code, 6);
  assert.match(look.stdout, /lie on damaged pages and cannot be read/);
  const { code, report } = await migrate(t, '--data-dir', dir);
  assert.deepEqual([code, report.state], [6, 'explained']);
  assert.deepEqual(report.reasons, [{ reason: 'lost', rows: ids.length }]);
  assert.match(
    report.attention.map(({ message }) => message).join('\n'),
    new RegExp(`rowids ${ids[0]} to ${ids.at(-1)}`),
  );
  assert.equal(eventsIn(databaseIn(dir)), rows - ids.length);
});

test('a data.key that is gone costs the saved key of the gateway, and nothing else', async (t) => {
  const dir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  fs.rmSync(path.join(dir, 'data.key'));
  const { code, report } = await migrate(t, '--data-dir', dir);
  assert.deepEqual([code, report.state, report.now.events], [6, 'equal', 30]);
  assert.deepEqual(
    report.attention.map((one) => one.code),
    ['management_key_needed'],
  );
  assert.equal(fs.statSync(path.join(dir, 'data.key')).mode & 0o777, 0o600);
});

test('a password in the saved address comes into no file of ours, and the report says so', async (t) => {
  const dir = volumeCopy(t, 'cpa-manager-1.1.4');
  const old = new Database(databaseIn(dir));
  old
    .prepare(`update settings set value = json_set(value, '$.cpaBaseUrl', ?) where key = 'setup'`)
    .run('http://somebody:made-up-word@cpa.lan:8317');
  old.close();
  const { code, report } = await migrate(t, '--data-dir', dir);
  assert.deepEqual([code, report.state], [6, 'equal']);
  assert.deepEqual(
    report.attention.map((one) => one.code),
    ['gateway_address'],
  );
  assert.match(
    report.attention[0]?.message ?? '',
    /left out: http:\/\/cpa\.lan:8317 is called.*cpamp setup$/,
  );
  for (const [file, bytes] of filesBelow(dir)) {
    if (!/pre-cpamp.*sqlite/.test(file)) assert.ok(!bytes.includes('made-up-word'), file);
  }
});

test('what nobody else will switch on again comes first, with its time', async (t) => {
  const { dir } = madeVolume(t);
  const run = await runCli(t, ['migrate', '--data-dir', dir]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^Needs attention:\n {2}! .*switched it off.*to be switched on again at 20\d\d-/);
});

test('where nothing is, it says where else something is, and makes nothing', async (t) => {
  const dir = volumeCopy(t, 'cpa-manager-1.1.4');
  const typo = path.join(tempDir(t), 'typo');
  const run = await runCli(t, ['migrate', '--data-dir', typo], { cwd: dir });
  assert.equal(run.code, 4);
  assert.ok(run.stderr.includes(`There is one at ${databaseIn(dir)}`), run.stderr);
  assert.ok(!fs.existsSync(typo));
  const from = await runCli(t, ['migrate', '--from', typo, '--to', tempDir(t)]);
  assert.deepEqual([from.code, /there is no database at .*typo/.test(from.stderr)], [4, true]);
  const verify = await runCli(t, ['migrate', '--verify', '--data-dir', dir]);
  assert.equal(verify.code, 4);
  assert.match(verify.stderr, /not taken over yet: run it without --verify/);
});

test('a database that is none of an old program stays as it is', async (t) => {
  const dir = tempDir(t);
  const file = databaseIn(dir);
  fs.writeFileSync(file, 'no database at all, but long enough to be looked at');
  for (const args of [
    ['--data-dir', dir],
    ['--dry-run', '--data-dir', dir],
    ['--from', file, '--to', tempDir(t)],
  ]) {
    const run = await runCli(t, ['migrate', ...args]);
    assert.equal(run.code, 9, run.stderr);
  }
  assert.match(fs.readFileSync(file, 'utf8'), /^no database at all/);
  const ours = tempDir(t);
  assert.equal((await migrate(t, '--from', volumeCopy(t, 'cpa-manager-1.1.4'), '--to', ours)).code, 0);
  const again = await runCli(t, ['migrate', '--from', ours, '--to', tempDir(t)]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /is a database of cpamp.*cpamp export/s);
  const nothing = await runCli(t, ['migrate', '--data-dir', ours]);
  assert.equal(nothing.code, 4);
});

test('another old volume is not added to one that was not taken over itself', async (t) => {
  const dir = volumeCopy(t, 'cpa-manager-1.1.4');
  const run = await runCli(t, ['migrate', '--from', volumeCopy(t, 'cpa-manager-plus-1.12.2'), '--to', dir]);
  assert.equal(run.code, 2);
  assert.match(run.stderr, /itself a database of an older program/);
  assert.deepEqual(asideIn(dir), []);
});

test(
  'too little room: refused with both numbers, and nothing moved',
  { skip: canMount() ? false : 'no file system can be mounted here' },
  async (t) => {
    const dir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
    const bytes = fs.readdirSync(dir).reduce((sum, file) => sum + fs.statSync(path.join(dir, file)).size, 0);
    const disk = path.join(tempDir(t), 'disk');
    const [file = '', ...mount] = onSmallDisk(disk, bytes + (1 << 20));
    const script = 'cp "$1"/* "$0"; shift; code=0; "$@" || code=$?; ls "$0"; exit $code';
    const command = [process.execPath, PROGRAM, 'migrate', '--json', '--data-dir', disk];
    const run = await new CliProcess(
      t,
      file,
      [...mount, 'sh', '-c', script, disk, dir, ...command],
      {},
    ).end();
    assert.equal(run.code, 1, run.stderr);
    assert.match(run.stderr, /"space_needed".*needs [\d.]+ MiB in .*, and [\d.]+ MiB are free/);
    const names = run.stdout.trim().split('\n');
    assert.deepEqual(
      names.filter((name) => !name.includes('.lock')),
      fs.readdirSync(dir).toSorted(),
    );
  },
);

const isRoot = process.getuid?.() === 0;

test(
  'what root makes belongs to whom the volume belongs',
  { skip: !isRoot && 'only root gives files away' },
  async (t) => {
    const dir = volumeCopy(t, 'cpa-manager-1.1.4');
    const all = (): string[] => ['.', ...fs.readdirSync(dir, { recursive: true, encoding: 'utf8' })];
    for (const file of all()) fs.chownSync(path.join(dir, file), 1000, 1000);
    const others = (): string[] => all().filter((file) => fs.statSync(path.join(dir, file)).uid !== 1000);
    assert.equal((await migrate(t, '--data-dir', dir)).code, 0);
    assert.deepEqual(others(), []);
    assert.equal((await migrate(t, '--from', volumeCopy(t, 'cpa-manager-plus-1.12.2'), '--to', dir)).code, 0);
    assert.deepEqual(others(), []);
    const back = await runCli(t, ['rollback', '--yes', '--data-dir', dir]);
    assert.equal(back.code, 0, back.stderr);
    assert.deepEqual(others(), []);
  },
);
