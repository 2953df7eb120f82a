import assert from 'node:assert/strict';
import test from 'node:test';

import * as fc from 'fast-check';

import type { Rates } from '../../../src/lib/contract/pricing.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { cardFromPriceObject, priceObjectFromCard } from '../../../src/lib/pricing/price-object.ts';
import { parsePriceObject } from '../../../src/lib/pricing/price-validation.ts';
import { manualCard, noRates } from '../../support/price-events.ts';

const base = { prompt: 1, completion: 2, cache: 0 };
const tier = { prompt: 2, completion: 0, cache: 0, promptConfigured: true };
const service = { mode: 'fast', serviceTier: 'priority', ...tier };

test('what is refused, to the letter', () => {
  const cases: ReadonlyArray<readonly [model: string, value: unknown, message: string]> = [
    ['', base, 'model is required'],
    [' \t', base, 'model is required'],
    ['a', null, 'invalid model price for a'],
    ['a', [], 'invalid model price for a'],
    ['a', { ...base, prompt: -1 }, 'invalid model price for a'],
    ['a', { ...base, completion: Infinity }, 'invalid model price for a'],
    ['a', { ...base, cache: Number.NaN }, 'invalid model price for a'],
    ['a', { ...base, cacheRead: '1' }, 'invalid model price for a'],
    ['a', { ...base, cacheCreation: 1e10 }, 'invalid model price for a'],
    ['a', { ...base, promptConfigured: 1 }, 'invalid model price for a'],
    ['a', { ...base, source: 1 }, 'invalid model price for a'],
    ['a', { ...base, contextTiers: {} }, 'invalid model price for a'],
    ['a', { ...base, contextTiers: [null] }, 'invalid model price for a'],
    ['a', { ...base, contextTiers: [{ thresholdTokens: 1.5, ...tier }] }, 'invalid model price for a'],
    [
      'a',
      { ...base, contextTiers: [{ thresholdTokens: 1, ...tier, prompt: -1 }] },
      'invalid model price for a',
    ],
    [
      'a',
      { ...base, contextTiers: [{ thresholdTokens: 0, ...tier }] },
      'invalid model price for a: context tier threshold must be positive: 0',
    ],
    [
      'a',
      { ...base, contextTiers: [{ thresholdTokens: -5, ...tier }] },
      'invalid model price for a: context tier threshold must be positive: -5',
    ],
    [
      'a',
      {
        ...base,
        contextTiers: [
          { thresholdTokens: 9, ...tier },
          { thresholdTokens: 9, ...tier },
        ],
      },
      'invalid model price for a: duplicate context tier threshold: 9',
    ],
    [
      'a',
      { ...base, contextTiers: [{ thresholdTokens: 9, prompt: 2, completion: 0, cache: 0 }] },
      'invalid model price for a: context tier 9 has no configured prices',
    ],
    [
      'a',
      {
        ...base,
        serviceTiers: [{ mode: 'Fast', serviceTier: ' priority', prompt: 3, completion: 0, cache: 0 }],
      },
      'invalid model price for a: service tier fast/priority has no configured prices',
    ],
    [
      'a',
      { ...base, serviceTiers: [{ ...service, mode: ' ' }] },
      'invalid model price for a: service tier mode and serviceTier are required',
    ],
    [
      'a',
      { ...base, serviceTiers: [service, { ...service, mode: 'slow', serviceTier: 'FAST ' }] },
      'invalid model price for a: duplicate service tier identifier: fast',
    ],
  ];
  for (const [model, value, message] of cases) {
    assert.throws(
      () => parsePriceObject(model, value),
      (error) => error instanceof AppError && error.message === message && error.status === 400,
      message,
    );
  }
});

test('kept form: tiers sorted, names in lower case, nothing that is 0 or false', () => {
  const parsed = parsePriceObject(' Spaced ', {
    ...base,
    cacheRead: 0,
    cacheReadConfigured: false,
    source: 'models.dev',
    sourceModelId: 'openai/gpt-x',
    rawJson: '{"a":1}',
    unknown: 1,
    syncedAtMs: null,
    updatedAtMs: 12,
    contextTiers: [
      { thresholdTokens: 200, ...tier },
      { thresholdTokens: 100, ...tier, cacheConfigured: true },
    ],
    serviceTiers: [
      { ...service, mode: ' Slow', serviceTier: 'FLEX' },
      { ...service, mode: 'fast', serviceTier: 'fast' },
    ],
  });
  assert.deepEqual(parsed, {
    ...base,
    source: 'models.dev',
    sourceModelId: 'openai/gpt-x',
    rawJson: '{"a":1}',
    updatedAtMs: 12,
    contextTiers: [
      { thresholdTokens: 100, ...tier, cacheConfigured: true },
      { thresholdTokens: 200, ...tier },
    ],
    serviceTiers: [
      { ...service, mode: 'fast', serviceTier: 'fast' },
      { ...service, mode: 'slow', serviceTier: 'flex' },
    ],
  });
});

