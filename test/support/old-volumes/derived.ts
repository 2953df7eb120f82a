import type { Table } from './notation.ts';

const TOKENS = `input_tokens:i!=0 output_tokens:i!=0 reasoning_tokens:i!=0 cached_tokens:i!=0 cache_read_tokens:i!=0
  cache_creation_tokens:i!=0 long_input_tokens:i!=0@+1.11.0 long_output_tokens:i!=0@+1.11.0
  long_cached_tokens:i!=0@+1.11.0 long_cache_read_tokens:i!=0@+1.11.0 long_cache_creation_tokens:i!=0@+1.11.0
  total_tokens:i!=0`;
const LATENCY = 'latency_sum_ms:i!=0 latency_samples:i!=0';
const OUTCOMES = 'calls:i!=0 success_calls:i!=0 failure_calls:i!=0';
const SEEN = 'first_seen_ms:i! last_seen_ms:i! updated_at_ms:i!';
const WHOSE = `account_snapshot:t auth_label_snapshot:t auth_provider_snapshot:t auth_index:t source:t source_hash:t`;
const RUN = 'last_run_started_at_ms:i updated_at_ms:i!=0 finished_at_ms:i last_error:t';
const WATERMARKS = `status:t! backfill_last_event_id:i!=0 coverage_event_id:i!=0 target_event_id:i!=0
  processed_events:i!=0`;
const REVISION = "structure_revision:t!=''@+1.12.0-rc.3";
const BANDS = 'model:t! billing_model:t! pricing_model:t! service_tier:t! context_threshold_tokens:i!';

/** The dimensions of the daily sums, with the client key at either of two places. */
function dailyColumns(keyFirst: boolean): string {
  const key = 'api_key_hash:t!';
  return `structure_revision:t! bucket_ms:i! ${keyFirst ? key : ''} account_snapshot:t! auth_label_snapshot:t!
    provider:t! auth_provider_snapshot:t! auth_index:t! source:t! source_hash:t! auth_file_snapshot:t!
    ${keyFirst ? '' : key} executor_type:t! ${BANDS} failed:i! calls:i!=0 ${TOKENS} zero_token_calls:i!=0
    ${LATENCY} last_seen_ms:i! updated_at_ms:i!`;
}

function dailyKey(columns: string): string {
  const names = columns
    .trim()
    .split(/\s+/)
    .map((column) => column.replace(/:.*/, ''));
  return `primary key (${names.slice(0, names.indexOf('calls')).join(', ')})`;
}

const ROLLUPS: readonly Table[] = [
  {
    name: 'usage_rollup_checkpoints',
    since: '+1.10.4',
    columns: `name:t# last_event_id:i!=0 updated_at_ms:i! last_error:t last_run_started_at_ms:i
      last_run_finished_at_ms:i`,
  },
  {
    name: 'usage_account_model_rollups',
    since: '+1.10.4',
    columns: `account_key:t! ${WHOSE} model:t! billing_model:t! service_tier:t! ${OUTCOMES} ${TOKENS} ${SEEN}`,
    rest: ['primary key (account_key, model, billing_model, service_tier)'],
  },
  {
    name: 'usage_dashboard_hourly_rollups',
    since: '+1.11.0',
    columns: `bucket_ms:i! model:t! billing_model:t! service_tier:t! ${OUTCOMES} ${TOKENS} ${LATENCY}
      zero_token_calls:i!=0 updated_at_ms:i!`,
    rest: ['primary key (bucket_ms, model, billing_model, service_tier)'],
  },
  {
    name: 'usage_hourly_aggregate_v1',
    since: '+1.11.7',
    columns: `bucket_ms:i! model:t! billing_model:t! service_tier:t! failed:i! calls:i!=0 ${TOKENS} ${LATENCY}
      zero_token_calls:i!=0 updated_at_ms:i!`,
    rest: ['primary key (bucket_ms, model, billing_model, service_tier, failed)'],
  },
  {
    name: 'usage_hourly_aggregate_state',
    since: '+1.11.7',
    columns: `aggregate_name:t# schema_version:i! ${REVISION} ${WATERMARKS} min_bucket_ms:i max_bucket_ms:i ${RUN}`,
  },
  {
    name: 'usage_pricing_hourly_rollups_v1',
    since: '+1.11.10',
    columns: `structure_revision:t! bucket_ms:i! ${BANDS} failed:i! calls:i!=0 ${TOKENS} ${LATENCY}
      zero_token_calls:i!=0 updated_at_ms:i!`,
    rest: [
      `primary key (structure_revision, bucket_ms, model, billing_model, pricing_model, service_tier,
        context_threshold_tokens, failed)`,
    ],
  },
  {
    name: 'usage_pricing_account_rollups_v1',
    since: '+1.11.10',
    columns: `structure_revision:t! account_key:t! ${WHOSE} ${BANDS} ${OUTCOMES} ${TOKENS} ${SEEN}`,
    rest: [
      `primary key (structure_revision, account_key, model, billing_model, pricing_model, service_tier,
        context_threshold_tokens)`,
    ],
  },
  {
    name: 'usage_pricing_rollup_state',
    since: '+1.11.10',
    columns: `rollup_name:t# schema_version:i! structure_revision:t!='' ${WATERMARKS} min_bucket_ms:i
      max_bucket_ms:i ${RUN}`,
  },
  {
    name: 'usage_rollup_rebuild_state',
    since: '+1.12.0-rc.3',
    columns: 'name:t# target_event_id:i!=0 updated_at_ms:i!=0',
  },
];

