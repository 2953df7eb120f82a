import assert from 'node:assert/strict';
import test from 'node:test';
import { ownKeys } from '../../../src/lib/usage/known-secrets.ts';
import { maskKey, maskSource } from '../../../src/lib/usage/source.ts';
import { eventOf } from './support.ts';

const QUIET = 'plain-looking-word';

test('secrets that a record names at any level, in lists and in headers', () => {
  const record = {
    api_key: 'top-level',
    count: 123_456_789,
    token: 987_654_321,
    auth: { sessionKey: 'in-auth', nested: [{ client_secret: 'in-list' }] },
    response_headers: { 'X-Api-Key': ['header-1', 'header-2'], Authorization: ['Bearer head-3'] },
    tokens: { input_tokens: 1_234_567, token: 'monthly' },
    model_key: 'gpt-5.4-mini',
  };
  assert.deepEqual([...ownKeys(record)].sort(), [
    '987654321',
    'Bearer head-3',
    'head-3',
    'header-1',
    'header-2',
    'in-auth',
    'in-list',
    'top-level',
  ]);
});

test('an ordinary word below the top level is no secret, a key under the same name is', () => {
  assert.deepEqual(ownKeys({ quota: { key: 'requests' } }), []);
  assert.deepEqual(ownKeys({ quota: { key: 'abcdef-123456' } }), ['abcdef-123456']);
});

test('what is looked at and looked for is bounded, the top level first', () => {
  const many = Array.from({ length: 5000 }, (_, index) => ({ api_key: `secret-${index}` }));
  const keys = ownKeys({ many, password: 'top-level' });
  assert.ok(keys.length <= 32 && keys.includes('top-level'));
  let deep: object = { api_key: 'too-deep' };
  for (let level = 0; level < 50; level += 1) deep = { deep };
  assert.deepEqual(ownKeys({ deep }), []);
  const long = ownKeys({ api_key: 'k'.repeat(10_000) });
  assert.ok(long.every((key) => key.length <= 4096));
});

test('a secret named elsewhere in the record leaves its texts', () => {
  const event = eventOf({
    model: 'm',
    failed: true,
    fail: { status_code: 401, body: `refused ${QUIET} of other-word` },
    request: { headers: { 'X-Goog-Api-Key': [QUIET] } },
    auth: [{ session_key: 'other-word' }],
    user_agent: `tool ${QUIET}`,
  });
  assert.equal(event.failSummary, 'refused [redacted] of [redacted]');
  assert.equal(event.userAgent, 'tool [redacted]');
});

test('an account named by a key is masked, one named by words or by a UUID is shown', () => {
  const snapshotOf = (name: string): string[] => {
    const event = eventOf({ model: 'm', account_snapshot: name, auth_label_snapshot: name });
    return [event.accountSnapshot, event.authLabelSnapshot];
  };
  const keys = ['Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg', `ab12-${'x9Y8z7W6v5U4'.repeat(3)}`, '0f'.repeat(16)];
  for (const key of keys) assert.deepEqual(snapshotOf(key), [maskKey(key), maskKey(key)], key);
  const names = [
    'user@a-rather-long-company-name.example.com',
    'bot-1@project-123456.iam.gserviceaccount.com',
    '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    'My-Company-Team-Account-Number-2024-Production',
    'The account of the whole team 2024',
  ];
  for (const name of names) assert.deepEqual(snapshotOf(name), [name, name], name);
});

test('a source longer than any address is masked without a closer look', () => {
  const key = `start${'@a.'.repeat(100_000)}end.`;
  assert.equal(maskSource(key, 'oauth', []), 'm:star...end.');
});

test('the password of a URL reaches no field of an event', () => {
  const url = 'http://agent:hush-hush@proxy.example:3128/v1';
  const event = eventOf({
    model: 'm',
    endpoint: `GET ${url}`,
    path: url,
    provider: url,
    failed: true,
    error: `dial ${url}`,
    response_headers: { Via: url },
  });
  assert.doesNotMatch(JSON.stringify(event), /hush/);
  assert.equal(event.endpoint, 'GET http://[redacted]@proxy.example:3128/v1');
});
