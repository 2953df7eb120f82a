import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import * as fc from 'fast-check';

import type { PriceCard, PriceInput, Priced, Rates } from '../../../src/lib/contract/pricing.ts';
import { createPriceBook } from '../../../src/lib/pricing/book.ts';
import { cardFromPriceObject } from '../../../src/lib/pricing/price-object.ts';
import { parsePriceObject } from '../../../src/lib/pricing/price-validation.ts';
import { MAX_NANO_USD, price } from '../../../src/lib/pricing/price.ts';
import {
  billable,
  emptyBook,
  manualCard,
  mapRow,
  noRates,
  oneCard,
  priceInput,
  type TokenRow,
} from '../../support/price-events.ts';

interface Golden {
  readonly name: string;
  readonly prices: Readonly<Record<string, unknown>>;
  readonly event: Partial<Omit<PriceInput, 'tokens'>> & { readonly model: string; readonly tokens: TokenRow };
  readonly expect:
    | 'unpriced'
    | { readonly nanoUsd: number; readonly parts: readonly number[]; readonly basis: string };
}

const goldens: readonly Golden[] = JSON.parse(
  readFileSync(new URL('../../fixtures/prices/goldens.json', import.meta.url), 'utf8'),
);

function partList(priced: Priced): number[] {
  assert.equal(priced.kind, 'priced');
  const { uncachedInput, cacheRead, cacheWrite, output } = priced.parts;
  return [uncachedInput, cacheRead, cacheWrite, output];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

for (const golden of goldens) {
  test(`golden: ${golden.name}`, () => {
    const manual = new Map(
      Object.entries(golden.prices).map(([model, object]) => [
        model,
        cardFromPriceObject(model, parsePriceObject(model, object), 'manual'),
      ]),
    );
    const book = createPriceBook({ manual, synced: new Map(), revision: 1, embedded: emptyBook });
    const { tokens, model, ...other } = golden.event;
    const priced = price(priceInput(model, tokens, other), book);
    if (golden.expect === 'unpriced') {
      assert.deepEqual(priced, { kind: 'unpriced' });
      return;
    }
    assert.equal(priced.kind, 'priced');
    assert.equal(priced.nanoUsd, golden.expect.nanoUsd);
    assert.deepEqual(partList(priced), golden.expect.parts);
    assert.equal(sum(golden.expect.parts), golden.expect.nanoUsd, 'the golden itself adds up');
    assert.equal(priced.version.basis, golden.expect.basis);
    assert.equal(priced.clamped, false);
  });
}

test('no card: unpriced', () => {
  assert.deepEqual(price(priceInput('m', [1, 0, 0, 0, 0]), emptyBook), { kind: 'unpriced' });
});

test('no tokens cost nothing, also where no source knows the model', () => {
  const priced = price(priceInput('m', [0, 0, 0, 0, 0]), emptyBook);
  assert.equal(priced.kind, 'priced');
  assert.equal(priced.nanoUsd, 0);
  assert.deepEqual(partList(priced), [0, 0, 0, 0]);
  assert.equal(priced.version.basis, 'no tokens');
  const other = price(priceInput('other', [0, 0, 0, 0, 0]), emptyBook);
  assert.ok(other.kind === 'priced' && other.version === priced.version, 'one version for all of them');
  const known = price(priceInput('m', [0, 0, 0, 0, 0]), oneCard(manualCard('m', { input: 1_000_000 })));
  assert.equal(known.kind === 'priced' && known.version.basis, 'base');
});

test('service tiers of one name and several modes keep their own rates', () => {
  const tier = (mode: string, input: number) => ({
    mode,
    serviceTier: 'priority',
    rates: { ...noRates, input },
  });
  const card = manualCard(
    'm',
    { input: 1_000_000 },
    { serviceTiers: [tier('fast', 3_000_000), tier('turbo', 5_000_000)] },
  );
  const cost = (serviceTier: string): number | false => {
    const priced = price(priceInput('m', [1000, 0, 0, 0, 0], { serviceTier }), oneCard(card));
    return priced.kind === 'priced' && priced.nanoUsd;
  };
  assert.deepEqual([cost('fast'), cost('turbo'), cost('fast')], [3_000_000, 5_000_000, 3_000_000]);
});

test('a rate for pictures belongs to its list, and multipliers count for it', () => {
  const M = 1_000_000;
  const drawing = manualCard('m', { input: 2 * M, output: 12 * M, outputImage: 120 * M });
  const priced = (card: PriceCard, serviceTier = ''): Priced => {
    const event = priceInput('m', [0, 0, 0, 0, 100], { serviceTier });
    return price({ ...event, tokens: { ...event.tokens, reasoning: 40 } }, oneCard(card));
  };
  const full = priced(drawing);
  assert.equal(full.kind === 'priced' && full.nanoUsd, 60 * 120_000 + 40 * 12_000);
  assert.deepEqual(full.kind === 'priced' && full.version.rates.outputImage, 120 * M);
  const half = priced(drawing, 'flex');
  assert.equal(half.kind === 'priced' && half.nanoUsd, 30 * 120_000 + 20 * 12_000);
  assert.equal(half.kind === 'priced' && half.version.basis, 'base+service:flex+image-output x1/2');
  const filled = (own: Partial<Rates>): Rates | undefined =>
    createPriceBook({
      manual: new Map([['m', manualCard('m', own)]]),
      synced: new Map(),
      revision: 1,
      embedded: oneCard(drawing),
    }).find(priceInput('m', [1, 0, 0, 0, 1]))?.rates;
  assert.equal(filled({ input: M })?.outputImage, 120 * M);
  assert.equal(filled({ output: M })?.outputImage, undefined);
});

test('a version says the rates that were multiplied with the tokens', () => {
  const card = manualCard('gpt-5.5', { input: 5_000_000, output: 30_000_000 });
  const plain = price(priceInput('gpt-5.5', [1, 0, 0, 0, 1]), oneCard(card));
  assert.equal(plain.kind, 'priced');
  assert.deepEqual(plain.version, {
    model: 'gpt-5.5',
    source: 'manual',
    origin: 'manual',
    basis: 'base',
    rates: {
      input: 5_000_000,
      output: 30_000_000,
      cacheRead: 500_000,
      cacheWrite5m: 5_000_000,
      cacheWrite1h: 5_000_000,
    },
  });
  const long = price(priceInput('gpt-5.5', [300_000, 0, 0, 0, 1]), oneCard(card));
  assert.equal(long.kind, 'priced');
  assert.deepEqual(long.version.rates, {
    input: 10_000_000,
    output: 45_000_000,
    cacheRead: 1_000_000,
    cacheWrite5m: 10_000_000,
    cacheWrite1h: 10_000_000,
  });
});

test('a version says the listed rates where the multiplied ones are no integers', () => {
  const card = manualCard('m', { input: 999, output: 20 });
  const priced = price(priceInput('m', [1, 0, 0, 0, 0], { serviceTier: 'flex' }), oneCard(card));
  assert.equal(priced.kind, 'priced');
  assert.deepEqual(priced.version.rates, card.rates);
});

test('events with the same card, tier and rules share one version', () => {
  const card = manualCard('gpt-5.5', { input: 5_000_000, output: 30_000_000 });
  const version = (row: TokenRow, serviceTier: string): unknown => {
    const priced = price(priceInput('gpt-5.5', row, { serviceTier }), oneCard(card));
    return priced.kind === 'priced' && priced.version;
  };
  assert.equal(version([1, 0, 0, 0, 1], ''), version([7, 2, 0, 0, 9], 'default'));
  assert.notEqual(version([1, 0, 0, 0, 1], ''), version([1, 0, 0, 0, 1], 'priority'));
  assert.notEqual(version([1, 0, 0, 0, 1], ''), version([300_000, 0, 0, 0, 1], ''));
});

test('a cost above 2^52 nano-USD is clamped, and its parts still add up', () => {
  const card = manualCard('m', { input: 1e15, output: 1e15, cacheRead: 1e15, cacheWrite5m: 3e14 });
  const priced = price(priceInput('m', [2 ** 31 - 1, 1, 7, 0, 2 ** 30]), oneCard(card));
  assert.equal(priced.kind, 'priced');
  assert.equal(priced.clamped, true);
  assert.equal(priced.nanoUsd, MAX_NANO_USD);
  assert.equal(sum(partList(priced)), MAX_NANO_USD);
  // The proportions stay: the input is twice the output, give or take the few tokens beside it.
  assert.ok(Math.abs(priced.parts.uncachedInput / priced.parts.output - 2) < 1e-6);
});

test('exactly 2^52 nano-USD is not clamped', () => {
  const card = manualCard('m', { input: 2 ** 22 * 1000, output: 0 });
  const at = price(priceInput('m', [2 ** 30, 0, 0, 0, 0]), oneCard(card));
  assert.equal(at.kind, 'priced');
  assert.equal(at.nanoUsd, MAX_NANO_USD);
  assert.equal(at.clamped, false);
  const above = price(priceInput('m', [2 ** 30 + 1, 0, 0, 0, 0]), oneCard(card));
  assert.equal(above.kind, 'priced');
  assert.equal(above.nanoUsd, MAX_NANO_USD);
  assert.equal(above.clamped, true);
});

const rate = fc.nat({ max: 200_000_000 });
const count = fc.nat({ max: 2 ** 31 - 1 });
const rates: fc.Arbitrary<Rates> = fc.record({
  input: rate,
  output: rate,
  cacheRead: fc.option(rate),
  cacheWrite5m: fc.option(rate),
  cacheWrite1h: fc.option(rate),
});
const row: fc.Arbitrary<TokenRow> = fc.tuple(count, count, count, count, count);
const few = fc.nat({ max: 9 });
const small: fc.Arbitrary<TokenRow> = fc.tuple(few, few, few, few, few);
const models = fc.constantFrom('m', 'claude-opus-4-6', 'gpt-5.6-sol', 'gpt-5.5', 'gpt-5.4-mini');
const tiers = fc.constantFrom('', 'default', 'flex', 'batch', 'priority', 'fast');

function card(model: string, all: Rates): PriceCard {
  return manualCard(model, all);
}

test('property: parts are never negative and add up to the total', () => {
  fc.assert(
    fc.property(models, tiers, rates, fc.oneof(row, small), (model, serviceTier, all, tokens) => {
      const priced = price(priceInput(model, tokens, { serviceTier }), oneCard(card(model, all)));
      const parts = partList(priced);
      assert.ok(parts.every((part) => Number.isSafeInteger(part) && part >= 0));
      assert.equal(sum(parts), priced.kind === 'priced' && priced.nanoUsd);
    }),
  );
});

test('property: one more token of any kind never makes it cheaper', () => {
  fc.assert(
    fc.property(models, tiers, rates, row, fc.nat({ max: 4 }), (model, serviceTier, all, tokens, kind) => {
      const book = oneCard(card(model, all));
      const more = mapRow(tokens, (n, index) => (index === kind ? n + 1 : n));
      const one = price(priceInput(model, tokens, { serviceTier }), book);
      const two = price(priceInput(model, more, { serviceTier }), book);
      assert.ok(one.kind === 'priced' && two.kind === 'priced');
      // Priority is not sold for long requests: where it is dearer than the long price, that one step goes down.
      const input = sum(tokens.slice(0, 4));
      if (input === 272_000) return;
      assert.ok(two.nanoUsd >= one.nanoUsd);
    }),
  );
});

/** The same sum from the version alone, as somebody would check a bill: exact where the version's rates are exact. */
test('property: the version explains the cost', () => {
  fc.assert(
    fc.property(models, tiers, rates, fc.oneof(row, small), (model, serviceTier, all, tokens) => {
      const priced = price(priceInput(model, tokens, { serviceTier }), oneCard(card(model, all)));
      assert.equal(priced.kind, 'priced');
      if (priced.clamped || priced.version.basis.endsWith('(rates as listed)')) return;
      const own = priced.version.rates;
      const t = billable(tokens);
      const pico = (
        [
          [t.uncachedInput, own.input],
          [t.cacheRead, own.cacheRead],
          [t.cacheWrite5m, own.cacheWrite5m],
          [t.cacheWrite1h, own.cacheWrite1h],
          [t.output, own.output],
        ] as const
      ).reduce((total, [tokensOf, rateOf]) => total + BigInt(tokensOf) * BigInt(rateOf ?? -1), 0n);
      assert.equal(BigInt(priced.nanoUsd), (pico + 500n) / 1000n);
      assert.equal(priced.nanoUsd === 0, pico < 500n, 'free exactly when below half a nano-USD');
    }),
  );
});

test('property: flex costs half, to the last half of a nano-USD', () => {
  fc.assert(
    fc.property(models, rates, small, (model, all, tokens) => {
      const book = oneCard(card(model, all));
      // Twice the tokens at half the rates: the same exact sum.
      const double = mapRow(tokens, (n) => n * 2);
      const halved = price(priceInput(model, double, { serviceTier: 'flex' }), book);
      const full = price(priceInput(model, tokens), book);
      assert.ok(halved.kind === 'priced' && full.kind === 'priced');
      assert.equal(halved.nanoUsd, full.nanoUsd);
    }),
  );
});
