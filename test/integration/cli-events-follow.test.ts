import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { EventRow } from '../../src/lib/contract/api/events.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { backUp } from '../support/backup.ts';
import { runCli, startCli, type CliProcess } from '../support/cli.ts';
import { tempDir } from '../support/daemon.ts';
import { call, count } from '../support/store-harness.ts';

const START = Date.UTC(2026, 10, 21, 8);

async function importCalls(t: TestContext, dataDir: string, number: number, first: number): Promise<void> {
  const file = join(tempDir(t), 'records.jsonl');
  const records = Array.from({ length: number }, (_, at) =>
    call({
      timestamp: new Date(START + (first + at) * 1000).toISOString(),
      request_id: (first + at).toString(16).padStart(8, '0'),
    }),
  );
  writeFileSync(file, records.map((one) => JSON.stringify(one)).join('\n'));
  const done = await runCli(t, ['import', '--data-dir', dataDir, file]);
  assert.equal(done.code, 0, done.stderr);
}

const idsOf = ({ stdout }: CliProcess): number[] =>
  stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const row: EventRow = JSON.parse(line);
      return row.id;
    });

const upTo = (last: number): number[] => Array.from({ length: last }, (_, at) => at + 1);

test('a reader that stands still while 10,000 events come at once holds nothing and misses nothing', async (t) => {
  const dataDir = tempDir(t);
  const dbPath = join(dataDir, 'usage.sqlite');
  await importCalls(t, dataDir, 2, 0);
  const args = ['events', '--follow', '--json', '--data-dir', dataDir];
  const follow = startCli(t, args);
  const stuck = startCli(t, args);
  await Promise.all([follow, stuck].map((one) => one.until((seen) => idsOf(seen).length === 2)));
  follow.child.stdout.pause();
  stuck.child.stdout.pause();
  await importCalls(t, dataDir, 10_000, 100);
  await Promise.all([follow, stuck].map((one) => once(one.child.stdout, 'readable')));
  // All of the log goes into the database, and it begins anew, as if nobody had it open.
  const db = openDatabase(dbPath, { mode: 'write', busyTimeoutMs: 5000 });
  t.after(() => db.close());
  for (let round = 0; round < 3; round += 1) {
    db.prepare('UPDATE gateway SET base_url = base_url').run();
    const [result] = db.pragma('wal_checkpoint(TRUNCATE)') as ReadonlyArray<{ busy: number; log: number }>;
    assert.deepEqual([result?.busy, result?.log], [0, 0]);
  }
  await importCalls(t, dataDir, 3, 20_000);
  follow.child.stdout.resume();
  await follow.until((seen) => seen.stdout.endsWith('\n') && idsOf(seen).at(-1) === 10_005);
  assert.deepEqual(idsOf(follow), upTo(10_005));
  follow.child.kill('SIGINT');
  assert.deepEqual([(await follow.end()).code, follow.stderr], [130, '']);
  // Who still stands still does not keep it from its end.
  const exit = once(stuck.child, 'exit');
  stuck.child.kill('SIGTERM');
  assert.deepEqual(await exit, [143, null]);
});

test('a restored backup in the place of the followed database is said, and not touched', async (t) => {
  const dataDir = tempDir(t);
  await importCalls(t, dataDir, 3, 0);
  const { path } = await backUp(t, dataDir, tempDir(t));
  await importCalls(t, dataDir, 2, 50);
  const follow = startCli(t, ['events', '--follow', '--json', '--data-dir', dataDir]);
  await follow.until((seen) => idsOf(seen).length === 5);
  const restored = await runCli(t, ['restore', '--replace', '--yes', '--data-dir', dataDir, path]);
  assert.equal(restored.code, 0, restored.stderr);
  const { code, stderr } = await follow.end();
  assert.equal(code, 1, stderr);
  assert.match(stderr, /usage\.sqlite was moved away/);
  assert.deepEqual(idsOf(follow), upTo(5));
  await importCalls(t, dataDir, 1, 90);
  const db = openDatabase(join(dataDir, 'usage.sqlite'), { mode: 'read' });
  t.after(() => db.close());
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
  assert.equal(count(db, 'SELECT count(*) FROM event'), 4);
});
