import type { BillableTokens, CacheInputMode, ReportedTokens, UsageEvent } from '../contract/event.ts';
import { eventHash } from '../usage/event-hash.ts';
import { rowHash, type StoredCost } from './event-row.ts';
import { unpackId } from './ids.ts';
import { unpackResponse } from './response-codec.ts';
import { timestampText } from './timestamp.ts';
import { expectedReported } from './tokens.ts';

/** An event as it comes out of the store. */
export interface StoredEvent extends StoredCost {
  readonly id: number;
  readonly event: UsageEvent;
}

/** The columns and joins that {@link storedEvent} reads; a WHERE or ORDER BY follows. `e` is the event. */
export const STORED_EVENT_SELECT = `SELECT
  e.*, printf('%016x', e.hash64) AS hash_hex,
  m.name AS model, m.requested, m.resolved, p.name AS provider,
  c.executor_type, c.endpoint, c.method, c.path, c.reasoning_effort, c.request_service_tier,
  c.response_service_tier, c.service_tier, c.cache_separate,
  cr.auth_index, cr.auth_type, cr.source, cr.source_hash, cr.account, cr.label, cr.file, cr.auth_provider, cr.project,
  k.hash AS client_key_hash, ua.text AS user_agent, a.client_ip, a.x_forwarded_for,
  r.quota_plan_type, r.error_kind, r.error_code,
  x.hash AS kept_hash, x.timestamp AS kept_timestamp, x.auth_snapshot_at_ms, f.text AS fail_text
FROM event e
  JOIN model m ON m.id = e.model_id
  JOIN call_profile c ON c.id = e.profile_id
  LEFT JOIN provider p ON p.id = e.provider_id
  LEFT JOIN credential cr ON cr.id = e.credential_id
  LEFT JOIN client_key k ON k.id = e.client_key_id
  LEFT JOIN user_agent ua ON ua.id = e.user_agent_id
  LEFT JOIN address a ON a.id = e.address_id
  LEFT JOIN response_kind r ON r.id = e.response_kind_id
  LEFT JOIN event_extra x ON x.event_id = e.id
  LEFT JOIN fail_text f ON f.id = x.fail_text_id`;

/** A row of {@link STORED_EVENT_SELECT}. */
export interface StoredEventRow {
  readonly id: number;
  readonly dup: number;
  readonly hash_hex: string;
  readonly gateway_id: number;
  readonly timestamp_ms: number;
  readonly timestamp_ns: number;
  readonly request_id: Uint8Array | string | null;
  readonly failed: number;
  readonly fail_status_code: number | null;
  readonly flags: number;
  readonly uncached_input: number;
  readonly cache_read: number;
  readonly cache_write_5m: number;
  readonly cache_write_1h: number;
  readonly output: number;
  readonly reasoning: number;
  readonly reported_input: number | null;
  readonly reported_output: number | null;
  readonly reported_reasoning: number | null;
  readonly reported_cached: number | null;
  readonly reported_cache: number | null;
  readonly reported_cache_read: number | null;
  readonly reported_cache_creation: number | null;
  readonly reported_total: number | null;
  readonly cost_nano: number | null;
  readonly price_id: number | null;
  readonly latency_ms: number | null;
  readonly ttft_ms: number | null;
  readonly created_after_ms: number;
  readonly quota_used_percent: number | null;
  readonly quota_recover_at_ms: number | null;
  readonly trace_id: Uint8Array | string | null;
  readonly response: Uint8Array | null;
  readonly model: string;
  readonly requested: string;
  readonly resolved: string;
  readonly provider: string | null;
  readonly executor_type: string;
  readonly endpoint: string;
  readonly method: string;
  readonly path: string;
  readonly reasoning_effort: string;
  readonly request_service_tier: string;
  readonly response_service_tier: string;
  readonly service_tier: string;
  readonly cache_separate: number;
  readonly auth_index: string | null;
  readonly auth_type: string | null;
  readonly source: string | null;
  readonly source_hash: string | null;
  readonly account: string | null;
  readonly label: string | null;
  readonly file: string | null;
  readonly auth_provider: string | null;
  readonly project: string | null;
  readonly client_key_hash: string | null;
  readonly user_agent: string | null;
  readonly client_ip: string | null;
  readonly x_forwarded_for: string | null;
  readonly quota_plan_type: string | null;
  readonly error_kind: string | null;
  readonly error_code: string | null;
  readonly kept_hash: string | null;
  readonly kept_timestamp: string | null;
  readonly auth_snapshot_at_ms: number | null;
  readonly fail_text: string | null;
}

