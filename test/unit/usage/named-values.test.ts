import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { redactName, redactText } from '../../../src/lib/usage/redact.ts';

const PEM = String.raw`-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7x\nq2b+/c=\n-----END RSA PRIVATE KEY-----\n`;

const CASES: ReadonlyArray<readonly [written: string, redacted: string]> = [
  // Lists, as headers of Go programs are written.
  ['{"X-Api-Key":["abc123def456"],"n":[1]}', '{"X-Api-Key":["[redacted]"],"n":[1]}'],
  ['{"Set-Cookie":["sid=a1; Path=/","t=b2"],"A":["b"]}', '{"Set-Cookie":["[redacted]"],"A":["b"]}'],
  ['{"Authorization": [ "Bearer q1" , "Basic zz" ]}', '{"Authorization": [ "[redacted]" ]}'],
  [
    String.raw`{"m":"{\"X-Api-Key\":[\"abc\",\"d\\\"ef\"],\"k\":[\"v\"]}"}`,
    String.raw`{"m":"{\"X-Api-Key\":[\"[redacted]\"],\"k\":[\"v\"]}"}`,
  ],
  ['map[X-Api-Key:[abc123] Via:[1.1]]', 'map[X-Api-Key:[redacted] Via:[1.1]]'],
  // Quotes inside the value, at every level of encoding.
  [String.raw`{"password":"a\"b \\","x":"y"}`, '{"password":"[redacted]","x":"y"}'],
  [String.raw`"{\"password\":\"a\\\"b\\\\\",\"x\":1}"`, String.raw`"{\"password\":\"[redacted]\",\"x\":1}"`],
  [String.raw`"{\"password\":\"cut off", and more`, String.raw`"{\"password\":\"[redacted]", and more`],
  ["{'password': 'it is', 'x': 'y'}", "{'password': '[redacted]', 'x': 'y'}"],
  ['{"api_key":"cut off in the mid', '{"api_key":"[redacted]'],
  ['{"api_key":null,"password":"","secret":true}', '{"api_key":null,"password":"","secret":true}'],
  // Names.
  ['{"sessionKey":"abc","session_key":"def"}', '{"sessionKey":"[redacted]","session_key":"[redacted]"}'],
  ['private_key=abc management-key: def', 'private_key=[redacted] management-key: [redacted]'],
  ['X-Management-Key: abc', 'X-Management-Key: [redacted]'],
  ['token: f00barbaz secret=x', 'token: [redacted] secret=[redacted]'],
  ['token = "abcdefghi"; token=>q1w2', 'token = "[redacted]"; token=>[redacted]'],
  // Blocks.
  [`{"private_key":"${PEM}","x":"y"}`, '{"private_key":"[redacted]","x":"y"}'],
  [`read ${PEM}, then`, String.raw`read [redacted]\n, then`],
  [PEM.replaceAll(String.raw`\n`, '\n').slice(0, 60), '[redacted]'],
  ['dial http://me:pa@ss@proxy.example:8080/x: no', 'dial http://[redacted]@proxy.example:8080/x: no'],
  [String.raw`{"u":"socks5:\/\/me:pw@1.2.3.4:1080"}`, String.raw`{"u":"socks5:\/\/[redacted]@1.2.3.4:1080"}`],
  // Short ones.
  ['sent Bearer abcd12.', 'sent Bearer [redacted]'],
  ['GET /x?auth=x&b=1', 'GET /x?auth=[redacted]&b=1'],
  ['GET /x?a=1&access_token=x', 'GET /x?a=1&access_token=[redacted]'],
];

/** Words around keys that are no keys. */
const PLAIN = [
  'max tokens: 4096',
  'max_tokens: 4096, token: 4096, total_token=500',
  'token limit exceeded, token 12 of 13',
  'the token: expired. Unexpected token: }',
  'unknown key: max_tokens',
  '{"tokens":["a","b"],"tokenizer":"o200k"}',
  'invalid bearer token, bearer of 2 items',
  'see https://example.com/a@b and http://localhost:8080/v1',
  'a secretary: nobody. monkey=banana',
];

test('values of named members, in every way of writing them', async (t) => {
  for (const [written, redacted] of CASES) {
    await t.test(written, () => {
      assert.equal(redactText(written, []), redacted);
      assert.equal(redactText(redacted, []), redacted, 'redacting twice changes nothing');
    });
  }
});

test('ordinary words and numbers stay', () => {
  for (const text of PLAIN) assert.equal(redactText(text, []), text);
});

test('names lose the password of a URL and named keys too', () => {
  assert.equal(redactName('GET http://u:pw@up.example/v1', []), 'GET http://[redacted]@up.example/v1');
  assert.equal(redactName('/v1?x={"sessionKey":"abc"}', []), '/v1?x={"sessionKey":"[redacted]"}');
});

test('any value goes whole, however often it was encoded', () => {
  const value = fc.string({
    minLength: 1,
    maxLength: 20,
    unit: fc.constantFrom('\\', '"', 'a', '\n', ',', ']'),
  });
  fc.assert(
    fc.property(value, fc.nat(3), fc.boolean(), (secret, levels, list) => {
      let written: unknown = { 'x-api-key': list ? ['q', secret] : secret, tail: 'left' };
      for (let level = 0; level <= levels; level += 1) written = JSON.stringify(written);
      let read: unknown = redactText(String(written), []);
      for (let level = 0; level <= levels; level += 1) read = JSON.parse(String(read));
      assert.deepEqual(read, { 'x-api-key': list ? ['[redacted]'] : '[redacted]', tail: 'left' });
    }),
    { numRuns: 1000 },
  );
});
