import assert from 'node:assert/strict';
import test from 'node:test';
import { ExportReader } from '../../src/lib/store/export-reader.ts';
import { exportLine } from '../../src/lib/transfer/export/jsonl.ts';
import { call, record, recordedCalls, storeCore, storeDb } from '../support/store-harness.ts';

/** Columns of `usage_events` that the export has under the same name. */
const SHARED = [
  'request_id',
  'timestamp_ms',
  'timestamp',
  'provider',
  'executor_type',
  'model',
  'requested_model',
  'resolved_model',
  'endpoint',
  'method',
  'path',
  'auth_type',
  'auth_index',
  'source',
  'source_hash',
  'api_key_hash',
  'reasoning_effort',
  'service_tier',
  'input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cached_tokens',
  'cache_tokens',
  'cache_read_tokens',
  'cache_creation_tokens',
  'total_tokens',
  'latency_ms',
  'ttft_ms',
  'fail_status_code',
  'fail_summary',
  'header_quota_recover_at_ms',
  'header_quota_used_percent',
  'header_quota_plan_type',
  'header_error_kind',
  'header_error_code',
  'header_trace_id',
  'created_at_ms',
  'cache_input_mode',
] as const;

test('the views for scripts say what the export says', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const gatewayId = core.gateway('http://cpa:8317');
  const odd = [
    call({
      tokens: { input_tokens: 9, output_tokens: 5, reasoning_tokens: 50, cached_tokens: 3, total_tokens: 1 },
    }),
    call({ timestamp: 1_777_687_200, request_id: 'legacy:00112233', provider: 'claude', executor_type: '' }),
    call({
      tokens: { input_tokens: 2 ** 40, cache_read_tokens: 7, cache_creation_tokens: 8, cache_tokens: 9 },
    }),
  ];
  core.commit([...recordedCalls(), ...odd.map((value) => record(value, gatewayId))], null);
  const rows = db
    .prepare<[], Record<string, unknown>>('SELECT * FROM usage_events ORDER BY timestamp_ms, event_hash')
    .all();
  const lines: Array<Record<string, unknown>> = [];
  const reader = new ExportReader(db);
  for (let step = reader.next(); step.length > 0; step = reader.next()) {
    for (const row of step) lines.push(JSON.parse(exportLine(row)));
  }
  const byTime = (a: Record<string, unknown>, b: Record<string, unknown>): number =>
    Number(a['timestamp_ms']) - Number(b['timestamp_ms']) ||
    String(a['event_hash']).localeCompare(String(b['event_hash']));
  lines.sort(byTime);
  assert.equal(lines.length, 57);
  assert.equal(rows.length, lines.length);
  for (const [index, row] of rows.entries()) {
    const line = lines[index] ?? {};
    for (const column of SHARED) assert.equal(row[column] ?? undefined, line[column], column);
    assert.equal(row['failed'], line['failed'] === true ? 1 : 0);
    assert.ok(String(line['event_hash']).startsWith(String(row['event_hash'])));
  }
  assert.equal(
    db
      .prepare(
        'SELECT count(*) FROM events WHERE gateway IS NOT NULL AND time = (SELECT timestamp FROM usage_events u WHERE u.id = events.id)',
      )
      .pluck()
      .get(),
    57,
  );
});
