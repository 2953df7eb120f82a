/**
 * Bodies of our own HTTP answers, shared by the daemon that sends them and the panel that reads them. Times are epoch
 * milliseconds, token counts are integers, money is integer nano-USD unless a name says otherwise. Documented routes
 * that older clients know keep their own shapes; only what the panel reads of them is here.
 */
import type { Health, HealthReason } from './health.ts';

/** Body of every failed request. `code` and `error` are what older clients read; `hint` says what to do. */
export interface ErrorAnswer {
  readonly code: string;
  readonly error: string;
  readonly hint?: string;
}

/** `GET /usage-service/info`, open to everybody. */
export interface InfoAnswer {
  readonly service: string;
  readonly product?: string;
  readonly version?: string;
  readonly startedAt: number;
  readonly configured: boolean;
  readonly adminReady: boolean;
  readonly setupRequired: boolean;
  readonly dataKeyReady: boolean;
  readonly hasHistoricalData: boolean;
}

/**
 * `GET` and `POST /usage-service/session`. GET never answers 401 for want of a login; it says so. POST trades the admin
 * key (`Authorization: Bearer`, no body) for the cookie. DELETE ends the session: 204, also without one.
 */
export type SessionAnswer =
  | { readonly authenticated: false }
  | {
      readonly authenticated: true;
      readonly via: 'session' | 'bearer';
      /** Null for a Bearer key, which does not expire. */
      readonly expiresAtMs: number | null;
    };

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

/**
 * Messages of `GET /v0/management/events/stream` (server-sent events; the name is the SSE event name).
 * `id:` of an `events` message is its `last_id`; the browser sends it back as Last-Event-ID.
 */
export interface FeedMessages {
  /** New events. The first message of a fresh stream has a count of 0 and says where the stream begins. */
  readonly events: {
    readonly last_id: number;
    /** Events since the message before; may exceed the rows. */
    readonly count: number;
    /** The newest, newest first; at most 50, after a resume at most 500. */
    readonly rows: readonly EventRow[];
  };
  /** Something changed otherwise than by live events: read again what you show of it. */
  readonly changed: {
    readonly topics: ReadonlyArray<'events' | 'prices' | 'settings' | 'gaps' | 'dead_letters'>;
  };
  /** Sent at the beginning and on each change of health. */
  readonly status: Health;
  /** The events since Last-Event-ID are too many or unknown: read the list anew. */
  readonly reset: { readonly last_id: number };
}

/** `POST /usage-service/test-connection`. Nothing is saved and no record is taken. */
export interface TestConnectionRequest {
  readonly cpaBaseUrl: string;
  /** Absent, empty or eight stars: the saved one, while the URL is the saved one. */
  readonly managementKey?: string;
  readonly collectorMode?: 'auto' | 'subscribe' | 'http' | 'resp';
  readonly pollIntervalMs?: number;
  readonly tlsSkipVerify?: boolean;
}

export interface TestConnectionAnswer {
  /** The management API answered our key; findings may still say that records cannot be had as things are. */
  readonly ok: boolean;
  /** The URL as it would be saved. */
  readonly baseUrl: string;
  readonly gateway: {
    readonly version: string;
    readonly usageStatisticsEnabled: boolean;
    readonly retentionSeconds: number;
  } | null;
  /** The gravest first. */
  readonly findings: ReadonlyArray<Omit<HealthReason, 'since'>>;
}

/** The part of `GET /usage-service/status` that the panel reads. */
export interface StatusAnswer {
  readonly version: string;
  readonly configured: boolean;
  readonly eventCount: number;
  readonly deadLetters: number;
  /** Null: never. */
  readonly lastConsumedAt: number | null;
  readonly lastInsertedAt: number | null;
  readonly collector: {
    readonly collector: 'stopped' | 'starting' | 'running' | 'error';
    readonly upstream: string;
    readonly mode: string;
    readonly transport: '' | 'subscribe' | 'http' | 'resp';
    readonly totalInserted: number;
    readonly totalSkipped: number;
    readonly lastError: string;
  };
  readonly health: Health;
  readonly gaps: ReadonlyArray<{
    readonly id: number;
    readonly fromMs: number;
    readonly toMs: number | null;
    readonly cause: string;
    readonly estimate: number | null;
    readonly detail: string;
  }>;
  readonly spool: { readonly records: number; readonly bytes: number; readonly state: string } | null;
  readonly cpa: {
    readonly version: string;
    readonly usageStatisticsEnabled: boolean;
    readonly retentionSeconds: number;
  } | null;
  readonly database: { readonly totalBytes: number };
}

