import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { EventRow } from '../../src/lib/contract/api/events.ts';
import type { Health } from '../../src/lib/contract/health.ts';
import { gatewayEnv, MANAGEMENT_KEY, sourceOf, startGateway, take } from '../support/collection.ts';
import { Publisher } from '../support/cpa/publisher.ts';
import type { CpaStandIn, StandInOptions } from '../support/cpa/stand-in.ts';
import { ADMIN_KEY, tempDir, type DaemonProcess } from '../support/daemon.ts';
import { FeedReader } from '../support/feed.ts';
import { anonymous, ask, assertRefused, post, startReady } from '../support/http.ts';

const URL = '/v0/management/events/stream';

interface Fed {
  readonly cpa: CpaStandIn;
  readonly daemon: DaemonProcess;
  readonly dataDir: string;
}

/** A daemon that is subscribed to a gateway. */
async function startFed(t: TestContext, options: Partial<StandInOptions> = {}): Promise<Fed> {
  const cpa = await startGateway(t, options);
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir, env: gatewayEnv(cpa.url) });
  await cpa.subscribed();
  return { cpa, daemon, dataDir };
}

/** Publishes as many records and waits until they are stored. */
async function store({ cpa, daemon }: Fed, count: number, seed: number): Promise<void> {
  const { eventCount } = await daemon.status();
  await cpa.publishAll(take(sourceOf('7.2.140', seed), count));
  await daemon.statusUntil((now) => now.eventCount === eventCount + count);
}

const idsOf = (rows: readonly EventRow[]): number[] => rows.map(({ id }) => id);
const down = (from: number, to: number): number[] =>
  Array.from({ length: from - to + 1 }, (_, at) => from - at);

