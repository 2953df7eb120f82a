import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { CpaStandIn } from '../support/cpa/stand-in.ts';
import { CPA_VERSIONS, type CpaVersion } from '../support/cpa/versions.ts';
import { bulks } from '../support/cpa/resp-wire.ts';
import { DaemonProcess, tempDir, type DaemonStatus, type ExportedEvent } from '../support/daemon.ts';
import {
  assertExactly,
  assertNothingInvented,
  assertSound,
  assertWithinGaps,
  codes,
  gatewayEnv,
  Load,
  MANAGEMENT_KEY,
  missing,
  remains,
  sourceOf,
  startGateway,
  take,
} from '../support/collection.ts';

interface Golden {
  readonly version: string;
  readonly index: number;
  readonly model: string;
  readonly uncachedInput: number;
  readonly cacheRead: number;
  readonly output: number;
  readonly reasoning: number;
  readonly cacheWrite5m: number;
}
const GOLDENS: Golden[] = JSON.parse(
  readFileSync(new URL('../fixtures/golden/recordings.json', import.meta.url), 'utf8'),
);

const QUEUED = 250;
const LIVE = 350;

/** What a mode comes to with a version. */
const TRANSPORTS: ReadonlyArray<readonly [CpaVersion, string, string]> = CPA_VERSIONS.flatMap((version) => {
  const isOld = version === '6.10.8';
  return [
    [version, 'auto', isOld ? 'http' : 'subscribe'] as const,
    ...(isOld ? [] : [[version, 'subscribe', 'subscribe'] as const]),
    [version, 'http', 'http'] as const,
    [version, 'resp', 'resp'] as const,
  ];
});

for (const [version, mode, transport] of TRANSPORTS) {
  test(`v${version}, mode ${mode}: what was sent is what is exported, to the token, once`, async (t) => {
    const cpa = await startGateway(t, { version });
    const source = sourceOf(version);
    await cpa.publishAll(take(source, QUEUED));
    const dataDir = tempDir(t);
    const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url, { mode }) });
    await daemon.statusUntil((status) => status.collector.collector === 'running');
    await cpa.publishAll(take(source, LIVE));

    // A commit can be read a moment before its writer's answer is counted.
    const status = await daemon.statusUntil(
      ({ eventCount, collector }) => Math.min(eventCount, collector.totalInserted) >= QUEUED + LIVE,
    );
    const events = await daemon.exportEvents();

    assertExactly(cpa.fates(), events);
    assertGolden(version, cpa, events);
    assertNoTrouble(status);
    assert.equal(status.collector.transport, transport);
    assert.equal(status.collector.mode, mode);
    assert.equal(status.collector.totalInserted, QUEUED + LIVE);
    assert.equal(await daemon.stop(), 0);
    await cpa.when(() => cpa.connections.every((connection) => connection.closed));
    assertOwnCommands(cpa, transport);
    assertSound(dataDir);
  });
}

test('a gateway too old for SUBSCRIBE is said to be so, and auto asks it only once', async (t) => {
  const cpa = await startGateway(t, { version: '6.10.8' });
  const strict = await DaemonProcess.start(t, { env: gatewayEnv(cpa.url, { mode: 'subscribe' }) });
  const status = await strict.statusUntil((now) => codes(now).includes('too_old_for_subscribe'));
  assert.equal(status.health.state, 'degraded');
  assert.match(status.collector.lastError, /unknown command 'subscribe'/u);
  await strict.stop();
  const asked = subscribes(cpa);

  const auto = await DaemonProcess.start(t, { env: gatewayEnv(cpa.url) });
  await auto.statusUntil(({ collector }) => collector.collector === 'running');
  await cpa.publishAll(take(sourceOf('6.10.8'), 50));
  await auto.statusUntil(({ eventCount }) => eventCount === 50);
  assert.equal(subscribes(cpa), asked + 1);
});

test('an orderly stop loses nothing: by HTTP and LPOP at any time, a subscription in a lull', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  for (const [at, mode] of ['subscribe', 'http', 'resp', 'subscribe'].entries()) {
    const before = cpa.counts().delivered;
    const load = new Load(t, cpa, sourceOf('7.2.140', at + 1), 1_000);
    const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url, { mode }) });
    await daemon.statusUntil(({ collector }) => collector.collector === 'running');
    await cpa.when(() => cpa.counts().delivered > before + 200);
    if (mode === 'subscribe') {
      await load.stop();
      await cpa.settled();
    }
    assert.equal(await daemon.stop(), 0);
    await load.stop();
  }
  const last = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url) });
  await last.statusUntil(() => cpa.usage.length === 0);
  await last.stop();

  const { events, status } = await remains(t, dataDir);
  assertExactly(cpa.fates(), events);
  assert.deepEqual(status.gaps, []);
});

test('what the gateway drops when a subscription is left amid records lies within a gap', async (t) => {
  const cpa = await startGateway(t, { select: 'command' });
  const dataDir = tempDir(t);
  const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url) });
  await cpa.subscribed();
  await cpa.publishAll(take(sourceOf('7.2.140'), 100));
  // What is held back here sits in the gateway's buffer when it reads UNSUBSCRIBE, and is dropped there.
  cpa.holdSubscriptions();
  await cpa.publishAll(take(sourceOf('7.2.140', 2), 20));
  const stopped = daemon.stop();
  await cpa.when(() => lastCommands(cpa).includes('UNSUBSCRIBE'));
  cpa.releaseSubscriptions();
  assert.equal(await stopped, 0);

  const { events, status } = await remains(t, dataDir);
  assertNothingInvented(cpa.fates(), events);
  const lost = missing(cpa.fates(), events);
  assert.ok(lost.length > 0);
  assertWithinGaps(lost, status.gaps);
});