function modeOf(row: Pick<StoredEventRow, 'cache_separate'>): CacheInputMode {
  return row.cache_separate === 1 ? 'separate_from_input' : 'included_in_input';
}

/** The counters of an event in its row, from which those that its record reported are put together. */
export type CountersRow = Pick<
  StoredEventRow,
  | 'flags'
  | 'uncached_input'
  | 'cache_read'
  | 'cache_write_5m'
  | 'cache_write_1h'
  | 'output'
  | 'reasoning'
  | 'reported_input'
  | 'reported_output'
  | 'reported_reasoning'
  | 'reported_cached'
  | 'reported_cache'
  | 'reported_cache_read'
  | 'reported_cache_creation'
  | 'reported_total'
>;

/** What the record reported: the row holds only what does not follow from the billable counts. */
export function reportedOf(row: CountersRow, mode: CacheInputMode): ReportedTokens {
  const expected = expectedReported(tokensOf(row), mode, row.flags);
  return {
    input: row.reported_input ?? expected.input,
    output: row.reported_output ?? expected.output,
    reasoning: row.reported_reasoning ?? expected.reasoning,
    cached: row.reported_cached ?? expected.cached,
    cache: row.reported_cache ?? expected.cache,
    cacheRead: row.reported_cache_read ?? expected.cacheRead,
    cacheCreation: row.reported_cache_creation ?? expected.cacheCreation,
    total: row.reported_total ?? expected.total,
  };
}

function tokensOf(row: Pick<CountersRow, keyof CountersRow & keyof StoredHashRow>): BillableTokens {
  return {
    uncachedInput: row.uncached_input,
    cacheRead: row.cache_read,
    cacheWrite5m: row.cache_write_5m,
    cacheWrite1h: row.cache_write_1h,
    output: row.output,
    reasoning: row.reasoning,
  };
}

/** Row to event, with everything that the row left out put back but the response metadata and the hash. */
function bareEvent(row: StoredEventRow): UsageEvent {
  const cacheInputMode = modeOf(row);
  return {
    gatewayId: row.gateway_id,
    timestampMs: row.timestamp_ms,
    timestamp: row.kept_timestamp ?? timestampText({ ms: row.timestamp_ms, ns: row.timestamp_ns }),
    requestId: unpackId(row.request_id),
    provider: row.provider ?? '',
    executorType: row.executor_type,
    model: row.model,
    requestedModel: row.requested,
    resolvedModel: row.resolved,
    endpoint: row.endpoint,
    method: row.method,
    path: row.path,
    authType: row.auth_type ?? '',
    authIndex: row.auth_index ?? '',
    source: row.source ?? '',
    sourceHash: row.source_hash ?? '',
    apiKeyHash: row.client_key_hash ?? '',
    accountSnapshot: row.account ?? '',
    authLabelSnapshot: row.label ?? '',
    authFileSnapshot: row.file ?? '',
    authProviderSnapshot: row.auth_provider ?? '',
    authProjectIdSnapshot: row.project ?? '',
    authSnapshotAtMs: row.auth_snapshot_at_ms,
    reasoningEffort: row.reasoning_effort,
    requestServiceTier: row.request_service_tier,
    responseServiceTier: row.response_service_tier,
    serviceTier: row.service_tier,
    cacheInputMode,
    reported: reportedOf(row, cacheInputMode),
    tokens: tokensOf(row),
    latencyMs: row.latency_ms,
    ttftMs: row.ttft_ms,
    failed: row.failed === 1,
    failStatusCode: row.fail_status_code,
    failSummary: row.fail_text ?? '',
    clientIp: row.client_ip ?? '',
    xForwardedFor: row.x_forwarded_for ?? '',
    userAgent: row.user_agent ?? '',
    response: {
      quotaRecoverAtMs: row.quota_recover_at_ms,
      quotaUsedPercent: row.quota_used_percent,
      quotaPlanType: row.quota_plan_type ?? '',
      errorKind: row.error_kind ?? '',
      errorCode: row.error_code ?? '',
      traceId: unpackId(row.trace_id),
    },
    responseMetadata: null,
    flags: row.flags,
    hash: '',
    createdAtMs: row.timestamp_ms + row.created_after_ms,
  };
}

