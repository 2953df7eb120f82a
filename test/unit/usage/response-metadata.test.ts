import assert from 'node:assert/strict';
import test from 'node:test';
import type { ResponseMetadata, ResponseScalars } from '../../../src/lib/contract/event.ts';
import { responseScalars } from '../../../src/lib/usage/response-metadata.ts';
import { eventOf } from './support.ts';

const BASE_MS = 1_777_687_200_000;

function answered(
  headers: Record<string, unknown>,
  more: object = {},
): [ResponseMetadata | null, ResponseScalars] {
  const event = eventOf({ model: 'm', timestamp: BASE_MS, response_headers: headers, ...more });
  return [event.responseMetadata, event.response];
}

const NOTHING: ResponseScalars = {
  quotaRecoverAtMs: null,
  quotaUsedPercent: null,
  quotaPlanType: '',
  errorKind: '',
  errorCode: '',
  traceId: '',
};

test('no headers, or none that are read, leave nothing', () => {
  for (const headers of [
    {},
    { Date: ['x'], 'Set-Cookie': ['a=b'], Authorization: ['Bearer q'] },
    [],
    'text',
    null,
  ]) {
    const event = eventOf({ model: 'm', response_headers: headers });
    assert.equal(event.responseMetadata, null);
    assert.deepEqual(event.response, NOTHING);
  }
});

test("Codex's quota: the fuller window is summed up", () => {
  const [metadata, scalars] = answered({
    'X-Codex-Plan-Type': ['plus'],
    'X-Codex-Active-Limit': ['premium'],
    'X-Codex-Primary-Used-Percent': ['42.5%'],
    'X-Codex-Primary-Reset-After-Seconds': ['5400'],
    'X-Codex-Primary-Window-Minutes': ['300'],
    'X-Codex-Secondary-Used-Percent': [77],
    'X-Codex-Secondary-Reset-At': ['1777790000'],
    'X-Codex-Secondary-Reset-After-Seconds': ['200000'],
    'X-Codex-Secondary-Window-Minutes': ['10080'],
    'X-Codex-Credits-Balance': ['12.50'],
    'X-Codex-Credits-Has-Credits': ['yes'],
    'X-Codex-Credits-Unlimited': [false],
    'X-Codex-Primary-Over-Secondary-Limit-Percent': ['3'],
  });
  assert.equal(
    JSON.stringify(metadata),
    JSON.stringify({
      quota: {
        plan_type: 'plus',
        active_limit: 'premium',
        summary_window_kind: 'weekly',
        summary_window_source: 'secondary',
        credits_balance: '12.50',
        credits_has_credits: true,
        credits_unlimited: false,
        primary_over_secondary_limit_percent: 3,
        primary: {
          used_percent: 42.5,
          reset_at_ms: BASE_MS + 5_400_000,
          reset_after_seconds: 5400,
          window_minutes: 300,
        },
        secondary: {
          used_percent: 77,
          reset_at_ms: 1_777_790_000_000,
          reset_after_seconds: 200_000,
          window_minutes: 10_080,
        },
        recover_at_ms: 1_777_790_000_000,
        used_percent: 77,
      },
    }),
  );
  assert.deepEqual(scalars, {
    ...NOTHING,
    quotaPlanType: 'plus',
    quotaUsedPercent: 77,
    quotaRecoverAtMs: 1_777_790_000_000,
  });
});

test('the window that is reached', () => {
  const quota = (headers: Record<string, unknown>): unknown => answered(headers)[0]?.['quota'];
  assert.deepEqual(
    quota({ 'x-codex-rate-limit-reached-type': 'primary', 'x-codex-primary-reset-after-seconds': '60' }),
    {
      rate_limit_reached_type: 'primary',
      reached_window_kind: 'unknown',
      reached_window_source: 'primary',
      primary: { reset_at_ms: BASE_MS + 60_000, reset_after_seconds: 60 },
      recover_at_ms: BASE_MS + 60_000,
    },
  );
  assert.deepEqual(quota({ 'x-codex-rate-limit-reached-type': 'workspace' }), {
    rate_limit_reached_type: 'workspace',
    reached_window_kind: 'unknown',
    reached_window_source: 'unknown',
  });
  const full = {
    'x-codex-primary-used-percent': '100',
    'x-codex-primary-window-minutes': '43200',
    'x-codex-primary-reset-after-seconds': '10',
    'x-codex-secondary-used-percent': '100',
    'x-codex-secondary-window-minutes': '60',
    'x-codex-secondary-reset-after-seconds': '20',
  };
  const reached = quota(full);
  assert.ok(typeof reached === 'object' && reached !== null);
  assert.deepEqual(
    Object.entries(reached).filter(([key]) => /window_|recover|^used/.test(key)),
    [
      ['summary_window_kind', 'unknown'],
      ['summary_window_source', 'secondary'],
      ['reached_window_kind', 'unknown'],
      ['reached_window_source', 'secondary'],
      ['recover_at_ms', BASE_MS + 20_000],
      ['used_percent', 100],
    ],
  );
});

