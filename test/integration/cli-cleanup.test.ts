import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { NO_PTY, runCli, startOnTerminal } from '../support/cli.ts';
import { startReady } from '../support/http.ts';
import { asideIn, eventsIn, madeVolume, migrate } from '../support/migrating.ts';
import { openElsewhere } from '../support/old-files.ts';
import { databaseIn, volumeCopy } from '../support/takeover.ts';

/** A volume of a real program that was taken over: where it is, and what its old files are called. */
async function takenOver(t: TestContext): Promise<{ readonly dir: string; readonly name: string }> {
  const dir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const { report } = await migrate(t, '--data-dir', dir);
  return { dir, name: report.oldVolume ?? '' };
}

test('it lists what is there, and deletes it beside a daemon too', async (t) => {
  const { dir, name } = await takenOver(t);
  const list = await runCli(t, ['cleanup', '--data-dir', dir]);
  assert.equal(list.code, 0, list.stderr);
  assert.match(list.stdout, new RegExp(`^Name .*\\n${name} +CPA-Manager-Plus 1\\.12\\.2 +4\\.8 MiB +20`));
  const [first] = JSON.parse((await runCli(t, ['cleanup', '--json', '--data-dir', dir])).stdout);
  assert.partialDeepStrictEqual(first, { name, program: 'cpa-manager-plus', release: '1.12.2' });
  const daemon = await startReady(t, { dataDir: dir });
  const run = await runCli(t, ['cleanup', '--old-volume', '--yes', '--data-dir', dir]);
  assert.deepEqual([run.code, run.stderr], [0, '']);
  assert.match(run.stdout, /^Deleted .*: 4\.8 MiB are free again\.\n$/);
  assert.deepEqual(asideIn(dir), []);
  assert.equal(await daemon.stop(), 0);
  assert.equal(eventsIn(databaseIn(dir)), 30);
  const none = await runCli(t, ['cleanup', '--data-dir', dir]);
  assert.deepEqual([none.code, /nothing to delete/.test(none.stdout)], [0, true]);
  assert.equal((await runCli(t, ['cleanup', '--old-volume', '--yes', '--data-dir', dir])).code, 4);
  assert.equal((await runCli(t, ['migrate', '--verify', '--data-dir', dir])).code, 4);
});

test('it names first what only the old files know of, with the times', async (t) => {
  const { dir, extras } = madeVolume(t);
  const active = (extras.get('quota_cooldowns') ?? []).filter((row) => row['status'] === 'active');
  const owned = extras.get('codex_inspection_disable_ownership') ?? [];
  assert.ok(active.length > 0 && owned.length > 0);
  await migrate(t, '--data-dir', dir);
  const run = await runCli(t, ['cleanup', '--old-volume', '--yes', '--data-dir', dir]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stderr, /^Only this volume knows of credentials that are still switched off/);
  for (const row of active) {
    const due = new Date(Number(row['recover_at_ms'])).toISOString().slice(0, 16).replace('T', ' ');
    assert.ok(run.stderr.includes(`to be switched on again at ${due} UTC`), run.stderr);
  }
  for (const row of owned) assert.ok(run.stderr.includes(String(row['file_name'])), run.stderr);
  assert.deepEqual(asideIn(dir), []);
});

test('what is not copied, read by somebody, or one of several is not deleted', async (t) => {
  const { dir, name } = await takenOver(t);
  const folder = path.join(dir, 'pre-cpamp', name);
  const manifest = path.join(folder, 'manifest.json');
  const text = fs.readFileSync(manifest, 'utf8');
  fs.writeFileSync(manifest, text.replace(/"copiedAtMs": \d+/, '"copiedAtMs": null'));
  const args = ['cleanup', '--old-volume', '--yes', '--data-dir', dir];
  const unfinished = await runCli(t, args);
  assert.equal(unfinished.code, 5);
  assert.match(unfinished.stderr, /not wholly taken over yet.*\n.*cpamp migrate-from-cpa-manager/);
  fs.writeFileSync(manifest, text);
  const holder = await openElsewhere(t, databaseIn(folder), 'rollback-idle');
  const held = await runCli(t, args);
  assert.deepEqual([held.code, held.stderr.includes(`process ${holder.pid}`)], [5, true]);
  await holder.end();
  fs.cpSync(folder, `${folder}-2`, { recursive: true });
  const several = await runCli(t, args);
  assert.equal(several.code, 2);
  assert.ok(several.stderr.includes(`${name}, ${name}-2`), several.stderr);
  assert.equal(asideIn(dir).length, 2);
  const named = await runCli(t, ['cleanup', `--old-volume=${name}-2`, '--yes', '--data-dir', dir]);
  assert.equal(named.code, 0, named.stderr);
  assert.deepEqual(asideIn(dir), [name]);
});

test('on a terminal its name is typed', { skip: NO_PTY }, async (t) => {
  const { dir, name } = await takenOver(t);
  const nobody = await runCli(t, ['cleanup', '--old-volume', '--data-dir', dir]);
  assert.deepEqual([nobody.code, /Give --yes/.test(nobody.stderr)], [2, true]);
  for (const [answer, code, left] of [
    ['yes', 1, [name]],
    [name, 0, []],
  ] as const) {
    const run = startOnTerminal(t, ['cleanup', '--old-volume', '--data-dir', dir]);
    await run.until(({ stdout }) => stdout.includes(`${name}:`));
    run.child.stdin.write(`${answer}\r`);
    const ended = await run.end();
    assert.equal(ended.code, code, ended.stdout);
    assert.deepEqual(asideIn(dir), left);
  }
});
