import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StatusReport } from '../../src/lib/contract/api/report.ts';
import { NO_PTY, runCli, startCli, startOnTerminal } from '../support/cli.ts';
import { records } from '../support/cpa/records.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { CPA_KEY, startCpa, startReady } from '../support/http.ts';

const parse = (text: string): StatusReport => JSON.parse(text);
const codes = ({ health }: StatusReport): string[] => health.reasons.map(({ code }) => code);

test('from the daemon while it runs, from the file when it does not', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY };
  const daemon = await startReady(t, { dataDir, env });
  await cpa.subscribed();
  for (const record of records(3, { version: '7.2.140' })) cpa.publish(record);
  const seen = await daemon.statusUntil(({ eventCount }) => eventCount === 3);
  const args = ['status', '--json', '--data-dir', dataDir];

  const live = await runCli(t, args, { env });
  const told = parse(live.stdout);
  assert.equal(live.stderr, '');
  assert.equal(told.from, 'daemon');
  assert.equal(told.pid, daemon.child.pid);
  assert.equal(told.eventCount, 3);
  assert.equal(told.collector.transport, 'subscribe');
  assert.equal(told.collector.upstream, cpa.url);
  assert.equal(live.code, { ok: 0, degraded: 10, down: 11 }[told.health.state]);
  // Everything that the HTTP route answers is there.
  const missing = Object.keys(seen).filter((key) => !(key in told));
  assert.deepEqual(missing, []);

  assert.equal(await daemon.stop(), 0);
  const still = await runCli(t, args, { env });
  const read = parse(still.stdout);
  assert.equal(still.code, 11);
  assert.equal(read.from, 'file');
  assert.equal(read.pid, null);
  assert.deepEqual([read.eventCount, read.configured], [3, true]);
  assert.equal(typeof read.lastInsertedAt, 'number');
  assert.deepEqual(codes(read), ['daemon_stopped']);
  const shown = Object.keys(read).filter((key) => !(key in told));
  assert.deepEqual(shown, [], 'a field of the file is a field of the daemon too');

  const text = await runCli(t, ['status', '--data-dir', dataDir], { env });
  assert.equal(text.code, 11);
  assert.match(text.stdout, /^Health +down\nAsked +the file/);
  assert.match(text.stdout, /\ndown: No daemon runs on this database.*\n {2}Start it: cpamp serve\n$/);
  assert.ok(!text.stdout.includes('\u001B'), 'no colours in a pipe');
});

test('degraded and healthy have codes of their own', async (t) => {
  const cpa = await startCpa(t, { usageStatisticsEnabled: false });
  const dataDir = tempDir(t);
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY };
  const daemon = await startReady(t, { dataDir, env });
  await daemon.statusUntil(({ health }) => health.state === 'degraded');
  const degraded = await runCli(t, ['status', '--json', '--data-dir', dataDir]);
  assert.equal(degraded.code, 10);
  assert.ok(codes(parse(degraded.stdout)).includes('publishing_off'));
  assert.equal(await daemon.stop(), 0);

  cpa.usageStatisticsEnabled = true;
  const well = await startReady(t, { dataDir, env });
  await well.statusUntil(({ health, collector }) => health.state === 'ok' && collector.transport !== '');
  assert.equal((await runCli(t, ['status', '--data-dir', dataDir])).code, 0);
});

test('what cannot be read is said in one line, with its own code', async (t) => {
  const empty = tempDir(t);
  const none = await runCli(t, ['status', '--data-dir', empty]);
  assert.equal(none.code, 3);
  assert.equal(none.stdout, '');
  assert.match(none.stderr, /^cpamp: there is no database here: .*usage\.sqlite\n.*cpamp setup\n$/);
  // As somebody makes it who wants to mount it.
  writeFileSync(join(empty, 'usage.sqlite'), '');
  for (const command of [['status'], ['prices', 'list'], ['aliases', 'list'], ['reset-admin-key', '--yes']]) {
    const bare = await runCli(t, [...command, '--data-dir', empty]);
    assert.deepEqual([bare.code, bare.stdout], [3, '']);
    assert.match(bare.stderr, /^cpamp: there is no database here: .*usage\.sqlite\n/);
  }
  writeFileSync(join(empty, 'usage.sqlite'), 'no database at all');
  const foreign = await runCli(t, ['status', '--json', '--data-dir', empty]);
  assert.equal(foreign.code, 9);
  assert.match(foreign.stderr, /^\{"code":"database_foreign",.*\}\n$/);
});

