import assert from 'node:assert/strict';
import test from 'node:test';
import { normalise } from '../../../src/lib/usage/normalise.ts';
import { bytes, CONTEXT, eventOf, flagNames } from './support.ts';

function kindOf(payload: string): string {
  const normalised = normalise(bytes(payload), CONTEXT);
  if (normalised.kind === 'rejected') return normalised.reason;
  return normalised.kind === 'control' ? `control ${normalised.control}` : 'event';
}

test('what is no usage record', () => {
  assert.equal(kindOf(''), 'not_json');
  assert.equal(kindOf('nonsense'), 'not_json');
  assert.equal(kindOf('{"model":"x"'), 'not_json');
  assert.equal(kindOf('{"model":"x"}{"model":"x"}'), 'not_json');
  assert.equal(kindOf('[]'), 'not_an_object');
  assert.equal(kindOf('[{"model":"x"}]'), 'not_an_object');
  assert.equal(kindOf('"text"'), 'not_an_object');
  assert.equal(kindOf('null'), 'not_an_object');
  assert.equal(kindOf('{}'), 'not_a_usage_record');
  assert.equal(kindOf('{"failed":true,"source":"x"}'), 'not_a_usage_record');
  assert.equal(kindOf('{"model":"","tokens":null}'), 'not_a_usage_record');
});

test('control messages are one key that is true', () => {
  assert.equal(kindOf('{"refresh":true}'), 'control refresh');
  assert.equal(kindOf(' {"support_refresh":true}\n'), 'control support_refresh');
  assert.equal(kindOf('{"refresh":false}'), 'not_a_usage_record');
  assert.equal(kindOf('{"refresh":1}'), 'not_a_usage_record');
  assert.equal(kindOf('{"refresh":true,"x":1}'), 'not_a_usage_record');
  assert.equal(kindOf('{"refresh":true,"model":"m"}'), 'event');
});

test('a model or tokens make a usage record', () => {
  assert.equal(kindOf('{"model":"m"}'), 'event');
  assert.equal(kindOf('{"alias":"m"}'), 'event');
  assert.equal(kindOf('{"tokens":{}}'), 'event');
  assert.equal(kindOf('{"prompt_tokens":0}'), 'event');
  assert.equal(kindOf('\uFEFF{"model":"m"}'), 'event');
});

test('the first key that is present decides, even when it is empty', () => {
  const event = eventOf({
    alias: '',
    requested_model: 'x',
    model: 'm',
    request_id: null,
    id: 'i',
    auth_index: 12,
  });
  assert.equal(event.requestedModel, '');
  assert.equal(event.model, 'm');
  assert.equal(event.requestId, '');
  assert.equal(event.authIndex, '12');
});

test('an alias names the model, the upstream name stays beside it', () => {
  const event = eventOf({ alias: 'my-alias(high)', model: 'up-model' });
  assert.deepEqual(
    [event.model, event.requestedModel, event.resolvedModel],
    ['my-alias(high)', 'my-alias(high)', 'up-model'],
  );
});

test('endpoint, method and path complete each other', () => {
  const from = (record: object): string[] => {
    const { endpoint, method, path } = eventOf({ model: 'm', ...record });
    return [endpoint, method, path];
  };
  assert.deepEqual(from({ endpoint: 'POST /v1/messages' }), ['POST /v1/messages', 'POST', '/v1/messages']);
  assert.deepEqual(from({ endpoint: 'post /v1' }), ['post /v1', '', '']);
  assert.deepEqual(from({ method: 'get', path: '/x' }), ['GET /x', 'GET', '/x']);
  assert.deepEqual(from({ method: 'get' }), ['-', 'GET', '']);
  assert.deepEqual(from({ endpoint: 'POST /a', path: '/b' }), ['POST /a', 'POST', '/b']);
  assert.deepEqual(from({}), ['-', '', '']);
});

test('a strange method takes a good endpoint with it only where the endpoint is made of it', () => {
  const strange = { model: 'm', method: 'get; sk-abcdefgh12', path: '/v1/x' };
  const told = eventOf({ ...strange, endpoint: 'POST /v1/messages' });
  assert.deepEqual([told.endpoint, told.method, told.path], ['POST /v1/messages', '', '/v1/x']);
  const made = eventOf(strange);
  assert.deepEqual([made.endpoint, made.method, made.path], ['-', '', '/v1/x']);
});

