import type { StatusAnswer } from '../../../../src/lib/contract/api.ts';
import type { HealthReason } from '../../../../src/lib/contract/health.ts';

/** What has to hold, one after the other, before a request can appear. */
export const CHECKS = ['connected', 'publishing', 'retention', 'collector', 'alone', 'request'] as const;
export type CheckName = (typeof CHECKS)[number];

export interface Check {
  readonly name: CheckName;
  /** `waiting`: comes to its turn once those before it hold, or right now for the last one. */
  readonly state: 'done' | 'failed' | 'waiting';
  /** Why it does not hold, where the daemon says so. */
  readonly reason: HealthReason | null;
}

/** Which check a reason speaks of; reasons that are not here are about the connection. */
const ABOUT: Partial<Record<HealthReason['code'], CheckName | null>> = {
  publishing_off: 'publishing',
  retention_short: null,
  poll_exceeds_retention: 'retention',
  monitoring_off: 'collector',
  second_consumer: 'alone',
  not_storing: 'collector',
  database_locked: 'collector',
  disk_full: 'collector',
  spool_full: 'collector',
  spool_failed: 'collector',
  locked_data_key: 'collector',
  older_than_recommended: null,
  overflow: null,
  data_in_container_layer: null,
  weak_admin_key: null,
  setting_replaced: null,
  old_program_running: 'collector',
  takeover_space: 'collector',
  taking_over: null,
  takeover_failed: null,
  no_history: null,
};

/** The way of a first request, with a tick where it is clear and the reason where it is blocked. */
export function checksOf(status: StatusAnswer | null): readonly Check[] {
  const reasons = status?.health.reasons ?? [];
  const against = (name: CheckName): HealthReason | null =>
    reasons.find(({ code }) => (code in ABOUT ? ABOUT[code] === name : name === 'connected')) ?? null;
  const { cpa = null, collector } = status ?? {};
  const holds: Readonly<Record<CheckName, boolean>> = {
    connected: cpa !== null,
    publishing: cpa?.usageStatisticsEnabled === true,
    retention: (cpa?.retentionSeconds ?? 0) > 0,
    collector: collector?.collector === 'running',
    alone: collector?.collector === 'running',
    request: (status?.eventCount ?? 0) > 0,
  };
  let blocked = false;
  return CHECKS.map((name) => {
    const reason = against(name);
    const state = reason ? 'failed' : blocked ? 'waiting' : holds[name] ? 'done' : 'waiting';
    blocked ||= state !== 'done';
    return { name, state, reason };
  });
}
