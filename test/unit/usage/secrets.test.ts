import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { normalise } from '../../../src/lib/usage/normalise.ts';
import { bytes, CONTEXT, eventOf, recordings } from './support.ts';

const CLIENT_KEY = 'house-rules-4711-azure'; // no form of any provider's: only the record itself tells that it is a key
const PROVIDER_KEY = 'upstream-key-1234567890';
/** Keys that nothing in the record announces; their form alone gives them away. */
const FORMED = [
  'sk-client-alpha-0001',
  'sk-ant-api03-Zm9vYmFyYmF6cXV4',
  'AIzaSyD-1234567890abcdefghijk',
  'ghp_0123456789abcdefABCD',
  'github_pat_11ABCDEFG0abcdefghijklmnop',
  'xai-0123456789abcdefghijkl',
  'gsk_0123456789abcdefghijkl',
  'ya29.a0AfH6SMBx-abcdef_123',
  'GOCSPX-abcdef-123456789',
  'cmp_admin_abcdefghijklmnopqrstuvwxyz012345',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl',
];
const BEARER = 'q7Wm2x9LrT5vB8nK';
const SECRETS = [CLIENT_KEY, PROVIDER_KEY, BEARER, ...FORMED];

const TEXT_FIELDS = [
  'request_id',
  'alias',
  'model',
  'provider',
  'executor_type',
  'endpoint',
  'method',
  'path',
  'auth_type',
  'auth_index',
  'account_snapshot',
  'auth_label_snapshot',
  'auth_file_snapshot',
  'auth_provider_snapshot',
  'project_id',
  'reasoning_effort',
  'service_tier',
  'response_service_tier',
  'client_ip',
  'x_forwarded_for',
  'user_agent',
  'timestamp',
  'error',
  'latency_ms',
];
const HEADER_NAMES = [
  'X-Request-Id',
  'X-Codex-Plan-Type',
  'X-Codex-Rate-Limit-Reached-Type',
  'X-RateLimit-Bypass',
  'X-OpenAI-Authorization-Error',
  'Content-Type',
  'Server',
  'Via',
  'Traceparent',
  'X-Data-Retention',
  'Set-Cookie',
  'Authorization',
  'X-Goog-Api-Key',
  'X-Made-Up',
];

const filler = fc.stringMatching(/^[ -~]{0,12}$/);
const wrapped = fc.oneof(
  fc
    .tuple(filler, fc.constantFrom(CLIENT_KEY, PROVIDER_KEY, ...FORMED), filler)
    .map(([before, key, after]) => {
      // A key is never glued to the letters before it, except by an escaped line feed.
      return `${before}${/[A-Za-z0-9]$/.test(before) ? ' ' : ''}${key} ${after}`;
    }),
  fc.tuple(filler, filler).map(([before, after]) => `${before} Authorization: Bearer ${BEARER}, ${after}`),
  fc.tuple(filler, filler).map(([before, after]) => `${before} bearer ${BEARER} ${after}`),
);
const header = fc.oneof(wrapped, fc.array(wrapped, { maxLength: 2 }));

const poisoned = fc
  .record({
    texts: fc.dictionary(fc.constantFrom(...TEXT_FIELDS), wrapped),
    headers: fc.dictionary(fc.constantFrom(...HEADER_NAMES), header),
    body: fc.oneof(
      wrapped,
      wrapped.map((text) => JSON.stringify({ error: { message: text, headers: [text] } })),
    ),
    status: fc.constantFrom(200, 401, 402, 429, 499, 500),
    failed: fc.boolean(),
    oauth: fc.boolean(),
    source: fc.constantFrom(
      PROVIDER_KEY,
      CLIENT_KEY,
      `${PROVIDER_KEY}@example.com`,
      `a@${CLIENT_KEY}.com`,
      ...FORMED,
    ),
  })
  .map(({ texts, headers, body, status, failed, oauth, source }) => ({
    model: 'gpt-5.4',
    auth_type: oauth ? 'oauth' : 'apikey',
    ...texts,
    api_key: CLIENT_KEY,
    authorization: PROVIDER_KEY,
    source,
    failed,
    fail: { status_code: status, body },
    response_headers: headers,
    tokens: { input_tokens: body, cache_input_mode: body },
    response_metadata: {
      trace: { request_id: body },
      provider_usage: { model: body },
      [source]: { x: body },
    },
    wormhole: body,
  }));

test('no key survives in an event, wherever a record holds it', () => {
  fc.assert(
    fc.property(poisoned, (record) => {
      const written = JSON.stringify(eventOf(record));
      for (const secret of SECRETS) assert.ok(!written.includes(secret), `${secret} in ${written}`);
    }),
    { numRuns: 2000 },
  );
});

test('no key of the recordings survives', () => {
  for (const version of ['6.10.8', '7.1.39', '7.2.140']) {
    for (const record of recordings(version)) {
      assert.doesNotMatch(
        JSON.stringify(eventOf(record)),
        /sk-(?:client|upstream|ant|codex)-|AIza-|(?:aaaa|bbbb|cccc|dddd)\d/,
      );
    }
  }
});

test('what is told about a record that is no JSON quotes nothing of it', () => {
  const broken = [
    `{"api_key":"${CLIENT_KEY}" ${PROVIDER_KEY}}`,
    `"${CLIENT_KEY}`,
    PROVIDER_KEY,
    `["${PROVIDER_KEY}"]`,
    `"${PROVIDER_KEY}"`,
    `{"key":"${CLIENT_KEY}"}`,
  ];
  for (const payload of broken) {
    const normalised = normalise(bytes(payload), CONTEXT);
    assert.equal(normalised.kind, 'rejected');
    const written = JSON.stringify(normalised);
    assert.ok(!written.includes('house') && !written.includes('upstream'), written);
  }
});

test('a key that people chose among common words does not eat the names', () => {
  const event = eventOf({ model: 'gpt-5-codex', provider: 'codex', api_key: 'codex', auth_type: 'oauth' });
  assert.equal(event.provider, 'codex');
  assert.equal(event.model, 'gpt-5-codex');
});
