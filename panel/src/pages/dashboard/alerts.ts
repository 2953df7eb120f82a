import type { DashboardAnswer, StatusAnswer } from '../../../../src/lib/contract/api.ts';
import type { HealthReason } from '../../../../src/lib/contract/health.ts';
import { isAboutTakeover } from '../../lib/takeover.ts';
import { recentGaps, type Gap } from './day.ts';

export type Alert =
  | { readonly kind: 'reason'; readonly reason: HealthReason }
  | { readonly kind: 'gap'; readonly gap: Gap }
  /** Today has cost this many times what yesterday had by this time. */
  | { readonly kind: 'cost'; readonly times: number };

/** A jump of cost is told from this factor and this many dollars more on. */
const JUMP = 2;
const JUMP_USD = 1;

/** What somebody should look at, the gravest first. Notices are not among it: they change nothing today. */
export function alertsOf(
  summary: DashboardAnswer | null,
  status: StatusAnswer | null,
  nowMs: number,
): readonly Alert[] {
  // The frame tells how the takeover is, above every page.
  const reasons = (status?.health.reasons ?? []).filter((reason) => !isAboutTakeover(reason));
  const ofLevel = (level: HealthReason['level']): readonly Alert[] =>
    reasons.filter((one) => one.level === level).map((reason) => ({ kind: 'reason', reason }));
  const gaps = recentGaps(status?.gaps ?? [], nowMs);
  const shown = (some: readonly Gap[]): readonly Alert[] => some.map((gap) => ({ kind: 'gap', gap }));
  return [
    ...ofLevel('down'),
    ...ofLevel('degraded'),
    ...shown(gaps.filter(({ toMs }) => toMs === null)),
    ...costJump(summary),
    ...shown(gaps.filter(({ toMs }) => toMs !== null)),
  ];
}

function costJump(summary: DashboardAnswer | null): readonly Alert[] {
  if (!summary) return [];
  const { total_cost: now } = summary.today;
  const { total_cost: before } = summary.yesterday;
  if (before <= 0 || now < before * JUMP || now - before < JUMP_USD) return [];
  return [{ kind: 'cost', times: now / before }];
}

/** What is put right where the connection to the gateway is set, and not on some machine. */
const NOT_CONNECTION: ReadonlySet<HealthReason['code']> = new Set([
  'older_than_recommended',
  'overflow',
  'retention_short',
  'second_consumer',
  'not_storing',
  'database_locked',
  'disk_full',
  'spool_full',
  'spool_failed',
  'data_in_container_layer',
  'locked_data_key',
  'weak_admin_key',
  'setting_replaced',
  'old_program_running',
  'takeover_space',
  'taking_over',
  'takeover_failed',
  'no_history',
]);

export type Remedy = 'settings' | 'retry';

/** The buttons beside a reason. A refused key can be right again over there, so it may be tried once more from here. */
export function remediesOf(code: HealthReason['code']): readonly Remedy[] {
  if (NOT_CONNECTION.has(code)) return [];
  return code === 'key_refused' || code === 'banned' ? ['settings', 'retry'] : ['settings'];
}
