import type { Table } from './notation.ts';

/** What is a fact of its own. Everything else in a volume can be computed from these. */
export const USAGE_EVENTS: Table = {
  name: 'usage_events',
  since: '1.1.0',
  columns: `id:i#auto request_id:t event_hash:t!^ timestamp_ms:i! timestamp:t! provider:t executor_type:t@+1.0.0
    model:t! endpoint:t method:t path:t client_ip:t@+1.12.0-rc.1 x_forwarded_for:t@+1.12.0-rc.1
    user_agent:t@+1.12.0-rc.1 auth_type:t auth_index:t source:t source_hash:t api_key_hash:t
    account_snapshot:t@2026-05-11 auth_label_snapshot:t@2026-05-11 auth_file_snapshot:t@2026-05-11
    auth_provider_snapshot:t@2026-05-11 auth_project_id_snapshot:t@+0.1.0-beta auth_snapshot_at_ms:i@2026-05-11
    requested_model:t@+0.1.0-beta resolved_model:t@+0.1.0-beta reasoning_effort:t@+0.5.0-beta
    service_tier:t@+1.0.0 request_service_tier:t@+1.11.0 response_service_tier:t@+1.11.0
    cache_input_mode:t@+1.11.0 input_tokens:i!=0 output_tokens:i!=0 reasoning_tokens:i!=0 cached_tokens:i!=0
    cache_tokens:i!=0 cache_read_tokens:i!=0@+0.5.0-beta cache_creation_tokens:i!=0@+0.5.0-beta
    normalized_uncached_input_tokens:i@+1.11.0 normalized_total_input_tokens:i@+1.11.0
    normalized_cache_read_tokens:i@+1.11.0 normalized_cache_creation_tokens:i@+1.11.0 total_tokens:i!=0
    latency_ms:i ttft_ms:i@+0.6.0-beta failed:i!=0 fail_status_code:i@+0.5.0-beta fail_summary:t@+0.5.0-beta
    response_metadata_json:t@+1.9.0 header_quota_recover_at_ms:i@+1.9.0 header_quota_used_percent:r@+1.9.0
    header_quota_plan_type:t@+1.9.0 header_error_kind:t@+1.9.0 header_error_code:t@+1.9.0
    header_trace_id:t@+1.9.0 fail_body:t@+0.5.0-beta raw_json:t created_at_ms:i!`,
};

/** The order in which CPA-Manager-Plus adds missing columns to an older file. */
export const ADDED_TO_EVENTS = `account_snapshot auth_label_snapshot auth_file_snapshot auth_provider_snapshot
  auth_project_id_snapshot auth_snapshot_at_ms executor_type requested_model resolved_model client_ip x_forwarded_for
  user_agent reasoning_effort service_tier request_service_tier response_service_tier cache_input_mode
  cache_read_tokens cache_creation_tokens normalized_uncached_input_tokens normalized_total_input_tokens
  normalized_cache_read_tokens normalized_cache_creation_tokens ttft_ms fail_status_code fail_summary
  response_metadata_json header_quota_recover_at_ms header_quota_used_percent header_quota_plan_type
  header_error_kind header_error_code header_trace_id fail_body`.split(/\s+/);

const TIER_RATES = `prompt_per_1m:r!=0 completion_per_1m:r!=0 cache_per_1m:r!=0 cache_read_per_1m:r!=0
  cache_creation_per_1m:r!=0 prompt_configured:i!=0 completion_configured:i!=0 cache_configured:i!=0
  cache_read_configured:i!=0 cache_creation_configured:i!=0`;
const OF_A_PRICE = 'foreign key (model) references model_prices (model) on delete cascade';
const OF_A_RUN = 'foreign key (run_id) references codex_inspection_runs (id)';

const DEAD_LETTERS: Table = {
  name: 'dead_letter_events',
  since: '1.1.0',
  columns: 'id:i#auto payload:t! error:t! created_at_ms:i!',
};

const SETTINGS: Table = { name: 'settings', since: '1.1.0', columns: 'key:t# value:t! updated_at_ms:i!' };

