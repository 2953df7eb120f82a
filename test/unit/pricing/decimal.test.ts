import assert from 'node:assert/strict';
import test from 'node:test';

import * as fc from 'fast-check';

import {
  MAX_PICO_USD,
  picoFromUsdPerMillion,
  picoFromUsdPerToken,
  usdPerMillion,
} from '../../../src/lib/pricing/decimal.ts';

test('USD per million tokens to pico-USD a token', () => {
  for (const [usd, pico] of [
    [0, 0],
    [-0, 0],
    [3, 3_000_000],
    [0.3, 300_000],
    [0.075, 75_000],
    [1.25, 1_250_000],
    [0.003625, 3625],
    // 0.29 x 10^6 is 289999.99999999994 in doubles.
    [0.29, 290_000],
    [1.1, 1_100_000],
    [1e-6, 1],
    // Beyond six decimals: half up.
    [0.0000005, 1],
    [4.99e-7, 0],
    [1e-300, 0],
    [1e9, MAX_PICO_USD],
  ] as const) {
    assert.equal(picoFromUsdPerMillion(usd), pico, String(usd));
  }
});

test('what is no price', () => {
  for (const usd of [-1, -1e-9, Number.NaN, Infinity, -Infinity, 1e9 + 1, 1e300]) {
    assert.equal(picoFromUsdPerMillion(usd), null, String(usd));
  }
});

test('USD per token, as number or text', () => {
  assert.equal(picoFromUsdPerToken(3e-6), 3_000_000);
  assert.equal(picoFromUsdPerToken('0.00000025'), 250_000);
  assert.equal(picoFromUsdPerToken(' 1.5E-7 '), 150_000);
  assert.equal(picoFromUsdPerToken('0'), 0);
  for (const text of ['', 'free', '-1', '1,5', '0x10', '1e400']) {
    assert.equal(picoFromUsdPerToken(text), null, text);
  }
});

test('property: there and back again is exact', () => {
  fc.assert(
    fc.property(fc.nat({ max: MAX_PICO_USD }), (pico) => {
      assert.equal(picoFromUsdPerMillion(usdPerMillion(pico)), pico);
    }),
  );
  fc.assert(
    fc.property(fc.nat({ max: 10 ** 9 }), fc.integer({ min: 0, max: 6 }), (digits, decimals) => {
      const usd = Number(`${digits}e-${decimals}`);
      const pico = picoFromUsdPerMillion(usd);
      assert.ok(pico !== null);
      assert.equal(BigInt(pico), BigInt(digits) * 10n ** BigInt(6 - decimals));
      assert.equal(usdPerMillion(pico), usd);
    }),
  );
});
