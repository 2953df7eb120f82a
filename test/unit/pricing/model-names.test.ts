import assert from 'node:assert/strict';
import test from 'node:test';

import {
  analyticsModel,
  billingModel,
  candidateModels,
  modelSlug,
} from '../../../src/lib/pricing/model-names.ts';
import { priceInput } from '../../support/price-events.ts';

test('the thinking suffix is removed, and nothing else', () => {
  for (const level of [
    'none',
    'auto',
    '-1',
    'minimal',
    'low',
    'medium',
    'high',
    'xhigh',
    'max',
    '0',
    '8192',
    'HIGH',
  ]) {
    assert.equal(analyticsModel(`gpt-5.4(${level})`), 'gpt-5.4', level);
  }
  for (const name of [
    'gpt-5.4',
    '(high)',
    'gpt-5.4(huge)',
    'gpt-5.4(-2)',
    'gpt-5.4(1.5)',
    'gpt-5.4()',
    'm(high)x',
  ]) {
    assert.equal(analyticsModel(name), name);
  }
  // One suffix only: what is left is the name.
  assert.equal(analyticsModel('m(low)(high)'), 'm(low)');
});

test('names in the order billed, without suffix, as requested', () => {
  const tokens = [0, 0, 0, 0, 0] as const;
  const all = priceInput('shown', tokens, { requestedModel: 'alias(high)', resolvedModel: 'gpt-5.4' });
  assert.equal(billingModel(all), 'gpt-5.4');
  assert.deepEqual(candidateModels(all), ['gpt-5.4', 'alias', 'alias(high)']);
  const unresolved = priceInput('shown(8192)', tokens, { requestedModel: '' });
  assert.equal(billingModel(unresolved), 'shown');
  assert.deepEqual(candidateModels(unresolved), ['shown', 'shown(8192)']);
  assert.deepEqual(candidateModels(priceInput('-', tokens, { requestedModel: '' })), []);
});

test('a slug is what follows the last slash, in lower case', () => {
  assert.equal(modelSlug('openrouter/OpenAI/GPT-5.4 '), 'gpt-5.4');
  assert.equal(modelSlug('gpt-5.4'), 'gpt-5.4');
});