test('a new configuration under load loses nothing', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const daemon = await DaemonProcess.start(t, { dataDir });
  await daemon.statusUntil((status) => codes(status).includes('not_configured'));
  const load = new Load(t, cpa, sourceOf('7.2.140'), 700);
  const settings = [
    ['subscribe', 500],
    ['http', 20],
    ['http', 10],
    ['resp', 10],
    ['subscribe', 20],
    ['auto', 50],
    ['resp', 5],
    ['http', 5],
    ['auto', 500],
  ] as const;
  for (const [collectorMode, pollIntervalMs] of settings) {
    const answer = await daemon.request('/usage-service/config', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        config: {
          cpaConnection: { cpaBaseUrl: cpa.url, managementKey: MANAGEMENT_KEY },
          collector: { enabled: true, collectorMode, pollIntervalMs },
        },
      }),
    });
    assert.equal(answer.status, 200, await answer.text());
    const transport = collectorMode === 'auto' ? 'subscribe' : collectorMode;
    const before = await daemon.status();
    await daemon.statusUntil(
      ({ collector, eventCount }) =>
        collector.collector === 'running' &&
        collector.transport === transport &&
        eventCount > before.eventCount + 100,
    );
  }
  await load.stop();
  await daemon.statusUntil(() => cpa.usage.length === 0);
  assert.equal(await daemon.stop(), 0);

  const { events, status } = await remains(t, dataDir);
  assertExactly(cpa.fates(), events);
  // A subscription that is left amid records may be marked though none was lost; polling never is.
  assert.deepEqual(
    status.gaps.filter(({ cause }) => cause !== 'subscription_cut'),
    [],
  );
  assert.equal(status.deadLetters, 0);
});

test('a second daemon on one database is refused and told who holds it', async (t) => {
  const dataDir = tempDir(t);
  const first = await DaemonProcess.start(t, { dataDir });
  const second = DaemonProcess.spawn(t, { dataDir });
  const code = await second.exit();
  assert.equal(code, 5);
  assert.match(second.stderr.join('\n'), new RegExp(`already runs.*process ${first.child.pid} `, 'u'));

  // The lock goes with the process, however it ends.
  await first.kill();
  const third = await DaemonProcess.start(t, { dataDir });
  await third.statusUntil(() => true);
  assert.equal(await third.stop(), 0);
});

function assertNoTrouble(status: DaemonStatus): void {
  assert.deepEqual(status.gaps, []);
  assert.equal(status.deadLetters, 0);
  assert.equal(status.collector.lastError, '');
  assert.equal(status.collector.totalSkipped, 0);
  assert.equal(status.configured, true);
}

/** Counters that are billed, against the values worked out by hand for each recorded record. */
function assertGolden(version: CpaVersion, cpa: CpaStandIn, events: readonly ExportedEvent[]): void {
  const goldens = GOLDENS.filter((golden) => golden.version === version);
  const byId = new Map(events.map((event) => [event.request_id, event]));
  for (const { seq, payload } of cpa.fates()) {
    const record: { readonly request_id: string } = JSON.parse(payload.toString('utf8'));
    const event = byId.get(record.request_id);
    const golden = goldens[(seq - 1) % goldens.length];
    assert.ok(event && golden);
    assert.deepEqual(
      [
        event['uncached_input_tokens'],
        event['billed_cache_read_tokens'] ?? event.cache_read_tokens,
        event['cache_write_5m_tokens'],
        event['billed_output_tokens'] ?? event.output_tokens,
        event['billed_reasoning_tokens'] ?? event.reasoning_tokens,
      ],
      [golden.uncachedInput, golden.cacheRead, golden.cacheWrite5m, golden.output, golden.reasoning],
      `record ${seq}`,
    );
  }
}

/**
 * CLIProxyAPI counts whatever comes before AUTH as a wrong key, so every connection must begin with exactly that; and
 * after it comes nothing that no version knows, such as HELLO, INFO, CLIENT or SELECT.
 */
function assertOwnCommands(cpa: CpaStandIn, transport: string): void {
  const connections = cpa.connections.filter((connection) => connection.protocol === 'resp');
  if (transport !== 'http') assert.ok(connections.length > 0);
  const allowed = [/^PING$/u, /^SUBSCRIBE usage$/u, /^UNSUBSCRIBE usage$/u, /^LPOP usage [1-9]\d*$/iu];
  for (const { commands, received } of connections) {
    assert.deepEqual(
      commands[0]?.map((arg, at) => (at === 0 ? arg.toUpperCase() : arg)),
      ['AUTH', MANAGEMENT_KEY],
    );
    for (const sent of commands.slice(1)) {
      const line = sent.join(' ');
      assert.ok(
        allowed.some((pattern) => pattern.test(line)),
        line,
      );
    }
    // Byte for byte: nothing around the commands either.
    assert.deepEqual(
      received,
      Buffer.concat(commands.map((args) => bulks(args.map((arg) => Buffer.from(arg))))),
    );
  }
  assert.equal(cpa.access.failures(), 0);
}

function subscribes(cpa: CpaStandIn): number {
  return cpa.connections.flatMap(({ commands }) => commands).filter(([name]) => name === 'SUBSCRIBE').length;
}

function lastCommands(cpa: CpaStandIn): string[] {
  return cpa.connections.map(({ commands }) => commands.at(-1)?.[0] ?? '');
}