async function elsewhere(dataDir: string, what: string): Promise<void> {
  const program = new globalThis.URL('../support/write-elsewhere.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, join(dataDir, 'usage.sqlite'), what], { stdio: 'inherit' });
  const [code]: unknown[] = await once(child, 'exit');
  assert.equal(code, 0);
}

test('a stream begins with health and place, and tells each event once', async (t) => {
  const fed = await startFed(t);
  await store(fed, 3, 1);
  const feed = await FeedReader.open(t, fed.daemon);
  assert.equal(feed.status, 200);
  assert.equal(feed.headers['content-type'], 'text/event-stream; charset=utf-8');
  assert.equal(feed.headers['cache-control'], 'no-store');
  assert.equal(feed.headers['x-accel-buffering'], 'no');
  assert.equal(feed.headers['x-content-type-options'], 'nosniff');
  assert.equal(feed.headers['access-control-allow-origin'], undefined);
  await feed.until(() => feed.messages.length >= 2);
  const [status, begin] = feed.messages;
  assert.equal(status?.event, 'status');
  const { health } = await fed.daemon.status();
  assert.deepEqual(status?.data, health);
  assert.deepEqual(begin, { event: 'events', id: '3', data: { last_id: 3, count: 0, rows: [] } });

  await fed.cpa.publishAll(take(sourceOf('7.2.140', 2), 120));
  await feed.until(() => feed.count() === 120);
  assert.equal(feed.lastId, '123');
  const told = feed.events().flatMap(({ rows }) => idsOf(rows));
  assert.equal(new Set(told).size, told.length);
  assert.ok(feed.events().every(({ rows, count }) => rows.length <= Math.min(50, count)));
  const row = feed.events().at(-1)?.rows[0];
  assert.equal(row?.id, 123);
  const exported = await fed.daemon.exportEvents();
  const event = exported.find(({ request_id }) => request_id === row?.request_id);
  assert.equal(row?.model, event?.model);
  assert.equal(row?.total_tokens, event?.total_tokens);
  assert.deepEqual(feed.topics(), []);
});

test('who was cut off gets exactly what it missed, by header or by address', async (t) => {
  const fed = await startFed(t);
  const first = await FeedReader.open(t, fed.daemon);
  await store(fed, 20, 1);
  await first.until(() => first.count() === 20);
  const { lastId } = first;
  first.cut();
  await store(fed, 30, 2);
  const byHeader = await FeedReader.open(t, fed.daemon, { since: lastId, query: '?last_event_id=3' });
  const byQuery = await FeedReader.open(t, fed.daemon, { query: `?last_event_id=${lastId}` });
  // What comes in this moment belongs to nobody's past.
  await store(fed, 10, 3);
  for (const feed of [byHeader, byQuery]) {
    await feed.until(() => feed.lastId === '60');
    assert.equal(feed.count(), 40);
    const ids = feed.events().flatMap(({ rows }) => idsOf(rows).toReversed());
    assert.deepEqual(ids, down(60, 21).toReversed());
  }
});

test('the place survives a restart of the daemon', async (t) => {
  const fed = await startFed(t);
  const before = await FeedReader.open(t, fed.daemon);
  await store(fed, 5, 1);
  await before.until(() => before.lastId === '5');
  assert.equal(await fed.daemon.stop(), 0);
  await before.ended();
  const daemon = await startReady(t, { dataDir: fed.dataDir, env: gatewayEnv(fed.cpa.url) });
  await fed.cpa.subscribed();
  await store({ ...fed, daemon }, 4, 2);
  const after = await FeedReader.open(t, daemon, { since: before.lastId });
  await after.until(() => after.lastId === '9');
  assert.deepEqual(idsOf(after.events()[0]?.rows ?? []), [9, 8, 7, 6]);
  // The events, too, may have been changed while there was no daemon.
  assert.deepEqual(after.topics(), [
    'events',
    'prices',
    'settings',
    'gaps',
    'dead_letters',
    'aliases',
    'takeover',
  ]);
});

test('what is too much to send again, or unknown, is a reset', async (t) => {
  const fed = await startFed(t);
  await store(fed, 505, 1);
  const most = await FeedReader.open(t, fed.daemon, { since: '5' });
  await most.until(() => most.lastId === '505');
  assert.deepEqual(idsOf(most.events()[0]?.rows ?? []), down(505, 6));
  for (const since of ['4', '506', 'garbage', '-3']) {
    const feed = await FeedReader.open(t, fed.daemon, { since });
    await feed.until(() => feed.lastId === '505');
    assert.deepEqual(feed.messages.at(-1), { event: 'reset', id: '505', data: { last_id: 505 } });
    assert.deepEqual(feed.events(), []);
  }
});

test('a change of health is told', async (t) => {
  const fed = await startFed(t);
  const feed = await FeedReader.open(t, fed.daemon);
  const states = (): Health[] =>
    feed.messages.filter(({ event }) => event === 'status').map(({ data }) => data as Health);
  await feed.until(() => states().length > 0);
  await fed.cpa.stopListening();
  await feed.until(() => states().at(-1)?.state === 'degraded');
  assert.ok(
    states()
      .at(-1)
      ?.reasons.some(({ fix }) => fix.length > 20),
  );
  await fed.cpa.listenAgain();
  await feed.until(() => states().at(-1)?.state === 'ok');
});

test('what other processes write is told by topic, and their events as a change', async (t) => {
  const fed = await startFed(t);
  await store(fed, 2, 1);
  const feed = await FeedReader.open(t, fed.daemon);
  await feed.until(() => feed.events().length === 1);
  for (const [what, topic] of [
    ['prices', 'prices'],
    ['settings', 'settings'],
    ['7', 'events'],
  ] as const) {
    await elsewhere(fed.dataDir, what);
    await feed.until(() => feed.topics().at(-1) === topic);
  }
  await fed.cpa.publishAll(take(sourceOf('7.2.140', 2), 3));
  await feed.until(() => feed.count() === 3);
  assert.deepEqual(new Set(idsOf(feed.events().flatMap(({ rows }) => rows))), new Set([10, 11, 12]));
  assert.deepEqual(feed.topics(), ['prices', 'settings', 'events']);
});

test('before a gateway is set up, and with a locked data key, there is a stream all the same', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const fresh = await startReady(t, { dataDir });
  const feed = await FeedReader.open(t, fresh);
  const codesOf = ({ messages }: FeedReader): string[] =>
    messages
      .filter(({ event }) => event === 'status')
      .map(({ data }) => data as Health)
      .at(-1)
      ?.reasons.map(({ code }) => code) ?? [];
  await feed.until(() => feed.messages.length >= 2);
  assert.deepEqual(codesOf(feed), ['not_configured', 'no_history']);
  assert.deepEqual(feed.messages[1]?.data, { last_id: 0, count: 0, rows: [] });

  const setup = { cpaBaseUrl: cpa.url, cpaManagementKey: MANAGEMENT_KEY };
  assert.equal((await ask(fresh, '/setup', post(setup))).status, 200);
  await feed.until(() => feed.topics().includes('settings') && !codesOf(feed).includes('not_configured'));
  await cpa.subscribed();
  await store({ cpa, daemon: fresh, dataDir }, 3, 1);
  await feed.until(() => feed.count() === 3);
  assert.equal(await fresh.stop(), 0);

  rmSync(join(dataDir, 'data.key'));
  const locked = await startReady(t, { dataDir });
  const silent = await FeedReader.open(t, locked, { since: '1' });
  await silent.until(() => silent.lastId === '3');
  assert.deepEqual(codesOf(silent), ['locked_data_key']);
  assert.deepEqual(idsOf(silent.events()[0]?.rows ?? []), [3, 2]);
});

