import assert from 'node:assert/strict';
import test from 'node:test';

import { LruMap } from '../../../src/lib/pricing/lru.ts';

test('what was not asked for the longest is forgotten', () => {
  const map = new LruMap<number>(2);
  map.set('a', 1);
  map.set('b', 2);
  assert.equal(map.get('a'), 1);
  map.set('c', 3);
  assert.equal(map.get('b'), undefined);
  assert.equal(map.get('a'), 1);
  assert.equal(map.get('c'), 3);
  map.set('c', 4);
  assert.equal(map.size, 2);
  assert.equal(map.get('c'), 4);
});