/**
 * What the hash of a row's event is taken over, and no more; a WHERE follows. `e` is the event. Without joins: SQLite plans
 * a join anew whenever a bound value changes, which takes ten times as long as looking.
 */
export const STORED_HASH_SELECT = `SELECT
  e.dup, e.timestamp_ms, e.timestamp_ns, e.request_id, e.failed, e.flags, e.latency_ms,
  e.uncached_input, e.cache_read, e.cache_write_5m, e.cache_write_1h, e.output, e.reasoning,
  e.reported_input, e.reported_output, e.reported_reasoning, e.reported_cached, e.reported_cache,
  (SELECT name FROM model WHERE id = e.model_id) AS model,
  (SELECT endpoint FROM call_profile WHERE id = e.profile_id) AS endpoint,
  (SELECT cache_separate FROM call_profile WHERE id = e.profile_id) AS cache_separate,
  (SELECT auth_index FROM credential WHERE id = e.credential_id) AS auth_index,
  (SELECT source_hash FROM credential WHERE id = e.credential_id) AS source_hash,
  (SELECT hash FROM event_extra WHERE event_id = e.id) AS kept_hash,
  (SELECT timestamp FROM event_extra WHERE event_id = e.id) AS kept_timestamp
FROM event e`;

/** A row of {@link STORED_HASH_SELECT}. */
export type StoredHashRow = Pick<
  StoredEventRow,
  | 'dup'
  | 'timestamp_ms'
  | 'timestamp_ns'
  | 'request_id'
  | 'failed'
  | 'flags'
  | 'latency_ms'
  | 'uncached_input'
  | 'cache_read'
  | 'cache_write_5m'
  | 'cache_write_1h'
  | 'output'
  | 'reasoning'
  | 'reported_input'
  | 'reported_output'
  | 'reported_reasoning'
  | 'reported_cached'
  | 'reported_cache'
  | 'model'
  | 'endpoint'
  | 'cache_separate'
  | 'auth_index'
  | 'source_hash'
  | 'kept_hash'
  | 'kept_timestamp'
>;

/** The hash of a row's event. */
export function storedHash(row: StoredHashRow): string {
  if (row.kept_hash !== null) return row.kept_hash;
  const expected = expectedReported(tokensOf(row), modeOf(row), row.flags);
  return eventHash({
    requestId: unpackId(row.request_id),
    timestamp: row.kept_timestamp ?? timestampText({ ms: row.timestamp_ms, ns: row.timestamp_ns }),
    endpoint: row.endpoint,
    model: row.model,
    authIndex: row.auth_index ?? '',
    sourceHash: row.source_hash ?? '',
    input: row.reported_input ?? expected.input,
    output: row.reported_output ?? expected.output,
    reasoning: row.reported_reasoning ?? expected.reasoning,
    cachedMax: Math.max(row.reported_cached ?? expected.cached, row.reported_cache ?? expected.cache),
    failed: row.failed === 1,
    latencyMs: row.latency_ms,
  });
}

/** Null also for bytes that cannot be read: the rest of the event is not lost with them. */
function metadataOf(
  row: StoredEventRow,
  { timestampMs, response }: UsageEvent,
): UsageEvent['responseMetadata'] {
  try {
    return unpackResponse(row.response, { timestampMs, traceId: response.traceId });
  } catch {
    return null;
  }
}

/** Row to event, with everything that the row left out put back. */
export function storedEvent(row: StoredEventRow): StoredEvent {
  const bare = bareEvent(row);
  return {
    id: row.id,
    costNano: row.cost_nano,
    priceId: row.price_id,
    event: {
      ...bare,
      responseMetadata: metadataOf(row, bare),
      hash: row.kept_hash ?? rowHash(bare),
    },
  };
}
