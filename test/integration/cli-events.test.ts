import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import Database from 'better-sqlite3';
import type { EventRow } from '../../src/lib/contract/api/events.ts';
import { displayWidth } from '../../src/commands/shared/display-width.ts';
import { NO_PTY, runCli, startCli, startOnTerminal, type CliProcess } from '../support/cli.ts';
import { Load, sourceOf } from '../support/collection.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { CPA_KEY, startCpa, startReady } from '../support/http.ts';
import { exportPath } from '../support/importing.ts';
import { call } from '../support/store-harness.ts';

type Printed = EventRow & { readonly api_key_alias: string };

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const printed = (text: string): Printed[] => linesOf(text).map((line): Printed => JSON.parse(line));
const BEFORE = 500;
const START = Date.UTC(2026, 10, 21, 8);

/** A data directory with these records in it, brought there by another process. */
async function importRecords(
  t: TestContext,
  dataDir: string,
  records: ReadonlyArray<Record<string, unknown>>,
): Promise<void> {
  const file = join(tempDir(t), 'records.jsonl');
  writeFileSync(file, records.map((one) => JSON.stringify(one)).join('\n'));
  const done = await runCli(t, ['import', '--data-dir', dataDir, file]);
  assert.equal(done.code, 0, done.stderr);
}

/** `count` calls, a second between two, numbered from `first`. */
function calls(
  count: number,
  fields: Record<string, unknown> = {},
  first = 0,
): Array<Record<string, unknown>> {
  return Array.from({ length: count }, (_, at) =>
    call({
      timestamp: new Date(START + (first + at) * 1000).toISOString(),
      request_id: (first + at).toString(16).padStart(8, '0'),
      ...fields,
    }),
  );
}

async function interrupt(follow: CliProcess): Promise<void> {
  follow.child.kill('SIGINT');
  const { code, stderr } = await follow.end();
  assert.deepEqual([code, stderr], [130, '']);
}

test('beside a daemon that collects, --follow prints every event once, in the order it was stored', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY };
  const daemon = await startReady(t, { dataDir, env });
  await cpa.subscribed();
  // Looking for these takes a while, in which more are stored.
  await importRecords(t, dataDir, calls(BEFORE));
  const load = new Load(t, cpa, sourceOf('7.2.140'), 300);
  await daemon.statusUntil(({ eventCount }) => eventCount > BEFORE + 20);
  // It begins in the middle of what goes on: what it finds and what it is told must meet.
  const follow = startCli(t, ['events', '--follow', '--json', '--limit', '10000', '--data-dir', dataDir]);
  const late = startCli(t, ['events', '-f', '--json', '-n', '0', '--data-dir', dataDir]);
  await follow.until(({ stdout }) => linesOf(stdout).length > BEFORE + 300);
  await late.until(({ stdout }) => stdout !== '');
  await load.stop();
  const sent = BEFORE + cpa.counts().published;
  await daemon.statusUntil(({ eventCount }) => eventCount === sent);
  await follow.until(({ stdout }) => linesOf(stdout).length >= sent && stdout.endsWith('\n'));
  const ids = printed(follow.stdout).map(({ id }) => id);
  assert.deepEqual(
    ids.toSorted((a, b) => a - b),
    Array.from({ length: sent }, (_, at) => at + 1),
  );
  await late.until(({ stdout }) => stdout.endsWith('\n') && printed(stdout).at(-1)?.id === sent);
  const told = printed(late.stdout).map(({ id }) => id);
  assert.ok(told.length < sent, 'nothing of before');
  assert.deepEqual(
    told,
    Array.from({ length: told.length }, (_, at) => sent - told.length + 1 + at),
  );
  await interrupt(follow);
  await interrupt(late);
});

