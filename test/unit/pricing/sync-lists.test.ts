import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { CatalogError, SOURCE_NAMES } from '../../../src/lib/pricing/sync/catalog.ts';
import { readCatalog, readCatalogFile } from '../../../src/lib/pricing/sync/read-catalog.ts';
import { LITELLM, MODELS_DEV, OPENROUTER } from '../../support/price-sources.ts';

const read = (source: (typeof SOURCE_NAMES)[number], list: unknown) =>
  readCatalog(source, JSON.stringify(list));
const refused = (words: RegExp) => (error: unknown) =>
  error instanceof CatalogError && words.test(error.message);

test('models.dev: prices of a million tokens, tiers and the fast mode, in pico-USD a token', () => {
  const catalog = read('models.dev', MODELS_DEV);
  const entry = catalog.entries.find(({ id }) => id === 'openai/gpt-9');
  assert.equal(entry?.alias, 'gpt-9');
  assert.deepEqual(entry.rates, {
    input: 2e6,
    output: 8e6,
    cacheRead: 2e5,
    cacheWrite5m: null,
    cacheWrite1h: null,
  });
  assert.deepEqual(
    entry.contextTiers.map(({ threshold, rates }) => [threshold, rates.input, rates.output, rates.cacheRead]),
    [[200_000, 4e6, 12e6, null]],
  );
  assert.deepEqual(
    entry.serviceTiers.map(({ mode, serviceTier, rates }) => [mode, serviceTier, rates.input]),
    [['fast', 'priority', 4e6]],
  );
  // `gift` has no price.
  assert.equal(catalog.skipped, 1);
  assert.throws(() => read('models.dev', { ...MODELS_DEV, models: {} }), refused(/no canonical models/));
  assert.equal(read('models.dev', MODELS_DEV.providers).canonical, null);
});

test('models.dev: one bad tier and none is taken', () => {
  const tiers = (...list: unknown[]) =>
    read('models.dev', {
      models: { m: {} },
      providers: { p: { models: { m: { cost: { input: 1, tiers: list } } } } },
    }).entries[0]?.contextTiers.length;
  const good = { tier: { type: 'Context', size: 9 }, input: 2 };
  assert.equal(tiers(good, { tier: { type: 'batch' }, input: 1 }), 1);
  for (const bad of [
    { tier: { type: 'context', size: 0 }, input: 2 },
    { tier: { type: 'context', size: '9' }, input: 2 },
    { tier: { type: 'context', size: 9 }, input: 3 },
    { tier: { type: 'context', size: 10 } },
    { tier: { type: 'context', size: 10 }, input: -1 },
    null,
  ]) {
    assert.equal(tiers(good, bad), 0, JSON.stringify(bad));
  }
});

test('LiteLLM: prices of a token, as numbers and as texts, with long context, an hour and priority', () => {
  const catalog = read('litellm', LITELLM);
  assert.deepEqual(
    catalog.entries.map(({ id }) => id),
    ['lite-model'],
  );
  assert.equal(catalog.skipped, 2);
  const [entry] = catalog.entries;
  assert.deepEqual(entry?.rates, {
    input: 1e6,
    output: 2e6,
    cacheRead: 1e5,
    cacheWrite5m: 1_250_000,
    cacheWrite1h: 2e6,
  });
  assert.deepEqual(
    entry.contextTiers.map(({ threshold, rates }) => [threshold, rates.input, rates.output]),
    [[200_000, 2e6, 4e6]],
  );
  assert.deepEqual(
    entry.serviceTiers.map(({ serviceTier, rates }) => [serviceTier, rates.input, rates.output]),
    [['priority', 3e6, null]],
  );
  assert.throws(() => read('litellm', { ...LITELLM, broken: 1 }), refused(/"broken" is no object/));
});

test('OpenRouter: texts of a token; a price that is none is left out', () => {
  const catalog = read('openrouter', OPENROUTER);
  assert.deepEqual(
    catalog.entries.map(({ id, rates }) => [id, rates.input, rates.output, rates.cacheRead]),
    [['maker/router-model', 5e6, 10e6, 5e5]],
  );
  assert.equal(catalog.skipped, 1);
  assert.throws(() => read('openrouter', { data: {} }), refused(/no "data"/));
});

test('a file tells by its shape whose list it is', () => {
  const source = (list: unknown) => readCatalogFile(JSON.stringify(list)).source;
  assert.equal(source(MODELS_DEV), 'models.dev');
  assert.equal(source(MODELS_DEV.providers), 'models.dev');
  assert.equal(source(LITELLM), 'litellm');
  assert.equal(source(OPENROUTER), 'openrouter');
  for (const text of ['{}', '[]', 'null', '{"a":1}', 'nonsense', '']) {
    assert.throws(() => readCatalogFile(text), CatalogError, text);
  }
});

test('names that a terminal would obey, and what is too long, are left out', () => {
  const names = ['good', '', ' ', 'a\u001B[2J', 'b\nc', 'x'.repeat(301), '\u202Eevil'];
  const list = Object.fromEntries(names.map((name) => [name, { input_cost_per_token: 1e-6 }]));
  const catalog = read('litellm', list);
  assert.deepEqual(
    catalog.entries.map(({ id }) => id),
    ['good'],
  );
  const [long] = read('litellm', {
    long: { input_cost_per_token: 1e-6, note: 'n'.repeat(10_000) },
  }).entries;
  assert.equal(long?.rawJson, '');
});

test('no list, however hostile, does more than be refused', () => {
  const proto = '{"__proto__":{"input_cost_per_token":1e-6},"constructor":{"input_cost_per_token":1e-6}}';
  assert.deepEqual(
    readCatalog('litellm', proto).entries.map(({ id }) => id),
    ['__proto__', 'constructor'],
  );
  assert.equal(Object.hasOwn(Object.prototype, 'input_cost_per_token'), false);
  fc.assert(
    fc.property(fc.constantFrom(...SOURCE_NAMES), fc.json(), (source, text) => {
      try {
        const { entries } = readCatalog(source, text);
        for (const { rates } of entries) {
          for (const rate of Object.values(rates)) assert.ok(rate === null || Number.isSafeInteger(rate));
        }
      } catch (error) {
        assert.ok(error instanceof CatalogError, String(error));
      }
    }),
  );
  const deep = `{"data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
  assert.throws(() => readCatalog('openrouter', deep), CatalogError);
  const many = Object.fromEntries(Array.from({ length: 50_001 }, (_, n) => [`m${n}`, {}]));
  assert.throws(() => read('litellm', many), refused(/more than 50000/));
});
