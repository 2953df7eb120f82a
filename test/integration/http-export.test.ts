import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { generate } from '../bench/generate.ts';
import { ADMIN_KEY, tempDir, type DaemonProcess } from '../support/daemon.ts';
import { anonymous, ask, assertRefused, startReady } from '../support/http.ts';
import { record, storeCore } from '../support/store-harness.ts';
import { openDatabase } from '../../src/lib/store/open.ts';

const URL = '/v0/management/usage/export';
const EVENTS = 20_000;

/** Names and order in the exports of CPA-Manager-Plus 1.12.2; ours come behind them. */
const DOCUMENTED =
  'request_id event_hash timestamp_ms timestamp provider executor_type model analytics_model requested_model ' +
  'resolved_model endpoint method path auth_type auth_index source source_hash api_key_hash account_snapshot ' +
  'auth_label_snapshot auth_file_snapshot auth_provider_snapshot auth_project_id_snapshot auth_snapshot_at_ms ' +
  'reasoning_effort service_tier input_tokens output_tokens reasoning_tokens cached_tokens cache_tokens ' +
  'cache_read_tokens cache_creation_tokens total_tokens latency_ms ttft_ms failed fail_status_code fail_summary ' +
  'header_quota_recover_at_ms header_quota_used_percent header_quota_plan_type header_error_kind ' +
  'header_error_code header_trace_id created_at_ms response_metadata';
const ALWAYS =
  'event_hash timestamp_ms timestamp model input_tokens output_tokens reasoning_tokens cached_tokens cache_tokens ' +
  'cache_read_tokens cache_creation_tokens total_tokens failed created_at_ms';

/** A data directory whose database has that many events with the headers of real answers. */
function filled(t: TestContext, count: number): string {
  const dataDir = tempDir(t);
  const db = openDatabase(join(dataDir, 'usage.sqlite'), { mode: 'write' });
  const core = storeCore(db);
  core.gateway('http://cpa:8317');
  const source = generate({ seed: 5, startMs: Date.UTC(2026, 0, 1), everyMs: 1_000, headers: true });
  for (let done = 0; done < count; done += 1_000) {
    const batch = Array.from({ length: Math.min(1_000, count - done) }, () => {
      const { payload, atMs } = source.next().value;
      return record(payload, 1, atMs);
    });
    core.commit(batch.toReversed(), null);
  }
  db.close();
  return dataDir;
}

