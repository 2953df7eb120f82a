import assert from 'node:assert/strict';
import test from 'node:test';

import { waitForUpdate } from '@pydantic/genai-prices';

import type { PriceCard, PriceInput } from '../../../src/lib/contract/pricing.ts';
import { createEmbeddedBook } from '../../../src/lib/pricing/embedded.ts';
import { price } from '../../../src/lib/pricing/price.ts';
import { priceInput } from '../../support/price-events.ts';

const book = createEmbeddedBook();

function find(model: string, other: Partial<PriceInput> = {}): PriceCard | null {
  return book.find(priceInput(model, [1, 0, 0, 0, 1], other));
}

/** Input, output, cache read, cache write of 5 minutes and of an hour, in pico-USD a token. */
function rates(card: PriceCard | null): (number | null)[] {
  assert.ok(card);
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = card.rates;
  return [input, output, cacheRead, cacheWrite5m, cacheWrite1h];
}

// From the price lists of OpenAI, Anthropic, Google, xAI, Moonshot, MiniMax and OpenRouter in genai-prices 0.1.8.
test('prices of well-known models', () => {
  const M = 1_000_000;
  for (const [executorType, provider, model, expected, origin] of [
    ['CodexExecutor', 'codex', 'gpt-5.3-codex', [1.75, 14, 0.175, null, null], 'openai/gpt-5.3-codex'],
    ['ClaudeExecutor', 'claude', 'claude-opus-4-6', [5, 25, 0.5, 6.25, 10], 'anthropic/claude-opus-4-6'],
    ['ClaudeExecutor', 'claude', 'claude-sonnet-4-5', [3, 15, 0.3, 3.75, 6], 'anthropic/claude-sonnet-4-5'],
    [
      'ClaudeExecutor',
      'claude',
      'claude-sonnet-4-5-20250929',
      [3, 15, 0.3, 3.75, 6],
      'anthropic/claude-sonnet-4-5',
    ],
    ['GeminiExecutor', 'gemini', 'gemini-2.5-pro', [1.25, 10, 0.125, null, null], 'google/gemini-2.5-pro'],
    [
      'AntigravityExecutor',
      'antigravity',
      'claude-opus-4-6-thinking',
      [5, 25, 0.5, 6.25, null],
      'google/claude-opus-4-6',
    ],
    ['XAIExecutor', 'xai', 'grok-4.5', [2, 6, 0.3, null, null], 'x-ai/grok-4.5'],
    ['KimiExecutor', 'kimi', 'kimi-k2', [0.57, 2.3, null, null, null], 'moonshotai/kimi-k2'],
    ['OpenAICompatExecutor', 'relay', 'MiniMax-M2', [0.3, 1.2, 0.03, 0.375, null], 'minimax/MiniMax-M2'],
    ['QwenExecutor', 'qwen', 'qwen3-coder', [0.22, 1.8, null, null, null], 'openrouter/qwen/qwen3-coder'],
  ] as const) {
    const card = find(model, { executorType, provider });
    assert.deepEqual(
      rates(card),
      expected.map((usd) => (usd === null ? null : Math.round(usd * M))),
      model,
    );
    assert.equal(card?.origin, `genai-prices:${origin}`);
    assert.equal(card?.source, 'embedded');
  }
});

test('a provider with a name of its own: the model name decides', () => {
  for (const provider of ['fakeai', 'openai-compatible-fakeai', 'my relay', '']) {
    assert.equal(find('gpt-5.4', { provider })?.origin, 'genai-prices:openai/gpt-5.4', provider);
  }
  assert.equal(find('team-a/gpt-5.4')?.origin, 'genai-prices:openai/gpt-5.4');
  assert.equal(find('models/gemini-2.5-pro')?.origin, 'genai-prices:google/gemini-2.5-pro');
  assert.equal(find('gpt-5.4(high)')?.origin, 'genai-prices:openai/gpt-5.4');
  // An Anthropic-shaped endpoint that serves somebody else's model.
  assert.equal(
    find('glm-4.6', { executorType: 'ClaudeExecutor', provider: 'claude' })?.origin,
    'genai-prices:openrouter/z-ai/glm-4.6',
  );
});

