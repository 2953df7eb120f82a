import { isPlus, type Generation } from './generations.ts';
import { oldEventHash, sha256, type HashedRow, type Value } from './hash.ts';
import type { Random } from './random.ts';
import type { Credential, World } from './world.ts';

/** A row of `usage_events`, with the columns of all generations. */
export interface EventRow extends HashedRow {
  [column: string]: Value;
  event_hash: Value;
  timestamp_ms: Value;
  timestamp: Value;
  model: Value;
}

const MS_TO_NS = 1_000_000;
const FAILS = [401, 403, 429, 500, 503] as const;

/** One record as this program stored it. `timeMs` is when it happened. */
export function makeEvent(world: World, random: Random, generation: Generation, timeMs: number): EventRow {
  const credential = random.pick(world.credentials);
  const clientKey = random.pick(world.clientKeys);
  const { alias, upstream } = random.pick(credential.models);
  const timestamp = rfc3339(timeMs, random.below(MS_TO_NS));
  const failed = random.below(20) === 0;
  const status = failed ? random.pick(FAILS) : 200;
  const latency = random.below(50) === 0 ? null : random.below(60_000);
  const tokens = failed ? NO_TOKENS : makeTokens(credential, random);
  const path = credential.cacheBeside ? '/v1/messages' : '/v1/chat/completions';
  const requestId = random.hex(8);
  const tier = random.pick(['auto', 'default', 'priority']);
  const effort = random.pick([null, 'low', 'high']);
  const headers = makeHeaders(credential, random, failed, timeMs);
  const body = failed ? `{"error":{"message":"refused","request":"${requestId}"}}` : '';
  // The gateway's own text, which may name a key; only the summary was redacted.
  const spoken = failed && status === 401 ? `${body} Authorization: Bearer ${clientKey}` : body;
  const headerText = JSON.stringify(headers.raw);
  const raw = {
    alias,
    api_key: '[redacted]',
    auth_index: credential.authIndex,
    auth_type: credential.authType,
    endpoint: `POST ${path}`,
    executor_type: credential.executor,
    fail: { body, status_code: status },
    failed,
    ...(latency === null ? {} : { latency_ms: latency }),
    model: upstream,
    provider: credential.provider,
    request_id: requestId,
    response_headers: headers.raw,
    service_tier: tier,
    // Never masked in here.
    source: credential.rawSource,
    timestamp,
    tokens: { ...tokens.reported, total_tokens: tokens.total },
  };
  const summary = `${body === '' ? '' : `${body}\n`}${headerText}`;
  const row: EventRow = {
    request_id: requestId,
    event_hash: '',
    timestamp_ms: timeMs,
    timestamp,
    provider: credential.provider,
    executor_type: credential.executor,
    model: isPlus(generation) ? alias : upstream,
    endpoint: `POST ${path}`,
    method: 'POST',
    path,
    client_ip: `192.0.2.${random.below(8)}`,
    x_forwarded_for: random.below(4) === 0 ? '198.51.100.7, 192.0.2.1' : null,
    user_agent: random.pick(['curl/7.88.1', 'claude-cli/2.0.1 (external, cli)', 'codex_cli_rs/0.76.0']),
    auth_type: credential.authType,
    auth_index: credential.authIndex,
    source: credential.source,
    source_hash: credential.sourceHash,
    api_key_hash: sha256(clientKey),
    account_snapshot: credential.account,
    auth_label_snapshot: credential.label,
    auth_file_snapshot: credential.file,
    auth_provider_snapshot: credential.file === null ? null : credential.provider,
    auth_project_id_snapshot: credential.project,
    auth_snapshot_at_ms: credential.file === null ? null : timeMs - 1000,
    requested_model: alias,
    resolved_model: upstream,
    reasoning_effort: effort,
    service_tier: tier,
    request_service_tier: tier,
    response_service_tier: null,
    cache_input_mode: credential.cacheBeside ? 'separate_from_input' : 'included_in_input',
    ...tokens.reported,
    cache_tokens: 0,
    normalized_uncached_input_tokens: tokens.uncached,
    normalized_total_input_tokens: tokens.uncached + tokens.read + tokens.creation,
    normalized_cache_read_tokens: tokens.read,
    normalized_cache_creation_tokens: tokens.creation,
    total_tokens: tokens.total,
    latency_ms: latency,
    ttft_ms: latency === null ? null : Math.floor(latency / 3),
    failed: failed ? 1 : 0,
    fail_status_code: status,
    fail_summary: summary,
    ...headers.columns,
    fail_body: `${spoken === '' ? '' : `${spoken}\n`}${headerText}`,
    raw_json: JSON.stringify(raw),
    created_at_ms: timeMs + (latency ?? 0) + 5,
  };
  row.event_hash = oldEventHash(row);
  return row;
}

