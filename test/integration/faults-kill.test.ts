import assert from 'node:assert/strict';
import test, { suite, type TestContext } from 'node:test';
import type { CpaStandIn } from '../support/cpa/stand-in.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { lockDatabase } from '../support/database-lock.ts';
import {
  assertNothingInvented,
  assertWithinGaps,
  gatewayEnv,
  Load,
  missing,
  remains,
  seededRandom,
  sourceOf,
  startGateway,
  take,
} from '../support/collection.ts';

const KILLS = 20;
const RATE = 400;

/** Starts a daemon and kills it at a random moment of its work, many times over; the last one ends in good order. */
async function killAgainAndAgain(
  t: TestContext,
  cpa: CpaStandIn,
  mode: string,
  seed: number,
  onKilled: () => void,
): Promise<string> {
  const random = seededRandom(seed);
  const dataDir = tempDir(t);
  // Compiled once for all the starts.
  const env = { ...gatewayEnv(cpa.url, { mode, intervalMs: 5 }), NODE_COMPILE_CACHE: tempDir(t) };
  const load = new Load(t, cpa, sourceOf('7.2.140', seed), RATE);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const daemon = DaemonProcess.spawn(t, { dataDir, env });
    const before = cpa.counts().delivered;
    await cpa.when(() => cpa.counts().delivered > before);
    // Some with the first records of the backlog, the others up to half a second into what comes live.
    if (random() > 0.2) {
      await cpa.when(
        () =>
          cpa.usage.length === 0 && cpa.counts().buffered === 0 && (mode === 'http' || cpa.subscriptions > 0),
      );
      const { delivered } = cpa.counts();
      const more = 1 + Math.floor((random() * RATE) / 2);
      await cpa.when(() => cpa.counts().delivered >= delivered + more);
    }
    await daemon.kill();
    onKilled();
  }
  const last = await DaemonProcess.start(t, { dataDir, env });
  await last.statusUntil(({ collector }) => collector.collector === 'running');
  await load.stop();
  await cpa.settled();
  await last.statusUntil(() => cpa.usage.length === 0);
  assert.equal(await last.stop(), 0);
  return dataDir;
}

suite('under load', { concurrency: true }, () => {
  test('subscribe, killed 20 times under load: each record at most once, what is missing lies in gaps', async (t) => {
    const cpa = await startGateway(t);
    const dataDir = await killAgainAndAgain(t, cpa, 'subscribe', 11, () => {});

    const { events, status } = await remains(t, dataDir);
    assertNothingInvented(cpa.fates(), events);
    const lost = missing(cpa.fates(), events);
    assertWithinGaps(lost, status.gaps);
    assert.ok(
      events.length > cpa.counts().published / 4,
      'hardly anything was stored: the kills come too early',
    );
    t.diagnostic(`${cpa.counts().published} sent, ${lost.length} lost within gaps`);
  });

  test('http, killed 20 times under load: at most the pop in flight is missing, and lies in a gap', async (t) => {
    const cpa = await startGateway(t);
    const pops = watchPops(cpa);
    /** The last pop that was answered to each of the killed. */
    const inFlight = new Set<number>();
    const dataDir = await killAgainAndAgain(t, cpa, 'http', 12, () => {
      for (const seq of pops.at(-1) ?? []) inFlight.add(seq);
    });

    const { events, status } = await remains(t, dataDir);
    assertNothingInvented(cpa.fates(), events);
    const lost = missing(cpa.fates(), events);
    assert.deepEqual(
      lost.filter(({ seq }) => !inFlight.has(seq)).map(({ seq }) => seq),
      [],
    );
    assertWithinGaps(lost, status.gaps);
    assert.ok(
      events.length > cpa.counts().published / 4,
      'hardly anything was stored: the kills come too early',
    );
    t.diagnostic(`${cpa.counts().published} sent, ${lost.length} lost within gaps`);
  });
});

/** Killed at the one moment in which a pop must be lost: answered by the gateway, not yet seen by the daemon. */
for (const mode of ['http', 'resp', 'subscribe']) {
  test(`${mode}: records of a backlog that are lost with a kill lie within a gap, however long they waited`, async (t) => {
    const clock = new ShiftedClock();
    const cpa = await startGateway(t, { clock });
    const dataDir = tempDir(t);
    const env = gatewayEnv(cpa.url, { mode });
    // Ten to five minutes ago, before anybody collected.
    clock.shiftMs = -600_000;
    await cpa.publishAll(take(sourceOf('7.2.140', 2), 20));
    clock.shiftMs = -300_000;
    await cpa.publishAll(take(sourceOf('7.2.140', 3), 20));
    clock.shiftMs = 0;

    const second = DaemonProcess.spawn(t, { dataDir, env });
    stopAtPop(cpa, second);
    await cpa.when(() => cpa.usage.length === 0);
    await cpa.settled();
    await second.kill();

    const third = await DaemonProcess.start(t, { dataDir, env });
    await third.statusUntil(({ collector }) => collector.collector === 'running');
    assert.equal(await third.stop(), 0);
    const { events, status } = await remains(t, dataDir);
    assertNothingInvented(cpa.fates(), events);
    const lost = missing(cpa.fates(), events);
    assert.equal(lost.length, 40);
    assertWithinGaps(lost, status.gaps);
  });
}

test('killed while the database is locked: what is missing lies in a gap, though no sign of life could be saved', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const env = gatewayEnv(cpa.url, { mode: 'http' });
  const first = await DaemonProcess.start(t, { dataDir, env });
  await first.statusUntil(({ collector }) => collector.collector === 'running');
  const release = await lockDatabase(t, dataDir);
  const load = new Load(t, cpa, sourceOf('7.2.140'), RATE);
  await cpa.when(() => cpa.counts().delivered > 1_200);
  await load.stop();
  stopAtPop(cpa, first);
  await cpa.publishAll(take(sourceOf('7.2.140', 5), 20));
  await cpa.when(() => cpa.usage.length === 0);
  await cpa.settled();
  await first.kill();
  await release();
  const second = await DaemonProcess.start(t, { dataDir, env });
  await second.statusUntil(({ collector }) => collector.collector === 'running');
  assert.equal(await second.stop(), 0);

  const { events, status } = await remains(t, dataDir);
  const lost = missing(cpa.fates(), events);
  assert.ok(lost.length > 0, 'the pop in flight is lost');
  assertWithinGaps(lost, status.gaps);
});

/** The system's time, moved: what is published now is of another time. */
class ShiftedClock {
  shiftMs = 0;
  readonly now = (): number => Date.now() + this.shiftMs;
  readonly monotonic = (): number => performance.now();
  readonly sleep = (): Promise<void> => Promise.reject(new Error('the gateway does not sleep'));
}

/** Sequence numbers of the records of each pop that found some. */
function watchPops(cpa: CpaStandIn): number[][] {
  const pops: number[][] = [];
  const pop = cpa.usage.pop.bind(cpa.usage);
  cpa.usage.pop = (count) => {
    const records = pop(count);
    if (records.length > 0) pops.push(records.map(({ seq }) => seq));
    return records;
  };
  return pops;
}

/** Suspends the daemon when it asks for records, before it is answered. */
function stopAtPop(cpa: CpaStandIn, daemon: DaemonProcess): void {
  const pop = cpa.usage.pop.bind(cpa.usage);
  cpa.usage.pop = (count) => {
    const records = pop(count);
    if (records.length > 0) daemon.child.kill('SIGSTOP');
    return records;
  };
}