test('what went wrong, by the most telling header', () => {
  const kind = (headers: Record<string, unknown>): string => {
    const [, { errorKind, errorCode }] = answered(headers);
    return `${errorKind} ${errorCode}`;
  };
  assert.equal(
    kind({ 'x-openai-ide-root-error-code': 'Token_Revoked', 'retry-after': '1' }),
    'auth token_revoked',
  );
  assert.equal(kind({ 'x-openai-ide-error-code': 'x', 'x-openai-authorization-error': '401' }), 'auth 401');
  assert.equal(
    kind({ 'x-openai-ide-error-code': 'identity_edge_internal_error' }),
    'identity identity_edge_internal_error',
  );
  assert.equal(kind({ 'x-ratelimit-bypass': 'vip', 'retry-after': '1' }), 'rate_limit vip');
  assert.equal(kind({ 'retry-after': '0' }), 'rate_limit retry_after');
  assert.equal(kind({ 'retry-after': 'soon' }), ' ');
});

test('when to come back', () => {
  const errors = (value: unknown): unknown => answered({ 'Retry-After': value })[0]?.['errors'];
  const base = { kind: 'rate_limit', code: 'retry_after' };
  assert.deepEqual(errors(['30']), {
    ...base,
    retry_after_seconds: 30,
    retry_after_recover_at_ms: BASE_MS + 30_000,
  });
  const date = { ...base, retry_after_recover_at_ms: Date.UTC(2026, 10, 21, 11, 8, 11) };
  assert.deepEqual(errors('Sat, 21 Nov 2026 11:08:11 GMT'), date);
  assert.deepEqual(errors('Sat, 21 Nov 2026 12:08:11 +0100'), date);
  assert.deepEqual(errors('2026-11-21T11:08:11Z'), date);
  assert.deepEqual(errors('2026-11-21 11:08:11 UTC'), date);
});

