import type { EventDetail, UsedPrice } from '../contract/api/events.ts';
import type { PriceVersion } from '../contract/pricing.ts';
import { billedParts, readBasis } from '../pricing/billed-parts.ts';
import type { StoredEvent } from './stored-event.ts';

/** What an event was priced with, as it is stored. */
export interface StoredPrice {
  readonly id: number;
  readonly version: PriceVersion;
}

function usedPrice({ id, version }: StoredPrice): UsedPrice {
  const { contextThreshold, serviceTier } = readBasis(version);
  return {
    id,
    source: version.source,
    model: version.model,
    origin: version.source === 'manual' ? '' : version.origin,
    context_threshold: contextThreshold,
    service_tier: serviceTier,
  };
}

/**
 * Everything that is known of an event. `price` is null without a price, and for the version of events that cost
 * nothing because they had no tokens (its model is empty).
 */
export function eventDetail(stored: StoredEvent, gateway: string, price: StoredPrice | null): EventDetail {
  const { id, costNano, event } = stored;
  const { tokens, response } = event;
  const used = price === null || price.version.model === '' ? null : price;
  const cacheCreation = tokens.cacheWrite5m + tokens.cacheWrite1h;
  const input = tokens.uncachedInput + tokens.cacheRead + cacheCreation;
  return {
    id,
    gateway,
    event_hash: event.hash,
    timestamp: event.timestamp,
    timestamp_ms: event.timestampMs,
    received_at_ms: event.createdAtMs,
    request_id: event.requestId,
    model: event.model,
    requested_model: event.requestedModel,
    resolved_model: event.resolvedModel,
    provider: event.provider,
    executor_type: event.executorType,
    endpoint: event.endpoint,
    method: event.method,
    path: event.path,
    reasoning_effort: event.reasoningEffort,
    service_tier: event.serviceTier,
    request_service_tier: event.requestServiceTier,
    response_service_tier: event.responseServiceTier,
    source: event.source,
    auth_index: event.authIndex,
    auth_type: event.authType,
    account_snapshot: event.accountSnapshot,
    auth_label_snapshot: event.authLabelSnapshot,
    auth_file_snapshot: event.authFileSnapshot,
    auth_provider_snapshot: event.authProviderSnapshot,
    auth_project_id_snapshot: event.authProjectIdSnapshot,
    api_key_hash: event.apiKeyHash,
    input_tokens: input,
    uncached_input_tokens: tokens.uncachedInput,
    cache_read_tokens: tokens.cacheRead,
    cache_creation_tokens: cacheCreation,
    cache_write_5m_tokens: tokens.cacheWrite5m,
    cache_write_1h_tokens: tokens.cacheWrite1h,
    output_tokens: tokens.output,
    reasoning_tokens: tokens.reasoning,
    total_tokens: input + tokens.output,
    cost_nano_usd: costNano,
    cost_parts: used === null || costNano === null ? [] : billedParts(event, used.version, costNano),
    price: used && usedPrice(used),
    latency_ms: event.latencyMs,
    ttft_ms: event.ttftMs,
    failed: event.failed,
    fail_status_code: event.failStatusCode,
    fail_summary: event.failSummary,
    error_kind: response.errorKind,
    error_code: response.errorCode,
    quota_used_percent: response.quotaUsedPercent,
    quota_recover_at_ms: response.quotaRecoverAtMs,
    quota_plan_type: response.quotaPlanType,
    trace_id: response.traceId,
    client_ip: event.clientIp,
    x_forwarded_for: event.xForwardedFor,
    user_agent: event.userAgent,
    response_metadata: event.responseMetadata,
    flags: event.flags,
  };
}
