import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { PriceSyncAnswer, PricesAnswer, PriceUsageAnswer } from '../../src/lib/contract/api/prices.ts';
import { gatewayEnv, sourceOf, startGateway, take } from '../support/collection.ts';
import type { DaemonProcess } from '../support/daemon.ts';
import { anonymous, ask, assertRefused, assertSameShape, post, put, startReady } from '../support/http.ts';
import { FeedReader } from '../support/feed.ts';
import { PriceSources } from '../support/price-sources.ts';

const URL = '/v0/management/model-prices';

const recorded = (name: string): unknown =>
  JSON.parse(
    readFileSync(new globalThis.URL(`../fixtures/reference-api/${name}.json`, import.meta.url), 'utf8'),
  );

const prices = (daemon: DaemonProcess): Promise<PricesAnswer> => daemon.json<PricesAnswer>(URL);

test('prices are saved whole, and what the program says already is not saved', async (t) => {
  const daemon = await startReady(t);
  assert.deepEqual(await prices(daemon), { prices: {} });
  const book = recorded('model-prices') as PricesAnswer;
  const saved = await ask<PricesAnswer>(daemon, URL, put(book));
  assert.equal(saved.status, 200);
  const again = await prices(daemon);
  assert.deepEqual(saved.body, again);
  // Prices of 0.31 for reads differ from the program's, the others do not.
  const gemini = again.prices['gemini-2.5-pro'];
  assert.equal(gemini?.prompt, 1.25);
  assert.equal(gemini.cache, 0.31);
  assert.equal(gemini.source, 'manual');
  assert.ok((gemini.updatedAtMs ?? 0) > 0);
  assertSameShape(gemini, book.prices['gemini-2.5-pro']);

  const own = {
    prompt: 1,
    completion: 0,
    completionConfigured: true,
    cache: 0.1,
    cacheCreation1h: 4,
    completionImage: 30,
    source: 'litellm',
    sourceModelId: 'x/y',
    syncedAtMs: 7,
    rawJson: '{"a":1}',
    contextTiers: [{ thresholdTokens: 5, prompt: 2, completion: 0, cache: 0, promptConfigured: true }],
    serviceTiers: [
      { mode: ' Fast ', serviceTier: 'PRIORITY', prompt: 3, completion: 0, cache: 0, promptConfigured: true },
    ],
  };
  const { body } = await ask<PricesAnswer>(
    daemon,
    URL,
    put({ prices: { own, free: { ...own, source: '' } } }),
  );
  assert.deepEqual(Object.keys(body.prices), ['free', 'own']);
  assert.equal(body.prices['free']?.source, 'manual');
  const kept = body.prices['own'];
  assert.equal(kept?.completionImage, 30);
  assert.equal(kept.cacheCreation1h, 4);
  assert.equal(kept.source, 'litellm');
  assert.equal(kept.sourceModelId, 'x/y');
  assert.equal(kept.rawJson, '{"a":1}');
  assert.equal(kept.syncedAtMs, 7);
  assert.deepEqual(kept.contextTiers?.[0]?.thresholdTokens, 5);
  assert.deepEqual(kept.serviceTiers?.[0]?.mode, 'fast');
  // What is sent back as it came stays as it is.
  const { body: same } = await ask<PricesAnswer>(daemon, URL, put(body));
  assert.deepEqual({ ...same.prices['own'], updatedAtMs: 0 }, { ...kept, updatedAtMs: 0 });
  // Thousands of prices with what their sources said are more than other bodies may have.
  const many = Object.fromEntries(
    Array.from({ length: 3000 }, (_, n) => [`model-${n}`, { ...own, rawJson: 'x'.repeat(1000) }]),
  );
  const { status, body: large } = await ask<PricesAnswer>(daemon, URL, put({ prices: many }));
  assert.equal(status, 200);
  assert.equal(Object.keys(large.prices).length, 3000);
  assert.deepEqual((await ask(daemon, URL, put({ prices: {} }))).body, { prices: {} });
});

test('what is refused, with the words that older clients know', async (t) => {
  const daemon = await startReady(t);
  await ask(daemon, URL, put({ prices: { keep: { prompt: 1, completion: 1, cache: 0 } } }));
  for (const body of [{}, { prices: null }, { prices: [] }]) {
    const answer = await assertRefused(daemon, URL, put(body), 400, 'prices_required');
    assert.equal(answer.body.error, 'prices are required');
  }
  const bad = await ask(daemon, URL, put({ prices: { good: { prompt: 1 }, a: { prompt: -1 } } }));
  assert.equal(bad.status, 400);
  assert.equal(bad.body.error, 'invalid model price for a');
  const blank = await ask(daemon, URL, put({ prices: { ' ': { prompt: 1 } } }));
  assert.equal(blank.body.error, 'model is required');
  assert.deepEqual(Object.keys((await prices(daemon)).prices), ['keep']);
  await assertRefused(daemon, URL, anonymous(), 401, 'invalid_admin_key');
  await assertRefused(daemon, URL, { method: 'DELETE' }, 405, 'method_not_allowed');
  await assertRefused(daemon, `${URL}/sync`, {}, 405, 'method_not_allowed');
  await assertRefused(daemon, `${URL}/sync`, post({ models: [1] }), 400, 'invalid_request');
  await assertRefused(daemon, `${URL}/other`, {}, 404, 'not_found');
});

