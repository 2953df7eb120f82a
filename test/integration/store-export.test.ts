import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { openExport } from '../../src/lib/store/export.ts';
import { analyticsModel } from '../../src/lib/pricing/model-names.ts';
import { normalise } from '../../src/lib/usage/normalise.ts';
import { generate } from '../bench/generate.ts';
import {
  call,
  record,
  recordedCalls,
  RECEIVED_AT_MS,
  storeCore,
  storeDb,
  storeDir,
} from '../support/store-harness.ts';

type Line = Record<string, unknown>;

async function lines(chunks: AsyncIterable<Uint8Array>): Promise<Line[]> {
  let text = '';
  for await (const chunk of chunks) {
    const part = Buffer.from(chunk).toString('utf8');
    assert.ok(part.endsWith('\n'), 'whole lines');
    text += part;
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Line => JSON.parse(line));
}

/** A store with `count` generated events. */
function filled(t: TestContext, count: number): string {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const core = storeCore(storeDb(t, dbPath));
  core.gateway('http://cpa:8317');
  const source = generate({ seed: 3, startMs: Date.UTC(2026, 0, 1), everyMs: 1000, headers: true });
  for (let done = 0; done < count; done += 500) {
    const batch = Array.from({ length: Math.min(500, count - done) }, () => {
      const { payload, atMs } = source.next().value;
      return record(payload, 1, atMs);
    });
    // Not in the order of their times.
    core.commit(batch.toReversed(), null);
  }
  return dbPath;
}

test('every recorded event comes out again with its hash and its numbers', async (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const core = storeCore(storeDb(t, dbPath));
  core.gateway('http://cpa:8317');
  const records = recordedCalls();
  core.commit(records, null);
  const exported = await lines(openExport(dbPath));
  const byHash = new Map(exported.map((line) => [line['event_hash'], line]));
  assert.equal(exported.length, records.length);
  for (const { payload } of records) {
    const result = normalise(payload, { receivedAtMs: RECEIVED_AT_MS, gatewayId: 1 });
    assert.equal(result.kind, 'event');
    if (result.kind !== 'event') continue;
    const { event } = result;
    const line = byHash.get(event.hash);
    assert.ok(line, event.hash);
    const { reported } = event;
    assert.deepEqual(
      [
        line['input_tokens'],
        line['output_tokens'],
        line['reasoning_tokens'],
        line['cached_tokens'],
        line['cache_tokens'],
        line['cache_read_tokens'],
        line['cache_creation_tokens'],
        line['total_tokens'],
      ],
      [
        reported.input,
        reported.output,
        reported.reasoning,
        reported.cached,
        reported.cache,
        reported.cacheRead,
        reported.cacheCreation,
        reported.total,
      ],
    );
    assert.deepEqual(line['response_metadata'] ?? null, event.responseMetadata);
    assert.equal(line['analytics_model'], analyticsModel(event.model));
    assert.equal(line['gateway'], 'http://cpa:8317');
  }
});

