import assert from 'node:assert/strict';
import test from 'node:test';
import { first, integer, optionalInteger, text } from '../../../src/lib/usage/readers.ts';
import { cutToBytes, toOneLine, trim } from '../../../src/lib/usage/text.ts';

test('first: the first key that is present, whatever it holds', () => {
  assert.equal(first({ a: null, b: 1 }, ['a', 'b']), null);
  assert.equal(first({ b: 1 }, ['a', 'b']), 1);
  assert.equal(first({}, ['a', 'b']), undefined);
});

test('text: numbers as Go prints them', () => {
  const cases: ReadonlyArray<readonly [json: string, written: string]> = [
    ['12', '12'],
    ['-0', '0'],
    ['1.5', '1.5'],
    ['1e3', '1000'],
    ['12345678901234567890', '12345678901234567000'],
    ['1234567890123456789', '1234567890123456768'],
    ['1e21', '1000000000000000000000'],
    ['1.25e-8', '0.0000000125'],
    ['" padded\\t"', 'padded'],
    ['null', ''],
    ['{"a":1}', ''],
    ['[1]', ''],
    ['true', 'true'],
    ['"\\ud800x"', '\uFFFDx'],
  ];
  for (const [json, written] of cases) assert.equal(text(JSON.parse(json)), written, json);
});

test('integer: cut toward zero, parsed, or 0', () => {
  const cases: ReadonlyArray<readonly [value: unknown, result: number | bigint]> = [
    [5.9, 5],
    [-5.9, -5],
    [-0.5, 0],
    ['12', 12],
    [' -7 ', -7],
    ['+7', 7],
    ['5.9', 0],
    ['1e3', 0],
    ['', 0],
    [true, 0],
    [null, 0],
    [{}, 0],
    [2 ** 53, 9_007_199_254_740_992n],
    ['9007199254740993', 9_007_199_254_740_993n],
    ['9223372036854775807', 9_223_372_036_854_775_807n],
    ['9223372036854775808', 0],
    [1e300, 9_223_372_036_854_775_807n],
    [-1e300, -9_223_372_036_854_775_808n],
    [JSON.parse('1e999'), 9_223_372_036_854_775_807n],
  ];
  for (const [value, result] of cases) assert.equal(integer(value), result, String(value));
});

test('optional integer: an explicit 0 is known', () => {
  assert.equal(optionalInteger({ a: 0 }, ['a']), 0);
  assert.equal(optionalInteger({ a: null, b: 3 }, ['a', 'b']), null);
  assert.equal(optionalInteger({}, ['a']), null);
  assert.equal(optionalInteger({ a: 'x' }, ['a']), 0);
});

test('white space is what Go takes for it', () => {
  assert.equal(trim('\u0085\u00a0 a b \u3000\n'), 'a b');
  assert.equal(trim('\uFEFFa\uFEFF '), '\uFEFFa\uFEFF');
});

test('cuts fall between characters and are marked', () => {
  assert.equal(cutToBytes('abcdef', 6), 'abcdef');
  assert.equal(cutToBytes('abcdefg', 6), 'abc...');
  assert.equal(cutToBytes('ééééé', 9), 'ééé...');
  assert.equal(toOneLine('a\u200b\u2028 b', 64), 'a b');
});
