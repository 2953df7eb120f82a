import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { backUp, namesBelow, restore } from '../support/backup.ts';
import { runCli } from '../support/cli.ts';
import {
  assertExactly,
  assertNothingInvented,
  gatewayEnv,
  Load,
  missing,
  remains,
  sourceOf,
  startGateway,
  take,
} from '../support/collection.ts';
import type { CpaStandIn } from '../support/cpa/stand-in.ts';
import { DaemonProcess, tempDir, type ExportedEvent } from '../support/daemon.ts';
import { lockDatabase } from '../support/database-lock.ts';

const RATE = 500;

interface Collecting {
  readonly cpa: CpaStandIn;
  readonly daemon: DaemonProcess;
  readonly dataDir: string;
}

async function collecting(t: TestContext): Promise<Collecting> {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url) });
  await daemon.statusUntil(({ collector }) => collector.collector === 'running');
  return { cpa, daemon, dataDir };
}

const identities = (events: readonly ExportedEvent[]): Set<string> =>
  new Set(events.map(({ event_hash: hash, timestamp_ms: ms }) => `${hash} ${ms}`));

/** The restored events are the first ones that the daemon stored, without a hole, and at least `atLeast` of them. */
function assertPrefix(
  restored: readonly ExportedEvent[],
  all: readonly ExportedEvent[],
  atLeast: number,
): void {
  assert.ok(restored.length >= atLeast, `${restored.length} of at least ${atLeast}`);
  assert.deepEqual(identities(restored), identities(all.slice(0, restored.length)));
}

test('a backup while 500 events a second arrive is a moment of the whole, and costs the daemon nothing', async (t) => {
  const { cpa, daemon, dataDir } = await collecting(t);
  const folder = tempDir(t);
  const load = new Load(t, cpa, sourceOf('7.2.140', 5), RATE);
  const before: number[] = [];
  const backups: string[] = [];
  for (const format of ['tar.zst', 'directory', 'tar.gz']) {
    const { eventCount } = await daemon.statusUntil(
      ({ eventCount: now }) => now >= (before.at(-1) ?? 0) + 200,
    );
    before.push(eventCount);
    const made = await backUp(t, dataDir, folder, '--format', format);
    assert.equal(made.key, 'included');
    backups.push(made.path);
  }
  await load.stop();
  await cpa.settled();
  await daemon.statusUntil(({ eventCount }) => eventCount === cpa.counts().published);
  const all = await daemon.exportEvents();
  assertExactly(cpa.fates(), all);
  assert.deepEqual((await daemon.status()).gaps, []);
  assert.equal(await daemon.stop(), 0);

  for (const [index, path] of backups.entries()) {
    const into = join(tempDir(t), 'restored');
    const { aside, events, key, spool } = await restore(t, into, path);
    assert.deepEqual([aside, key], [null, 'restored']);
    const left = await remains(t, into);
    assert.equal(
      left.events.length,
      events + (spool.records ?? NaN),
      'what waited in the spool is stored, once',
    );
    assertPrefix(left.events, all, before[index] ?? Infinity);
    assertNothingInvented(cpa.fates(), left.events);
  }
});

test('records that are only in the spool are in the backup, and a restored daemon stores them', async (t) => {
  const { cpa, daemon, dataDir } = await collecting(t);
  const source = sourceOf('7.2.140', 6);
  await cpa.publishAll(take(source, 100));
  await daemon.statusUntil(({ eventCount }) => eventCount === 100);
  const release = await lockDatabase(t, dataDir);
  await cpa.publishAll(take(source, 300), 16);
  await daemon.statusUntil(({ spool }) => spool.records >= 300);

  // Somebody else has the database locked against writing: reading it for a backup goes on.
  const made = await backUp(t, dataDir, tempDir(t));
  assert.deepEqual([made.events, made.spool.records], [100, 300]);
  await release();
  await daemon.statusUntil(({ eventCount }) => eventCount === 400);
  assert.equal(await daemon.stop(), 0);

  const into = join(tempDir(t), 'restored');
  const { events, spool } = await restore(t, into, made.path);
  assert.deepEqual([events, spool.records], [100, 300]);
  assertExactly(cpa.fates(), (await remains(t, into)).events);
});