test('missing base prices are 0, as they always were in answers', () => {
  assert.deepEqual(parsePriceObject('a', {}), { prompt: 0, completion: 0, cache: 0 });
});

test('which fields of the base price say something', () => {
  const rates = (object: unknown): Rates =>
    cardFromPriceObject('a', parsePriceObject('a', object), 'manual').rates;
  assert.deepEqual(rates({ prompt: 0.075, completion: 0, cache: 0 }), { ...noRates, input: 75_000 });
  assert.deepEqual(rates({ prompt: 0, completion: 0, cache: 0, promptConfigured: true }), {
    ...noRates,
    input: 0,
  });
  // `cache` is the price of a read until `cacheRead` says otherwise, also when that says 0.
  assert.equal(rates({ ...base, cache: 0.5 }).cacheRead, 500_000);
  assert.equal(rates({ ...base, cache: 0.5, cacheRead: 0.25 }).cacheRead, 250_000);
  assert.equal(rates({ ...base, cache: 0.5, cacheReadConfigured: true }).cacheRead, 0);
  assert.deepEqual(rates({ ...base, cacheCreation: 3.75, cacheCreation1h: 6 }), {
    ...noRates,
    input: 1_000_000,
    output: 2_000_000,
    cacheWrite5m: 3_750_000,
    cacheWrite1h: 6_000_000,
  });
});

test('in a tier only configured fields say something', () => {
  const card = cardFromPriceObject(
    'a',
    parsePriceObject('a', {
      ...base,
      contextTiers: [{ thresholdTokens: 1, prompt: 2, completion: 3, cache: 4, cacheConfigured: true }],
      serviceTiers: [
        { ...service, cache: 4, cacheConfigured: true, cacheRead: 5, cacheReadConfigured: true },
      ],
    }),
    'manual',
  );
  assert.deepEqual(card.contextTiers, [{ threshold: 1, rates: { ...noRates, cacheRead: 4_000_000 } }]);
  assert.deepEqual(card.serviceTiers, [
    { mode: 'fast', serviceTier: 'priority', rates: { ...noRates, input: 2_000_000, cacheRead: 5_000_000 } },
  ]);
});

test('the origin says where a price came from', () => {
  const origin = (object: object): string =>
    cardFromPriceObject('a', parsePriceObject('a', { ...base, ...object }), 'synced').origin;
  assert.equal(origin({ source: 'models.dev', sourceModelId: 'x/y' }), 'models.dev:x/y');
  assert.equal(origin({ source: 'litellm' }), 'litellm');
  assert.equal(origin({}), 'synced');
});

const rate = fc.option(fc.nat({ max: 1e15 }));
const anyRates: fc.Arbitrary<Rates> = fc.record(
  { input: rate, output: rate, cacheRead: rate, cacheWrite5m: rate, cacheWrite1h: rate },
  { noNullPrototype: true },
);
const tierRates = anyRates.filter((rates) => Object.values(rates).some((each) => each !== null));

test('property: card to price object, through JSON and validation, and back is the same card', () => {
  fc.assert(
    fc.property(
      anyRates,
      fc.uniqueArray(fc.integer({ min: 1, max: 1e6 }), { maxLength: 3 }),
      fc.array(tierRates, { minLength: 3, maxLength: 3 }),
      fc.boolean(),
      (rates, thresholds, tiers, withService) => {
        const card = manualCard('m', rates, {
          source: 'synced',
          origin: 'models.dev:a/m:free',
          contextTiers: thresholds
            .sort((a, b) => a - b)
            .map((threshold, index) => ({ threshold, rates: tiers[index] ?? noRates })),
          serviceTiers: withService
            ? [{ mode: 'fast', serviceTier: 'priority', rates: tiers[0] ?? noRates }]
            : [],
        });
        const sent: unknown = JSON.parse(JSON.stringify(priceObjectFromCard(card)));
        assert.deepEqual(cardFromPriceObject('m', parsePriceObject('m', sent), 'synced'), card);
      },
    ),
  );
});
