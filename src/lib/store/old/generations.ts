import type { OldProgram } from './schema.ts';

/**
 * Which release of the older managers first had a table, a column or a setting. Neither program numbers its schema:
 * `user_version` is 0 in all of their files, so the newest mark that is there tells the release.
 */

interface Generation {
  readonly program: OldProgram;
  /** The first release with this mark; a date where releases of that time had no tags. */
  readonly release: string;
  /** `table`, `table.column` or `settings:key`. */
  readonly mark: string;
}

const OLD: ReadonlyArray<readonly [release: string, mark: string]> = [
  ['1.1.0', 'usage_events'],
  ['1.1.4', 'model_prices'],
  ['1.2 (2026-05-11)', 'usage_events.account_snapshot'],
  ['1.2 (2026-05-13)', 'settings:manager_config_v1'],
  ['1.2 (2026-05-14)', 'api_key_aliases'],
];

const PLUS: ReadonlyArray<readonly [release: string, mark: string]> = [
  ['0.1.0-beta', 'settings:admin_credential_v1'],
  ['0.1.0-beta', 'codex_inspection_runs'],
  ['0.1.0-beta', 'usage_events.auth_project_id_snapshot'],
  ['0.5.0-beta', 'usage_events.reasoning_effort'],
  ['0.6.0-beta', 'usage_events.ttft_ms'],
  ['0.7.0-beta', 'codex_inspection_runs.reauth_count'],
  ['1.0.0', 'usage_events.executor_type'],
  ['1.4.0', 'quota_cooldowns'],
  ['1.7.0', 'codex_inspection_results.plan_type'],
  ['1.9.0', 'usage_events.response_metadata_json'],
  ['1.10.4', 'usage_rollup_checkpoints'],
  ['1.11.0', 'usage_events.cache_input_mode'],
  ['1.11.2', 'codex_inspection_disable_ownership'],
  ['1.11.5', 'quota_cooldowns.evidence_json'],
  ['1.11.7', 'usage_event_identity_ledger'],
  ['1.11.8', 'codex_inspection_leases'],
  ['1.11.10', 'model_price_context_tiers'],
  ['1.11.12', 'usage_monitoring_rollup_state'],
  ['1.12.0-beta1', 'account_quota_observations'],
  ['1.12.0-rc.1', 'usage_events.client_ip'],
  ['1.12.0-rc.2', 'usage_monitoring_event_projection_v1.requested_model'],
  ['1.12.0-rc.3', 'usage_event_identity_ledger.aggregate_structure_revision'],
  ['1.12.2', 'usage_derived_deferred_indexes'],
];

/** Oldest first. */
export const GENERATIONS: readonly Generation[] = [
  ...OLD.map(([release, mark]): Generation => ({ program: 'cpa-manager', release, mark })),
  ...PLUS.map(([release, mark]): Generation => ({ program: 'cpa-manager-plus', release, mark })),
];

/** A table of events is theirs when it has these: all releases do. */
export const EVENT_MARKS = ['event_hash', 'timestamp_ms', 'model', 'total_tokens', 'created_at_ms'] as const;

/** Every column that `usage_events` had up to CPA-Manager-Plus 1.12.2. */
export const EVENT_COLUMNS: ReadonlySet<string> = new Set(
  `id request_id event_hash timestamp_ms timestamp provider executor_type model endpoint method path client_ip
   x_forwarded_for user_agent auth_type auth_index source source_hash api_key_hash account_snapshot
   auth_label_snapshot auth_file_snapshot auth_provider_snapshot auth_project_id_snapshot auth_snapshot_at_ms
   requested_model resolved_model reasoning_effort service_tier request_service_tier response_service_tier
   cache_input_mode input_tokens output_tokens reasoning_tokens cached_tokens cache_tokens cache_read_tokens
   cache_creation_tokens normalized_uncached_input_tokens normalized_total_input_tokens
   normalized_cache_read_tokens normalized_cache_creation_tokens total_tokens latency_ms ttft_ms failed
   fail_status_code fail_summary response_metadata_json header_quota_recover_at_ms header_quota_used_percent
   header_quota_plan_type header_error_kind header_error_code header_trace_id fail_body raw_json
   created_at_ms`.split(/\s+/),
);

/** The formats that CPA-Manager-Plus 1.12.2 marks in its settings; it refuses any other value, and so do later ones. */
export const FORMAT_MARKS: ReadonlyMap<string, readonly string[]> = new Map([
  ['usage_monitoring_model_format_version', ['1']],
  ['usage_account_history_identity_format_version', ['1', '2', 'identity-2:model-1']],
  ['usage_dashboard_hourly_format_version', ['2', '3']],
]);
