import { unpackIdSql } from '../ids.ts';
import { timestampTextSql } from '../timestamp.ts';
import { REPORTED_SQL } from '../tokens.ts';

const FROM = `FROM event e
  JOIN model m ON m.id = e.model_id
  JOIN call_profile c ON c.id = e.profile_id
  LEFT JOIN provider p ON p.id = e.provider_id
  LEFT JOIN credential cr ON cr.id = e.credential_id
  LEFT JOIN client_key k ON k.id = e.client_key_id
  LEFT JOIN user_agent ua ON ua.id = e.user_agent_id
  LEFT JOIN address a ON a.id = e.address_id
  LEFT JOIN response_kind r ON r.id = e.response_kind_id
  LEFT JOIN event_extra x ON x.event_id = e.id
  LEFT JOIN fail_text f ON f.id = x.fail_text_id`;

const TIMESTAMP = `coalesce(x.timestamp, ${timestampTextSql('e.timestamp_ms', 'e.timestamp_ns')})`;
/** The hash is not stored whole; its first 16 digits are, and are what a script can look for. */
const HASH = `coalesce(x.hash, printf('%016x', e.hash64))`;

/**
 * For people's scripts; nothing of ours reads them. `events` is ours. `usage_events` has the column names of the
 * older managers without `fail_body` and `raw_json`, which such a program misses first: it tries to add them, and
 * a view cannot be altered.
 */
export const VIEWS = `
CREATE VIEW events AS SELECT
  e.id,
  ${TIMESTAMP} AS time,
  e.timestamp_ms,
  g.base_url AS gateway,
  ${HASH} AS event_hash,
  ${unpackIdSql('e.request_id')} AS request_id,
  m.name AS model, m.requested AS requested_model, m.resolved AS resolved_model,
  p.name AS provider, c.executor_type, c.endpoint,
  cr.auth_index, cr.auth_type, cr.source, cr.account, cr.label, cr.file,
  k.hash AS client_key_hash,
  c.reasoning_effort, c.service_tier,
  e.uncached_input, e.cache_read, e.cache_write_5m, e.cache_write_1h, e.output, e.reasoning,
  e.cost_nano / 1e9 AS cost_usd, e.cost_nano, e.price_id,
  e.latency_ms, e.ttft_ms,
  e.failed, e.fail_status_code, f.text AS fail_text,
  a.client_ip, a.x_forwarded_for, ua.text AS user_agent,
  e.quota_used_percent, e.quota_recover_at_ms, r.quota_plan_type, r.error_kind, r.error_code,
  ${unpackIdSql('e.trace_id')} AS trace_id,
  e.flags,
  e.timestamp_ms + e.created_after_ms AS created_at_ms
${FROM}
  LEFT JOIN gateway g ON g.id = e.gateway_id;

CREATE VIEW usage_events AS SELECT
  e.id,
  ${unpackIdSql('e.request_id')} AS request_id,
  ${HASH} AS event_hash,
  e.timestamp_ms,
  ${TIMESTAMP} AS timestamp,
  p.name AS provider,
  nullif(c.executor_type, '') AS executor_type,
  m.name AS model,
  c.endpoint,
  nullif(c.method, '') AS method,
  nullif(c.path, '') AS path,
  nullif(a.client_ip, '') AS client_ip,
  nullif(a.x_forwarded_for, '') AS x_forwarded_for,
  ua.text AS user_agent,
  nullif(cr.auth_type, '') AS auth_type,
  nullif(cr.auth_index, '') AS auth_index,
  nullif(cr.source, '') AS source,
  nullif(cr.source_hash, '') AS source_hash,
  k.hash AS api_key_hash,
  nullif(cr.account, '') AS account_snapshot,
  nullif(cr.label, '') AS auth_label_snapshot,
  nullif(cr.file, '') AS auth_file_snapshot,
  nullif(cr.auth_provider, '') AS auth_provider_snapshot,
  nullif(cr.project, '') AS auth_project_id_snapshot,
  x.auth_snapshot_at_ms,
  nullif(m.requested, '') AS requested_model,
  nullif(m.resolved, '') AS resolved_model,
  nullif(c.reasoning_effort, '') AS reasoning_effort,
  nullif(c.service_tier, '') AS service_tier,
  nullif(c.request_service_tier, '') AS request_service_tier,
  nullif(c.response_service_tier, '') AS response_service_tier,
  CASE c.cache_separate WHEN 1 THEN 'separate_from_input' ELSE 'included_in_input' END AS cache_input_mode,
  ${REPORTED_SQL.input} AS input_tokens,
  ${REPORTED_SQL.output} AS output_tokens,
  ${REPORTED_SQL.reasoning} AS reasoning_tokens,
  ${REPORTED_SQL.cached} AS cached_tokens,
  ${REPORTED_SQL.cache} AS cache_tokens,
  ${REPORTED_SQL.cacheRead} AS cache_read_tokens,
  ${REPORTED_SQL.cacheCreation} AS cache_creation_tokens,
  e.uncached_input AS normalized_uncached_input_tokens,
  e.uncached_input + e.cache_read + e.cache_write_5m + e.cache_write_1h AS normalized_total_input_tokens,
  e.cache_read AS normalized_cache_read_tokens,
  e.cache_write_5m + e.cache_write_1h AS normalized_cache_creation_tokens,
  ${REPORTED_SQL.total} AS total_tokens,
  e.latency_ms,
  e.ttft_ms,
  e.failed,
  e.fail_status_code,
  f.text AS fail_summary,
  NULL AS response_metadata_json,
  e.quota_recover_at_ms AS header_quota_recover_at_ms,
  e.quota_used_percent AS header_quota_used_percent,
  nullif(r.quota_plan_type, '') AS header_quota_plan_type,
  nullif(r.error_kind, '') AS header_error_kind,
  nullif(r.error_code, '') AS header_error_code,
  ${unpackIdSql('e.trace_id')} AS header_trace_id,
  e.timestamp_ms + e.created_after_ms AS created_at_ms
${FROM};
`;