/** Token counts as the summaries of the documented routes have them. `cached_tokens` is what no other part holds. */
interface TokenSums {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_creation_tokens: number;
  readonly reasoning_tokens: number;
  readonly total_tokens: number;
}

export type Tone = 'good' | 'warn' | 'bad';

interface ModelFigures {
  readonly model: string;
  readonly calls: number;
  readonly tokens: number;
  /** USD. */
  readonly cost: number;
  readonly success_rate: number;
}

interface ChannelNames {
  readonly auth_index: string;
  readonly source?: string;
  readonly account_snapshot?: string;
  readonly auth_label_snapshot?: string;
  readonly auth_provider_snapshot?: string;
}

/** `GET /v0/management/dashboard/summary`. Rates and shares are fractions 0..1, costs here are USD. */
export interface DashboardAnswer {
  readonly generated_at_ms: number;
  readonly window: {
    readonly today_start_ms: number;
    readonly now_ms: number;
    readonly rolling_30m_start_ms: number;
  };
  readonly today: TokenSums & {
    readonly total_calls: number;
    readonly success_calls: number;
    readonly failure_calls: number;
    readonly success_rate: number;
    readonly total_cost: number;
    readonly average_latency_ms: number | null;
    readonly zero_token_calls: number;
    /** Ours: calls without a price, whose cost is missing in the sum. */
    readonly unpriced_calls: number;
  };
  /** Ours: the same span of yesterday, `[today_start - 24 h, now - 24 h)`, for comparison. */
  readonly yesterday: {
    readonly total_calls: number;
    readonly failure_calls: number;
    readonly total_tokens: number;
    readonly total_cost: number;
  };
  readonly rolling_30m: {
    readonly rpm: number;
    readonly tpm: number;
    readonly total_calls: number;
    readonly total_tokens: number;
  };
  readonly top_models_today: readonly ModelFigures[];
  readonly model_cost_rank: ReadonlyArray<ModelFigures & { readonly cost_share: number }>;
  readonly traffic_timeline: ReadonlyArray<{
    readonly bucket_ms: number;
    readonly calls: number;
    readonly tokens: number;
    readonly success: number;
    readonly failure: number;
    readonly calls_share: number;
    readonly tokens_share: number;
    readonly failure_rate: number;
  }>;
  readonly hourly_activity: ReadonlyArray<{
    readonly hour_index: number;
    readonly bucket_ms: number;
    readonly calls: number;
    readonly tokens: number;
    readonly intensity: number;
  }>;
  readonly today_request_health_timeline: {
    readonly from_ms: number;
    readonly to_ms: number;
    readonly bucket_ms: number;
    readonly success_calls: number;
    readonly failure_calls: number;
    readonly total_calls: number;
    readonly success_rate: number;
    readonly points: ReadonlyArray<{
      readonly bucket_ms: number;
      readonly calls: number;
      readonly tokens: number;
      readonly success: number;
      readonly failure: number;
      readonly success_rate: number;
      readonly failure_rate: number;
      readonly tone: Tone | 'empty' | 'future';
      readonly intensity: number;
      readonly future: boolean;
    }>;
  };
  readonly token_mix: ReadonlyArray<{
    readonly key: 'input' | 'cached' | 'output' | 'reasoning';
    readonly tokens: number;
    readonly share: number;
  }>;
  readonly channel_health: ReadonlyArray<
    ChannelNames & {
      readonly calls: number;
      readonly failures: number;
      readonly failure_rate: number;
      readonly success_rate: number;
      readonly tokens: number;
      readonly cost: number;
      readonly average_latency_ms: number | null;
      readonly tone: Tone;
    }
  >;
  readonly failure_sources: ReadonlyArray<
    ChannelNames & {
      readonly source_hash: string;
      readonly calls: number;
      readonly failures: number;
      readonly failure_rate: number;
      readonly last_seen_ms: number;
      readonly average_latency_ms: number | null;
      readonly tone: Tone;
    }
  >;
  /** Failed calls of today, newest first. `id` is ours, for a link. */
  readonly recent_failures: ReadonlyArray<
    ChannelNames & {
      readonly id: number;
      readonly timestamp_ms: number;
      readonly model: string;
      readonly fail_status_code?: number;
      readonly fail_summary?: string;
      readonly [other: string]: unknown;
    }
  >;
}
