import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { normalise } from '../../../src/lib/usage/normalise.ts';
import { bytes, CONTEXT, eventOf } from './support.ts';

const MAX = 2 ** 31 - 1;

const count = fc.oneof(
  { weight: 4, arbitrary: fc.nat(5000) },
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(
    0,
    -0,
    1,
    -1,
    MAX,
    MAX + 1,
    2 ** 63,
    -(2 ** 63),
    1e300,
    '17',
    ' 9 ',
    '-3',
    '9223372036854775807',
    null,
    true,
  ),
);
const counters = fc.dictionary(
  fc.constantFrom(
    'input_tokens',
    'output_tokens',
    'reasoning_tokens',
    'cached_tokens',
    'cache_tokens',
    'total_tokens',
    'cache_read_tokens',
    'cache_creation_tokens',
    'promptTokens',
    'cacheReadInputTokens',
  ),
  count,
);
const lifetimes = fc.record(
  { ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count },
  { requiredKeys: [] },
);
const breakdown = fc.record({
  schema_version: fc.constantFrom(2, 2, 2, 3),
  quality: fc.constantFrom('complete', 'complete', 'inconsistent', 'unclassified'),
  total_tokens: count,
  input: fc.record({
    total_tokens: count,
    uncached_tokens: count,
    cache_read_tokens: count,
    cache_write_tokens: count,
  }),
  output: fc.record({ total_tokens: count, non_reasoning_tokens: count, reasoning_tokens: count }),
  unclassified_tokens: count,
});
/** A breakdown that adds up, also with parts that no counter may hold. */
const wholeBreakdown = fc
  .tuple(...[1, 2, 3, 4, 5].map(() => fc.oneof(fc.nat(5000), fc.nat(2 ** 40))))
  .map(([uncached = 0, read = 0, write = 0, plain = 0, reasoning = 0]) => ({
    schema_version: 2,
    quality: 'complete',
    total_tokens: uncached + read + write + plain + reasoning,
    input: {
      total_tokens: uncached + read + write,
      uncached_tokens: uncached,
      cache_read_tokens: read,
      cache_write_tokens: write,
    },
    output: { total_tokens: plain + reasoning, non_reasoning_tokens: plain, reasoning_tokens: reasoning },
    unclassified_tokens: 0,
  }));
const metered = fc.record(
  {
    model: fc.constantFrom('gpt-5.4', 'claude-sonnet-4-5', 'gemini-2.5-pro', 'grok-4', 'kimi-k2', 'foo'),
    provider: fc.constantFrom(
      'openai',
      'claude',
      'gemini',
      'vertex',
      'xai',
      'codex',
      'unknown',
      'antigravity',
    ),
    cache_input_mode: fc.constantFrom('included_in_input', 'separate_from_input', 'no'),
    tokens: fc
      .tuple(counters, fc.option(lifetimes))
      .map(([plain, cache_creation]) => ({ ...plain, cache_creation })),
    usage: counters,
    token_breakdown: fc.oneof(breakdown, wholeBreakdown),
    latency_ms: count,
    ttft_ms: count,
    timestamp: fc.oneof(
      count,
      fc.constantFrom('2026-05-02T10:00:00Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59-08:00'),
    ),
  },
  { requiredKeys: ['model'] },
);

test('whatever the counters: each part is a count, reads lie within the input, reasoning within the output', () => {
  fc.assert(
    fc.property(metered, (record) => {
      const event = eventOf(record);
      const { uncachedInput, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning } = event.tokens;
      const wholeInput = uncachedInput + cacheRead + cacheWrite5m + cacheWrite1h;
      for (const part of [...Object.values(event.tokens), ...Object.values(event.reported)]) {
        assert.ok(Number.isInteger(part) && part >= 0 && part <= MAX && !Object.is(part, -0), `${part}`);
      }
      assert.ok(cacheRead <= wholeInput && reasoning <= output);
      assert.ok(Number.isSafeInteger(wholeInput + output));
      for (const ms of [event.latencyMs, event.ttftMs]) assert.ok(ms === null || (ms >= 0 && ms <= MAX));
      assert.ok(event.timestampMs >= 0 && event.timestampMs <= 253_402_300_799_999);
      assert.match(event.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$/);
      assert.match(event.hash, /^[0-9a-f]{64}$/);
    }),
    { numRuns: 3000 },
  );
});

test('sane counters: no token is lost and none is counted twice', () => {
  const parts = fc.tuple(fc.nat(9999), fc.nat(9999), fc.nat(9999), fc.nat(9999), fc.nat(9999));
  fc.assert(
    fc.property(parts, ([uncached, read, write, plain, reasoning]) => {
      const tokens = { cache_read_tokens: read, cache_creation_tokens: write, cached_tokens: read || write };
      const expected = {
        uncachedInput: uncached,
        cacheRead: read,
        cacheWrite5m: write,
        cacheWrite1h: 0,
        output: plain + reasoning,
        reasoning,
      };
      const inside = {
        provider: 'openai',
        model: 'gpt-5.4',
        tokens: {
          ...tokens,
          input_tokens: uncached + read + write,
          output_tokens: plain + reasoning,
          reasoning_tokens: reasoning,
          total_tokens: uncached + read + write + plain + reasoning,
        },
      };
      const beside = {
        provider: 'claude',
        model: 'claude-x',
        tokens: { ...inside.tokens, input_tokens: uncached },
      };
      const gemini = {
        provider: 'gemini',
        model: 'gemini-x',
        tokens: { ...inside.tokens, output_tokens: plain },
      };
      assert.deepEqual(eventOf(inside).tokens, expected);
      assert.deepEqual(eventOf(beside).tokens, expected);
      assert.deepEqual(eventOf(gemini).tokens, expected);
    }),
  );
});

test('any bytes and any JSON give an answer, the same each time', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map(bytes),
    fc
      .dictionary(
        fc.constantFrom(
          'model',
          'tokens',
          'fail',
          'source',
          'api_key',
          'timestamp',
          'usage',
          'failed',
          'response_headers',
          'token_breakdown',
          'endpoint',
          'error',
          '__proto__',
        ),
        fc.jsonValue(),
      )
      .map(bytes),
  );
  fc.assert(
    fc.property(anything, (payload) => {
      const first = normalise(payload, CONTEXT);
      assert.ok(['event', 'control', 'rejected'].includes(first.kind));
      assert.deepEqual(normalise(payload, CONTEXT), first);
    }),
    { numRuns: 2000 },
  );
});
