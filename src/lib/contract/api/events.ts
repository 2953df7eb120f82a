/**
 * One model call as lists and the feed show it. Strings are `''` when unknown. The token counts are each counted once:
 * `input_tokens` = uncached + cache read + cache creation, `total_tokens` = input + output, output holds reasoning.
 */
export interface EventRow {
  readonly id: number;
  readonly timestamp_ms: number;
  readonly request_id: string;
  /** The name people know the model by. */
  readonly model: string;
  readonly requested_model: string;
  readonly resolved_model: string;
  readonly provider: string;
  readonly endpoint: string;
  readonly reasoning_effort: string;
  readonly service_tier: string;
  /** Masked, never a key. */
  readonly source: string;
  readonly auth_index: string;
  readonly auth_type: string;
  readonly account_snapshot: string;
  readonly auth_label_snapshot: string;
  readonly auth_file_snapshot: string;
  /** Hex SHA-256 of the client's key. */
  readonly api_key_hash: string;
  readonly input_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_creation_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly total_tokens: number;
  /** Null: no source had a price. */
  readonly cost_nano_usd: number | null;
  readonly latency_ms: number | null;
  /** Time to the first token. */
  readonly ttft_ms: number | null;
  readonly failed: boolean;
  readonly fail_status_code: number | null;
  /** Redacted, the first 300 characters. */
  readonly fail_summary: string;
  readonly error_kind: string;
  readonly error_code: string;
  /** Bits of `EventFlag`. */
  readonly flags: number;
}

/**
 * `GET /v0/management/events?limit=&before=&from_ms=&to_ms=&model=&provider=&account=&auth_index=&api_key_hash=&status=&search=`:
 * newest first. `from_ms` inclusive, `to_ms` exclusive; `status` is `success` or `failed`; `model`, `provider`,
 * `account`, `auth_index` and `api_key_hash` may be repeated (any of them). `search` is a case-folded part of a
 * dimension value or failure text, or the beginning (6 characters or more) of a request id, trace id, event or key hash.
 */
export interface EventsAnswer {
  readonly items: readonly EventRow[];
  /** Hand it in as `before` for the rows behind these; null: there are none. A page may be short before that. */
  readonly next: string | null;
  /** Epoch ms down to which was looked; a rare filter may need several pages to get anywhere. */
  readonly scanned_to_ms: number;
}

/** A part of an event's cost. The parts add up to the event's cost but for the one rounding at the end. */
export interface CostPart {
  readonly part: 'input' | 'cache_read' | 'cache_write_5m' | 'cache_write_1h' | 'output';
  readonly tokens: number;
  /** Rate that was used, pico-USD a token, as a decimal string since it may exceed 2^53; null: the price had none. */
  readonly rate_pico_usd: string | null;
  /** Shown parts add up to `cost_nano_usd`. */
  readonly cost_nano_usd: number;
}

/** The price that an event was priced with. */
export interface UsedPrice {
  readonly id: number;
  readonly source: 'manual' | 'synced' | 'embedded';
  /** The model name in the price book that matched. */
  readonly model: string;
  /** Where the source has it from, `''` for manual ones. */
  readonly origin: string;
  /** The context tier that applied: input above this many tokens; null: none. */
  readonly context_threshold: number | null;
  /** The service tier whose price or multiplier applied, `''`: the base price. */
  readonly service_tier: string;
}

/** `GET /v0/management/events/{id}`. */
export interface EventDetail extends Omit<EventRow, 'fail_summary'> {
  readonly gateway: string;
  readonly event_hash: string;
  /** RFC 3339 in UTC with all digits of its fraction. */
  readonly timestamp: string;
  readonly received_at_ms: number;
  readonly executor_type: string;
  readonly method: string;
  readonly path: string;
  readonly auth_provider_snapshot: string;
  readonly auth_project_id_snapshot: string;
  readonly request_service_tier: string;
  readonly response_service_tier: string;
  readonly uncached_input_tokens: number;
  readonly cache_write_5m_tokens: number;
  readonly cache_write_1h_tokens: number;
  readonly cost_parts: readonly CostPart[];
  readonly price: UsedPrice | null;
  readonly client_ip: string;
  readonly x_forwarded_for: string;
  readonly user_agent: string;
  readonly trace_id: string;
  readonly quota_used_percent: number | null;
  readonly quota_recover_at_ms: number | null;
  readonly quota_plan_type: string;
  /** Redacted, whole. */
  readonly fail_summary: string;
  /** Groups of sanitised response headers, such as `quota`, `trace`, `rate_limit`; null: the record had none. */
  readonly response_metadata: Readonly<Record<string, unknown>> | null;
}
