import assert from 'node:assert/strict';
import test from 'node:test';
import { eventOf, fixture } from './support.ts';

/**
 * The records of CLIProxyAPI 7.2.140 that CPA-Manager-Plus 1.12.2 had collected, and its export of them. Its texts of
 * failures also hold the response headers, which ours leave to the metadata; everything else must be the same.
 */
test('every field that CPA-Manager-Plus exports is the same here', () => {
  const records = lines('exports/cpa-manager-plus-1.12.2.records.jsonl');
  const exported = new Map(
    lines('exports/cpa-manager-plus-1.12.2.jsonl').map((event) => [event['event_hash'], event]),
  );
  assert.equal(records.length, exported.size);
  for (const record of records) {
    const event = eventOf(record);
    const theirs = exported.get(event.hash);
    assert.ok(theirs, `no event with hash ${event.hash}`);
    const ours: Record<string, unknown> = {
      request_id: event.requestId,
      event_hash: event.hash,
      timestamp_ms: event.timestampMs,
      timestamp: event.timestamp,
      provider: event.provider,
      executor_type: event.executorType,
      model: event.model,
      requested_model: event.requestedModel,
      resolved_model: event.resolvedModel,
      endpoint: event.endpoint,
      method: event.method,
      path: event.path,
      auth_type: event.authType,
      auth_index: event.authIndex,
      source: event.source,
      source_hash: event.sourceHash,
      api_key_hash: event.apiKeyHash,
      reasoning_effort: event.reasoningEffort,
      service_tier: event.serviceTier,
      input_tokens: event.reported.input,
      output_tokens: event.reported.output,
      reasoning_tokens: event.reported.reasoning,
      cached_tokens: event.reported.cached,
      cache_tokens: event.reported.cache,
      cache_read_tokens: event.reported.cacheRead,
      cache_creation_tokens: event.reported.cacheCreation,
      total_tokens: event.reported.total,
      latency_ms: event.latencyMs,
      ttft_ms: event.ttftMs,
      failed: event.failed,
      fail_status_code: event.failStatusCode,
      header_quota_recover_at_ms: event.response.quotaRecoverAtMs,
      header_quota_used_percent: event.response.quotaUsedPercent,
      header_quota_plan_type: event.response.quotaPlanType,
      header_error_kind: event.response.errorKind,
      header_error_code: event.response.errorCode,
      header_trace_id: event.response.traceId,
    };
    for (const [key, value] of Object.entries(ours)) {
      assert.deepEqual(value, theirs[key] ?? (typeof value === 'string' ? '' : null), `${event.hash} ${key}`);
    }
    // Also the order of its keys, so that an export of ours reads like one of theirs.
    assert.equal(JSON.stringify(event.responseMetadata), JSON.stringify(theirs['response_metadata']));
    // What they export comes back unchanged when a record carries it.
    const again = eventOf({ model: 'm', response_metadata: theirs['response_metadata'] });
    assert.equal(JSON.stringify(again.responseMetadata), JSON.stringify(theirs['response_metadata']));
    const theirText = String(theirs['fail_summary']);
    assert.equal(
      event.failed ? theirText.startsWith(`${event.failSummary}\n{`) : event.failSummary === '',
      true,
    );
  }
});

function lines(path: string): Array<Record<string, unknown>> {
  return fixture(path)
    .trim()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));
}