test('the newest are the last lines; filters are those of the export', async (t) => {
  const dataDir = tempDir(t);
  await importRecords(t, dataDir, [
    ...calls(30),
    ...calls(2, { model: 'other', alias: 'other', api_key: 'sk-client-beta-0002' }, 30),
    ...calls(1, { failed: true, fail: { status_code: 429, body: 'too many' } }, 32),
  ]);
  const events = async (...args: string[]): Promise<Printed[]> => {
    const done = await runCli(t, ['events', '--json', '--data-dir', dataDir, ...args]);
    assert.deepEqual([done.code, done.stderr], [0, done.stdout === '' ? 'no events\n' : '']);
    return printed(done.stdout);
  };
  const newest = await events();
  assert.equal(newest.length, 20);
  assert.deepEqual(
    newest.map(({ timestamp_ms: ms }) => ms),
    Array.from({ length: 20 }, (_, at) => START + (13 + at) * 1000),
  );
  assert.equal((await events('--limit', '10000')).length, 33);
  assert.equal((await events('-n', '0')).length, 0);
  const others = await events('--model', 'other');
  assert.equal(others.length, 2);
  const [other] = others;
  assert.ok(other);
  assert.equal((await events('--failed')).length, 1);
  assert.equal((await events('--provider', 'CODEX', '-n', '99')).length, 33);
  assert.equal((await events('--credential', 'c805775d56a08c5b', '-n', '99')).length, 33);
  assert.equal((await events('--since', '2026-11-21T08:00:31Z')).length, 2);
  assert.equal((await events('--until', '2026-11-21T08:00:05Z')).length, 5);
  assert.equal((await events('--key', other.api_key_hash.slice(0, 8))).length, 2);
  const named = await runCli(t, ['aliases', 'set', other.api_key_hash, 'Team Beta', '--data-dir', dataDir]);
  assert.equal(named.code, 0, named.stderr);
  assert.deepEqual(
    (await events('--key', 'team beta')).map(({ api_key_alias: alias }) => alias),
    ['Team Beta', 'Team Beta'],
  );

  const table = await runCli(t, ['events', '-n', '4', '--tz', 'Asia/Tokyo', '--data-dir', dataDir]);
  const lines = linesOf(table.stdout);
  assert.equal(lines.length, 5);
  assert.match(
    lines[0] ?? '',
    /^TIME +MODEL +PROVIDER +CREDENTIAL +KEY +IN +OUT +CACHED +COST +LATENCY +STATUS$/,
  );
  assert.match(
    lines[1] ?? '',
    /^2026-11-21 17:00:29 {2}gpt-5 {2}codex +\S+ +[0-9a-f]{8} +500 +40 +100 {2}\$0\.\d{4,6} +19 ms {2}ok$/,
  );
  assert.match(lines[2] ?? '', / Team Beta +500 +40 +100 +unpriced /);
  assert.match(lines[4] ?? '', / failed 429[^$]*too many$/);
});

test('lines fit where they are shown, and a narrow place keeps what matters most', async (t) => {
  const dataDir = tempDir(t);
  const name = '非常に長いモデル名-with-a-long-end-to-it-v20260101';
  await importRecords(t, dataDir, [
    ...calls(3, { model: name, alias: name }),
    ...calls(2, { failed: true, fail: { status_code: 503, body: 'x'.repeat(250) } }, 3),
  ]);
  const widths = [40, 60, 80, 100, 132, 200];
  for (const columns of widths) {
    const env = { COLUMNS: String(columns) };
    const done = await runCli(t, ['events', '--data-dir', dataDir], { env });
    for (const line of linesOf(done.stdout)) assert.ok(displayWidth(line) <= columns, `${columns}: ${line}`);
    assert.match(done.stdout, /^TIME +MODEL .*STATUS\n/);
    if (columns >= 60) assert.match(done.stdout, /COST.*\n[^]*failed 503/);
    if (columns >= 80) assert.match(done.stdout, /^TIME.* KEY /);
  }
  const whole = await runCli(t, ['events', '--data-dir', dataDir]);
  assert.ok(whole.stdout.includes(name) && whole.stdout.includes('x'.repeat(250)), 'a pipe gets all of it');
});

