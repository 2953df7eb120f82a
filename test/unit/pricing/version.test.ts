import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';

import type { PriceVersion } from '../../../src/lib/contract/pricing.ts';
import { canonicalPriceVersion, priceVersionId } from '../../../src/lib/pricing/version.ts';

const version: PriceVersion = {
  source: 'manual',
  rates: { output: 2, input: 1, cacheWrite5m: null, cacheWrite1h: 4, cacheRead: 0 },
  origin: 'manual',
  model: 'gpt-"x"',
  basis: 'context>200000',
};
const text =
  '{"basis":"context>200000","model":"gpt-\\"x\\"","origin":"manual",' +
  '"rates":{"cacheRead":0,"cacheWrite1h":4,"cacheWrite5m":null,"input":1,"output":2},"source":"manual"}';

test('the canonical text has its keys in alphabetical order', () => {
  assert.equal(canonicalPriceVersion(version), text);
});

test('a rate for pictures is part of the text only where there is one', () => {
  const drawing = { ...version, rates: { ...version.rates, outputImage: 9 } };
  assert.equal(canonicalPriceVersion(drawing), text.replace('"output":2}', '"output":2,"outputImage":9}'));
});

test('the id is the SHA-256 of the canonical text, for equal versions the same', () => {
  const id = createHash('sha256').update(text, 'utf8').digest('hex');
  assert.equal(priceVersionId(version), id);
  assert.equal(priceVersionId({ ...version, rates: { ...version.rates } }), id);
  assert.notEqual(priceVersionId({ ...version, rates: { ...version.rates, cacheRead: null } }), id);
  assert.notEqual(priceVersionId({ ...version, source: 'synced' }), id);
});