test('a seller that is known by name is asked first', () => {
  const seller = (provider: string, model: string): string | undefined => find(model, { provider })?.origin;
  assert.equal(
    seller('openai-compatible-openrouter', 'minimax/minimax-m2'),
    'genai-prices:openrouter/minimax/minimax-m2',
  );
  assert.equal(seller('relay', 'minimax/minimax-m2'), 'genai-prices:minimax/MiniMax-M2');
  assert.equal(seller('z-ai', 'glm-5.2'), 'genai-prices:zai/GLM-5.2');
  assert.equal(seller('zhipu', 'glm-5.2'), 'genai-prices:zhipuai/GLM-5.2');
  assert.equal(seller('Azure-EU', 'gpt-5.4'), 'genai-prices:azure/gpt-5.4');
});

test('an unknown model has no price, whatever it looks like', () => {
  for (const provider of ['', 'fakeai', 'openai', 'claude', 'gemini', 'openrouter', 'azure']) {
    for (const model of [
      'my-alias',
      'gpt-fake',
      'gpt-',
      'fail-429',
      'claude-fake-9',
      'o3-fake',
      'grok-fake',
      'gemini-fake',
      'qwen-fake',
      'kimi-fake',
      'x/y',
      '/',
      '-',
      '',
    ]) {
      assert.equal(find(model, { provider }), null, `${provider}: ${model}`);
    }
  }
});

test('a model that is not sold by the token has no price', () => {
  assert.equal(find('grok-voice-latest', { executorType: 'XAIExecutor' }), null);
  assert.equal(find('qwen/qwen3-coder:free', { provider: 'openrouter' }), null);
});

test('the upstream model is looked up before the alias', () => {
  const card = find('gpt-5.4', { requestedModel: 'gpt-5.4', resolvedModel: 'gpt-5.3-codex' });
  assert.equal(card?.model, 'gpt-5.3-codex');
  const alias = find('nice-name', { requestedModel: 'nice-name', resolvedModel: 'gpt-5.3-codex' });
  assert.equal(alias?.model, 'gpt-5.3-codex');
  const unknown = find('gpt-5.4', { requestedModel: 'gpt-5.4(high)', resolvedModel: 'deployment-7' });
  assert.equal(unknown?.model, 'gpt-5.4');
});

test('context tiers count for the whole request, from the first token above the threshold', () => {
  const cost = (input: number): number => {
    const event = priceInput('gemini-2.5-pro', [input, 0, 0, 0, 1000], { executorType: 'GeminiExecutor' });
    const priced = price(event, book);
    return priced.kind === 'priced' ? priced.nanoUsd : -1;
  };
  // 200000 x 1.25 + 1000 x 10, then 200001 x 2.5 + 1000 x 15 USD per million.
  assert.equal(cost(200_000), 260_000_000);
  assert.equal(cost(200_001), 515_002_500);
});

test('all rates of a context tier are taken over', () => {
  const card = find('claude-sonnet-4-5', { executorType: 'ClaudeExecutor' });
  assert.deepEqual(
    card?.contextTiers.map((tier) => [tier.threshold, tier.rates]),
    [
      [
        200_000,
        {
          input: 6_000_000,
          output: 22_500_000,
          cacheRead: 600_000,
          cacheWrite5m: 7_500_000,
          cacheWrite1h: 12_000_000,
        },
      ],
    ],
  );
});

test('OpenAI models without a cached price are billed in full for cached input', () => {
  const card = find('gpt-5.4-pro', { executorType: 'CodexExecutor' });
  assert.deepEqual(rates(card).slice(0, 3), [30_000_000, 180_000_000, 30_000_000]);
  assert.equal(card?.contextTiers[0]?.rates.cacheRead, 60_000_000);
});

test('dated prices: the one of the day of the event', () => {
  const tiersOn = (date: string): number | null | undefined =>
    find('claude-opus-4-6', { executorType: 'ClaudeExecutor', timestampMs: Date.parse(date) })?.contextTiers
      .length;
  // Until 2026-03-12 Anthropic charged long context extra for this model.
  assert.equal(tiersOn('2026-03-12T23:59:59Z'), 1);
  assert.equal(tiersOn('2026-03-13T00:00:00Z'), 0);
});