test('a terminal is filled and never overrun, and Ctrl-C ends --follow', { skip: NO_PTY }, async (t) => {
  const dataDir = tempDir(t);
  await importRecords(t, dataDir, [...calls(2), ...calls(1, { failed: true }, 2)]);
  for (const columns of [60, 80, 140]) {
    const shown = await startOnTerminal(t, ['events', '--data-dir', dataDir], { columns }).end();
    assert.equal(shown.code, 0);
    const lines = shown.stdout.split('\r\n').map((line) => stripVTControlCharacters(line));
    assert.equal(lines.length, 5);
    for (const line of lines) assert.ok(displayWidth(line) <= columns, `${columns}: ${line}`);
    assert.ok(shown.stdout.includes('\u001B[31mfailed'), 'what failed is red');
  }
  const follow = startOnTerminal(t, ['events', '-f', '--no-color', '--data-dir', dataDir], { columns: 80 });
  await follow.until(({ stdout }) => stdout.includes('failed'));
  await importRecords(t, dataDir, calls(3, { model: 'later', alias: 'later' }, 10));
  await follow.until(({ stdout }) => stdout.split('later').length === 4 && stdout.endsWith('\r\n'));
  follow.child.stdin.write('\u0003');
  const { code, stdout } = await follow.end();
  assert.equal(code, 130);
  assert.ok(!stdout.includes('\u001B'));
  const lines = linesOf(stdout.replaceAll('\r', '').replace('^C', ''));
  assert.equal(lines.length, 7);
  // Lines that came later stand under those that were there: cost ends where its title does.
  const end = (lines[0] ?? '').indexOf('COST') + 'COST'.length;
  for (const line of lines.slice(1)) assert.match(line.slice(0, end), /(?:\$[\d.]+|unpriced)$/);
});

test('without a daemon --follow sees what other processes store, as far as its filter goes', async (t) => {
  const dataDir = tempDir(t);
  await importRecords(t, dataDir, calls(2));
  const args = ['events', '--follow', '--json', '--data-dir', dataDir];
  const all = startCli(t, args);
  // A model that nobody has seen yet.
  const some = startCli(t, [...args, '--model', 'brand-new', '--since', '2026-11-21T08:00:00Z']);
  await all.until(({ stdout }) => linesOf(stdout).length === 2);
  await importRecords(t, dataDir, [
    ...calls(5000, {}, 100),
    ...calls(2, { model: 'brand-new', alias: 'brand-new' }, 6000),
    ...calls(1, { model: 'brand-new', alias: 'brand-new', timestamp: '2026-11-20T08:00:00Z' }, 7000),
  ]);
  await all.until(({ stdout }) => linesOf(stdout).length === 5005 && stdout.endsWith('\n'));
  assert.deepEqual(
    printed(all.stdout).map(({ id }) => id),
    Array.from({ length: 5005 }, (_, at) => at + 1),
  );
  await some.until(({ stdout }) => linesOf(stdout).length === 2 && stdout.endsWith('\n'));
  // Had it taken the older one too, that would stand before what comes next.
  await importRecords(t, dataDir, calls(1, { model: 'brand-new', alias: 'brand-new' }, 8000));
  await some.until(({ stdout }) => linesOf(stdout).length === 3 && stdout.endsWith('\n'));
  assert.deepEqual(
    printed(some.stdout).map(({ request_id: id }) => Number.parseInt(id, 16)),
    [6000, 6001, 8000],
  );
  await interrupt(all);
  await interrupt(some);
});

test('a reader that has read enough ends it without a word', async (t) => {
  const dataDir = tempDir(t);
  await importRecords(t, dataDir, calls(20));
  const follow = startCli(t, ['events', '--follow', '--data-dir', dataDir]);
  await follow.until(({ stdout }) => linesOf(stdout).length === 11);
  follow.child.stdout.destroy();
  await importRecords(t, dataDir, calls(1, {}, 50));
  const { code, stderr } = await follow.end();
  assert.deepEqual([code, stderr], [0, '']);
});

test('a writer is no hindrance; who has the database alone is waited for by --follow only', async (t) => {
  const dataDir = tempDir(t);
  await importRecords(t, dataDir, calls(2));
  const args = ['events', '--json', '--data-dir', dataDir];
  const written = await lockDatabase(t, dataDir);
  assert.equal(linesOf((await runCli(t, args)).stdout).length, 2);
  await written();

  const alone = await lockDatabase(t, dataDir, 'alone');
  const refused = await runCli(t, args);
  assert.deepEqual([refused.code, refused.stdout], [5, '']);
  assert.match(refused.stderr, /^\{"code":"database_locked",.*\}\n$/);
  const follow = startCli(t, [...args, '--follow']);
  await follow.until(({ stderr }) => stderr !== '');
  assert.equal(follow.stderr, 'The database is locked by another process; waiting for it.\n');
  const stopped = startCli(t, [...args, '--follow']);
  await stopped.until(({ stderr }) => stderr !== '');
  stopped.child.kill('SIGINT');
  assert.equal((await stopped.end()).code, 130);
  await alone();
  await follow.until(({ stdout }) => linesOf(stdout).length === 2);
  await importRecords(t, dataDir, calls(1, {}, 5));
  await follow.until(({ stdout }) => linesOf(stdout).length === 3);
  follow.child.kill('SIGINT');
  assert.equal((await follow.end()).code, 130);
});

