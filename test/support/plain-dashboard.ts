import type { DashboardAnswer, Tone } from '../../src/lib/contract/api/dashboard.ts';
import { analyticsModel } from '../../src/lib/pricing/model-names.ts';
import type { StoredEvent } from '../../src/lib/store/stored-event.ts';

/** The figures of a day worked out from a list of events in the most simple way, to compare with. */

const HOUR_MS = 3_600_000;
const sum = <T>(list: readonly T[], of: (one: T) => number): number =>
  list.reduce((total, one) => total + of(one), 0);
const over = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
const failed = (list: readonly StoredEvent[]): number => list.filter(({ event }) => event.failed).length;
const input = ({ event: { tokens } }: StoredEvent): number =>
  tokens.uncachedInput + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;
const total = (one: StoredEvent): number => input(one) + one.event.tokens.output;
const cost = (list: readonly StoredEvent[]): number => sum(list, ({ costNano }) => costNano ?? 0) / 1e9;
const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function latency(list: readonly StoredEvent[]): number | null {
  const known = list.flatMap(({ event }) => event.latencyMs || []);
  return known.length === 0 ? null : sum(known, (ms) => ms) / known.length;
}

function grouped(
  list: readonly StoredEvent[],
  key: (one: StoredEvent) => string,
): Map<string, StoredEvent[]> {
  return Map.groupBy(list, key);
}

type Counted = Omit<DashboardAnswer, 'recent_failures' | 'channel_health' | 'failure_sources'> & {
  readonly failure_ids: readonly number[];
  readonly channels: ReadonlyArray<Record<string, unknown>>;
  readonly sources: ReadonlyArray<Record<string, unknown>>;
};

export function plainDashboard(
  events: readonly StoredEvent[],
  { startMs, nowMs, rows = 5 }: { startMs: number; nowMs: number; rows?: number },
): Counted {
  const within = (from: number, to: number): StoredEvent[] =>
    events.filter(({ event }) => event.timestampMs >= from && event.timestampMs < to);
  const today = within(startMs, nowMs);
  const rolling = within(nowMs - HOUR_MS / 2, nowMs);
  const yesterday = within(startMs - 24 * HOUR_MS, nowMs - 24 * HOUR_MS);
  const models = Array.from(
    grouped(today, ({ event }) => analyticsModel(event.requestedModel || event.model)),
    ([model, list]) => ({
      model,
      calls: list.length,
      tokens: sum(list, total),
      cost: cost(list),
      success_rate: over(list.length - failed(list), list.length),
    }),
  ).sort((a, b) => text(a.model, b.model));
  const dearest = Math.max(0, ...models.map((model) => model.cost));
  const hours = Array.from({ length: 24 }, (_, n) => {
    const bucket = startMs + n * HOUR_MS;
    return {
      bucket,
      list: today.filter(({ event }) => event.timestampMs >= bucket && event.timestampMs < bucket + HOUR_MS),
    };
  });
  const most = Math.max(...hours.map(({ list }) => list.length));
  const mostTokens = Math.max(...hours.map(({ list }) => sum(list, total)));
  const tens = Array.from({ length: 144 }, (_, n) => {
    const bucket = startMs + n * 600_000;
    return {
      bucket,
      list: today.filter(({ event }) => event.timestampMs >= bucket && event.timestampMs < bucket + 600_000),
    };
  });
  const mostInTen = Math.max(...tens.map(({ list }) => list.length));
  const inPoints = tens.flatMap(({ list }) => list);
  const parts = {
    input: sum(today, ({ event }) => event.tokens.uncachedInput),
    cached: sum(today, (one) => input(one) - one.event.tokens.uncachedInput),
    output: sum(today, ({ event }) => event.tokens.output - event.tokens.reasoning),
    reasoning: sum(today, ({ event }) => event.tokens.reasoning),
  };
  return {
    generated_at_ms: nowMs,
    window: { today_start_ms: startMs, now_ms: nowMs, rolling_30m_start_ms: nowMs - HOUR_MS / 2 },
    today: {
      total_calls: today.length,
      success_calls: today.length - failed(today),
      failure_calls: failed(today),
      success_rate: over(today.length - failed(today), today.length),
      input_tokens: sum(today, input),
      output_tokens: sum(today, ({ event }) => event.tokens.output),
      cached_tokens: 0,
      cache_read_tokens: sum(today, ({ event }) => event.tokens.cacheRead),
      cache_creation_tokens: sum(today, ({ event }) => event.tokens.cacheWrite5m + event.tokens.cacheWrite1h),
      reasoning_tokens: parts.reasoning,
      total_tokens: sum(today, total),
      total_cost: cost(today),
      average_latency_ms: latency(today),
      zero_token_calls: today.filter((one) => total(one) === 0 && !one.event.failed).length,
      unpriced_calls: today.filter(({ costNano }) => costNano === null).length,
    },
    yesterday: {
      total_calls: yesterday.length,
      failure_calls: failed(yesterday),
      total_tokens: sum(yesterday, total),
      total_cost: cost(yesterday),
    },
    rolling_30m: {
      rpm: rolling.length / 30,
      tpm: sum(rolling, total) / 30,
      total_calls: rolling.length,
      total_tokens: sum(rolling, total),
    },
    top_models_today: models.toSorted((a, b) => b.calls - a.calls).slice(0, rows),
    model_cost_rank: models
      .toSorted((a, b) => b.cost - a.cost || b.calls - a.calls)
      .slice(0, rows)
      .map((model) => ({ ...model, cost_share: over(model.cost, dearest) })),
    traffic_timeline: hours.map(({ bucket, list }) => ({
      bucket_ms: bucket,
      calls: list.length,
      tokens: sum(list, total),
      success: list.length - failed(list),
      failure: failed(list),
      calls_share: over(list.length, most),
      tokens_share: over(sum(list, total), mostTokens),
      failure_rate: over(failed(list), list.length),
    })),
    hourly_activity: hours.map(({ bucket, list }, index) => ({
      hour_index: index,
      bucket_ms: bucket,
      calls: list.length,
      tokens: sum(list, total),
      intensity: Math.max(over(list.length, most), over(sum(list, total), mostTokens)),
    })),
    today_request_health_timeline: {
      from_ms: startMs,
      to_ms: startMs + 24 * HOUR_MS,
      bucket_ms: 600_000,
      success_calls: inPoints.length - failed(inPoints),
      failure_calls: failed(inPoints),
      total_calls: inPoints.length,
      success_rate: over(inPoints.length - failed(inPoints), inPoints.length),
      points: tens.map(({ bucket, list }) => {
        const rate = over(failed(list), list.length);
        return {
          bucket_ms: bucket,
          calls: list.length,
          tokens: sum(list, total),
          success: list.length - failed(list),
          failure: failed(list),
          success_rate: over(list.length - failed(list), list.length),
          failure_rate: rate,
          tone:
            bucket > nowMs
              ? 'future'
              : list.length === 0
                ? 'empty'
                : rate >= 0.1
                  ? 'bad'
                  : rate > 0
                    ? 'warn'
                    : 'good',
          intensity: over(list.length, mostInTen),
          future: bucket > nowMs,
        };
      }),
    },
    token_mix: (['input', 'cached', 'output', 'reasoning'] as const).map((key) => ({
      key,
      tokens: parts[key],
      share: over(
        parts[key],
        sum(Object.values(parts), (count) => count),
      ),
    })),
    failure_ids: today
      .filter(({ event }) => event.failed)
      .toSorted((a, b) => b.event.timestampMs - a.event.timestampMs || b.id - a.id)
      .slice(0, rows)
      .map(({ id }) => id),
    channels: channels(today),
    sources: sources(today),
  };
}