test('the GPT-5.6 family: the list before and after its price change', () => {
  const ratesOn = (date: string): (number | null)[] =>
    rates(find('gpt-5.6-sol', { executorType: 'CodexExecutor', timestampMs: Date.parse(date) }));
  assert.deepEqual(ratesOn('2026-07-01T00:00:00Z'), [5_000_000, 30_000_000, 500_000, 6_250_000, null]);
  assert.deepEqual(ratesOn('2026-08-21T00:00:00Z'), [4_000_000, 20_000_000, 400_000, 5_000_000, null]);
  // 220000x10 + 70000x1 + 10000x12.5 + 10000x45 USD per million.
  const first = price(
    priceInput('gpt-5.6-sol', [220_000, 70_000, 10_000, 0, 10_000], { timestampMs: Date.UTC(2026, 6, 1) }),
    book,
  );
  assert.equal(first.kind === 'priced' && first.nanoUsd, 2_845_000_000);
});

test("prices by the time of day: DeepSeek's off-peak hours", () => {
  const inputAt = (time: string): number | null | undefined =>
    find('deepseek-chat', { provider: 'deepseek', timestampMs: Date.parse(`2025-06-01T${time}Z`) })?.rates
      .input;
  assert.equal(inputAt('00:29:59.999'), 135_000);
  assert.equal(inputAt('00:30:00'), 270_000);
  assert.equal(inputAt('16:29:59.999'), 270_000);
  assert.equal(inputAt('16:30:00'), 135_000);
});

test('one price is one card object, so that versions are shared', () => {
  const one = find('gpt-5.4', { provider: 'a' });
  const other = find('gpt-5.4-2026-03-05', { provider: 'b', timestampMs: Date.UTC(2026, 10, 1) });
  assert.ok(one);
  assert.equal(one, other);
});

test('every model of the data is looked up without an error, and every price is an integer', async () => {
  const providers = await waitForUpdate();
  assert.ok(providers && providers.length > 30);
  let priced = 0;
  for (const provider of providers) {
    for (const model of provider.models) {
      const card = find(model.id, { provider: provider.id });
      if (!card) continue;
      priced += 1;
      const thresholds = card.contextTiers.map((tier) => tier.threshold);
      assert.deepEqual(
        thresholds,
        [...thresholds].sort((a, b) => a - b),
      );
      for (const each of [card.rates, ...card.contextTiers.map((tier) => tier.rates)]) {
        for (const rate of Object.values(each)) assert.ok(rate === null || Number.isSafeInteger(rate));
      }
    }
  }
  assert.ok(priced > 1000, String(priced));
});

test('pictures are billed at their own rate, reasoning at that of text', () => {
  const cost = (model: string, tokens: Partial<PriceInput['tokens']>): [number, string] => {
    const event = priceInput(model, [0, 0, 0, 0, 0], { executorType: 'GeminiExecutor' });
    const priced = price({ ...event, tokens: { ...event.tokens, ...tokens } }, book);
    return priced.kind === 'priced' ? [priced.nanoUsd, priced.version.basis] : [-1, ''];
  };
  // 1000x0.3 + 1290x30 USD per million; then 1000x2 + 1000x120 + 300x12.
  assert.deepEqual(cost('gemini-2.5-flash-image', { uncachedInput: 1000, output: 1290 }), [
    39_000_000,
    'base+image-output',
  ]);
  assert.deepEqual(
    cost('gemini-3-pro-image-preview', { uncachedInput: 1000, output: 1300, reasoning: 300 }),
    [125_600_000, 'base+image-output'],
  );
  const text = find('gemini-2.5-flash', { executorType: 'GeminiExecutor' });
  assert.ok(text && !('outputImage' in text.rates));
});

test('exactly 272,000 tokens are not long, however a list writes the line', () => {
  const thresholds = (provider: string): number[] | undefined =>
    find('gpt-5.4', { provider })?.contextTiers.map((tier) => tier.threshold);
  assert.deepEqual(thresholds('openai'), [271_999]);
  const basis = (input: number): string => {
    const priced = price(priceInput('gpt-5.4', [input, 0, 0, 0, 0], { provider: 'openai' }), book);
    return priced.kind === 'priced' ? `${priced.version.basis} ${priced.nanoUsd}` : '';
  };
  assert.equal(basis(272_000), 'base 680000000');
  assert.equal(basis(272_001), 'context>272000 1360005000');
});
