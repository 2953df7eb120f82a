import type { Json, ResponseMetadata, ResponseScalars } from '../contract/event.ts';
import {
  after,
  isEmpty,
  numberOf,
  put,
  putGroup,
  textOf,
  wholeTime,
  type Group,
  type Members,
} from './groups.ts';
import type { ResponseHeaders } from './headers.ts';
import { quotaGroup } from './quota.ts';

/** Codes by which an upstream says that the credential itself is dead. */
const AUTH_CODES = new Set(['token_revoked', 'token_invalidated', 'account_deactivated', '401']);
const IDENTITY_CODE = 'identity_edge_internal_error';
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

const TRACE_HEADERS = [
  ['openai_request_id', 'x-oai-request-id'],
  ['request_id', 'x-request-id'],
  ['oneapi_request_id', 'x-oneapi-request-id'],
  ['cf_ray', 'cf-ray'],
  ['eagle_id', 'eagleid'],
  ['cloud_ai_companion_trace_id', 'x-cloudaicompanion-trace-id'],
  ['client_request_id', 'x-client-request-id'],
  ['zeabur_request_id', 'x-zeabur-request-id'],
] as const;
const PRIMARY_TRACE = [
  'openai_request_id',
  'request_id',
  'oneapi_request_id',
  'cloud_ai_companion_trace_id',
  'cf_ray',
  'eagle_id',
  'client_request_id',
  'zeabur_request_id',
] as const;
const ROUTING_HEADERS = [
  ['openai_proxy_wasm', 'x-openai-proxy-wasm'],
  ['models_etag', 'x-models-etag'],
  ['new_api_version', 'x-new-api-version'],
  ['server', 'server'],
  ['via', 'via'],
  ['cf_cache_status', 'cf-cache-status'],
  ['site_cache_status', 'x-site-cache-status'],
  ['served_by', 'x-served-by'],
  ['mife_upstream_status', 'x-mife-upstream-status'],
] as const;
const PROVIDER_HEADERS = [
  ['antigravity_trace_id', 'x-cloudaicompanion-trace-id'],
  ['antigravity_server_timing', 'server-timing'],
  ['mife_upstream_status', 'x-mife-upstream-status'],
  ['oneapi_request_id', 'x-oneapi-request-id'],
  ['cloudflare_ray', 'cf-ray'],
  ['cloudflare_cache_status', 'cf-cache-status'],
] as const;

/**
 * What an upstream's response headers tell, in the groups that exports carry; empty groups and fields are left
 * out. Only headers of the allow-list are read, and every text of theirs is redacted. `baseMs` is the event's time:
 * relative times in headers count from it.
 */
export function responseMetadata(
  headers: ResponseHeaders,
  providerUsage: Group | null,
  baseMs: number,
): ResponseMetadata | null {
  const metadata: Group = {};
  if (!headers.empty) {
    putGroup(metadata, 'quota', quotaGroup(headers, baseMs));
    putGroup(metadata, 'errors', errorsGroup(headers, baseMs));
    putGroup(metadata, 'trace', traceGroup(headers));
    putGroup(metadata, 'routing', textGroup(headers, ROUTING_HEADERS));
    putGroup(metadata, 'response', responseGroup(headers));
    putGroup(metadata, 'providers', textGroup(headers, PROVIDER_HEADERS));
    putGroup(metadata, 'rate_limit', rateLimitGroup(headers));
    putGroup(metadata, 'data_policy', dataPolicyGroup(headers));
  }
  if (providerUsage) metadata['provider_usage'] = providerUsage;
  return isEmpty(metadata) ? null : metadata;
}

/** The scalars of it that lists and filters use. */
export function responseScalars(metadata: ResponseMetadata | null): ResponseScalars {
  const quota = group(metadata, 'quota');
  const errors = group(metadata, 'errors');
  return {
    quotaRecoverAtMs: wholeTime(quota['recover_at_ms']),
    quotaUsedPercent: numberOf(quota, 'used_percent'),
    quotaPlanType: textOf(quota, 'plan_type'),
    errorKind: textOf(errors, 'kind'),
    errorCode: textOf(errors, 'code'),
    traceId: textOf(group(metadata, 'trace'), 'primary_trace_id'),
  };
}