test('a missing time is the time of arrival, and says so', () => {
  for (const timestamp of [undefined, null, '', 'yesterday', {}, '2026-02-30T00:00:00Z']) {
    const event = eventOf({ model: 'm', timestamp });
    assert.equal(event.timestampMs, CONTEXT.receivedAtMs);
    assert.equal(event.timestamp, '2026-11-21T12:00:00Z');
    assert.deepEqual(flagNames(event.flags), ['timeMissing']);
  }
  assert.equal(eventOf({ model: 'm' }).createdAtMs, CONTEXT.receivedAtMs);
});

test('the service tier that decides the price', () => {
  const tier = (record: object): string => eventOf({ model: 'm', ...record }).serviceTier;
  assert.equal(
    tier({ provider: 'codex', service_tier: 'priority', response_service_tier: 'default' }),
    'priority',
  );
  assert.equal(
    tier({ provider: 'openai', service_tier: 'priority', response_service_tier: 'default' }),
    'default',
  );
  assert.equal(tier({ provider: 'openai', service_tier: 'flex' }), 'flex');
  assert.equal(tier({ executor_type: 'CodexExecutor', response_service_tier: 'default' }), 'default');
  assert.equal(tier({ provider: 'codex', request_service_tier: '', service_tier: 'fast' }), 'fast');
  assert.equal(eventOf({ model: 'm', service_tier: 'auto' }).requestServiceTier, 'auto');
});

test('durations: 0 is a latency, but no time to first token', () => {
  const event = eventOf({ model: 'm', latency_ms: 0, ttft_ms: 0 });
  assert.equal(event.latencyMs, 0);
  assert.equal(event.ttftMs, null);
  assert.equal(eventOf({ model: 'm' }).latencyMs, null);
  assert.equal(eventOf({ model: 'm', latency_ms: null, duration_ms: 5 }).latencyMs, null);
  const negative = eventOf({ model: 'm', latencyMs: -4 });
  assert.equal(negative.latencyMs, 0);
  assert.ok(flagNames(negative.flags).includes('clamped'));
  assert.notEqual(negative.hash, eventOf({ model: 'm', latencyMs: 0 }).hash);
});

test('the hash is taken over what the record said, the event keeps what is in range', () => {
  const record = { model: 'm', timestamp: '2026-05-02T10:00:00Z', tokens: { input_tokens: 4_294_967_296 } };
  const event = eventOf(record);
  assert.equal(event.reported.input, 2 ** 31 - 1);
  assert.deepEqual(flagNames(event.flags), ['clamped']);
  assert.notEqual(event.hash, eventOf({ ...record, tokens: { input_tokens: 2 ** 31 - 1 } }).hash);
});

test('who asked: one line of graphic characters, bounded', () => {
  const event = eventOf({
    model: 'm',
    client_ip: ' 10.0.0.1\u0000',
    x_forwarded_for: '1.1.1.1,\r\n\t2.2.2.2',
    user_agent: `tool/1 \u001b[31m${'é'.repeat(600)}`,
  });
  assert.equal(event.clientIp, '10.0.0.1');
  assert.equal(event.xForwardedFor, '1.1.1.1, 2.2.2.2');
  assert.ok(Buffer.byteLength(event.userAgent) <= 1024);
  assert.match(event.userAgent, /^tool\/1 \[31mé+\.\.\.$/);
  assert.equal(eventOf({ model: 'm', client_ip: '9'.repeat(65) }).clientIp, `${'9'.repeat(61)}...`);
});

test('names are bounded and hold no control characters', () => {
  const event = eventOf({ model: `a\u001b[2J${'b'.repeat(5000)}` });
  assert.ok(Buffer.byteLength(event.model) <= 1024);
  assert.match(event.model, /^a \[2Jb+\.\.\.$/);
});

test('deeply nested and very long values are no trouble', () => {
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  assert.equal(kindOf(`{"model":"m","error":${deep}}`), 'event');
  assert.equal(kindOf(`{"model":"m","fail":{"body":${deep}},"failed":true}`), 'event');
  const event = eventOf({
    model: 'm',
    failed: true,
    fail: { status_code: 500, body: 'sk-'.repeat(1_000_000) },
  });
  assert.ok(Buffer.byteLength(event.failSummary) <= 4096);
});

test('it never throws, and an error of its own quotes nothing', () => {
  const broken = {
    gatewayId: 1,
    get receivedAtMs(): number {
      throw new TypeError('hush-hush-hush');
    },
  };
  assert.deepEqual(normalise(bytes({ model: 'm', source: 'hush-hush-hush' }), broken), {
    kind: 'rejected',
    reason: 'not_a_usage_record',
    detail: 'reading it failed: TypeError',
  });
});