function channels(today: readonly StoredEvent[]): Array<Record<string, unknown>> {
  const severity = { good: 0, warn: 1, bad: 2 };
  return Array.from(
    grouped(today, ({ event }) => event.authIndex),
    ([index, list]) => {
      const rate = over(list.length - failed(list), list.length);
      const slow = latency(list) ?? 0;
      const bad = rate < 0.85 || failed(list) >= 5 || slow >= 30_000;
      const tone: Tone = bad ? 'bad' : rate < 0.95 || failed(list) > 0 || slow >= 15_000 ? 'warn' : 'good';
      return {
        auth_index: index || '-',
        calls: list.length,
        failures: failed(list),
        failure_rate: over(failed(list), list.length),
        success_rate: rate,
        tokens: sum(list, total),
        cost: cost(list),
        average_latency_ms: latency(list),
        tone,
      };
    },
  )
    .sort((a, b) => text(a.auth_index, b.auth_index))
    .sort((a, b) => severity[b.tone] - severity[a.tone] || b.failures - a.failures || b.calls - a.calls)
    .slice(0, 5);
}

function sources(today: readonly StoredEvent[]): Array<Record<string, unknown>> {
  return Array.from(
    grouped(today, ({ event }) => `${event.sourceHash} ${event.authIndex}`),
    ([, list]) => ({
      source_hash: list[0]?.event.sourceHash,
      auth_index: list[0]?.event.authIndex,
      calls: list.length,
      failures: failed(list),
      failure_rate: over(failed(list), list.length),
      last_seen_ms: Math.max(...list.map(({ event }) => event.timestampMs)),
      average_latency_ms: latency(list),
      tone: failed(list) >= 5 || over(failed(list), list.length) >= 0.5 ? 'bad' : 'warn',
    }),
  )
    .filter(({ failures }) => failures > 0)
    .sort((a, b) => b.failures - a.failures || b.last_seen_ms - a.last_seen_ms)
    .slice(0, 5);
}