function textGroup(headers: ResponseHeaders, fields: ReadonlyArray<readonly [string, string]>): Group {
  const members: Group = {};
  for (const [field, name] of fields) put(members, field, headers.text(name));
  return members;
}

function errorsGroup(headers: ResponseHeaders, baseMs: number): Group {
  const authorization = headers.text('x-openai-authorization-error');
  const ide = headers.text('x-openai-ide-error-code');
  const ideRoot = headers.text('x-openai-ide-root-error-code');
  const bypass = headers.text('x-ratelimit-bypass');
  const seconds = headers.number('retry-after');
  const retrySeconds = seconds !== null && seconds >= 0 ? seconds : null;
  const retryAtMs = retrySeconds === null ? headers.time('retry-after') : after(baseMs, retrySeconds);
  const [kind, code] = errorKind(
    [ideRoot, ide, authorization],
    bypass,
    retrySeconds !== null || retryAtMs !== null,
  );
  const members: Group = {};
  put(members, 'kind', kind);
  put(members, 'code', code);
  put(members, 'authorization_error', authorization);
  put(members, 'ide_error_code', ide);
  put(members, 'ide_root_error_code', ideRoot);
  put(members, 'should_retry', headers.boolean('x-should-retry'));
  put(members, 'retry_after_seconds', retrySeconds);
  put(members, 'retry_after_recover_at_ms', retryAtMs);
  put(members, 'rate_limit_bypass', bypass);
  return members;
}

function errorKind(codes: readonly string[], bypass: string, retryAfter: boolean): readonly [string, string] {
  for (const written of codes) {
    const code = written.toLowerCase();
    if (AUTH_CODES.has(code)) return ['auth', code];
    if (code === IDENTITY_CODE) return ['identity', code];
  }
  if (bypass !== '') return ['rate_limit', bypass];
  return retryAfter ? ['rate_limit', 'retry_after'] : ['', ''];
}

function traceGroup(headers: ResponseHeaders): Group {
  const ids = textGroup(headers, TRACE_HEADERS);
  const traceparent = headers.text('traceparent').toLowerCase();
  const traceId = TRACEPARENT.exec(traceparent)?.[1] ?? '';
  if (traceId !== '') ids['traceparent'] = traceparent;
  const primary = PRIMARY_TRACE.map((field) => textOf(ids, field)).find((id) => id !== '') ?? traceId;
  return primary === '' ? ids : { primary_trace_id: primary, ...ids };
}

function responseGroup(headers: ResponseHeaders): Group {
  const members: Group = {};
  put(members, 'content_type', headers.text('content-type'));
  put(members, 'content_length', headers.count('content-length'));
  put(members, 'content_disposition', headers.text('content-disposition'));
  put(members, 'server_timing', headers.text('server-timing'));
  return members;
}

function rateLimitGroup(headers: ResponseHeaders): Group {
  const members: Group = {};
  for (const unit of ['requests', 'tokens']) {
    const counts: Group = {};
    put(counts, 'limit', headers.count(`x-ratelimit-limit-${unit}`));
    put(counts, 'remaining', headers.count(`x-ratelimit-remaining-${unit}`));
    putGroup(members, unit, counts);
  }
  return members;
}

function dataPolicyGroup(headers: ResponseHeaders): Group {
  const members: Group = {};
  put(members, 'retention_mode', headers.text('x-data-retention').toLowerCase());
  put(
    members,
    'zero_retention',
    headers.boolean('x-zero-data-retention') ?? headers.boolean('x-zero-retention'),
  );
  return members;
}

function group(metadata: ResponseMetadata | null, name: string): Members {
  const members = metadata?.[name];
  return isMembers(members) ? members : {};
}

function isMembers(value: Json | undefined): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
