import type { Json, ResponseMetadata } from '../contract/event.ts';
import { isEmpty, put, putGroup, wholeTime, type Group } from './groups.ts';
import { asObject, type JsonObject } from './readers.ts';
import { redactText } from './redact.ts';
import { cutToBytes, trim } from './text.ts';

/** `time`: epoch ms, `count`: both whole, as the columns that hold them demand; `number`: any finite one. */
type Kind = 'text' | 'number' | 'count' | 'time' | 'boolean';
type Shape = { readonly [member: string]: Kind | Shape };

const MAX_VALUE_BYTES = 1024;

const WINDOW: Shape = {
  used_percent: 'number',
  reset_at_ms: 'time',
  reset_after_seconds: 'number',
  window_minutes: 'count',
};
const LIMIT: Shape = { limit: 'count', remaining: 'count' };

/** Every member that response metadata may have, in the order in which exports write them. */
const SHAPE: Shape = {
  quota: {
    ...texts('plan_type active_limit rate_limit_reached_type summary_window_kind summary_window_source'),
    ...texts('reached_window_kind reached_window_source credits_balance'),
    credits_has_credits: 'boolean',
    credits_unlimited: 'boolean',
    primary_over_secondary_limit_percent: 'number',
    primary: WINDOW,
    secondary: WINDOW,
    recover_at_ms: 'time',
    used_percent: 'number',
  },
  errors: {
    ...texts('kind code authorization_error ide_error_code ide_root_error_code'),
    should_retry: 'boolean',
    retry_after_seconds: 'number',
    retry_after_recover_at_ms: 'time',
    rate_limit_bypass: 'text',
  },
  trace: {
    ...texts('primary_trace_id openai_request_id request_id oneapi_request_id cf_ray eagle_id'),
    ...texts('cloud_ai_companion_trace_id client_request_id zeabur_request_id traceparent'),
  },
  routing: {
    ...texts('openai_proxy_wasm models_etag new_api_version server via cf_cache_status site_cache_status'),
    ...texts('served_by mife_upstream_status'),
  },
  response: {
    content_type: 'text',
    content_length: 'count',
    content_disposition: 'text',
    server_timing: 'text',
  },
  providers: {
    ...texts('antigravity_trace_id antigravity_server_timing mife_upstream_status oneapi_request_id'),
    ...texts('cloudflare_ray cloudflare_cache_status'),
  },
  rate_limit: { requests: LIMIT, tokens: LIMIT },
  data_policy: { retention_mode: 'text', zero_retention: 'boolean' },
  provider_usage: {
    ...texts('provider kind state code model unit'),
    actual: 'count',
    limit: 'count',
    remaining: 'count',
    overage: 'count',
    window_kind: 'text',
    observed_at_ms: 'time',
    recover_at_ms: 'time',
    recover_at_estimated: 'boolean',
    source: 'text',
  },
};

function texts(members: string): Shape {
  return Object.fromEntries(members.split(' ').map((member) => [member, 'text']));
}

/**
 * The metadata of a record that already carries some, as exports of CPA-Manager-Plus do, with what the record's own
 * headers tell laid over it member by member. Only known members of the right type are kept, texts redacted.
 */
export function withCarried(
  carried: unknown,
  parsed: ResponseMetadata | null,
  known: readonly string[],
): ResponseMetadata | null {
  const base = asObject(carried);
  if (!base) return parsed;
  const merged = shape(MEMBERS, base, parsed ?? NOTHING, known);
  return isEmpty(merged) ? null : merged;
}

/** A shape as a list: it is walked through for every line of an import. */
interface Member {
  readonly name: string;
  /** What it holds: members of its own, or a scalar. */
  readonly below: readonly Member[] | null;
  readonly kind: Kind;
}

const NOTHING: JsonObject = {};
const MEMBERS = membersOf(SHAPE);

function membersOf(members: Shape): readonly Member[] {
  return Object.entries(members).map(([name, kind]) =>
    typeof kind === 'object' ? { name, below: membersOf(kind), kind: 'text' } : { name, below: null, kind },
  );
}

function shape(
  members: readonly Member[],
  base: JsonObject,
  overlay: JsonObject,
  known: readonly string[],
): Group {
  const group: Group = {};
  for (const { name, below, kind } of members) {
    const under = base[name];
    const over = overlay[name];
    // Most of them are in no line.
    if (under === undefined && over === undefined) continue;
    if (below !== null) {
      putGroup(group, name, shape(below, asObject(under) ?? NOTHING, asObject(over) ?? NOTHING, known));
    } else {
      put(group, name, scalar(kind, over, known) ?? scalar(kind, under, known));
    }
  }
  return group;
}

function scalar(kind: Kind, value: unknown, known: readonly string[]): Json {
  if (kind === 'number') return typeof value === 'number' && Number.isFinite(value) ? value : null;
  if (kind === 'time') return wholeTime(value);
  if (kind === 'count') return wholeCount(value);
  if (kind === 'boolean') return typeof value === 'boolean' ? value : null;
  if (typeof value !== 'string') return null;
  const text = cutToBytes(redactText(trim(value.slice(0, MAX_VALUE_BYTES * 4)), known), MAX_VALUE_BYTES);
  return text === '' ? null : text.toWellFormed();
}

function wholeCount(value: unknown): number | null {
  const whole = typeof value === 'number' ? Math.trunc(value) : -1;
  return whole >= 0 && Number.isSafeInteger(whole) ? whole + 0 : null;
}
