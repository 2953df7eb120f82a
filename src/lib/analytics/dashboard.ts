import type { DashboardAnswer, Tone } from '../contract/api/dashboard.ts';
import { channelFigures, channelHealth, failureSources, type ChannelIdentity } from './channels.ts';
import { POINT_MS, POINTS, type DayFigures, type DaySums } from './day-figures.ts';
import { averageLatency, byText, ratio, usd } from './figures.ts';

const HOURS = 24;
const POINTS_AN_HOUR = POINTS / HOURS;
const DAY_MS = 86_400_000;
const ROLLING_MINUTES = 30;
export const ROLLING_MS = ROLLING_MINUTES * 60_000;

/** Sums of a span without dimensions. */
export interface SpanSums {
  readonly calls: number;
  readonly failed: number;
  readonly tokens: number;
  readonly costNano: number;
}

export interface DashboardInput {
  readonly generatedAtMs: number;
  readonly nowMs: number;
  /** Rows of the lists of models. */
  readonly topModels: number;
  readonly figures: DayFigures;
  readonly yesterday: SpanSums;
  /** `[now - 30 min, now)`. */
  readonly rolling: SpanSums;
  /** The name people mean by the model with this id. */
  readonly modelName: (id: number) => string;
  readonly identity: (credentialId: number | null, providerId: number | null) => ChannelIdentity;
  readonly recentFailures: DashboardAnswer['recent_failures'];
}

/** The figures of a day as the documented route has them. */
export function dashboard(input: DashboardInput): DashboardAnswer {
  const { figures, nowMs, yesterday, rolling } = input;
  const models = modelFigures(input);
  const points = healthPoints(figures, nowMs);
  const hours = hourlyTraffic(figures);
  const channels = channelFigures(figures, input.identity);
  const health = { calls: 0, failures: 0 };
  for (const { calls, failure } of points) {
    health.calls += calls;
    health.failures += failure;
  }
  return {
    generated_at_ms: input.generatedAtMs,
    window: {
      today_start_ms: figures.startMs,
      now_ms: nowMs,
      rolling_30m_start_ms: nowMs - ROLLING_MS,
    },
    today: today(figures.sums),
    yesterday: {
      total_calls: yesterday.calls,
      failure_calls: yesterday.failed,
      total_tokens: yesterday.tokens,
      total_cost: usd(yesterday.costNano),
    },
    rolling_30m: {
      rpm: rolling.calls / ROLLING_MINUTES,
      tpm: rolling.tokens / ROLLING_MINUTES,
      total_calls: rolling.calls,
      total_tokens: rolling.tokens,
    },
    top_models_today: models
      .toSorted((a, b) => b.calls - a.calls || byText(a.model, b.model))
      .slice(0, input.topModels),
    model_cost_rank: costRank(models, input.topModels),
    traffic_timeline: hours,
    hourly_activity: hours.map((hour, index) => ({
      hour_index: index,
      bucket_ms: hour.bucket_ms,
      calls: hour.calls,
      tokens: hour.tokens,
      intensity: Math.max(hour.calls_share, hour.tokens_share),
    })),
    today_request_health_timeline: {
      from_ms: figures.startMs,
      to_ms: figures.startMs + DAY_MS,
      bucket_ms: POINT_MS,
      success_calls: health.calls - health.failures,
      failure_calls: health.failures,
      total_calls: health.calls,
      success_rate: ratio(health.calls - health.failures, health.calls),
      points,
    },
    token_mix: tokenMix(figures.sums),
    channel_health: channelHealth(channels),
    failure_sources: failureSources(channels),
    recent_failures: input.recentFailures,
  };
}

function today(sums: DaySums): DashboardAnswer['today'] {
  return {
    total_calls: sums.calls,
    success_calls: sums.calls - sums.failures,
    failure_calls: sums.failures,
    success_rate: ratio(sums.calls - sums.failures, sums.calls),
    input_tokens: sums.uncachedInput + sums.cacheRead + sums.cacheWrite,
    output_tokens: sums.output,
    // Every cached token is stored as a read or a write, so no other part is left over.
    cached_tokens: 0,
    cache_read_tokens: sums.cacheRead,
    cache_creation_tokens: sums.cacheWrite,
    reasoning_tokens: sums.reasoning,
    total_tokens: sums.tokens,
    total_cost: usd(sums.costNano),
    average_latency_ms: averageLatency(sums),
    zero_token_calls: sums.zeroTokens,
    unpriced_calls: sums.unpriced,
  };
}

