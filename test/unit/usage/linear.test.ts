import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
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