/** An export whose body nobody reads yet. */
async function begin(t: TestContext, daemon: DaemonProcess): Promise<http.IncomingMessage> {
  const request = http.get(daemon.url + URL, {
    agent: false,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  t.after(() => request.destroy());
  request.on('error', () => {});
  const response: http.IncomingMessage = await new Promise((resolve) => request.once('response', resolve));
  response.on('error', () => {});
  assert.equal(response.statusCode, 200);
  return response;
}

/** The first bytes of a body; the rest stays where it is. */
async function firstBytes(response: http.IncomingMessage): Promise<Buffer> {
  await once(response, 'readable');
  const bytes: Buffer = response.read();
  return bytes;
}

async function rssBytes(daemon: DaemonProcess): Promise<number> {
  const { body } = await ask<{ runtime: { rssBytes: number } }>(daemon, '/status');
  return body.runtime.rssBytes;
}

/** Threads of the daemon, where the system tells; each export has one. */
function threads(daemon: DaemonProcess): number {
  const tasks = `/proc/${daemon.child.pid}/task`;
  return existsSync(tasks) ? readdirSync(tasks).length : 0;
}

async function untilThreads(daemon: DaemonProcess, most: number): Promise<void> {
  while (threads(daemon) > Math.max(0, most)) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('an empty database is an empty body, and only who has the key gets it', async (t) => {
  const daemon = await startReady(t);
  for (const method of ['GET', 'HEAD']) {
    const answer = await ask(daemon, URL, { method });
    assert.equal(answer.status, 200);
    assert.equal(answer.text, '');
    assert.equal(answer.headers.get('content-type'), 'application/x-ndjson');
    assert.equal(answer.headers.get('content-disposition'), 'attachment; filename="usage-events.jsonl"');
  }
  for (const method of ['GET', 'HEAD', 'POST']) {
    const answer = await ask(daemon, URL, anonymous({ method }));
    assert.equal(answer.status, 401, method);
  }
  await assertRefused(daemon, URL, { method: 'POST' }, 405, 'method_not_allowed');
});

test('a long history is streamed to slow readers, and readers that go away cost nothing', async (t) => {
  const dataDir = filled(t, EVENTS);
  const daemon = await startReady(t, { dataDir });
  const whole = await ask(daemon, URL);
  assert.equal(whole.text.at(-1), '\n');
  const lines = whole.text.split('\n').slice(0, -1);
  assert.equal(lines.length, EVENTS);
  const order = DOCUMENTED.split(' ');
  let last = 0;
  for (const line of lines) {
    const event: Record<string, unknown> = JSON.parse(line);
    const at = Number(event['timestamp_ms']);
    assert.ok(at >= last, 'oldest first');
    last = at;
    const names = Object.keys(event);
    const known = order.filter((name) => Object.hasOwn(event, name));
    assert.deepEqual(names.slice(0, known.length), known);
    for (const name of ALWAYS.split(' ')) assert.ok(Object.hasOwn(event, name), name);
  }
  const head = await ask(daemon, URL, { method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);

  // Readers that stand still: what they have not taken is not in memory.
  const before = await rssBytes(daemon);
  const slow = await Promise.all(Array.from({ length: 4 }, () => begin(t, daemon)));
  const heads = await Promise.all(slow.map(firstBytes));
  const [reader, ...leaving] = slow;
  assert.ok(reader && heads[0]);
  const sizeOfAll = whole.text.length * slow.length;
  const grown = (await rssBytes(daemon)) - before;
  t.diagnostic(`${slow.length} exports of ${whole.text.length} bytes stand still in ${grown} bytes`);
  assert.ok(grown < (sizeOfAll * 3) / 4, `${grown} bytes for ${sizeOfAll}`);

  // Three go away; the one that stays gets all of it.
  const busy = threads(daemon);
  for (const response of leaving) response.destroy();
  await untilThreads(daemon, busy - leaving.length);
  const chunks = [heads[0]];
  for await (const chunk of reader) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString('utf8'), whole.text);
  await untilThreads(daemon, busy - slow.length);
  assert.equal(daemon.log.filter((line) => Number(line['level']) >= 50).length, 0, 'which is no error');

  // An end in good order does not wait for a reader that stands still.
  const standing = await begin(t, daemon);
  await firstBytes(standing);
  assert.equal(await daemon.stop(), 0);
  assert.equal(daemon.log.at(-1)?.['event'], 'stopped');
  standing.resume();
  await new Promise((resolve) => standing.once('close', resolve));
  assert.equal(standing.complete, false, 'what broke off does not look whole');
});

test('a part of the events by time and number, and 400 for what is neither', async (t) => {
  const dataDir = filled(t, 3_000);
  const daemon = await startReady(t, { dataDir });
  const part = async (query: string): Promise<number[]> => {
    const answer = await ask(daemon, `${URL}?${query}`);
    assert.equal(answer.status, 200, query);
    return answer.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): number => JSON.parse(line).timestamp_ms);
  };
  const all = await part('');
  assert.equal(all.length, 3_000);
  const since = all[1_000] ?? 0;
  const until = Date.UTC(2026, 0, 1, 0, 40);
  assert.deepEqual(
    await part(`since=${since}`),
    all.filter((ms) => ms >= since),
  );
  assert.deepEqual(
    await part(`since=${since}&until=2026-01-01T00:40:00Z&limit=700`),
    all.filter((ms) => ms >= since && ms < until).slice(0, 700),
  );
  assert.deepEqual(await part('until=2026-01-01'), all);
  assert.deepEqual(await part('since=2026-01-02'), []);
  assert.deepEqual(await part('since=&until=&limit='), all);
  const bad = [
    'since=soon',
    'until=2026-13-01',
    'since=-5',
    'since=99999999999999999999',
    'limit=0',
    'limit=1.5',
    'limit=many',
    `since=5&until=4`,
    'since=1&since=2',
  ];
  for (const query of bad) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await ask(daemon, `${URL}?${query}`, { method });
      assert.equal(answer.status, 400, query);
      assert.ok(!answer.headers.get('content-disposition'), 'an error is not saved as a file of events');
    }
  }
  const openApi = await ask<{ paths: Record<string, { get: { parameters: Array<{ name: string }> } }> }>(
    daemon,
    '/usage-service/openapi.json',
  );
  assert.deepEqual(
    openApi.body.paths[URL]?.get.parameters.map(({ name }) => name),
    ['since', 'until', 'limit'],
  );
});

test('a range is not a part of it, a limit may be as high as can be told, and who stands still holds no log', async (t) => {
  const dataDir = filled(t, EVENTS);
  const daemon = await startReady(t, { dataDir });
  const whole = await ask(daemon, URL);
  assert.equal(whole.headers.get('accept-ranges'), null);
  const ranged = await ask(daemon, URL, { headers: { range: 'bytes=5-10' } });
  assert.deepEqual([ranged.status, ranged.text === whole.text], [200, true]);
  const head = await ask(daemon, URL, { method: 'HEAD', headers: { range: 'bytes=5-10' } });
  assert.deepEqual([head.status, head.text], [200, '']);
  const highest = await ask(daemon, `${URL}?limit=999999999999999&until=${Number.MAX_SAFE_INTEGER}`);
  assert.equal(highest.text, whole.text);
  const none = await ask(daemon, `${URL}?since=${Number.MAX_SAFE_INTEGER}`);
  assert.deepEqual([none.status, none.text], [200, '']);
  await assertRefused(daemon, `${URL}?limit=1${'0'.repeat(15)}`, {}, 400, 'invalid_request');

  const standing = await begin(t, daemon);
  await firstBytes(standing);
  const db = openDatabase(join(dataDir, 'usage.sqlite'), { mode: 'write', busyTimeoutMs: 5000 });
  t.after(() => db.close());
  for (let round = 0; round < 3; round += 1) {
    db.prepare('UPDATE gateway SET base_url = base_url').run();
    const [result] = db.pragma('wal_checkpoint(TRUNCATE)') as ReadonlyArray<{ busy: number; log: number }>;
    assert.deepEqual([result?.busy, result?.log], [0, 0]);
  }
});
