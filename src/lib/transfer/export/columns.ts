import type { Json } from '../../contract/event.ts';
import { analyticsModel } from '../../pricing/model-names.ts';
import type { ExportRow } from '../../store/export-reader.ts';

/** Left out when it is empty. */
const text = (value: string): string | undefined => (value === '' ? undefined : value);
const number = (value: number | null): number | undefined => value ?? undefined;
const positive = (value: number | null): number | undefined =>
  value !== null && value > 0 ? value : undefined;

/** A billable counter, where it is not what the record reported under the same name. */
const differing = (billable: number, reported: number): number | undefined =>
  billable === reported ? undefined : billable;

/**
 * What an export says of an event. Names, order and what is left out are those of the exports of CPA-Manager-Plus
 * 1.12.2, which its import and ours read; what only we know follows behind. `gateway` is the base URL that the event came
 * from, `price_id` the same for the same price in every database. Addresses, user agents and bodies of failures are not
 * in it.
 */
export function exportRecord({ stored, gateway, price }: ExportRow) {
  const { event, costNano } = stored;
  const { reported, tokens, response } = event;
  return {
    request_id: text(event.requestId),
    event_hash: event.hash,
    timestamp_ms: event.timestampMs,
    timestamp: event.timestamp,
    provider: text(event.provider),
    executor_type: text(event.executorType),
    model: event.model,
    analytics_model: text(analyticsModel(event.requestedModel === '' ? event.model : event.requestedModel)),
    requested_model: text(event.requestedModel),
    resolved_model: text(event.resolvedModel),
    endpoint: text(event.endpoint),
    method: text(event.method),
    path: text(event.path),
    auth_type: text(event.authType),
    auth_index: text(event.authIndex),
    source: text(event.source),
    source_hash: text(event.sourceHash),
    api_key_hash: text(event.apiKeyHash),
    account_snapshot: text(event.accountSnapshot),
    auth_label_snapshot: text(event.authLabelSnapshot),
    auth_file_snapshot: text(event.authFileSnapshot),
    auth_provider_snapshot: text(event.authProviderSnapshot),
    auth_project_id_snapshot: text(event.authProjectIdSnapshot),
    auth_snapshot_at_ms: positive(event.authSnapshotAtMs),
    reasoning_effort: text(event.reasoningEffort),
    service_tier: text(event.serviceTier),
    input_tokens: reported.input,
    output_tokens: reported.output,
    reasoning_tokens: reported.reasoning,
    cached_tokens: reported.cached,
    cache_tokens: reported.cache,
    cache_read_tokens: reported.cacheRead,
    cache_creation_tokens: reported.cacheCreation,
    total_tokens: reported.total,
    latency_ms: number(event.latencyMs),
    ttft_ms: number(event.ttftMs),
    failed: event.failed,
    fail_status_code: positive(event.failStatusCode),
    fail_summary: text(event.failSummary),
    header_quota_recover_at_ms: positive(response.quotaRecoverAtMs),
    header_quota_used_percent: number(response.quotaUsedPercent),
    header_quota_plan_type: text(response.quotaPlanType),
    header_error_kind: text(response.errorKind),
    header_error_code: text(response.errorCode),
    header_trace_id: text(response.traceId),
    created_at_ms: event.createdAtMs,
    response_metadata: event.responseMetadata ?? undefined,

    request_service_tier: text(event.requestServiceTier),
    response_service_tier: text(event.responseServiceTier),
    cache_input_mode: event.cacheInputMode,
    uncached_input_tokens: tokens.uncachedInput,
    cache_write_5m_tokens: tokens.cacheWrite5m,
    cache_write_1h_tokens: tokens.cacheWrite1h,
    billed_cache_read_tokens: differing(tokens.cacheRead, reported.cacheRead),
    billed_output_tokens: differing(tokens.output, reported.output),
    billed_reasoning_tokens: differing(tokens.reasoning, reported.reasoning),
    cost_nano_usd: number(costNano),
    price_id: text(price),
    flags: positive(event.flags),
    gateway: text(gateway),
  };
}

export type ExportRecord = ReturnType<typeof exportRecord>;
export type ColumnName = keyof ExportRecord;
export type ColumnValue = Json | undefined;

/** `time` is RFC 3339 as a text. */
export type ColumnKind = 'text' | 'time' | 'integer' | 'decimal' | 'boolean' | 'json';

/** What a column holds, for formats with columns; the order is that of the lines. */
const KINDS: Readonly<Record<ColumnName, ColumnKind>> = {
  request_id: 'text',
  event_hash: 'text',
  timestamp_ms: 'integer',
  timestamp: 'time',
  provider: 'text',
  executor_type: 'text',
  model: 'text',
  analytics_model: 'text',
  requested_model: 'text',
  resolved_model: 'text',
  endpoint: 'text',
  method: 'text',
  path: 'text',
  auth_type: 'text',
  auth_index: 'text',
  source: 'text',
  source_hash: 'text',
  api_key_hash: 'text',
  account_snapshot: 'text',
  auth_label_snapshot: 'text',
  auth_file_snapshot: 'text',
  auth_provider_snapshot: 'text',
  auth_project_id_snapshot: 'text',
  auth_snapshot_at_ms: 'integer',
  reasoning_effort: 'text',
  service_tier: 'text',
  input_tokens: 'integer',
  output_tokens: 'integer',
  reasoning_tokens: 'integer',
  cached_tokens: 'integer',
  cache_tokens: 'integer',
  cache_read_tokens: 'integer',
  cache_creation_tokens: 'integer',
  total_tokens: 'integer',
  latency_ms: 'integer',
  ttft_ms: 'integer',
  failed: 'boolean',
  fail_status_code: 'integer',
  fail_summary: 'text',
  header_quota_recover_at_ms: 'integer',
  header_quota_used_percent: 'decimal',
  header_quota_plan_type: 'text',
  header_error_kind: 'text',
  header_error_code: 'text',
  header_trace_id: 'text',
  created_at_ms: 'integer',
  response_metadata: 'json',
  request_service_tier: 'text',
  response_service_tier: 'text',
  cache_input_mode: 'text',
  uncached_input_tokens: 'integer',
  cache_write_5m_tokens: 'integer',
  cache_write_1h_tokens: 'integer',
  billed_cache_read_tokens: 'integer',
  billed_output_tokens: 'integer',
  billed_reasoning_tokens: 'integer',
  cost_nano_usd: 'integer',
  price_id: 'text',
  flags: 'integer',
  gateway: 'text',
};

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly of: (record: Readonly<Record<string, ColumnValue>>) => ColumnValue;
}

export const COLUMNS: readonly Column[] = Object.entries(KINDS).map(([name, kind]) => ({
  name,
  kind,
  of: (record) => record[name],
}));