test('a missing and a foreign data.key are seen from the file', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const env = { CPA_MANAGEMENT_KEY: CPA_KEY };
  const made = await runCli(t, ['setup', '--data-dir', dataDir, '--url', cpa.url, '--non-interactive'], {
    env,
  });
  assert.equal(made.code, 0, made.stderr);
  const seen = async (): Promise<string[]> =>
    codes(parse((await runCli(t, ['status', '--json', '--data-dir', dataDir])).stdout));
  assert.deepEqual(await seen(), ['daemon_stopped']);
  rmSync(join(dataDir, 'data.key'));
  assert.deepEqual(await seen(), ['daemon_stopped', 'locked_data_key']);
  writeFileSync(join(dataDir, 'data.key'), 'VP9bYwxbxmYAJdk/eE9gsxOWyVNizFWjL3Ids5Syq3M\n');
  assert.deepEqual(await seen(), ['daemon_stopped', 'locked_data_key']);
});

test('a killed daemon is no running one', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  await daemon.kill();
  const done = await runCli(t, ['status', '--json', '--data-dir', dataDir]);
  assert.equal(done.code, 11);
  assert.equal(parse(done.stdout).pid, null);
});

test('--watch writes lines of JSON into a pipe, and a signal ends it', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await DaemonProcess.start(t, { dataDir });
  await daemon.statusUntil(() => true);
  const watch = startCli(t, ['status', '--watch', '0.1', '--data-dir', dataDir]);
  await watch.until(({ stdout }) => stdout.split('\n').length > 3);
  watch.child.kill('SIGINT');
  const { code, stdout, stderr } = await watch.end();
  assert.equal(code, 130);
  assert.equal(stderr, '');
  for (const line of stdout.trimEnd().split('\n')) assert.equal(parse(line).from, 'daemon');
});

test('--watch goes on after a lock', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  assert.equal(await daemon.stop(), 0);
  const unlock = await lockDatabase(t, dataDir, 'alone');
  const watch = startCli(t, ['status', '--watch', '0.1', '--data-dir', dataDir]);
  await watch.until(({ stderr }) => /the database is locked by another process\n/.test(stderr));
  assert.equal(watch.stdout, '');
  await unlock();
  await watch.until(({ stdout }) => stdout.includes('\n'));
  assert.equal(parse(watch.stdout.split('\n')[0] ?? '').from, 'file');
});

test('a reader that goes away ends --watch without an error', async (t) => {
  const dataDir = tempDir(t);
  await startReady(t, { dataDir });
  const watch = startCli(t, ['status', '--watch', '0.1', '--data-dir', dataDir]);
  await watch.until(({ stdout }) => stdout.includes('\n'));
  watch.child.stdout.destroy();
  const { code, stderr } = await watch.end();
  assert.equal(stderr, '');
  assert.equal(code, 0);
});

test('a terminal gets colours and one picture that changes', { skip: NO_PTY }, async (t) => {
  const dataDir = tempDir(t);
  await startReady(t, { dataDir });
  const once = await startOnTerminal(t, ['status', '--data-dir', dataDir]).end();
  assert.equal(once.code, 11);
  assert.ok(once.stdout.includes('\u001B[31mdown\u001B[39m'));
  const plain = await startOnTerminal(t, ['status', '--no-color', '--data-dir', dataDir]).end();
  assert.ok(!plain.stdout.includes('\u001B'));
  const asked = await startOnTerminal(t, ['status', '--data-dir', dataDir], { env: { NO_COLOR: '1' } }).end();
  assert.ok(!asked.stdout.includes('\u001B'));
  const watch = startOnTerminal(t, ['status', '--watch', '0.1', '--data-dir', dataDir]);
  await watch.until(({ stdout }) => stdout.split('\u001B[H\u001B[J').length > 3);
  watch.child.stdin.write('\u0003');
  assert.equal((await watch.end()).code, 130);
});
