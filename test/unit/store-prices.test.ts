import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import * as fc from 'fast-check';
import type { PriceCard, Rates } from '../../src/lib/contract/pricing.ts';
import { priceObjectFromCard, type PriceObject } from '../../src/lib/pricing/price-object.ts';
import { embeddedCard, rowFromObject, sameAsEmbedded } from '../../src/lib/pricing/price-row.ts';
import { parsePriceObject } from '../../src/lib/pricing/price-validation.ts';
import { createStandardPricing } from '../../src/lib/pricing/standard-pricing.ts';
import { readPriceRows } from '../../src/lib/store/price-rows.ts';
import { PriceWriter } from '../../src/lib/store/price-writer.ts';
import { answerUsageSummary } from '../../src/lib/store/queries/usage-summary.ts';
import { Revisions } from '../../src/lib/store/revisions.ts';
import type { Db } from '../../src/lib/store/sqlite.ts';
import { call, record, RECEIVED_AT_MS, recordedCalls, storeCore, storeDb } from '../support/store-harness.ts';

const NOW = RECEIVED_AT_MS;
const { embedded } = createStandardPricing();
const row = (model: string, object: Partial<PriceObject> = {}) =>
  rowFromObject(model, { prompt: 1, completion: 2, cache: 0, ...object }, NOW);

function world(t: TestContext): { db: Db; writer: PriceWriter; prices: () => number } {
  const db = storeDb(t);
  const revisions = new Revisions(db);
  return { db, writer: new PriceWriter(db, embedded, () => NOW), prices: () => revisions.of('prices') };
}

const saved = (db: Db): string[] => readPriceRows(db).map(({ card }) => `${card.source} ${card.model}`);

test('the source says whose price it is: none and unknown ones are manual', () => {
  const kind = (source?: string) => {
    const { card } = row('m', source === undefined ? {} : { source });
    return `${card.source} ${card.origin}`;
  };
  assert.equal(kind(), 'manual manual');
  assert.equal(kind(''), 'manual manual');
  assert.equal(kind(' '), 'manual manual');
  assert.equal(kind('manual'), 'manual manual');
  assert.equal(kind('our spreadsheet'), 'manual our spreadsheet');
  assert.equal(kind(' LiteLLM '), 'synced litellm');
  assert.equal(kind('models.dev'), 'synced models.dev');
});

test('any price comes out of the database as it went in', (t) => {
  const { db, writer } = world(t);
  const rate = fc.option(fc.nat(2 ** 40), { nil: null });
  const rates: fc.Arbitrary<Rates> = fc
    .record({
      input: rate,
      output: rate,
      cacheRead: rate,
      cacheWrite5m: rate,
      cacheWrite1h: rate,
      image: rate,
    })
    .map(({ image, ...others }) => (image === null ? others : { ...others, outputImage: image }));
  const card: fc.Arbitrary<PriceCard> = fc.record({
    model: fc.string({ minLength: 1 }),
    source: fc.constantFrom('manual' as const, 'synced' as const),
    origin: fc.string(),
    rates,
    contextTiers: fc
      .uniqueArray(fc.record({ threshold: fc.integer({ min: 1 }), rates }), {
        selector: (tier) => tier.threshold,
        maxLength: 3,
      })
      .map((tiers) => tiers.sort((a, b) => a.threshold - b.threshold)),
    serviceTiers: fc
      .record({ mode: fc.constant('fast'), serviceTier: fc.constant('priority'), rates })
      .map((tier) => [tier]),
  });
  fc.assert(
    fc.property(card, fc.string(), fc.option(fc.nat(), { nil: null }), (given, rawJson, syncedAtMs) => {
      const kept = structuredClone({ card: given, rawJson, updatedAtMs: 5, syncedAtMs });
      writer.change({ kind: 'set', rows: [kept] });
      assert.deepEqual(
        readPriceRows(db).find(
          (each) => each.card.model === given.model && each.card.source === given.source,
        ),
        kept,
      );
    }),
    { numRuns: 60 },
  );
});

