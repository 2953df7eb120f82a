import type { DashboardAnswer, StatusAnswer } from '../../../../src/lib/contract/api.ts';
import { lastHour, recentGaps, type Recent } from './day.ts';

/** How things are, the gravest first. */
export type Level = 'unreachable' | 'stopped' | 'attention' | 'minor' | 'quiet' | 'steady';

export interface VerdictInput {
  readonly summary: DashboardAnswer | null;
  readonly status: StatusAnswer | null;
  /** The daemon does not answer at all. */
  readonly offline: boolean;
  readonly nowMs: number;
}

/** Success rates below which it is trouble; what is below the second needs somebody. */
export const GOOD = 0.95;
export const FAIR = 0.85;
/** Fewer calls say nothing about a rate. */
const ENOUGH = 10;

/** One word for the whole: is it connected, do requests come, do they fail. Null: not known yet. */
export function verdictOf({ summary, status, offline, nowMs }: VerdictInput): Level | null {
  if (offline) return 'unreachable';
  if (!summary || !status) return null;
  const { health, gaps } = status;
  // Switched off on purpose is no fault, but nothing is collected all the same.
  if (health.state === 'down' || health.reasons.some(({ code }) => code === 'monitoring_off'))
    return 'stopped';
  const { today, rolling_30m } = summary;
  const spans: readonly Recent[] = [
    { calls: today.total_calls, failures: today.failure_calls },
    lastHour(summary.today_request_health_timeline.points, nowMs),
  ];
  const below = (limit: number): boolean =>
    spans.some(({ calls, failures }) => calls >= ENOUGH && 1 - failures / calls < limit);
  if (health.state === 'degraded' || below(FAIR)) return 'attention';
  if (below(GOOD) || recentGaps(gaps, nowMs).length > 0) return 'minor';
  return rolling_30m.total_calls === 0 ? 'quiet' : 'steady';
}