const MONITORING: readonly Table[] = [
  {
    name: 'usage_monitoring_account_daily_rollups_v1',
    since: '+1.11.12',
    columns: dailyColumns(false),
    rest: [dailyKey(dailyColumns(false))],
  },
  {
    name: 'usage_monitoring_api_key_daily_rollups_v1',
    since: '+1.11.12',
    columns: dailyColumns(true),
    rest: [dailyKey(dailyColumns(true))],
  },
  {
    name: 'usage_monitoring_selector_daily_rollups_v1',
    since: '+1.11.12',
    columns: `model_format_revision:t!=''@+1.12.0-rc.2 bucket_ms:i! model:t! api_key_hash:t! provider:t!
      auth_file_snapshot:t! account_snapshot:t! auth_label_snapshot:t! auth_index:t! source:t! source_hash:t!
      updated_at_ms:i!`,
    rest: [
      `primary key (bucket_ms, model, api_key_hash, provider, auth_file_snapshot, account_snapshot,
        auth_label_snapshot, auth_index, source_hash)`,
    ],
  },
  {
    name: 'usage_monitoring_event_projection_v1',
    since: '+1.11.12',
    columns: `event_id:i# timestamp_ms:i! search_text:t! account_key:t!@+1.12.0-beta1 provider:t! executor_type:t!
      model:t! requested_model:t!=''@+1.12.0-rc.2 analytics_model:t!@+1.12.0-rc.2 resolved_model:t! auth_index:t!
      source:t! source_hash:t! api_key_hash:t! account_snapshot:t! auth_label_snapshot:t! auth_file_snapshot:t!
      auth_provider_snapshot:t! auth_project_id_snapshot:t! reasoning_effort:t! service_tier:t! failed:i!
      latency_ms:i input_tokens:i! output_tokens:i! reasoning_tokens:i! cached_tokens:i! cache_tokens:i!
      cache_read_tokens:i! cache_creation_tokens:i! normalized_total_input_tokens:i! total_tokens:i!
      header_quota_plan_type:t! header_error_kind:t! header_error_code:t! header_trace_id:t! updated_at_ms:i!`,
  },
  {
    name: 'usage_monitoring_header_latest_v1',
    since: '+1.11.12',
    columns: `snapshot_key:t# event_id:i! event_hash:t! timestamp_ms:i! auth_file_snapshot:t! auth_index:t!
      account_snapshot:t! auth_label_snapshot:t! auth_provider_snapshot:t! auth_project_id_snapshot:t! source:t!
      source_hash:t! response_metadata_json:t! header_quota_recover_at_ms:i header_quota_used_percent:r
      header_quota_plan_type:t! header_error_kind:t! header_error_code:t! header_trace_id:t! updated_at_ms:i!`,
  },
  {
    name: 'usage_monitoring_rollup_state',
    since: '+1.11.12',
    columns: `rollup_name:t# schema_version:i! structure_revision:t!='' ${WATERMARKS} ${RUN}`,
  },
  {
    name: 'usage_monitoring_search_index_state',
    since: '+1.11.12',
    columns: 'id:i# ready:i!=0 updated_at_ms:i!=0',
    rest: ['check (id = 1)'],
  },
];

const HOUSEKEEPING: readonly Table[] = [
  {
    name: 'usage_data_migrations',
    since: '+1.11.2',
    columns: `name:t# status:t! last_event_id:i!=0 target_event_id:i!=0 processed_rows:i!=0 changed_rows:i!=0
      applied_rows:i!=0@+1.12.0-rc.3 started_at_ms:i updated_at_ms:i!=0 finished_at_ms:i last_error:t`,
  },
  {
    name: 'usage_cache_accounting_v2_changes',
    since: '+1.11.2',
    columns: `event_id:i# cache_input_mode:t! normalized_uncached_input_tokens:i! normalized_total_input_tokens:i!
      normalized_cache_read_tokens:i! normalized_cache_creation_tokens:i! total_tokens:i!`,
  },
  {
    name: 'usage_derived_cleanup_jobs',
    since: '+1.12.0-rc.3',
    columns: `id:i#auto generation:i!^ kind:t! status:t! projection_table:t fts_table:t!^ processed_rows:i!=0
      created_at_ms:i! updated_at_ms:i! finished_at_ms:i last_error:t`,
  },
  {
    name: 'usage_derived_cleanup_cursors',
    since: '+1.12.0-rc.3',
    columns: 'target_name:t# table_name:t! revision_token:t! last_rowid:i!=0 updated_at_ms:i!=0',
  },
  {
    name: 'usage_derived_deferred_indexes',
    since: '+1.12.2',
    columns: 'index_name:t# table_name:t! reason:t! created_at_ms:i! updated_at_ms:i!',
  },
];

/** What CPA-Manager-Plus can compute again. */
export const DERIVED_TABLES: readonly Table[] = [...ROLLUPS, ...MONITORING, ...HOUSEKEEPING];

const SEARCH = 'usage_monitoring_event_search_v1';
const PROJECTION = 'usage_monitoring_event_projection_v1';
const enter = `insert into ${SEARCH} (rowid, search_text) values (new.event_id, new.search_text);`;
const leave = `insert into ${SEARCH} (${SEARCH}, rowid, search_text)
  values ('delete', old.event_id, old.search_text);`;

/** The full-text index of its event list, which came with the projection. */
export const SEARCH_SINCE = '+1.11.12';
export const SEARCH_INDEX: readonly string[] = [
  `create virtual table if not exists ${SEARCH} using fts5 (search_text, content='${PROJECTION}',
    content_rowid='event_id', columnsize=0, detail='none', tokenize='trigram')`,
  `create trigger if not exists ${SEARCH}_insert after insert on ${PROJECTION} begin ${enter} end`,
  `create trigger if not exists ${SEARCH}_update after update of search_text on ${PROJECTION}
    begin ${leave} ${enter} end`,
  `create trigger if not exists ${SEARCH}_delete after delete on ${PROJECTION} begin ${leave} end`,
];
