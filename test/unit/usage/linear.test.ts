import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { redactText } from '../../../src/lib/usage/redact.ts';
import { trim } from '../../../src/lib/usage/text.ts';
import { eventOf } from './support.ts';

const SIZE = 100_000;

/** How often `trim` looks at a character, and whether it leaves that to a pattern. */
function stepsOf(t: TestContext, act: () => void): { readonly looks: number; readonly patterns: number } {
  const looks = t.mock.method(String.prototype, 'charCodeAt');
  const patterns = t.mock.method(String.prototype, 'replace');
  act();
  t.mock.restoreAll();
  return { looks: looks.mock.callCount(), patterns: patterns.mock.callCount() };
}

test('inner white space costs a trim nothing, edges cost one look a character', (t) => {
  const inner = `\u00e9${' '.repeat(SIZE)}\u00e9`;
  const within = stepsOf(t, () => assert.equal(trim(inner), inner));
  assert.deepEqual([within.looks <= 2, within.patterns], [true, 0]);
  const edges = stepsOf(t, () => assert.equal(trim(`${' '.repeat(50)}x y${'\u3000'.repeat(50)}`), 'x y'));
  assert.deepEqual([edges.looks <= 102, edges.patterns], [true, 0]);
  assert.equal(trim(' '.repeat(SIZE)), '');
});

test('edges of mixed white space, and of what only looks like it', () => {
  assert.equal(trim('\u0085 \u0085a\u0085b \u0085 '), 'a\u0085b');
  assert.equal(trim('\u0085 \u0085\uFEFFa\uFEFF\u0085 \u0085'), '\uFEFFa\uFEFF');
  assert.equal(trim('\u200b a \u180e'), '\u200b a \u180e');
  for (const space of '\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2005\u200a\u2028\u2029\u202f\u205f\u3000') {
    assert.equal(trim(`${space}a${space}`), 'a', `U+${space.charCodeAt(0).toString(16)}`);
  }
  for (const other of '\u0008\u000e\u001c\u001f\u0084\u200b\u2060\uFEFF') {
    assert.equal(trim(`${other}a${other}`), `${other}a${other}`, `U+${other.charCodeAt(0).toString(16)}`);
  }
});

test('a user agent of spaces between two letters is one more record', () => {
  assert.equal(eventOf({ model: 'm', user_agent: `\u00e9${' '.repeat(SIZE)}\u00e9` }).userAgent, '\u00e9');
});

/** Forms of patterns that try a run of characters again from each of its characters. */
const SUPER_LINEAR: ReadonlyArray<readonly [what: string, form: RegExp]> = [
  ['a run of backslashes without a bound', /\\\\(?:[*+]|\{\d+,\})/],
  ['a run that ends at the end of the text', /\[\\s[^\]\n]*\][*+]\$/],
  ['two runs of the same characters with something optional between', /(\\[dws])[*+]\\?[^\s(]?\?\1[*+]/],
  ['a run that holds what a match begins with', /eyJ\[\\w-\]\{\d+,\}/],
];

test('no pattern that meets text of strangers is known to be super-linear', () => {
  const usage = readdirSync(new URL('../../../src/lib/usage/', import.meta.url)).map(
    (name) => `usage/${name}`,
  );
  for (const file of [...usage, 'store/dead-letters.ts']) {
    const code = readFileSync(new URL(`../../../src/lib/${file}`, import.meta.url), 'utf8');
    for (const [what, form] of SUPER_LINEAR) assert.doesNotMatch(code, form, `${file}: ${what}`);
  }
});

test('a value that could not count is not read: it would be read again from each name within it', (t) => {
  const reads = t.mock.method(RegExp.prototype, 'test');
  redactText('key=x;key='.repeat(1000), []);
  const few = reads.mock.callCount();
  t.mock.restoreAll();
  assert.ok(few < 10, `${few}`);
});

test('runs of backslashes longer than any quoting are left alone', () => {
  const slashes = '\\'.repeat(32_000);
  assert.equal(redactText(`${slashes}"token${slashes}`, []), `${slashes}"token${slashes}`);
});
