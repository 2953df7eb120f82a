import type { EventRow } from '../contract/api/events.ts';
import { unpackId } from './ids.ts';

/** Characters of a failure text that a list shows. */
const FAIL_CHARACTERS = 300;

const COLUMNS = `
  e.id, e.timestamp_ms, e.request_id, m.name AS model, m.requested, m.resolved, p.name AS provider,
  c.endpoint, c.reasoning_effort, c.service_tier,
  cr.source, cr.auth_index, cr.auth_type, cr.account, cr.label, cr.file, k.hash AS client_key_hash,
  e.uncached_input, e.cache_read, e.cache_write_5m, e.cache_write_1h, e.output, e.reasoning,
  e.cost_nano, e.latency_ms, e.ttft_ms, e.failed, e.fail_status_code, e.flags,
  r.error_kind, r.error_code, substr(f.text, 1, ${FAIL_CHARACTERS}) AS fail_text`;

// CROSS JOIN keeps the events in front, and with them the order that is asked for without sorting.
const JOINS = `
  CROSS JOIN model m ON m.id = e.model_id
  CROSS JOIN call_profile c ON c.id = e.profile_id
  LEFT JOIN provider p ON p.id = e.provider_id
  LEFT JOIN credential cr ON cr.id = e.credential_id
  LEFT JOIN client_key k ON k.id = e.client_key_id
  LEFT JOIN response_kind r ON r.id = e.response_kind_id
  LEFT JOIN event_extra x ON x.event_id = e.id
  LEFT JOIN fail_text f ON f.id = x.fail_text_id`;

/** What {@link listRow} reads; a WHERE or ORDER BY follows. `e` is the event. */
export const EVENT_LIST_SELECT = `SELECT ${COLUMNS} FROM event e ${JOINS}`;

/** A row of {@link EVENT_LIST_SELECT}. */
export interface EventListRow {
  readonly id: number;
  readonly timestamp_ms: number;
  readonly request_id: Uint8Array | string | null;
  readonly model: string;
  readonly requested: string;
  readonly resolved: string;
  readonly provider: string | null;
  readonly endpoint: string;
  readonly reasoning_effort: string;
  readonly service_tier: string;
  readonly source: string | null;
  readonly auth_index: string | null;
  readonly auth_type: string | null;
  readonly account: string | null;
  readonly label: string | null;
  readonly file: string | null;
  readonly client_key_hash: string | null;
  readonly uncached_input: number;
  readonly cache_read: number;
  readonly cache_write_5m: number;
  readonly cache_write_1h: number;
  readonly output: number;
  readonly reasoning: number;
  readonly cost_nano: number | null;
  readonly latency_ms: number | null;
  readonly ttft_ms: number | null;
  readonly failed: number;
  readonly fail_status_code: number | null;
  readonly flags: number;
  readonly error_kind: string | null;
  readonly error_code: string | null;
  readonly fail_text: string | null;
}

/** A row as lists and the feed show it. */
export function listRow(row: EventListRow): EventRow {
  const cacheCreation = row.cache_write_5m + row.cache_write_1h;
  const input = row.uncached_input + row.cache_read + cacheCreation;
  return {
    id: row.id,
    timestamp_ms: row.timestamp_ms,
    request_id: unpackId(row.request_id),
    model: row.model,
    requested_model: row.requested,
    resolved_model: row.resolved,
    provider: row.provider ?? '',
    endpoint: row.endpoint,
    reasoning_effort: row.reasoning_effort,
    service_tier: row.service_tier,
    source: row.source ?? '',
    auth_index: row.auth_index ?? '',
    auth_type: row.auth_type ?? '',
    account_snapshot: row.account ?? '',
    auth_label_snapshot: row.label ?? '',
    auth_file_snapshot: row.file ?? '',
    api_key_hash: row.client_key_hash ?? '',
    input_tokens: input,
    cache_read_tokens: row.cache_read,
    cache_creation_tokens: cacheCreation,
    output_tokens: row.output,
    reasoning_tokens: row.reasoning,
    total_tokens: input + row.output,
    cost_nano_usd: row.cost_nano,
    latency_ms: row.latency_ms,
    ttft_ms: row.ttft_ms,
    failed: row.failed === 1,
    fail_status_code: row.fail_status_code,
    fail_summary: row.fail_text ?? '',
    error_kind: row.error_kind ?? '',
    error_code: row.error_code ?? '',
    flags: row.flags,
  };
}
