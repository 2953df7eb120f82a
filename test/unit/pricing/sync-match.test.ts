import assert from 'node:assert/strict';
import test from 'node:test';
import { Matcher } from '../../../src/lib/pricing/sync/match.ts';
import { readCatalog } from '../../../src/lib/pricing/sync/read-catalog.ts';
import { likeness, NameShape } from '../../../src/lib/pricing/sync/similarity.ts';
import { CatalogError, SOURCE_NAMES, type SourceName } from '../../../src/lib/pricing/sync/catalog.ts';
import { findPrices } from '../../../src/lib/pricing/sync/sync.ts';
import { LITELLM, MODELS_DEV, OPENROUTER } from '../../support/price-sources.ts';

const price = { input_cost_per_token: 1e-6 };
const litellm = (...names: string[]) =>
  new Matcher(readCatalog('litellm', JSON.stringify(Object.fromEntries(names.map((name) => [name, price])))));
const found = (matcher: Matcher, name: string): string => {
  const match = matcher.match(name);
  return match.kind === 'one' ? match.entry.id : match.kind;
};

test('the first stage that has anything decides: exact, any case, last part, without marks', () => {
  const matcher = litellm(
    'gpt-9',
    'GPT-9',
    'azure/eu/gpt-9',
    'vertex/claude-7',
    'bedrock/claude-7',
    'Mixed',
    'a.b-c',
  );
  assert.equal(found(matcher, 'gpt-9'), 'gpt-9');
  assert.equal(found(matcher, 'Gpt-9'), 'several');
  assert.equal(found(matcher, 'mixed'), 'Mixed');
  assert.equal(found(matcher, 'claude-7'), 'several');
  assert.equal(found(matcher, 'x/claude_7'), 'several');
  assert.equal(found(matcher, 'a-b.c'), 'a.b-c');
  assert.equal(found(matcher, 'nothing'), 'none');
});

test('a list that tells makers gives the price of the maker, and guesses nothing', () => {
  const matcher = new Matcher(readCatalog('models.dev', JSON.stringify(MODELS_DEV)));
  assert.equal(found(matcher, 'claude-sonnet-4-5'), 'anthropic/claude-sonnet-4-5');
  assert.equal(found(matcher, 'Anthropic/Claude-Sonnet-4-5'), 'anthropic/claude-sonnet-4-5');
  assert.equal(found(matcher, 'reseller/claude-sonnet-4-5'), 'reseller/claude-sonnet-4-5');
  assert.equal(found(matcher, 'twin'), 'none');
  assert.equal(found(matcher, 'acme/twin'), 'acme/twin');
  assert.equal(found(matcher, 'claude_sonnet_4_5'), 'none');
  const bare = new Matcher(readCatalog('models.dev', JSON.stringify(MODELS_DEV.providers)));
  assert.equal(found(bare, 'claude-sonnet-4-5'), 'several');
});

test('likeness has the figures that users know', () => {
  const of = (a: string, b: string) => {
    const { score, reason } = likeness(new NameShape(a), new NameShape(b));
    return `${score.toFixed(2)} ${reason}`;
  };
  assert.equal(of('gpt-9', 'gpt-9'), '1.00 exact-model-id');
  assert.equal(of('GPT-9', 'gpt-9'), '0.98 case-insensitive-model-id');
  assert.equal(of('gpt-9', 'openai/gpt-9'), '0.94 same-model-with-provider-prefix');
  assert.equal(of('models/gpt-9', 'gpt.9'), '0.94 same-model-with-provider-prefix');
  assert.equal(of('gpt-9', 'openai/gpt-9-mini'), '0.78 model-name-contains');
  assert.equal(of('qwen3-max', 'qwen-plus'), '0.46 same-model-family');
  assert.match(of('claude-sonnet-4-5', 'claude-4-5-sonnet'), /shared-model-tokens$/);
  assert.match(of('abc', 'xyz'), /^0\.00 weak-similarity$/);
});

test('candidates: makers first, then the likeliest, eight of a list', () => {
  const [first, ...others] = new Matcher(readCatalog('models.dev', JSON.stringify(MODELS_DEV))).candidates(
    'gpt-9',
  );
  assert.equal(first?.entry.id, 'openai/gpt-9');
  assert.ok(others.every(({ score }) => score <= (first?.score ?? 0)));
  const many = litellm(...Array.from({ length: 12 }, (_, n) => `host${n}/model-x`));
  assert.equal(many.candidates('model-x').length, 8);
  assert.deepEqual(litellm('entirely/else').candidates('model-x'), []);
});

const LISTS: Readonly<Record<SourceName, unknown>> = {
  'models.dev': MODELS_DEV,
  litellm: LITELLM,
  openrouter: OPENROUTER,
};

async function find(models: readonly string[] | null, failing: readonly SourceName[] = [], origins = {}) {
  const asked: SourceName[] = [];
  const findings = await findPrices({
    models,
    origins: new Map(Object.entries<SourceName>(origins)),
    load: async (source) => {
      asked.push(source);
      if (failing.includes(source)) throw new CatalogError('it is away');
      return readCatalog(source, JSON.stringify(LISTS[source]));
    },
  });
  return { asked, ...findings, picked: findings.picks.map(({ model, entry }) => `${model} ${entry.source}`) };
}

test('sources are asked in their order, and only until every name is found', async () => {
  assert.deepEqual((await find(['gpt-9'])).asked, ['models.dev']);
  const two = await find(['lite-model', 'gpt-9', ' gpt-9', '']);
  assert.deepEqual(two.asked, ['models.dev', 'litellm']);
  assert.deepEqual(two.picked, ['lite-model litellm', 'gpt-9 models.dev']);
  const none = await find(['zzz-unheard-of', 'twin']);
  assert.deepEqual(none.asked, [...SOURCE_NAMES]);
  assert.deepEqual(none.unmatched, ['zzz-unheard-of']);
  assert.deepEqual(
    none.candidates.map(({ model }) => model),
    ['twin'],
  );
  const all = await find(null);
  assert.ok(all.picked.includes('maker/router-model openrouter'));
  assert.ok(all.picked.includes('claude-sonnet-4-5 models.dev'));
  assert.ok(!all.picked.some((pick) => pick.startsWith('twin ')));
  assert.deepEqual([all.candidates, all.unmatched], [[], []]);
});

test('what came from a source that fails stays; a better source may still replace it', async () => {
  const origins = { 'gpt-9': 'models.dev', 'lite-model': 'openrouter', gone: 'models.dev' } as const;
  const named = await find(['gpt-9', 'lite-model', 'gone'], ['models.dev', 'openrouter'], origins);
  assert.deepEqual(named.preserved, ['gpt-9', 'gone']);
  assert.deepEqual(named.picked, ['lite-model litellm']);
  assert.deepEqual(named.unmatched, []);
  assert.deepEqual(
    named.results.map(({ error }) => error),
    ['it is away', undefined, 'it is away'],
  );
  const lower = await find(['lite-model'], ['models.dev'], { 'lite-model': 'models.dev' });
  assert.deepEqual([lower.preserved, lower.picked], [['lite-model'], []]);
  const every = await find(null, ['models.dev'], origins);
  assert.deepEqual(every.preserved, ['gpt-9', 'gone']);
});