test('trace ids: the first of them is the primary one', () => {
  const parent = '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01';
  const [metadata, scalars] = answered({ 'CF-Ray': ['', 'ray-1'], EagleId: 'e1', Traceparent: parent });
  assert.deepEqual(metadata, {
    trace: { primary_trace_id: 'ray-1', cf_ray: 'ray-1', eagle_id: 'e1', traceparent: parent.toLowerCase() },
    providers: { cloudflare_ray: 'ray-1' },
  });
  assert.equal(scalars.traceId, 'ray-1');
  assert.equal(answered({ traceparent: parent })[1].traceId, '4bf92f3577b34da6a3ce929d0e0e4736');
  assert.equal(answered({ traceparent: 'not-a-trace' })[0], null);
  assert.equal(answered({ traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` })[0], null);
});

test('the other groups', () => {
  const [metadata] = answered({
    Server: 'cloudflare',
    Via: '1.1 x',
    'CF-Cache-Status': 'DYNAMIC',
    'Content-Type': ['application/json'],
    'Content-Length': ['359'],
    'Server-Timing': 'a;dur=1',
    'X-RateLimit-Limit-Requests': '50',
    'X-RateLimit-Remaining-Requests': '0',
    'X-RateLimit-Limit-Tokens': '1000',
    'X-RateLimit-Remaining-Tokens': '-1',
    'X-Data-Retention': 'NONE',
    'X-Zero-Retention': 'true',
    'X-Should-Retry': 'false',
  });
  assert.deepEqual(metadata, {
    errors: { should_retry: false },
    routing: { server: 'cloudflare', via: '1.1 x', cf_cache_status: 'DYNAMIC' },
    response: { content_type: 'application/json', content_length: 359, server_timing: 'a;dur=1' },
    providers: { antigravity_server_timing: 'a;dur=1', cloudflare_cache_status: 'DYNAMIC' },
    rate_limit: { requests: { limit: 50, remaining: 0 }, tokens: { limit: 1000 } },
    data_policy: { retention_mode: 'none', zero_retention: true },
  });
});

test('texts of headers are redacted and bounded', () => {
  const [metadata] = answered({ Server: `x sk-upstream-secret-1 ${'y'.repeat(3000)}` });
  const server = JSON.stringify(metadata?.['routing']);
  assert.match(server, /x \[redacted\] y+\.\.\./);
  assert.ok(Buffer.byteLength(server) < 1050);
});

test('metadata that a record carries stays, cleaned, under what its headers tell', () => {
  const carried = {
    errors: { kind: 'auth', code: 'Bearer abcdefgh12', should_retry: 'yes', made_up: 'sk-abcdefgh' },
    routing: { server: 'old', via: '1.1 x' },
    quota: { used_percent: 12, plan_type: 'plus', primary: { used_percent: 12, secret: 'x' } },
    made_up: { a: 'sk-abcdefgh' },
  };
  const [metadata, scalars] = answered({ Server: 'new' }, { response_metadata: carried });
  assert.deepEqual(metadata, {
    quota: { plan_type: 'plus', primary: { used_percent: 12 }, used_percent: 12 },
    errors: { kind: 'auth', code: 'Bearer [redacted]' },
    routing: { server: 'new', via: '1.1 x' },
  });
  assert.deepEqual(
    [scalars.quotaPlanType, scalars.quotaUsedPercent, scalars.errorKind],
    ['plus', 12, 'auth'],
  );
  assert.equal(answered({}, { response_metadata: { made_up: 1 } })[0], null);
});

test('carried times and counts are whole, or not there: the columns that hold them take nothing else', () => {
  const carrying = (time: unknown, count: unknown): ReturnType<typeof answered> =>
    answered(
      {},
      {
        response_metadata: {
          quota: {
            primary: { used_percent: 1.5, reset_at_ms: time, window_minutes: count },
            recover_at_ms: time,
          },
          errors: { retry_after_seconds: 0.5, retry_after_recover_at_ms: time },
          response: { content_length: count },
          rate_limit: { tokens: { limit: count, remaining: count } },
          provider_usage: { actual: count, observed_at_ms: time, recover_at_ms: time },
        },
      },
    );
  const [metadata, scalars] = carrying(1_795_262_381_030.5, 300.9);
  assert.equal(scalars.quotaRecoverAtMs, 1_795_262_381_030);
  assert.deepEqual(metadata, {
    quota: {
      primary: { used_percent: 1.5, reset_at_ms: 1_795_262_381_030, window_minutes: 300 },
      recover_at_ms: 1_795_262_381_030,
    },
    errors: { retry_after_seconds: 0.5, retry_after_recover_at_ms: 1_795_262_381_030 },
    response: { content_length: 300 },
    rate_limit: { tokens: { limit: 300, remaining: 300 } },
    provider_usage: { actual: 300, observed_at_ms: 1_795_262_381_030, recover_at_ms: 1_795_262_381_030 },
  });
  for (const bad of [1e300, -1e300, 253_402_300_800_000, -1, '5', null, [7]]) {
    const [left, none] = carrying(bad, bad === 253_402_300_800_000 ? 2 ** 60 : bad);
    assert.equal(none.quotaRecoverAtMs, null, String(bad));
    assert.deepEqual(
      left,
      { quota: { primary: { used_percent: 1.5 } }, errors: { retry_after_seconds: 0.5 } },
      String(bad),
    );
  }
});

const EXHAUSTED = {
  error: {
    code: 'Subscription:Free-Usage-Exhausted',
    message:
      'You used all free usage for model grok-4-fast. Used tokens (actual/limit): 1,250,000 / 1,000,000.',
  },
};

function xai(body: unknown, more: object = {}): unknown {
  const fail = { status_code: 429, body: JSON.stringify(body) };
  const record = { provider: 'xai', failed: true, fail, ...more };
  return answered({ 'Retry-After': '5' }, record)[0]?.['provider_usage'];
}

test("xAI's included free usage, told in the body of a refusal", () => {
  assert.deepEqual(xai(EXHAUSTED), {
    provider: 'xai',
    kind: 'included_free_usage',
    state: 'exhausted',
    code: 'subscription:free-usage-exhausted',
    model: 'grok-4-fast',
    unit: 'tokens',
    actual: 1_250_000,
    limit: 1_000_000,
    remaining: 0,
    overage: 250_000,
    window_kind: 'rolling_24h',
    observed_at_ms: BASE_MS,
    recover_at_ms: BASE_MS + 86_400_000,
    recover_at_estimated: true,
    source: 'response_body',
  });
});

test("xAI's recovery time: explicit, relative, estimated", () => {
  const recovery = (more: object): unknown[] => {
    const usage = xai({ ...EXHAUSTED, ...more });
    assert.ok(typeof usage === 'object' && usage !== null);
    const members: Record<string, unknown> = { ...usage };
    return [members['recover_at_ms'], members['recover_at_estimated']];
  };
  assert.deepEqual(
    recovery({ period: { billingPeriodEnd: '2026-05-03T00:00:00Z' }, reset_after_seconds: 9 }),
    [Date.UTC(2026, 4, 3), undefined],
  );
  assert.deepEqual(recovery({ resetAfterSeconds: 90 }), [BASE_MS + 90_000, undefined]);
});

test('only xAI itself is believed', () => {
  assert.equal(xai(EXHAUSTED, { provider: 'grok' }), undefined);
  assert.notEqual(xai(EXHAUSTED, { provider: 'grok', executor_type: 'XAIExecutor' }), undefined);
  assert.equal(xai(EXHAUSTED, { provider: 'openai', executor_type: 'XAIExecutor' }), undefined);
  assert.equal(xai(EXHAUSTED, { failed: false }), undefined);
  assert.equal(xai(EXHAUSTED, { fail: { status_code: 500, body: JSON.stringify(EXHAUSTED) } }), undefined);
  assert.equal(xai({ error: { message: 'subscription:free-usage-exhausted' } }), undefined);
  assert.equal(
    xai(EXHAUSTED, { fail: { status_code: 429, body: 'code subscription:free-usage-exhausted' } }),
    undefined,
  );
});

test('the scalars hold no time that is not whole, whatever the metadata does', () => {
  const of = (recover_at_ms: number): number | null =>
    responseScalars({ quota: { recover_at_ms } }).quotaRecoverAtMs;
  assert.deepEqual([of(7.9), of(1e300), of(-1), of(Number.NaN)], [7, null, null, null]);
});