type ModelFigures = DashboardAnswer['top_models_today'][number];

/** By the name that people mean: several models can have one. */
function modelFigures({ figures, modelName }: DashboardInput): ModelFigures[] {
  const byName = new Map<string, { calls: number; failures: number; tokens: number; costNano: number }>();
  for (const [id, { calls, failures, tokens, costNano }] of figures.models) {
    const name = modelName(id);
    const sums = byName.get(name) ?? { calls: 0, failures: 0, tokens: 0, costNano: 0 };
    byName.set(name, sums);
    sums.calls += calls;
    sums.failures += failures;
    sums.tokens += tokens;
    sums.costNano += costNano;
  }
  return Array.from(byName, ([model, { calls, failures, tokens, costNano }]) => ({
    model,
    calls,
    tokens,
    cost: usd(costNano),
    success_rate: ratio(calls - failures, calls),
  }));
}

function costRank(models: readonly ModelFigures[], limit: number): DashboardAnswer['model_cost_rank'] {
  const ranked = models.toSorted((a, b) => b.cost - a.cost || b.calls - a.calls || byText(a.model, b.model));
  const highest = ranked[0]?.cost ?? 0;
  return ranked.slice(0, limit).map((model) => ({ ...model, cost_share: ratio(model.cost, highest) }));
}

function healthPoints(
  figures: DayFigures,
  nowMs: number,
): DashboardAnswer['today_request_health_timeline']['points'] {
  const most = Math.max(...figures.pointCalls);
  return Array.from({ length: POINTS }, (_, index) => {
    const bucketMs = figures.startMs + index * POINT_MS;
    const calls = figures.pointCalls[index] ?? 0;
    const failure = figures.pointFailures[index] ?? 0;
    const failureRate = ratio(failure, calls);
    const future = bucketMs > nowMs;
    return {
      bucket_ms: bucketMs,
      calls,
      tokens: figures.pointTokens[index] ?? 0,
      success: calls - failure,
      failure,
      success_rate: ratio(calls - failure, calls),
      failure_rate: failureRate,
      tone: future ? 'future' : calls === 0 ? 'empty' : pointTone(failureRate),
      intensity: ratio(calls, most),
      future,
    };
  });
}

function pointTone(failureRate: number): Tone {
  if (failureRate >= 0.1) return 'bad';
  return failureRate > 0 ? 'warn' : 'good';
}

function hourlyTraffic(figures: DayFigures): DashboardAnswer['traffic_timeline'] {
  const hours = Array.from({ length: HOURS }, (_, hour) => {
    const sum = (of: Float64Array): number =>
      of.subarray(hour * POINTS_AN_HOUR, (hour + 1) * POINTS_AN_HOUR).reduce((a, b) => a + b, 0);
    return {
      calls: sum(figures.pointCalls),
      tokens: sum(figures.pointTokens),
      failure: sum(figures.pointFailures),
    };
  });
  const mostCalls = Math.max(...hours.map(({ calls }) => calls));
  const mostTokens = Math.max(...hours.map(({ tokens }) => tokens));
  return hours.map(({ calls, tokens, failure }, hour) => ({
    bucket_ms: figures.startMs + hour * POINTS_AN_HOUR * POINT_MS,
    calls,
    tokens,
    success: calls - failure,
    failure,
    calls_share: ratio(calls, mostCalls),
    tokens_share: ratio(tokens, mostTokens),
    failure_rate: ratio(failure, calls),
  }));
}

/** Splits the tokens so that the parts add up: output holds reasoning, and each token counts once. */
function tokenMix(sums: DaySums): DashboardAnswer['token_mix'] {
  const cached = sums.cacheRead + sums.cacheWrite;
  const parts = { input: sums.uncachedInput, cached, output: sums.output, reasoning: sums.reasoning };
  let over = parts.input + parts.cached + parts.output + parts.reasoning - sums.tokens;
  for (const key of ['output', 'input'] as const) {
    const less = Math.min(parts[key], Math.max(0, over));
    parts[key] -= less;
    over -= less;
  }
  const whole = parts.input + parts.cached + parts.output + parts.reasoning;
  return (['input', 'cached', 'output', 'reasoning'] as const).map((key) => ({
    key,
    tokens: parts[key],
    share: ratio(parts[key], whole),
  }));
}