const PRICES: readonly Table[] = [
  {
    name: 'model_prices',
    since: '1.1.4',
    columns: `model:t# prompt_per_1m:r! completion_per_1m:r! cache_per_1m:r! cache_read_per_1m:r!=0@+0.5.0-beta
      cache_creation_per_1m:r!=0@+0.5.0-beta prompt_configured:i!=0@+1.11.0 completion_configured:i!=0@+1.11.0
      cache_read_configured:i!=0@+1.11.0 cache_creation_configured:i!=0@+1.11.0 source:t source_model_id:t
      raw_json:t updated_at_ms:i! synced_at_ms:i`,
  },
  {
    name: 'model_price_context_tiers',
    since: '+1.11.10',
    columns: `model:t! threshold_tokens:i! ${TIER_RATES}`,
    rest: ['primary key (model, threshold_tokens)', OF_A_PRICE],
  },
  {
    name: 'model_price_service_tiers',
    since: '+1.11.10',
    columns: `model:t! mode:t! service_tier:t! ${TIER_RATES}`,
    rest: ['primary key (model, mode, service_tier)', OF_A_PRICE],
  },
];

const ALIASES: Table = {
  name: 'api_key_aliases',
  // 2026-05-14; the last code of CPA-Manager is the next generation listed.
  since: '2026-05-17',
  columns: 'api_key_hash:t# alias:t! updated_at_ms:i!',
};

const ACTIONS: readonly Table[] = [
  {
    name: 'account_action_candidates',
    since: '+1.4.0',
    columns: `id:i#auto action_type:t! status:t! provider:t auth_file_name:t! auth_index:t account_snapshot:t
      account_id_snapshot:t auth_label:t reason_code:t@+1.11.2 reason:t auto_disable_eligible:i!=0@+1.11.2
      auto_disabled_at_ms:i@+1.11.2 evidence_json:t last_error:t first_seen_at_ms:i! last_seen_at_ms:i!
      hit_count:i!=1 created_at_ms:i! updated_at_ms:i!`,
  },
  {
    name: 'quota_cooldowns',
    since: '+1.4.0',
    columns: `id:i#auto auth_file_name:t! auth_index:t account_snapshot:t provider:t reason_code:t@+1.11.2
      window_kind:t@+1.11.2 evidence_json:t@+1.11.5 recover_at_ms:i! owner:t! event_hash:t pre_disabled_state:i!=0
      status:t! disabled_at_ms:i! recovered_at_ms:i last_error:t created_at_ms:i! updated_at_ms:i!`,
  },
];

const INSPECTION: readonly Table[] = [
  {
    name: 'codex_inspection_runs',
    since: '+0.1.0-beta',
    columns: `id:i#auto trigger_type:t! trigger_key:t status:t! started_at_ms:i! finished_at_ms:i total_files:i!=0
      probe_set_count:i!=0 sampled_count:i!=0 disabled_count:i!=0 enabled_count:i!=0 delete_count:i!=0
      disable_count:i!=0 enable_count:i!=0 reauth_count:i!=0@+0.7.0-beta keep_count:i!=0 error:t settings_json:t!
      created_at_ms:i! updated_at_ms:i!`,
  },
  {
    name: 'codex_inspection_leases',
    since: '+1.11.8',
    columns: 'id:i# run_id:i owner_id:t! heartbeat_at_ms:i! lease_expires_at_ms:i!',
    rest: ['check (id = 1)', `${OF_A_RUN} on delete set null`],
  },
  {
    name: 'codex_inspection_results',
    since: '+0.1.0-beta',
    columns: `id:i#auto run_id:i! account_key:t! file_name:t! display_account:t! account_snapshot:t@+1.11.10
      auth_index:t account_id:t provider:t disabled:i!=0 status:t state:t action:t! action_reason:t
      action_status:t@+0.7.0-beta executed_action:t@+0.7.0-beta action_error:t@+0.7.0-beta status_code:i
      used_percent:r is_quota:i!=0 auto_recover_eligible:i!=0@+1.11.2 error:t plan_type:t@+1.7.0
      quota_windows_json:t@+1.7.0 error_kind:t@+1.7.0 error_detail:t@+1.7.0 created_at_ms:i!`,
    rest: [`${OF_A_RUN} on delete cascade`, 'unique (run_id, account_key)'],
  },
  {
    name: 'codex_inspection_logs',
    since: '+0.1.0-beta',
    columns: 'id:i#auto run_id:i! level:t! message:t! detail_json:t created_at_ms:i!',
    rest: [`${OF_A_RUN} on delete cascade`],
  },
];

/** The credentials that the inspection switched off. Its key was the file alone until 1.11.10. */
export const OWNERSHIP: Table = {
  name: 'codex_inspection_disable_ownership',
  since: '+1.11.10',
  columns: `file_name:t! provider:t!='' auth_index:t!='' account_id:t!='' account_snapshot:t!='' disabled_at_ms:i!
    updated_at_ms:i!`,
  rest: ['primary key (file_name, provider, auth_index, account_id, account_snapshot)'],
};

