import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import {
  assertNothingInvented,
  assertSound,
  assertWithinGaps,
  gatewayEnv,
  Load,
  missing,
  seededRandom,
  sourceOf,
  startGateway,
} from '../support/collection.ts';
import { DaemonProcess, tempDir, type ExportedEvent } from '../support/daemon.ts';
import { ALL_ODDITIES } from '../support/old-volumes/oddities.ts';
import { makeOldVolume } from '../support/old-volumes/make.ts';
import { takenOver } from '../support/takeover-serve.ts';

/** More of them by hand: CPAMP_TEST_TAKEOVER_KILLS=20. */
const KILLS = Number(process.env['CPAMP_TEST_TAKEOVER_KILLS'] ?? 4);
const EVENTS = 10_000;
const RATE = 200;
/** Of a takeover that takes about twice as long. */
const LATEST_MS = 1_500;

/** What was taken over, without what depends on when. */
async function outcomeOf(daemon: DaemonProcess): Promise<{
  readonly report: object;
  readonly events: readonly ExportedEvent[];
}> {
  const { comparedAtMs: _, copy, oldPath, attention, secrets: _secrets, ...report } = await takenOver(daemon);
  assert.ok(copy !== null && copy.endedAtMs !== null);
  const { added, duplicates, refused } = copy;
  const said = attention.map(({ message }) => message.replaceAll(oldPath, 'OLD'));
  return {
    report: { ...report, attention: said, copy: { added, duplicates, refused } },
    events: await daemon.exportEvents(),
  };
}

/** Starts a daemon and kills it at a moment of chance; how far it was by its log. */
async function killOnce(
  t: TestContext,
  options: { readonly dataDir: string; readonly env: Readonly<Record<string, string>> },
  random: () => number,
): Promise<string> {
  const daemon = DaemonProcess.spawn(t, options);
  // Before that only files are looked at, or a move is finished that an earlier kill cut short.
  if (random() > 0.2) await daemon.until(() => daemon.url !== '');
  await new Promise((resolve) => setTimeout(resolve, random() * LATEST_MS));
  await daemon.kill();
  const seen = new Set(daemon.log.flatMap(({ event, code }) => [event, code]));
  return ['taken-over', 'copied', 'taking_over', 'listening'].find((step) => seen.has(step)) ?? 'nothing';
}

test(`a takeover under load that is killed ${KILLS} times ends as an undisturbed one`, async (t) => {
  const random = seededRandom(20261121);
  const startedAtMs = Date.now();
  const original = join(tempDir(t), 'old');
  const { odd } = makeOldVolume(original, {
    generation: 'cpa-manager-plus-1.12.2',
    events: EVENTS,
    connection: null,
    inWal: 'tail',
    oddities: { ...ALL_ODDITIES, hugeTexts: false },
  });
  assert.ok(odd.length > 0);
  const quietDir = join(tempDir(t), 'quiet');
  cpSync(original, quietDir, { recursive: true });
  const quiet = await DaemonProcess.start(t, { dataDir: quietDir });
  const expected = await outcomeOf(quiet);
  assert.equal(await quiet.stop(), 0);
  assert.ok(expected.events.length > EVENTS * 0.9);

  const cpa = await startGateway(t);
  const env = { ...gatewayEnv(cpa.url, { intervalMs: 20 }), NODE_COMPILE_CACHE: tempDir(t) };
  const dataDir = original;
  const load = new Load(t, cpa, sourceOf('7.2.140', 7), RATE);
  const told: string[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    told.push(await killOnce(t, { dataDir, env }, random));
  }
  const last = await DaemonProcess.start(t, { dataDir, env });
  await last.statusUntil(({ collector }) => collector.collector === 'running');
  await load.stop();
  await cpa.settled();
  const { report, events } = await outcomeOf(last);
  await last.statusUntil(({ spool }) => cpa.usage.length === 0 && spool.records === 0);

  assert.deepEqual(report, expected.report);
  const old = linesOf(expected.events, startedAtMs);
  const live = (await last.exportEvents()).filter(({ event_hash: hash }) => !old.has(hash));
  const copied = events.filter(({ event_hash: hash }) => old.has(hash));
  assert.equal(copied.length, old.size);
  for (const [hash, line] of linesOf(copied, startedAtMs)) assert.equal(line, old.get(hash));
  assertNothingInvented(cpa.fates(), live);
  assertWithinGaps(missing(cpa.fates(), live), (await last.status()).gaps);
  assert.equal(await last.stop(), 0);
  assertSound(dataDir);
  t.diagnostic(`killed ${told.join(', ')}; ${live.length} live of ${cpa.counts().published}`);
});

/** By their hashes, as text: a difference is then one line, and quickly found. */
function linesOf(events: readonly ExportedEvent[], startedAtMs: number): ReadonlyMap<string, string> {
  return new Map(
    events.map((event) => {
      // A row that does not say when it was received was when its volume was moved.
      const isMoved = Number(event['created_at_ms']) >= startedAtMs;
      return [event.event_hash, JSON.stringify(isMoved ? { ...event, created_at_ms: 'moved' } : event)];
    }),
  );
}
