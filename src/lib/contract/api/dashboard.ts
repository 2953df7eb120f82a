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
