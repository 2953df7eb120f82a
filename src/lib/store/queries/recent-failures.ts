import type { FailureRef } from '../../analytics/day-figures.ts';
import type { DashboardAnswer } from '../../contract/api/dashboard.ts';
import type { Db } from '../sqlite.ts';
import { STORED_EVENT_SELECT, storedEvent, type StoredEvent, type StoredEventRow } from '../stored-event.ts';
import { countedModel } from './dashboard-names.ts';
import type { Steps } from './index.ts';

type RecentFailure = DashboardAnswer['recent_failures'][number];

/** Whole events that one step reads. */
const STEP_ROWS = 100;

/** These failures as the documented lists show them, in the same order. */
export function* recentFailures(db: Db, failures: readonly FailureRef[]): Steps<RecentFailure[]> {
  const read = db.prepare<[number], StoredEventRow>(`${STORED_EVENT_SELECT} WHERE e.id = ?`);
  const rows: RecentFailure[] = [];
  for (const [index, { id }] of failures.entries()) {
    if (index % STEP_ROWS === STEP_ROWS - 1) yield;
    const row = read.get(id);
    if (row !== undefined) rows.push(recentFailure(storedEvent(row)));
  }
  return rows;
}

/** What is not known is left out. */
function recentFailure({ id, event }: StoredEvent): RecentFailure {
  const { response } = event;
  const optional = {
    source: event.source,
    account_snapshot: event.accountSnapshot,
    auth_label_snapshot: event.authLabelSnapshot,
    auth_provider_snapshot: event.authProviderSnapshot,
    auth_project_id_snapshot: event.authProjectIdSnapshot,
    fail_status_code: event.failStatusCode,
    fail_summary: event.failSummary,
    response_metadata: event.responseMetadata,
    header_quota_recover_at_ms: response.quotaRecoverAtMs,
    header_quota_used_percent: response.quotaUsedPercent,
    header_quota_plan_type: response.quotaPlanType,
    header_error_kind: response.errorKind,
    header_error_code: response.errorCode,
    header_trace_id: response.traceId,
  };
  const known = Object.entries(optional).filter(([, value]) => value !== null && value !== '');
  return {
    id,
    timestamp_ms: event.timestampMs,
    model: countedModel({ name: event.model, requested: event.requestedModel }),
    api_key_hash: event.apiKeyHash,
    source_hash: event.sourceHash,
    auth_index: event.authIndex,
    endpoint: event.endpoint,
    duration_ms: event.latencyMs,
    ...Object.fromEntries(known),
  };
}