test('the keys stand in the documented order, ours behind them', async (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const core = storeCore(storeDb(t, dbPath));
  const headers = {
    'X-Codex-Plan-Type': ['plus'],
    'X-Codex-Primary-Used-Percent': ['46'],
    'X-Codex-Primary-Reset-After-Seconds': ['60'],
    'X-Codex-Primary-Window-Minutes': ['300'],
    'X-Oai-Request-Id': ['91670ece-51f2-41ee-a53f-e4116d136640'],
    'Retry-After': ['30'],
  };
  const everything = call({
    ttft_ms: 5,
    failed: true,
    fail: { status_code: 429, body: '{"error":"slow down"}' },
    response_headers: headers,
    reasoning_effort: 'high',
    service_tier: 'priority',
    response_service_tier: 'default',
    account_snapshot: 'ann',
    auth_label_snapshot: 'Ann',
    auth_file_snapshot: 'ann.json',
    auth_provider_snapshot: 'codex',
    auth_project_id_snapshot: 'p1',
    auth_snapshot_at_ms: 1_795_259_291_000,
  });
  core.commit([record(everything)], null);
  const [line] = await lines(openExport(dbPath));
  assert.deepEqual(
    Object.keys(line ?? {}),
    [
      ...'request_id event_hash timestamp_ms timestamp provider executor_type model analytics_model'.split(
        ' ',
      ),
      ...'requested_model resolved_model endpoint method path auth_type auth_index source source_hash'.split(
        ' ',
      ),
      ...'api_key_hash account_snapshot auth_label_snapshot auth_file_snapshot'.split(' '),
      ...'auth_provider_snapshot auth_project_id_snapshot auth_snapshot_at_ms reasoning_effort'.split(' '),
      ...'service_tier input_tokens output_tokens reasoning_tokens cached_tokens cache_tokens'.split(' '),
      ...'cache_read_tokens cache_creation_tokens total_tokens latency_ms ttft_ms failed'.split(' '),
      ...'fail_status_code fail_summary header_quota_recover_at_ms header_quota_used_percent'.split(' '),
      ...'header_quota_plan_type header_error_kind header_error_code header_trace_id'.split(' '),
      ...'created_at_ms response_metadata'.split(' '),
      ...'request_service_tier response_service_tier cache_input_mode uncached_input_tokens'.split(' '),
      ...'cache_write_5m_tokens cache_write_1h_tokens billed_cache_read_tokens cost_nano_usd'.split(' '),
      ...'price_id gateway'.split(' '),
    ].filter((key) => key !== 'gateway'),
  );
});

test('what is empty is left out', async (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const core = storeCore(storeDb(t, dbPath));
  core.commit([record({ timestamp: '2026-11-21T11:08:11Z', model: 'm', tokens: { input_tokens: 1 } })], null);
  const [line] = await lines(openExport(dbPath));
  assert.deepEqual(
    Object.keys(line ?? {}),
    (
      'event_hash timestamp_ms timestamp model analytics_model resolved_model endpoint input_tokens ' +
      'output_tokens reasoning_tokens cached_tokens cache_tokens cache_read_tokens cache_creation_tokens ' +
      'total_tokens failed created_at_ms cache_input_mode uncached_input_tokens cache_write_5m_tokens ' +
      'cache_write_1h_tokens'
    ).split(' '),
  );
});

test('an empty database exports nothing', async (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  storeDb(t, dbPath);
  assert.deepEqual(await lines(openExport(dbPath)), []);
});

test('oldest first, in chunks of at most 256 KiB, each event once', async (t) => {
  const dbPath = filled(t, 2600);
  const sizes: number[] = [];
  async function* measured(): AsyncIterable<Uint8Array> {
    for await (const chunk of openExport(dbPath)) {
      sizes.push(chunk.length);
      yield chunk;
    }
  }
  const exported = await lines(measured());
  assert.ok(sizes.length > 4);
  assert.ok(Math.max(...sizes) <= 256 * 1024);
  assert.equal(new Set(exported.map((line) => line['event_hash'])).size, 2600);
  const times = exported.map((line) => Number(line['timestamp_ms']));
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  const [fromMs, toMs] = [times[1000] ?? 0, times[2000] ?? 0];
  const part = await lines(openExport(dbPath, { filter: { fromMs, toMs } }));
  assert.deepEqual(
    part,
    exported.filter((line) => Number(line['timestamp_ms']) >= fromMs && Number(line['timestamp_ms']) < toMs),
  );
  assert.deepEqual(await lines(openExport(dbPath, { filter: { models: ['no such model'] } })), []);
});

test('a reader that stops early, or an abort, ends the worker', async (t) => {
  const dbPath = filled(t, 2600);
  let chunks = 0;
  for await (const _ of openExport(dbPath)) {
    chunks += 1;
    if (chunks === 2) break;
  }
  assert.equal(chunks, 2);
  const controller = new AbortController();
  let seen = 0;
  for await (const _ of openExport(dbPath, { signal: controller.signal })) {
    seen += 1;
    controller.abort();
  }
  assert.equal(seen, 1);
});

test('a database that cannot be read is an error, not an empty export', async (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  fs.writeFileSync(dbPath, 'no database at all');
  await assert.rejects(lines(openExport(dbPath)), { code: 'database_foreign' });
});
