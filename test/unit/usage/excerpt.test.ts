import assert from 'node:assert/strict';
import test from 'node:test';
import { excerpt } from '../../../src/lib/store/dead-letters.ts';
import { redactText } from '../../../src/lib/usage/redact.ts';

function excerptOf(text: string): string {
  return excerpt(Buffer.from(text), (found) => redactText(found, []));
}

test('records that were encoded twice or with single quotes hide the same members', () => {
  const record = { model: 'm', source: 'bob', api_key: 'hunter', 'X-Api-Key': ['a', 'b'], n: 1 };
  const shown = '{"model":"m","source":"[redacted]","api_key":"[redacted]","X-Api-Key":["[redacted]"],"n":1}';
  const json = JSON.stringify(record);
  assert.equal(excerptOf(json), shown);
  assert.equal(excerptOf(JSON.stringify(json)), JSON.stringify(shown));
  assert.equal(excerptOf(JSON.stringify(JSON.stringify(json))), JSON.stringify(JSON.stringify(shown)));
  assert.equal(
    excerptOf("{'source': 'bob', 'sessionKey': 'it', 'model': 'm'}"),
    "{'source': '[redacted]', 'sessionKey': '[redacted]', 'model': 'm'}",
  );
  assert.equal(excerptOf('{source: bob, model: m}'), '{source: [redacted], model: m}');
});

test('a value that the excerpt cuts off goes with the rest', () => {
  assert.equal(excerptOf(String.raw`"{\"source\":\"bob the`), String.raw`"{\"source\":\"[redacted]`);
  const pem = `{"private_key":"-----BEGIN PRIVATE KEY-----${String.raw`\nAbC`.repeat(500)}`;
  assert.equal(excerptOf(pem), '{"private_key":"[redacted]');
});

test('long runs hide only where letters and digits are mixed', () => {
  assert.equal(excerptOf('abcdefghijklmnop 1234567890123456'), 'abcdefghijklmnop 1234567890123456');
  assert.equal(excerptOf('abcdefghijklmno1 2-abcdefghijkl'), '[redacted] [redacted]');
});
