import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import type { PriceCard, PriceInput } from '../../../src/lib/contract/pricing.ts';
import { billedParts, readBasis } from '../../../src/lib/pricing/billed-parts.ts';
import { createEmbeddedBook } from '../../../src/lib/pricing/embedded.ts';
import { MAX_NANO_USD, price } from '../../../src/lib/pricing/price.ts';
import { oneCard, manualCard, priceInput, type TokenRow } from '../../support/price-events.ts';

const count = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 400_000 }),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
);
const row: fc.Arbitrary<TokenRow> = fc.tuple(count, count, count, count, count);
const rate = fc.oneof(
  fc.constant(null),
  fc.integer({ min: 0, max: 60_000_000 }),
  fc.constantFrom(1, 3, 7, 2 ** 40),
);
const rates = fc.record({
  input: rate,
  output: rate,
  cacheRead: rate,
  cacheWrite5m: rate,
  cacheWrite1h: rate,
});
const card: fc.Arbitrary<PriceCard> = fc
  .record({
    rates: fc.oneof(
      rates,
      fc.tuple(rates, fc.nat(50_000_000)).map(([some, outputImage]) => ({ ...some, outputImage })),
    ),
    context: fc.array(fc.record({ threshold: fc.constantFrom(1000, 200_000), rates }), { maxLength: 1 }),
    service: fc.array(
      fc.record({
        mode: fc.constantFrom('fast', 'flex'),
        serviceTier: fc.constantFrom('priority', 'flex'),
        rates,
      }),
      { maxLength: 1 },
    ),
  })
  .map(({ rates: base, context, service }) =>
    manualCard('m', base, { contextTiers: context, serviceTiers: service }),
  );

/** The parts of an event as it was stored with this price. */
function assertParts(event: PriceInput, book: Parameters<typeof price>[1]): void {
  const priced = price(event, book);
  if (priced.kind === 'unpriced' || priced.version.model === '') return;
  const parts = billedParts(event, JSON.parse(JSON.stringify(priced.version)), priced.nanoUsd);
  const sum = (of: string): number =>
    parts
      .filter(({ part }) => part.startsWith(of))
      .reduce((total, { cost_nano_usd: cost }) => total + cost, 0);
  assert.equal(sum(''), priced.nanoUsd);
  // The parts that were worked out when it was priced; there both writes are one, and so is their rounding.
  for (const [part, cost] of [
    ['input', priced.parts.uncachedInput],
    ['cache_read', priced.parts.cacheRead],
    ['cache_write', priced.parts.cacheWrite],
    ['output', priced.parts.output],
  ] as const) {
    assert.ok(
      Math.abs(sum(part) - cost) <= 1,
      `${part}: ${sum(part)} for ${cost} by ${priced.version.basis}`,
    );
  }
  if (priced.clamped) return;
  for (const { tokens, rate_pico_usd: text, cost_nano_usd: cost } of parts) {
    const exact = (tokens * Number(text ?? 0)) / 1000;
    assert.ok(Math.abs(exact - cost) < 1 + exact / 2 ** 40, `${tokens} x ${text}: ${cost}`);
  }
}

test('the stored version explains the stored cost to the last nano-USD', () => {
  const models = ['gpt-5.4', 'gpt-5.6', 'claude-sonnet-4-5', 'gemini-3-pro', 'other'];
  const event = fc.record({
    row,
    model: fc.constantFrom(...models),
    tier: fc.constantFrom('', 'flex', 'priority', 'batch', 'fast'),
    thought: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(event, card, ({ row: counts, model, tier, thought }, one) => {
      const input = priceInput(model, counts, { serviceTier: tier });
      const reasoning = Math.floor(input.tokens.output * thought);
      assertParts({ ...input, tokens: { ...input.tokens, reasoning } }, oneCard(one));
    }),
    { numRuns: 2000 },
  );
  const embedded = createEmbeddedBook();
  fc.assert(
    fc.property(event, ({ row: counts, model, tier }) =>
      assertParts(priceInput(model, counts, { serviceTier: tier }), embedded),
    ),
    { numRuns: 500 },
  );
});

test('a basis says the tier of the context and of the service', () => {
  const read = (basis: string): object =>
    readBasis({ model: 'm', source: 'manual', origin: '', basis, rates: manualCard('m', {}).rates });
  const none = { contextThreshold: null, serviceTier: '' };
  assert.deepEqual(read('base'), none);
  assert.deepEqual(read('base+image-output'), none);
  assert.deepEqual(read('context>200000'), { contextThreshold: 200_000, serviceTier: '' });
  assert.deepEqual(read('service:priority'), { contextThreshold: null, serviceTier: 'priority' });
  assert.deepEqual(read('base+service:flex x1/2 (rates as listed)'), {
    contextThreshold: null,
    serviceTier: 'flex',
  });
  assert.deepEqual(read('context>272000+service:flex+image-output x2/1 (output x3/2) x1/2'), {
    contextThreshold: 272_000,
    serviceTier: 'flex',
  });
});

test('a cost that was cut is shared in proportion, one without a reason is not shared', () => {
  const event = priceInput('m', [2 ** 31 - 1, 0, 0, 0, 2 ** 31 - 1]);
  const dear = price(event, oneCard(manualCard('m', { input: 2 ** 50, output: 2 ** 50 })));
  assert.ok(dear.kind === 'priced' && dear.clamped);
  const costs = billedParts(event, dear.version, dear.nanoUsd).map(({ cost_nano_usd: cost }) => cost);
  assert.deepEqual(costs, [MAX_NANO_USD / 2, 0, 0, 0, MAX_NANO_USD / 2]);
  assert.deepEqual(billedParts(priceInput('m', [0, 0, 0, 0, 0]), dear.version, 5), []);
});
