import assert from 'node:assert/strict';
import test from 'node:test';
import { maskSource } from '../../../src/lib/usage/source.ts';

const CASES: ReadonlyArray<readonly [source: string, authType: string, masked: string]> = [
  ['', 'oauth', ''],
  ['   ', 'apikey', ''],
  ['user@example.com', 'oauth', 'use***@example.com'],
  ['ab@example.com', '', 'ab***@example.com'],
  ['user@example.com', 'apikey', 'm:user....com'],
  ['codex-user@example.com-plus.json', 'oauth', 'cod***@example.com-plus.json'],
  ['@nobody', 'oauth', 'm:****'],
  ['user@not a domain at all', 'oauth', 'm:user... all'],
  ['sk-upstream-openai-bbbb', 'apikey', 'm:sk-u...bbbb'],
  ['sk-upstream-openai-bbbb', 'oauth', 'm:sk-u...bbbb'],
  ['upstream-key-1234567890', 'apikey', 'm:upst...7890'],
  ['upstream-key-1234567890', 'oauth', 'm:upst...7890'],
  ['123456789012', 'apikey', 'm:****'],
  ['1234567890123', 'apikey', 'm:1234...0123'],
  ['my-project-42', 'oauth', 'my-project-42'],
  ['gen-lang-client-0123456789', 'vertex', 'gen-lang-client-0123456789'],
  ['my-project-42', 'apikey', 'm:my-p...t-42'],
  ['my-project-42', 'unknown', 'm:my-p...t-42'],
  ['a1b2c3d4e5f6a7b8c9d0', 'oauth', 'm:a1b2...c9d0'],
  ['gemini-account.json', 'unknown', 'gemini-account.json'],
  ['gemini-a1b2c3d4e5f6a7b8.json', 'oauth', 'm:gemi...json'],
  ['/root/.cli-proxy-api/x.json', 'oauth', 'm:/roo...json'],
  ['Some words that someone typed', 'oauth', 'm:Some...yped'],
  ['m:sk-u...bbbb', 'apikey', 'm:sk-u...bbbb'],
  ['m:****', 'apikey', 'm:****'],
  ['use***@example.com', 'apikey', 'use***@example.com'],
  ['m:sk-upstream-openai-bbbb', 'apikey', 'm:m:sk...bbbb'],
  ['схема-ключа-из-букв', 'apikey', 'm:схем...букв'],
];

test('a source is shown only when it plainly is an address, a project or a file', async (t) => {
  for (const [source, authType, masked] of CASES) {
    await t.test(`${source} (${authType})`, () => assert.equal(maskSource(source, authType, []), masked));
  }
});

test("a source that holds the record's own key is a key", () => {
  assert.equal(maskSource('team-alpha', 'oauth', ['team-alpha']), 'm:****');
  assert.equal(maskSource('x@team-alpha.example', 'oauth', ['team-alpha']), 'm:x@te...mple');
});
