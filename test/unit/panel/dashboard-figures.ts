import type { DashboardAnswer, StatusAnswer } from '../../../src/lib/contract/api.ts';
import type { HealthReason } from '../../../src/lib/contract/health.ts';
import type { Gap, Hour, Point } from '../../../panel/src/pages/dashboard/day.ts';

/** Answers for the tests of the dashboard, with nothing in them but what a test is about. */

const HOUR_MS = 3_600_000;
type Calls = readonly [calls: number, failures: number];

export const gapAt = (fromMs: number, toMs: number | null, cause = 'downtime'): Gap => ({
  id: 1,
  fromMs,
  toMs,
  cause,
  estimate: null,
  detail: '',
});

export const hoursFrom = (startMs: number, hours: readonly Calls[]): readonly Hour[] =>
  hours.map(([calls, failure], index) => ({
    bucket_ms: startMs + index * HOUR_MS,
    calls,
    tokens: 100 * calls,
    success: calls - failure,
    failure,
    calls_share: 0,
    tokens_share: 0,
    failure_rate: calls > 0 ? failure / calls : 0,
  }));

export const pointsFrom = (startMs: number, points: readonly Calls[]): readonly Point[] =>
  points.map(([calls, failure], index) => ({
    bucket_ms: startMs + index * 600_000,
    calls,
    tokens: 0,
    success: calls - failure,
    failure,
    success_rate: 0,
    failure_rate: 0,
    tone: 'good',
    intensity: 0,
    future: false,
  }));

export interface Summed {
  readonly startMs: number;
  readonly nowMs: number;
  readonly calls: number;
  readonly failures?: number;
  readonly cost?: number;
  readonly costYesterday?: number;
  readonly lastHalfHour?: number;
  /** From midnight on. */
  readonly points?: readonly Calls[];
}

export function summaryOf(summed: Summed): DashboardAnswer {
  const { startMs, nowMs, calls, failures = 0, cost = 0, costYesterday = 0 } = summed;
  const sums = {
    input_tokens: 0,
    output_tokens: 0,
    cached_tokens: 0,
    cache_read_tokens: 0,
    cache_creation_tokens: 0,
    reasoning_tokens: 0,
    total_tokens: 0,
  };
  return {
    generated_at_ms: nowMs,
    window: { today_start_ms: startMs, now_ms: nowMs, rolling_30m_start_ms: nowMs - 1_800_000 },
    today: {
      ...sums,
      total_calls: calls,
      success_calls: calls - failures,
      failure_calls: failures,
      success_rate: calls > 0 ? (calls - failures) / calls : 0,
      total_cost: cost,
      average_latency_ms: null,
      zero_token_calls: 0,
      unpriced_calls: 0,
    },
    yesterday: { total_calls: 0, failure_calls: 0, total_tokens: 0, total_cost: costYesterday },
    rolling_30m: { rpm: 0, tpm: 0, total_calls: summed.lastHalfHour ?? calls, total_tokens: 0 },
    top_models_today: [],
    model_cost_rank: [],
    traffic_timeline: [],
    hourly_activity: [],
    today_request_health_timeline: {
      from_ms: startMs,
      to_ms: startMs + 24 * HOUR_MS,
      bucket_ms: 600_000,
      success_calls: calls - failures,
      failure_calls: failures,
      total_calls: calls,
      success_rate: 0,
      points: pointsFrom(startMs, summed.points ?? []),
    },
    token_mix: [],
    channel_health: [],
    failure_sources: [],
    recent_failures: [],
  };
}

export const reasonOf = (code: HealthReason['code'], level: HealthReason['level']): HealthReason => ({
  code,
  level,
  since: 0,
  message: code,
  fix: '',
  facts: {},
});

/** All is well, but for what is given. */
export function statusOf(given: Partial<StatusAnswer> = {}): StatusAnswer {
  const reasons = given.health?.reasons ?? [];
  const state = reasons.some(({ level }) => level === 'down')
    ? 'down'
    : reasons.some(({ level }) => level === 'degraded')
      ? 'degraded'
      : 'ok';
  return {
    version: '1',
    configured: true,
    eventCount: 1,
    deadLetters: 0,
    lastConsumedAt: null,
    lastInsertedAt: null,
    collector: {
      collector: 'running',
      upstream: 'http://cli-proxy-api:8317',
      mode: 'auto',
      transport: 'subscribe',
      totalInserted: 0,
      totalSkipped: 0,
      lastError: '',
    },
    gaps: [],
    spool: { records: 0, bytes: 0, state: 'open' },
    cpa: { version: '7.2.140', usageStatisticsEnabled: true, retentionSeconds: 60 },
    database: { totalBytes: 0 },
    takeover: null,
    ...given,
    health: { state, reasons },
  };
}
