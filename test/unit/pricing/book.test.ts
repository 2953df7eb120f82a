import assert from 'node:assert/strict';
import test from 'node:test';

import type { PriceBook, PriceCard, PriceInput } from '../../../src/lib/contract/pricing.ts';
import { createPriceBook } from '../../../src/lib/pricing/book.ts';
import { emptyBook, manualCard, noRates, oneCard, priceInput } from '../../support/price-events.ts';

const both = { input: 1, output: 2 };
const cards = (...list: readonly PriceCard[]): Map<string, PriceCard> =>
  new Map(list.map((card) => [card.model, card]));
const synced = (model: string, rates: Partial<PriceCard['rates']>): PriceCard =>
  manualCard(model, rates, { source: 'synced', origin: `models.dev:${model}` });
const embedded = manualCard(
  'built-in',
  { input: 7, output: 8, cacheRead: 3, cacheWrite5m: 4 },
  {
    source: 'embedded',
    origin: 'genai-prices:built-in',
  },
);

const event = (other: Partial<PriceInput> = {}): PriceInput =>
  priceInput('shown', [1, 1, 1, 1, 1], {
    requestedModel: 'alias(high)',
    resolvedModel: 'upstream',
    ...other,
  });

test('manual before synced before embedded', () => {
  const find = (manual: Map<string, PriceCard>, sync: Map<string, PriceCard>): string | undefined =>
    createPriceBook({ manual, synced: sync, revision: 4, embedded: oneCard(embedded) }).find(event())?.source;
  assert.equal(find(cards(manualCard('upstream', both)), cards(synced('upstream', both))), 'manual');
  assert.equal(find(cards(manualCard('other', both)), cards(synced('upstream', both))), 'synced');
  assert.equal(find(new Map(), new Map()), 'embedded');
  // A person's price for the alias wins over a fetched one for the upstream model.
  assert.equal(find(cards(manualCard('alias', both)), cards(synced('upstream', both))), 'manual');
});

test('within a source: billed name, then without thinking suffix, then as requested', () => {
  const find = (...names: readonly string[]): string | undefined =>
    createPriceBook({
      manual: cards(...names.map((name) => manualCard(name, both))),
      synced: new Map(),
      revision: 1,
      embedded: emptyBook,
    }).find(event())?.model;
  assert.equal(find('alias(high)', 'alias', 'upstream'), 'upstream');
  assert.equal(find('alias(high)', 'alias'), 'alias');
  assert.equal(find('alias(high)'), 'alias(high)');
  // The displayed name counts only where no requested one is known; names are exact.
  assert.equal(find('shown', 'Upstream', 'upstream '), undefined);
});

test('the revision is handed through, and nothing known is null', () => {
  const book = createPriceBook({ manual: new Map(), synced: new Map(), revision: 42, embedded: emptyBook });
  assert.equal(book.revision, 42);
  assert.equal(book.find(event()), null);
});

test('a row that says nothing is passed over', () => {
  const book = createPriceBook({
    manual: cards(manualCard('upstream', {}), manualCard('alias', both)),
    synced: new Map(),
    revision: 1,
    embedded: oneCard(embedded),
  });
  assert.equal(book.find(event())?.model, 'alias');
  assert.equal(book.find(event({ requestedModel: 'x' }))?.source, 'embedded');
});

test('an explicit zero says something', () => {
  const book = createPriceBook({
    manual: cards(manualCard('upstream', { input: 0, output: 0 })),
    synced: new Map(),
    revision: 1,
    embedded: oneCard(embedded),
  });
  assert.equal(book.find(event())?.source, 'manual');
});

test('a card without output takes it from the next source that knows it, and keeps its own rest', () => {
  const own = manualCard('upstream', { input: 5 });
  const book = createPriceBook({
    manual: cards(own),
    synced: cards(synced('upstream', { input: 6 })),
    revision: 1,
    embedded: oneCard(embedded),
  });
  const card = book.find(event());
  assert.deepEqual(card?.rates, { ...noRates, input: 5, output: 8 });
  assert.equal(card?.source, 'manual');
  assert.equal(card?.origin, 'manual+genai-prices:built-in');
  assert.equal(book.find(event()), card, 'one object for one pair');
});

test('a card without input takes the cache rates along with it, and its tiers stay its own', () => {
  const tier = { mode: 'fast', serviceTier: 'priority', rates: { ...noRates, input: 9 } };
  const own = manualCard('upstream', { output: 5, cacheRead: 1 }, { serviceTiers: [tier] });
  const tiered: PriceBook = oneCard({
    ...embedded,
    contextTiers: [{ threshold: 1, rates: { ...noRates, input: 99 } }],
  });
  const card = createPriceBook({ manual: cards(own), synced: new Map(), revision: 1, embedded: tiered }).find(
    event(),
  );
  assert.deepEqual(card?.rates, { input: 7, output: 5, cacheRead: 1, cacheWrite5m: 4, cacheWrite1h: null });
  assert.deepEqual(card?.serviceTiers, [tier]);
  assert.deepEqual(card?.contextTiers, []);
});

test('a card without output stays as it is where nobody knows more', () => {
  const own = manualCard('upstream', { input: 5 });
  const book = createPriceBook({ manual: cards(own), synced: new Map(), revision: 1, embedded: emptyBook });
  assert.equal(book.find(event()), own);
});