test('a database that is moved away under it is said', async (t) => {
  const dataDir = tempDir(t);
  await importRecords(t, dataDir, calls(2));
  const follow = startCli(t, ['events', '--follow', '--data-dir', dataDir]);
  await follow.until(({ stdout }) => linesOf(stdout).length === 3);
  renameSync(join(dataDir, 'usage.sqlite'), join(dataDir, 'aside.sqlite'));
  const { code, stderr } = await follow.end();
  assert.equal(code, 1);
  assert.match(stderr, /^cpamp: .*usage\.sqlite was moved away\nStart the command again/);
});

test('no database, an empty one, and what cannot be asked', async (t) => {
  const dataDir = tempDir(t);
  for (const more of [[], ['--follow']]) {
    const none = await runCli(t, ['events', '--data-dir', dataDir, ...more]);
    assert.deepEqual([none.code, none.stdout], [3, '']);
    assert.match(none.stderr, /^cpamp: there is no database here: /);
  }
  for (const [args, code] of [
    [['--since', 'soon'], 'invalid_time'],
    [['--tz', 'Mars/Olympus'], 'invalid_time_zone'],
    [['--limit', '10001'], 'wrong_usage'],
    [['--limit', 'all'], 'wrong_usage'],
  ] as const) {
    const wrong = await runCli(t, ['events', '--json', '--data-dir', dataDir, ...args]);
    assert.equal(wrong.code, 2, wrong.stderr);
    assert.ok(wrong.stderr.startsWith(`{"code":"${code}"`), wrong.stderr);
  }
  const daemon = await DaemonProcess.start(t, { dataDir });
  await daemon.statusUntil(() => true);
  await daemon.stop();
  const empty = await runCli(t, ['events', '--data-dir', dataDir]);
  assert.deepEqual([empty.code, empty.stdout, empty.stderr], [0, '', 'no events\n']);
  const quiet = await runCli(t, ['events', '--json', '--quiet', '--data-dir', dataDir]);
  assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, '', '']);
  const key = await runCli(t, ['events', '--key', 'abcdef', '--data-dir', dataDir]);
  assert.equal(key.code, 4);
});

test('no name moves the cursor, and no secret is shown', async (t) => {
  const dataDir = tempDir(t);
  await importRecords(t, dataDir, calls(2));
  const done = await runCli(t, ['import', '--data-dir', dataDir, exportPath('cpa-manager-plus-1.12.2')]);
  assert.equal(done.code, 0);
  const name = 'a\u001B[2J\u001B]0;x\u0007\u009B31m\u202Eb\n模型';
  const db = new Database(join(dataDir, 'usage.sqlite'));
  db.prepare('UPDATE model SET name = ? WHERE name = ?').run(name, 'gpt-5');
  db.close();
  const outputs: string[] = [];
  const args = ['events', '-n', '100', '--data-dir', dataDir];
  outputs.push((await runCli(t, args)).stdout);
  outputs.push((await runCli(t, args, { env: { FORCE_COLOR: '0', COLUMNS: '80' } })).stdout);
  const json = (await runCli(t, [...args, '--json'])).stdout;
  assert.ok(
    printed(json).some(({ model }) => model === name),
    'to programs it is what it is',
  );
  outputs.push(json);
  const follow = startCli(t, [...args, '--follow']);
  await follow.until(({ stdout }) => stdout.includes('模型'));
  await interrupt(follow);
  outputs.push(follow.stdout);
  for (const output of outputs) {
    assert.doesNotMatch(output.replaceAll('\n', ''), /[\p{Cc}\u202A-\u202E]/u);
    assert.ok(!output.includes('sk-upstream-openai-bbbb') && !output.includes('sk-client-alpha-0001'));
  }
});
