import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { ExportReader } from '../../src/lib/store/export-reader.ts';
import { ReadStore } from '../../src/lib/store/read-store.ts';
import type { StoredEvent } from '../../src/lib/store/stored-event.ts';
import type { Db } from '../../src/lib/store/sqlite.ts';
import { call, record, recordedCalls, storeCore, storeDb, storeDir } from '../support/store-harness.ts';

function everyEvent(db: Db): StoredEvent[] {
  const events: StoredEvent[] = [];
  const reader = new ExportReader(db);
  for (let rows = reader.next(); rows.length > 0; rows = reader.next()) {
    events.push(...rows.map(({ stored }) => stored));
  }
  return events;
}

/** What a list shows of an event. */
function shown({ id, costNano, event }: StoredEvent) {
  const { tokens } = event;
  const cacheCreation = tokens.cacheWrite5m + tokens.cacheWrite1h;
  const input = tokens.uncachedInput + tokens.cacheRead + cacheCreation;
  return {
    id,
    timestamp_ms: event.timestampMs,
    request_id: event.requestId,
    model: event.model,
    requested_model: event.requestedModel,
    resolved_model: event.resolvedModel,
    provider: event.provider,
    endpoint: event.endpoint,
    reasoning_effort: event.reasoningEffort,
    service_tier: event.serviceTier,
    source: event.source,
    auth_index: event.authIndex,
    auth_type: event.authType,
    account_snapshot: event.accountSnapshot,
    auth_label_snapshot: event.authLabelSnapshot,
    auth_file_snapshot: event.authFileSnapshot,
    api_key_hash: event.apiKeyHash,
    input_tokens: input,
    cache_read_tokens: tokens.cacheRead,
    cache_creation_tokens: cacheCreation,
    output_tokens: tokens.output,
    reasoning_tokens: tokens.reasoning,
    total_tokens: input + tokens.output,
    cost_nano_usd: costNano,
    latency_ms: event.latencyMs,
    ttft_ms: event.ttftMs,
    failed: event.failed,
    fail_status_code: event.failStatusCode,
    fail_summary: Array.from(event.failSummary).slice(0, 300).join(''),
    error_kind: event.response.errorKind,
    error_code: event.response.errorCode,
    flags: event.flags,
  };
}

test('the newest events, as the whole events say it', (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const db = storeDb(t, dbPath);
  const core = storeCore(db);
  const store = new ReadStore(dbPath);
  t.after(() => store.close());
  assert.equal(store.lastEventId(), 0);
  assert.deepEqual(store.eventsAfter(0, 10), []);
  const long = call({ failed: true, fail: { status_code: 500, body: 'x'.repeat(299) + '😀'.repeat(9) } });
  core.commit([...recordedCalls(), record(long), record(call({ model: 'unheard-of', alias: '' }))], null);
  const all = everyEvent(db)
    .map(shown)
    .sort((a, b) => b.id - a.id);
  assert.ok(all.length > 50);
  assert.deepEqual(store.eventsAfter(0, 1000), all);
  assert.equal(all.filter((row) => Array.from(row.fail_summary).length === 300).length, 1);
  assert.equal(all.filter((row) => row.cost_nano_usd === null).length > 0, true);
  const last = store.lastEventId();
  assert.equal(last, all[0]?.id);
  assert.deepEqual(store.eventsAfter(last - 5, 3), all.slice(0, 3));
  assert.deepEqual(store.eventsAfter(last - 2, 10), all.slice(0, 2));
  assert.deepEqual(store.eventsAfter(last, 10), []);
});