test('a sync asks the sources in their order, keeps manual prices and what a failed source gave', async (t) => {
  const sources = await PriceSources.start(t);
  const daemon = await startReady(t, { env: { USAGE_PRICE_SOURCES: sources.mirrors, NO_PROXY: '*' } });
  const sync = (body?: unknown) =>
    ask<PriceSyncAnswer>(daemon, `${URL}/sync`, body === undefined ? { method: 'POST' } : post(body));
  await ask(daemon, URL, put({ prices: { 'lite-model': { prompt: 7, completion: 7, cache: 7 } } }));

  const first = await sync({ models: [' gpt-9 ', 'gpt-9', 'claude-sonnet-4-5'] });
  assert.equal(first.status, 200);
  assert.deepEqual(first.body.matched, {
    'gpt-9': 'openai/gpt-9',
    'claude-sonnet-4-5': 'anthropic/claude-sonnet-4-5',
  });
  assert.equal(first.body.source, 'models.dev');
  assert.equal(first.body.imported, 2);
  assert.deepEqual(sources.asked, [{ source: 'models.dev', etag: '' }]);
  assert.equal(first.body.prices['gpt-9']?.prompt, 2);
  assert.deepEqual(
    first.body.prices['gpt-9'].contextTiers?.map(({ thresholdTokens, prompt }) => [thresholdTokens, prompt]),
    [[200_000, 4]],
  );
  assert.equal(first.body.proxyUsed, undefined);

  const second = await sync({ models: ['gpt-9', 'lite-model', 'router-model', 'twin', 'nobody-knows-zzz'] });
  assert.deepEqual(
    sources.asked.slice(1).map(({ source, etag }) => `${source} ${etag}`),
    ['models.dev "models.dev-1"', 'litellm ', 'openrouter '],
  );
  assert.equal(second.body.source, 'multi');
  // A manual price stays and counts; the router's name is found by its last part.
  assert.equal(second.body.prices['lite-model']?.prompt, 7);
  assert.deepEqual(second.body.preserved, ['lite-model']);
  assert.equal(second.body.matched?.['router-model'], 'maker/router-model');
  assert.deepEqual(
    second.body.candidates?.map(({ model, candidates }) => [
      model,
      candidates.map((each) => each.sourceModelId),
    ]),
    [['twin', ['acme/twin', 'other/twin']]],
  );
  assert.deepEqual(second.body.unmatched, ['nobody-knows-zzz']);

  sources.fail('models.dev');
  const partly = await sync({ models: ['gpt-9', 'router-model'] });
  assert.equal(partly.status, 200);
  assert.deepEqual(partly.body.preserved, ['gpt-9']);
  assert.equal(partly.body.prices['gpt-9']?.prompt, 2);
  assert.match(partly.body.sourceResults[0]?.error ?? '', /503/);

  sources.fail('litellm');
  sources.send('openrouter', '{"data":');
  const before = await prices(daemon);
  const none = await assertRefused(daemon, `${URL}/sync`, { method: 'POST' }, 502, 'model_price_sync_failed');
  assert.match(
    none.body.error,
    /^model price sync failed; existing prices were not changed: models\.dev: .*; litellm: .*; openrouter: .*JSON/,
  );
  assert.deepEqual(await prices(daemon), before);

  for (const source of ['models.dev', 'litellm', 'openrouter'] as const) sources.recover(source);
  const all = await sync();
  assert.equal(all.status, 200);
  assert.equal(all.body.candidates, undefined);
  assert.equal(all.body.prices['maker/router-model']?.prompt, 5);
  assert.equal(await daemon.stop(), 0);
});

test('what had no price gets one within a moment of a sync, and everybody is told', async (t) => {
  const sources = await PriceSources.start(t);
  const cpa = await startGateway(t);
  await cpa.publishAll(take(sourceOf('7.2.140'), 60));
  const daemon = await startReady(t, {
    env: { ...gatewayEnv(cpa.url), USAGE_PRICE_SOURCES: sources.mirrors, NO_PROXY: '*' },
  });
  await daemon.statusUntil(({ eventCount }) => eventCount >= 60);
  const usage = await daemon.json<PriceUsageAnswer>(`${URL}/usage-summary`);
  assertSameShape(usage, recorded('model-prices-usage-summary'));
  assert.equal(usage.sampled_events, 60);
  const unpriced = (await daemon.exportEvents()).filter((line) => (line.cost_nano_usd ?? null) === null);
  assert.ok(unpriced.length > 0, 'some model has no price in the program');
  const names = [...new Set(unpriced.map(({ model }) => model))];
  for (const name of names)
    assert.ok(
      usage.models.some(({ model }) => model === name),
      name,
    );

  const feed = await FeedReader.open(t, daemon);
  sources.send(
    'litellm',
    JSON.stringify(
      Object.fromEntries(
        names.map((name) => [name, { input_cost_per_token: 1e-6, output_cost_per_token: 1e-6 }]),
      ),
    ),
  );
  const answer = await ask<PriceSyncAnswer>(daemon, `${URL}/sync`, post({ models: names }));
  assert.equal(answer.body.imported, names.length, answer.text);
  const told = (topic: string): boolean =>
    feed.messages.some(({ event, data }) => event === 'changed' && JSON.stringify(data).includes(topic));
  await feed.until(() => told('prices') && told('events'));
  await daemon.until(() => daemon.log.some((line) => line['event'] === 'priced'));
  const after = await daemon.exportEvents();
  assert.ok(after.every((line) => (line.cost_nano_usd ?? null) !== null));
  assert.equal(await daemon.stop(), 0);
});
