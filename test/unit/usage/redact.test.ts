import assert from 'node:assert/strict';
import test from 'node:test';
import { redactFailure, redactName, redactText } from '../../../src/lib/usage/redact.ts';

const CASES: ReadonlyArray<readonly [written: string, redacted: string]> = [
  ['Authorization: Bearer abc', 'Authorization: [redacted]'],
  ['proxy-authorization = Basic dXNlcjpwYXNz, next', 'proxy-authorization = [redacted], next'],
  ['{"authorization":"Bearer abc.def","a":1}', '{"authorization":"[redacted]","a":1}'],
  [
    String.raw`{"m":"{\"Authorization\":\"Bearer zzz\"}"}`,
    String.raw`{"m":"{\"Authorization\":\"[redacted]\"}"}`,
  ],
  ['sent BEARER abcdefgh12', 'sent Bearer [redacted]'],
  ['the bearer of news', 'the bearer of news'],
  ['basic dXNlcjpwYXNzd29yZA==', 'Basic [redacted]'],
  ['access_token=abc&refresh_token=def', 'access_token=[redacted]&refresh_token=[redacted]'],
  ['{"id_token": "abc", "n": 1}', '{"id_token": "[redacted]", "n": 1}'],
  ['x-api-key: 12345 api key = q API_KEY:z', 'x-api-key: [redacted] api key = [redacted] API_KEY:[redacted]'],
  ['client_secret: hush, password="p w"', 'client_secret: [redacted], password="[redacted]"'],
  ['{"token":"abc","tokens":"5"}', '{"token":"[redacted]","tokens":"5"}'],
  ['max_tokens: 4096 exceeded', 'max_tokens: 4096 exceeded'],
  ['GET https://x/y?key=AbC-1&alt=sse', 'GET https://x/y?key=[redacted]&alt=sse'],
  ['Incorrect API key provided: sk-proj-abc_DEF-123.', 'Incorrect API key provided: [redacted].'],
  ['sk-ant-api03-abcdef sess-abcdefgh ghp_abcdef hf_abcdef pk_abcdef rk_abcdef', times('[redacted]', 6)],
  ['github_pat_11AAAAAAAAAAAAAAAAAAAA AIzaSyABCDEFG', times('[redacted]', 2)],
  [String.raw`{"m":"key:\nsk-live-secret9"}`, String.raw`{"m":"key:\n[redacted]"}`],
  [
    'task-execution on a desk-lamp in network_unavailable',
    'task-execution on a desk-lamp in network_unavailable',
  ],
  ['{"set-cookie":"sid=1; HttpOnly","b":2}', '{"set-cookie":"[redacted]","b":2}'],
  ['Cookie: sid=1; t=2\r\nHost: x', 'Cookie: [redacted]\r\nHost: x'],
  ['mail john.doe+x@mail.example.com now', 'mail j***@mail.example.com now'],
  ['model claude-3-5-sonnet@20240620', 'model claude-3-5-sonnet@20240620'],
];

function times(word: string, count: number): string {
  return Array.from({ length: count }, () => word).join(' ');
}

test('keys, tokens, cookies and addresses go, the words around them stay', async (t) => {
  for (const [written, redacted] of CASES) {
    await t.test(written, () => {
      assert.equal(redactText(written, []), redacted);
      assert.equal(redactText(redacted, []), redacted, 'redacting twice changes nothing');
    });
  }
});

test('secrets that the record names go whatever they look like', () => {
  assert.equal(redactText('wrong key plain-word', ['plain-word']), 'wrong key [redacted]');
  assert.equal(redactName('x/plain-word/y', ['plain-word']), 'x/[redacted]/y');
});

test('names keep what only looks like an address or a cookie', () => {
  assert.equal(redactName('@cf/meta/llama-3', []), '@cf/meta/llama-3');
  assert.equal(redactName('a@b.example', []), 'a@b.example');
  assert.equal(
    redactName('POST /v1beta/models/g:generate?key=abc', []),
    'POST /v1beta/models/g:generate?key=[redacted]',
  );
});

test('a failure text is at most 4096 bytes of whole characters', () => {
  const long = redactFailure(`  ${'é'.repeat(5000)}`, []);
  assert.equal(Buffer.byteLength(long), 4095);
  assert.match(long, /^é+\.\.\.$/);
  assert.equal(redactFailure(' short ', []), 'short');
});

test('no half of a key is left where a very long text was cut', () => {
  const key = 'sk-'.padEnd(200, 'a1');
  for (let shift = 0; shift < 220; shift += 7) {
    const cookies = `Cookie: ${'x'.repeat(31_900 + shift)} \n`;
    assert.doesNotMatch(redactFailure(`${cookies}${key.repeat(30)}`, []), /sk-|a1a1/);
  }
});