/** The columns of this older form are not recorded besides its key. */
export const OWNERSHIP_BY_FILE: Table = {
  name: 'codex_inspection_disable_ownership',
  since: '+1.11.2',
  columns: 'file_name:t# disabled_at_ms:i! updated_at_ms:i!',
};

const WINDOW = `account_key:t! provider:t! provider_window_id:t! window_kind:t! window_mode:t! model_scope_kind:t!
  model_scope_key:t model_ids_json:t`;
const observed = (column: string): string =>
  `foreign key (${column}) references account_quota_observations (id)`;

const QUOTA: readonly Table[] = [
  {
    name: 'account_quota_observations',
    since: '+1.12.0-beta1',
    columns: `id:i#auto observation_hash:t!^ account_key:t! provider:t! source:t! source_observation_id:t
      inventory_scope_key:t! inventory_mode:t! observed_at_ms:i! window_count:i!=0 lifecycle_applied:i!=1
      created_at_ms:i!`,
  },
  {
    name: 'account_quota_windows',
    since: '+1.12.0-beta1',
    columns: `id:i#auto ${WINDOW} scope_fingerprint:t! inventory_scope_key:t! relationship_kind:t
      container_provider_window_id:t availability:t! generation:i!=1 absence_count:i!=0 first_seen_at_ms:i!
      last_seen_at_ms:i! missing_since_ms:i deactivated_at_ms:i last_observation_id:i created_at_ms:i!
      updated_at_ms:i!`,
    rest: [
      'unique (account_key, provider, provider_window_id, scope_fingerprint)',
      observed('last_observation_id'),
    ],
  },
  {
    name: 'account_quota_window_activations',
    since: '+1.12.0-beta1',
    columns: `id:i#auto window_id:i! generation:i! status:t! activated_at_ms:i! deactivated_at_ms:i
      activation_accuracy:t! deactivation_reason:t activate_observation_id:i deactivate_observation_id:i
      created_at_ms:i! updated_at_ms:i!`,
    rest: [
      'unique (window_id, generation)',
      'foreign key (window_id) references account_quota_windows (id)',
      observed('activate_observation_id'),
      observed('deactivate_observation_id'),
    ],
  },
  {
    name: 'account_quota_cycles',
    since: '+1.12.0-beta1',
    columns: `id:i#auto activation_id:i! provider_cycle_key:t! state:t! scheduled_start_ms:i scheduled_end_ms:i
      actual_start_ms:i! actual_end_ms:i duration_seconds:i boundary_accuracy:t! end_reason:t
      first_observation_id:i last_observation_id:i parent_cycle_id:i created_at_ms:i! updated_at_ms:i!`,
    rest: [
      'unique (activation_id, provider_cycle_key)',
      'foreign key (activation_id) references account_quota_window_activations (id)',
      observed('first_observation_id'),
      observed('last_observation_id'),
      'foreign key (parent_cycle_id) references account_quota_cycles (id)',
    ],
  },
  {
    name: 'account_quota_snapshots',
    since: '+1.12.0-beta1',
    columns: `id:i#auto observation_id:i logical_window_id:i activation_id:i cycle_id:i ${WINDOW}
      scope_fingerprint:t!='' content_hash:t!='' source:t! source_observation_id:t observed_at_ms:i!
      boundary_accuracy:t! cycle_start_ms:i cycle_end_ms:i duration_seconds:i used_percent:r remaining_percent:r
      used_value:r limit_value:r quota_unit:t reset_credits_available:i reset_credits_json:t plan_type:t
      created_at_ms:i!`,
  },
];

const LEDGER: Table = {
  name: 'usage_event_identity_ledger',
  since: '+1.11.7',
  columns: `event_hash:t# raw_event_id:i timestamp_ms:i! bucket_ms:i! aggregate_schema_version:i!=0
    aggregate_structure_revision:t!=''@+1.12.0-rc.3 first_seen_at_ms:i! updated_at_ms:i!`,
};

export const SOURCE_TABLES: readonly Table[] = [
  USAGE_EVENTS,
  DEAD_LETTERS,
  SETTINGS,
  ...PRICES,
  ALIASES,
  ...ACTIONS,
  ...INSPECTION,
  OWNERSHIP,
  ...QUOTA,
  LEDGER,
];