test('a manual price lies over a synced one, and what the program says is not kept', (t) => {
  const { db, writer, prices } = world(t);
  const own = embeddedCard(embedded, 'gpt-5', NOW);
  assert.ok(own);
  const same = rowFromObject('gpt-5', parsePriceObject('gpt-5', priceObjectFromCard(own)), NOW);
  writer.change({ kind: 'set', rows: [row('a')] });
  const synced = [row('a', { source: 'litellm', prompt: 9 }), row('b', { source: 'litellm' }), same];
  const done = writer.change({
    kind: 'sync',
    rows: synced.map((each) => ({ ...each, card: { ...each.card, source: 'synced' as const } })),
    catalogs: [],
  });
  assert.deepEqual(done, { changed: ['a', 'b'], protected: ['a'] });
  assert.deepEqual(saved(db), ['manual a', 'synced a', 'synced b']);
  assert.equal(writer.list()['a']?.prompt, 1);
  const before = prices();
  assert.deepEqual(writer.change({ kind: 'unset', models: ['nobody'], sources: ['manual'] }).changed, []);
  assert.equal(prices(), before);
  writer.change({ kind: 'unset', models: ['a'], sources: ['manual'] });
  assert.equal(prices(), before + 1);
  assert.equal(writer.list()['a']?.prompt, 9);
  // A synced price goes once the program says the same.
  writer.change({ kind: 'set', rows: [row('gpt-5', { source: 'litellm' })] });
  writer.change({
    kind: 'sync',
    rows: [{ ...same, card: { ...same.card, source: 'synced' } }],
    catalogs: [],
  });
  assert.ok(!saved(db).includes('synced gpt-5'));
  assert.deepEqual(writer.change({ kind: 'replace', rows: [same, row('c')] }).changed, ['c']);
  assert.deepEqual(saved(db), ['manual c']);
});

test('a price is the same as that of the program whatever hour it was read at, and also without what is new', () => {
  const noon = Date.UTC(2026, 2, 3, 12);
  const hours = Array.from({ length: 24 }, (_, hour) =>
    embeddedCard(embedded, 'deepseek-chat', noon - hour * 3_600_000),
  );
  for (const card of hours) {
    assert.ok(card);
    assert.ok(sameAsEmbedded({ ...card, model: 'deepseek-chat', source: 'manual' }, embedded, noon));
  }
  const claude = embeddedCard(embedded, 'claude-sonnet-4-5', NOW);
  assert.ok(claude);
  const older = { ...claude, rates: { ...claude.rates, cacheWrite1h: null } };
  const differs = (rates: Partial<Rates>, tiers = older.contextTiers) =>
    !sameAsEmbedded(
      { ...older, model: 'claude-sonnet-4-5', contextTiers: tiers, rates: { ...older.rates, ...rates } },
      embedded,
      NOW,
    );
  assert.ok(!differs({}));
  assert.ok(differs({ input: (older.rates.input ?? 0) + 1 }));
  assert.ok(differs({ cacheRead: null }));
  assert.ok(differs({ cacheWrite1h: 1 }));
  assert.ok(differs({ outputImage: 1 }));
  assert.ok(differs({}, []));
  assert.ok(!sameAsEmbedded({ ...older, model: 'nobody-has-this' }, embedded, NOW));
});

test('the list has embedded prices of models seen in traffic, and of no others', (t) => {
  const { db, writer } = world(t);
  assert.deepEqual(writer.list(), {});
  storeCore(db).commit(recordedCalls(), null);
  const list = writer.list();
  assert.deepEqual(list['gpt-5.4']?.source, 'genai-prices');
  assert.equal(list['gpt-fake'], undefined);
  assert.equal(list['gpt-4o'], undefined);
  writer.change({ kind: 'set', rows: [row('__proto__'), row('gpt-5.4')] });
  assert.equal(writer.list()['gpt-5.4']?.source, 'manual');
  assert.ok(Object.hasOwn(writer.list(), '__proto__'));
});

test('usage is counted over the newest events, by what was asked for and what answered', (t) => {
  const { db } = world(t);
  const records = Array.from({ length: 9000 }, (_, n) =>
    record(
      call({
        request_id: n.toString(16).padStart(8, '0'),
        timestamp: new Date(NOW + n).toISOString(),
        alias: n < 4500 ? 'old(high)' : 'asked',
        model: n < 4500 ? 'old' : 'answered',
      }),
    ),
  );
  for (let at = 0; at < records.length; at += 1000) storeCore(db).commit(records.slice(at, at + 1000), null);
  const ask = (limit: number) => {
    const steps = answerUsageSummary(db, { limit });
    for (;;) {
      const { value, done } = steps.next();
      if (done === true) return value;
    }
  };
  assert.deepEqual(ask(10_000), {
    sampled_events: 9000,
    total_events: 9000,
    truncated: false,
    models: [
      { model: 'answered', calls: 4500, requested_calls: 0, resolved_calls: 4500 },
      { model: 'asked', calls: 4500, requested_calls: 4500, resolved_calls: 0 },
      { model: 'old', calls: 4500, requested_calls: 4500, resolved_calls: 0 },
    ],
  });
  const some = ask(4501);
  assert.equal(some.truncated, true);
  assert.equal(some.sampled_events, 4501);
  assert.equal(some.models.find(({ model }) => model === 'old')?.calls, 1);
});