interface Tokens {
  readonly reported: {
    readonly input_tokens: number;
    readonly output_tokens: number;
    readonly reasoning_tokens: number;
    readonly cached_tokens: number;
    readonly cache_read_tokens: number;
    readonly cache_creation_tokens: number;
  };
  readonly uncached: number;
  readonly read: number;
  readonly creation: number;
  readonly total: number;
}

const NO_TOKENS: Tokens = {
  reported: {
    input_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    cached_tokens: 0,
    cache_read_tokens: 0,
    cache_creation_tokens: 0,
  },
  uncached: 0,
  read: 0,
  creation: 0,
  total: 0,
};

/** As the gateway counts: with Claude the cache is beside the input, else in it. */
function makeTokens(credential: Credential, random: Random): Tokens {
  const uncached = random.below(20_000);
  const read = random.below(3) === 0 ? random.below(200_000) : 0;
  const creation = credential.cacheBeside && random.below(4) === 0 ? random.below(5_000) : 0;
  const output = random.below(4_000);
  const reasoning = credential.cacheBeside ? 0 : random.below(output + 1);
  const whole = uncached + read + creation;
  return {
    reported: {
      input_tokens: credential.cacheBeside ? uncached : whole,
      output_tokens: output,
      reasoning_tokens: reasoning,
      cached_tokens: read === 0 ? creation : read,
      cache_read_tokens: read,
      cache_creation_tokens: creation,
    },
    uncached,
    read,
    creation,
    total: whole + output,
  };
}

interface Headers {
  readonly raw: { readonly [name: string]: readonly string[] };
  readonly columns: { readonly [column: string]: Value };
}

const NO_HEADERS = {
  header_quota_recover_at_ms: null,
  header_quota_used_percent: null,
  header_quota_plan_type: null,
  header_error_kind: null,
  header_error_code: null,
};

/** Headers of the answer, and what was kept of them in columns of their own. */
function makeHeaders(credential: Credential, random: Random, failed: boolean, timeMs: number): Headers {
  const trace = `req_${random.hex(12)}`;
  const plain = { 'Content-Type': ['application/json'], 'X-Request-Id': [trace] };
  const response = { content_type: 'application/json' };
  const ids = { primary_trace_id: trace, request_id: trace };
  if (failed) {
    const recover = timeMs + 30_000;
    const errors = {
      kind: 'rate_limit',
      code: 'retry_after',
      retry_after_seconds: 30,
      retry_after_recover_at_ms: recover,
    };
    return {
      raw: { ...plain, 'Retry-After': ['30'] },
      columns: {
        ...NO_HEADERS,
        response_metadata_json: JSON.stringify({ errors, trace: ids, response }),
        header_error_kind: 'rate_limit',
        header_error_code: 'retry_after',
        header_trace_id: trace,
      },
    };
  }
  if (credential.provider !== 'codex') {
    return {
      raw: plain,
      columns: {
        ...NO_HEADERS,
        response_metadata_json: JSON.stringify({ trace: ids, response }),
        header_trace_id: trace,
      },
    };
  }
  const percent = random.below(100);
  const window = { used_percent: percent, reset_at_ms: timeMs + 3_600_000, window_minutes: 300 };
  const quota = {
    plan_type: 'pro',
    used_percent: percent,
    recover_at_ms: window.reset_at_ms,
    primary: window,
  };
  return {
    raw: {
      ...plain,
      'X-Codex-Plan-Type': ['pro'],
      'X-Codex-Primary-Used-Percent': [String(percent)],
      'X-Codex-Primary-Reset-After-Seconds': ['3600'],
      'X-Codex-Primary-Window-Minutes': ['300'],
    },
    columns: {
      ...NO_HEADERS,
      response_metadata_json: JSON.stringify({ quota, trace: ids, response }),
      header_quota_recover_at_ms: window.reset_at_ms,
      header_quota_used_percent: percent,
      header_quota_plan_type: 'pro',
      header_trace_id: trace,
    },
  };
}

/** UTC with up to nine fraction digits, zeros at the end removed. */
export function rfc3339(ms: number, nanos: number): string {
  const digits = `${String(ms % 1000).padStart(3, '0')}${String(nanos).padStart(6, '0')}`.replace(/0+$/, '');
  return `${new Date(ms).toISOString().slice(0, 19)}${digits === '' ? '' : `.${digits}`}Z`;
}