test('frames that the copied database has already are not stored twice', async (t) => {
  const { cpa, daemon, dataDir } = await collecting(t);
  const release = await lockDatabase(t, dataDir);
  await cpa.publishAll(take(sourceOf('7.2.140', 7), 200), 16);
  await daemon.statusUntil(({ spool }) => spool.records >= 200);
  // As when the daemon stores what was copied before the database is: the spool of then, the database of now.
  const then = await backUp(t, dataDir, tempDir(t), '--format', 'directory');
  await release();
  await daemon.statusUntil(({ eventCount }) => eventCount === 200);
  assert.equal(await daemon.stop(), 0);
  const copy = tempDir(t);
  for (const from of [join(then.path, 'spool'), join(dataDir, 'usage.sqlite'), join(dataDir, 'data.key')]) {
    assert.equal(spawnSync('cp', ['-r', from, copy]).status, 0);
  }
  const into = join(tempDir(t), 'restored');
  const { events, spool } = await restore(t, into, copy);
  assert.deepEqual([events, spool.segments > 0, spool.records], [200, true, 0]);
  assertExactly(cpa.fates(), (await remains(t, into)).events);
});

test('a plain tar of the data directory, taken while the daemon writes, restores', async (t) => {
  const { cpa, daemon, dataDir } = await collecting(t);
  const load = new Load(t, cpa, sourceOf('7.2.140', 8), RATE);
  const archive = join(tempDir(t), 'data.tar.gz');
  const into = join(tempDir(t), 'restored');
  let before = 0;
  let restored = null;
  // A checkpoint in the very moment of the copy tears it; that is noticed, and one takes another.
  for (let attempt = 0; restored === null && attempt < 5; attempt += 1) {
    ({ eventCount: before } = await daemon.statusUntil(({ eventCount }) => eventCount >= before + 300));
    // 1: "file changed as we read it"
    assert.ok([0, 1].includes(spawnSync('tar', ['-czf', archive, '-C', dataDir, '.']).status ?? -1));
    const run = await runCli(t, ['restore', '--json', '--data-dir', into, archive]);
    if (run.code === 0) restored = run;
    else assert.match(run.stderr, /"backup_damaged".*can be torn/);
  }
  await load.stop();
  await cpa.settled();
  await daemon.statusUntil(({ eventCount }) => eventCount === cpa.counts().published);
  const all = await daemon.exportEvents();
  assert.equal(await daemon.stop(), 0);

  assert.ok(restored !== null, 'none of five copies was whole');
  assert.deepEqual(
    namesBelow(into).filter((name) => /wal|shm|sock|partial|restor/.test(name)),
    [],
  );
  assert.match(restored.stderr, /taken beside a running daemon/);
  assert.match(restored.stdout, /"kind":"copy".*"unknown":\[\]/);
  const left = await remains(t, into);
  assertPrefix(left.events, all, before);
});

test('a daemon that runs keeps a restore away, and its files stay as they are', async (t) => {
  const { cpa, daemon, dataDir } = await collecting(t);
  await cpa.publishAll(take(sourceOf('7.2.140', 9), 50));
  await daemon.statusUntil(({ eventCount }) => eventCount === 50);
  const made = await backUp(t, dataDir, tempDir(t));
  const run = await runCli(t, ['restore', '--replace', '--yes', '--data-dir', dataDir, made.path]);
  assert.equal(run.code, 5);
  assert.match(run.stderr, new RegExp(`cpamp serve, process ${daemon.child.pid} on `));
  assert.equal((await daemon.status()).eventCount, 50);
  assert.deepEqual(
    namesBelow(dataDir).filter((name) => /partial|restore/.test(name)),
    [],
  );
  await daemon.stop();
  assert.deepEqual(missing(cpa.fates(), (await remains(t, dataDir)).events), []);
});

test("files and folders are the owner's alone, whatever they were in the source", async (t) => {
  const { cpa, daemon, dataDir } = await collecting(t);
  const release = await lockDatabase(t, dataDir);
  await cpa.publishAll(take(sourceOf('7.2.140', 10), 20));
  await daemon.statusUntil(({ spool }) => spool.records >= 20);
  const folder = tempDir(t);
  const made = await backUp(t, dataDir, folder, '--format', 'directory');
  await release();
  await daemon.stop();
  const modes = (dir: string): string[] =>
    namesBelow(dir).map(
      (name) => `${name.endsWith('/') ? 'd' : 'f'} ${(statSync(join(dir, name)).mode & 0o777).toString(8)}`,
    );
  assert.deepEqual([...new Set(modes(folder))].toSorted(), ['d 700', 'f 600']);
  assert.equal(spawnSync('chmod', ['-R', 'a+rwX', made.path]).status, 0);
  const into = join(tempDir(t), 'restored');
  await restore(t, into, made.path);
  assert.deepEqual([...new Set(modes(into))].toSorted(), ['d 700', 'f 600']);
  assert.equal(statSync(into).mode & 0o777, 0o700);
  assert.deepEqual(readFileSync(join(into, 'data.key')), readFileSync(join(dataDir, 'data.key')));
});
