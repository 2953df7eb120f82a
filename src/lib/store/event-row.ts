import type { UsageEvent } from '../contract/event.ts';
import { eventHash } from '../usage/event-hash.ts';
import type { DimensionIds } from './dimensions.ts';
import { packRequestId, packTraceId } from './ids.ts';
import { packResponse } from './response-codec.ts';
import { soundEvent } from './sound-event.ts';
import { nanosBelowMs, timestampText } from './timestamp.ts';
import { expectedReported } from './tokens.ts';

/** Columns of `event` in the order of {@link eventParams}; `dup` is set when the row is inserted. */
export const EVENT_COLUMNS = [
  'dup',
  'gateway_id',
  'timestamp_ms',
  'timestamp_ns',
  'hash64',
  'request_id',
  'model_id',
  'provider_id',
  'profile_id',
  'credential_id',
  'client_key_id',
  'user_agent_id',
  'address_id',
  'failed',
  'fail_status_code',
  'flags',
  'uncached_input',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
  'output',
  'reasoning',
  'reported_input',
  'reported_output',
  'reported_reasoning',
  'reported_cached',
  'reported_cache',
  'reported_cache_read',
  'reported_cache_creation',
  'reported_total',
  'cost_nano',
  'price_id',
  'latency_ms',
  'ttft_ms',
  'created_after_ms',
  'quota_used_percent',
  'quota_recover_at_ms',
  'response_kind_id',
  'trace_id',
  'response',
] as const;

export type Param = number | bigint | string | Buffer | null;

/** What an event cost when it was stored. Both null: no source had a price. */
export interface StoredCost {
  readonly costNano: number | null;
  readonly priceId: number | null;
}

/** All that a row needs and that is worked out before the transaction begins. */
export interface PreparedEvent {
  readonly event: UsageEvent;
  readonly hash64: bigint;
  readonly packed: PackedColumns;
  readonly extra: EventExtra;
}

/** Columns that hold bytes, or text that could not be packed. */
export interface PackedColumns {
  readonly requestId: Buffer | string | null;
  readonly traceId: Buffer | string | null;
  readonly response: Buffer | null;
}

const UNPACKED: PackedColumns = { requestId: null, traceId: null, response: null };

/** `event_extra`, without the failure text. Null where the row says it. */
export interface EventExtra {
  readonly hash: string | null;
  readonly timestamp: string | null;
}

const HEX64 = /^[0-9a-f]{64}$/;

/** First 8 bytes of an event hash as a signed integer. A text that is no SHA-256 (from an import) is hashed first. */
export function hash64Of(hash: string, sha256: (text: string) => string): bigint {
  const hex = HEX64.test(hash) ? hash : sha256(hash);
  return BigInt.asIntN(64, BigInt(`0x${hex.slice(0, 16)}`));
}

/** The event hash as it follows from what a row holds. */
export function rowHash(event: UsageEvent): string {
  return eventHash({
    requestId: event.requestId,
    timestamp: event.timestamp,
    endpoint: event.endpoint,
    model: event.model,
    authIndex: event.authIndex,
    sourceHash: event.sourceHash,
    input: event.reported.input,
    output: event.reported.output,
    reasoning: event.reported.reasoning,
    cachedMax: Math.max(event.reported.cached, event.reported.cache),
    failed: event.failed,
    latencyMs: event.latencyMs,
  });
}

/** Does the costly part: hashing, packing. Pure. */
export function prepareEvent(given: UsageEvent, sha256: (text: string) => string): PreparedEvent {
  const prepared = prepareUnpacked(given, sha256);
  const { timestampMs, requestId, responseMetadata, response } = prepared.event;
  const { traceId } = response;
  return {
    ...prepared,
    packed: {
      requestId: packRequestId(requestId),
      traceId: packTraceId(traceId),
      response: packResponse(responseMetadata, { timestampMs, traceId }),
    },
  };
}

/** The same without the columns that are packed, which are null then. */
export function prepareUnpacked(given: UsageEvent, sha256: (text: string) => string): PreparedEvent {
  const event = soundEvent(given);
  const time = { ms: event.timestampMs, ns: nanosBelowMs(event.timestamp) };
  return {
    event,
    hash64: hash64Of(event.hash, sha256),
    packed: UNPACKED,
    extra: {
      hash: rowHash(event) === event.hash ? null : event.hash,
      timestamp: timestampText(time) === event.timestamp ? null : event.timestamp,
    },
  };
}

/** The row of an event. */
export function eventParams(prepared: PreparedEvent, ids: DimensionIds, cost: StoredCost): Param[] {
  const { event, packed } = prepared;
  const { reported, tokens, response } = event;
  const expected = expectedReported(tokens, event.cacheInputMode, event.flags);
  const differing = (key: keyof typeof expected): number | null =>
    reported[key] === expected[key] ? null : reported[key];
  return [
    0,
    event.gatewayId,
    event.timestampMs,
    nanosBelowMs(event.timestamp),
    prepared.hash64,
    packed.requestId,
    ids.model,
    ids.provider,
    ids.profile,
    ids.credential,
    ids.clientKey,
    ids.userAgent,
    ids.address,
    event.failed ? 1 : 0,
    event.failStatusCode,
    event.flags,
    tokens.uncachedInput,
    tokens.cacheRead,
    tokens.cacheWrite5m,
    tokens.cacheWrite1h,
    tokens.output,
    tokens.reasoning,
    differing('input'),
    differing('output'),
    differing('reasoning'),
    differing('cached'),
    differing('cache'),
    differing('cacheRead'),
    differing('cacheCreation'),
    differing('total'),
    cost.costNano,
    cost.priceId,
    event.latencyMs,
    event.ttftMs,
    event.createdAtMs - event.timestampMs,
    response.quotaUsedPercent,
    response.quotaRecoverAtMs,
    ids.responseKind,
    packed.traceId,
    packed.response,
  ];
}
