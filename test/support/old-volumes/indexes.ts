import { has, type Generation } from './generations.ts';

/** `name`, table, key and condition; the generation is that of the table unless one is given. */
type Index = readonly [name: string, table: string, key: string, more?: { unique?: true; where?: string }];

const trimmed = (column: string): string => `coalesce(trim(${column}), '')`;
const family = `coalesce(lower(replace(trim(provider), '_', '-')), '')`;
const provider = `case ${family} when 'x-ai' then 'xai' when 'grok' then 'xai' else ${family} end`;
const hasIndex = `${trimmed('auth_index')} <> ''`;
const unlessIndex = (value: string): string => `case when ${hasIndex} then '' else ${value} end`;

/** Those that CPA-Manager had from its first release. */
const FIRST: readonly Index[] = [
  ['usage_events_timestamp', 'usage_events', 'timestamp_ms'],
  ['usage_events_request_id', 'usage_events', 'request_id'],
  ['usage_events_model', 'usage_events', 'model'],
  ['usage_events_auth_index', 'usage_events', 'auth_index'],
  ['usage_events_endpoint', 'usage_events', 'endpoint'],
];

/** Those of CPA-Manager-Plus 1.12.2 besides. Which of them an earlier release had is not recorded. */
const LATER: readonly Index[] = [
  ['usage_events_header_quota_recover', 'usage_events', 'header_quota_recover_at_ms'],
  ['usage_events_header_error_kind', 'usage_events', 'header_error_kind'],
  ['usage_events_header_trace_id', 'usage_events', 'header_trace_id'],
  [
    'usage_events_latest_request_auth_file',
    'usage_events',
    'auth_file_snapshot collate nocase, auth_index collate nocase, timestamp_ms desc, id desc',
  ],
  [
    'usage_events_latest_request_source',
    'usage_events',
    'source collate nocase, auth_index collate nocase, timestamp_ms desc, id desc',
  ],
  [
    'account_action_candidates_pending_identity_action',
    'account_action_candidates',
    `auth_file_name, action_type, ${trimmed('reason_code')}, ${trimmed('auth_index')},
      ${unlessIndex(trimmed('account_id_snapshot'))}, ${unlessIndex(provider)},
      case when ${hasIndex} or ${trimmed('account_id_snapshot')} <> '' then ''
        else ${trimmed('account_snapshot')} end`,
    { unique: true, where: `status = 'pending'` },
  ],
  ['account_action_candidates_status_seen', 'account_action_candidates', 'status, last_seen_at_ms'],
  ['codex_inspection_runs_started_at', 'codex_inspection_runs', 'started_at_ms'],
  ['codex_inspection_runs_status', 'codex_inspection_runs', 'status'],
  ['codex_inspection_runs_trigger', 'codex_inspection_runs', 'trigger_type, trigger_key'],
  ['codex_inspection_leases_expiry', 'codex_inspection_leases', 'lease_expires_at_ms'],
  ['codex_inspection_results_run', 'codex_inspection_results', 'run_id'],
  ['codex_inspection_logs_run', 'codex_inspection_logs', 'run_id, created_at_ms'],
  ['quota_cooldowns_due', 'quota_cooldowns', 'status, recover_at_ms'],
  [
    'quota_cooldowns_active_identity',
    'quota_cooldowns',
    `auth_file_name, owner, ${trimmed('auth_index')}, ${unlessIndex(provider)},
      ${unlessIndex(trimmed('account_snapshot'))}`,
    { unique: true, where: `status = 'active'` },
  ],
  [
    'quota_observations_account_time',
    'account_quota_observations',
    'account_key, provider, observed_at_ms desc',
  ],
  [
    'quota_observations_inventory',
    'account_quota_observations',
    'account_key, provider, inventory_scope_key, observed_at_ms desc',
  ],
  [
    'quota_observations_lifecycle_watermark',
    'account_quota_observations',
    'account_key, provider, inventory_scope_key, lifecycle_applied, observed_at_ms desc',
  ],
  [
    'quota_windows_account_state',
    'account_quota_windows',
    'account_key, provider, availability, updated_at_ms desc',
  ],
  [
    'quota_windows_inventory',
    'account_quota_windows',
    'account_key, provider, inventory_scope_key, availability',
  ],
  [
    'quota_activations_active',
    'account_quota_window_activations',
    'window_id',
    { unique: true, where: 'deactivated_at_ms is null' },
  ],
  [
    'quota_cycles_active',
    'account_quota_cycles',
    'activation_id',
    { unique: true, where: 'actual_end_ms is null' },
  ],
  ['quota_cycles_history', 'account_quota_cycles', 'activation_id, actual_start_ms desc'],
  [
    'quota_snapshots_latest',
    'account_quota_snapshots',
    'account_key, provider, provider_window_id, model_scope_kind, model_scope_key, observed_at_ms desc',
  ],
  ['quota_snapshots_observation', 'account_quota_snapshots', 'observation_id'],
  [
    'quota_snapshots_window_cycle',
    'account_quota_snapshots',
    'logical_window_id, cycle_id, observed_at_ms desc',
  ],
  ['quota_snapshots_cycle_evidence', 'account_quota_snapshots', 'cycle_id, observed_at_ms, id'],
  [
    'quota_snapshots_legacy_migration',
    'account_quota_snapshots',
    `account_key, provider, observed_at_ms, case lower(trim(source)) when 'response_body' then 1
      when 'api_query' then 2 when 'inspection' then 3 else 0 end, coalesce(source_observation_id, ''), id`,
    { where: 'observation_id is null' },
  ],
  ['usage_account_model_rollups_last_seen', 'usage_account_model_rollups', 'last_seen_ms'],
  ['usage_account_model_rollups_auth_index', 'usage_account_model_rollups', 'auth_index'],
  ['usage_pricing_hourly_bucket', 'usage_pricing_hourly_rollups_v1', 'structure_revision, bucket_ms'],
  ['usage_pricing_account_key', 'usage_pricing_account_rollups_v1', 'structure_revision, account_key'],
  [
    'usage_monitoring_account_daily_bucket',
    'usage_monitoring_account_daily_rollups_v1',
    'structure_revision, bucket_ms',
  ],
  [
    'usage_monitoring_account_daily_credential_window',
    'usage_monitoring_account_daily_rollups_v1',
    'structure_revision, trim(auth_file_snapshot), trim(auth_index), bucket_ms',
  ],
  [
    'usage_monitoring_account_daily_legacy_window',
    'usage_monitoring_account_daily_rollups_v1',
    'structure_revision, trim(source), trim(auth_index), bucket_ms',
  ],
  [
    'usage_monitoring_api_key_daily_bucket',
    'usage_monitoring_api_key_daily_rollups_v1',
    'structure_revision, bucket_ms',
  ],
  ['usage_monitoring_selector_daily_bucket', 'usage_monitoring_selector_daily_rollups_v1', 'bucket_ms'],
  [
    'usage_monitoring_selector_revision_bucket',
    'usage_monitoring_selector_daily_rollups_v1',
    'model_format_revision, bucket_ms',
  ],
  [
    'usage_monitoring_event_projection_timestamp',
    'usage_monitoring_event_projection_v1',
    'timestamp_ms desc, event_id desc',
  ],
  [
    'usage_monitoring_event_projection_account_window',
    'usage_monitoring_event_projection_v1',
    'account_key, timestamp_ms, event_id',
  ],
  [
    'usage_monitoring_event_projection_model_timestamp',
    'usage_monitoring_event_projection_v1',
    'analytics_model, timestamp_ms desc, event_id desc',
  ],
  [
    'usage_monitoring_header_latest_timestamp',
    'usage_monitoring_header_latest_v1',
    'timestamp_ms desc, event_id desc',
  ],
  ['usage_event_identity_ledger_raw_event_id', 'usage_event_identity_ledger', 'raw_event_id'],
  ['usage_event_identity_ledger_bucket', 'usage_event_identity_ledger', 'bucket_ms'],
];

function create([name, table, key, more = {}]: Index): string {
  const where = more.where === undefined ? '' : ` where ${more.where}`;
  return `create ${more.unique ? 'unique ' : ''}index if not exists idx_${name} on ${table} (${key})${where}`;
}

/** The five that are certain in every release; in the last one all. */
export function createIndexes(generation: Generation): readonly string[] {
  const known = has(generation, '+1.12.2') ? [...FIRST, ...LATER] : FIRST;
  return known.map(create);
}