test('only who is logged in listens, and HEAD says what there would be', async (t) => {
  const daemon = await startReady(t);
  await assertRefused(daemon, URL, anonymous(), 401, 'invalid_admin_key');
  assert.equal((await ask(daemon, URL, anonymous({ method: 'HEAD' }))).status, 401);
  const head = await ask(daemon, URL, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.equal(head.text, '');
  const wrong = await assertRefused(daemon, URL, { method: 'POST' }, 405, 'method_not_allowed');
  assert.equal(wrong.headers.get('allow'), 'GET, HEAD, OPTIONS');
});

test('a stream ends when its login does, and others go on', async (t) => {
  const fed = await startFed(t);
  const login = await ask(fed.daemon, '/usage-service/session', { method: 'POST' });
  const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  const page = await FeedReader.open(t, fed.daemon, { cookie });
  const tool = await FeedReader.open(t, fed.daemon);
  await page.until(() => page.messages.length >= 2);
  const logout = await fetch(`${fed.daemon.url}/usage-service/session`, {
    method: 'DELETE',
    headers: { cookie, 'sec-fetch-site': 'same-origin' },
  });
  assert.equal(logout.status, 204);
  await page.ended();
  assert.equal((await FeedReader.open(t, fed.daemon, { cookie })).status, 401);
  await store(fed, 1, 1);
  await tool.until(() => tool.count() === 1);
});

/** Far more than the buffers between two sockets hold, of messages of 50 rows. */
const MOST_ROUNDS = 200;

test('a client that does not read is closed, while another one goes on', async (t) => {
  const fed = await startFed(t);
  const { hostname, port } = new globalThis.URL(fed.daemon.url);
  const slow = connect({ host: hostname, port: Number(port) }).pause();
  t.after(() => slow.destroy());
  slow.on('error', () => {});
  slow.write(`GET ${URL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n\r\n`);
  const quick = await FeedReader.open(t, fed.daemon);
  let sent = 0;
  while (!slow.destroyed) {
    assert.ok(sent < 60 * MOST_ROUNDS, 'it is still open');
    await fed.cpa.publishAll(Array.from({ length: 60 }, () => bulky((sent += 1))));
    await quick.until(() => quick.count() === sent);
    // Who does not read learns only by writing that the other side is gone. An HTTP server reads over empty lines.
    slow.write('\r\n');
  }
  await store(fed, 1, 1);
  await quick.until(() => quick.count() === sent + 1);
});

/** A record that is a long row. */
function bulky(n: number): object {
  const long = (name: string): string => `${name}-${n}-${'x'.repeat(4_000)}`;
  return {
    timestamp: new Date(Date.UTC(2026, 0, 1) + n).toISOString(),
    request_id: long('request'),
    model: long('model'),
    alias: long('alias'),
    provider: long('provider'),
    endpoint: long('endpoint'),
    reasoning_effort: long('effort'),
    service_tier: long('tier'),
    auth_index: long('index'),
    tokens: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
    failed: true,
    fail: { status_code: 500, body: long('body') },
  };
}

test('twenty clients under load: everybody hears of every event, and none is lost for them', async (t) => {
  const events = 4_000;
  // How fast the machine is that runs this is no matter here.
  const fed = await startFed(t, { subscriberBuffer: events });
  const feeds = await Promise.all(Array.from({ length: 20 }, () => FeedReader.open(t, fed.daemon)));
  await new Publisher(fed.cpa, sourceOf('7.2.140')).run({ rate: 2_000, count: events });
  for (const feed of feeds) await feed.until(() => feed.count() >= events);
  assert.deepEqual(
    feeds.map((feed) => [feed.count(), feed.lastId]),
    feeds.map(() => [events, String(events)]),
  );
  const told = feeds[0]?.messages.length ?? 0;
  assert.ok(feeds.every(({ messages }) => messages.length === told));
  assert.equal(fed.cpa.counts().dropped, 0);
  assert.deepEqual((await fed.daemon.status()).gaps, []);
  assert.deepEqual(
    fed.daemon.stderr.filter((line) => line.includes('Warning')),
    [],
  );
});

test('open streams do not delay the end of the daemon', async (t) => {
  const fed = await startFed(t);
  const feeds = await Promise.all(Array.from({ length: 3 }, () => FeedReader.open(t, fed.daemon)));
  assert.equal(await fed.daemon.stop(), 0);
  for (const feed of feeds) await feed.ended();
  assert.equal(fed.daemon.log.at(-1)?.['event'], 'stopped');
});
