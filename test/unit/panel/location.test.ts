import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changed, hrefOf, parsePlace } from '../../../panel/src/lib/location.ts';

test('an address is a path and a query', () => {
  const place = parsePlace('#/monitoring?model=a%20b&model=c');
  assert.equal(place.path, '/monitoring');
  assert.deepEqual(place.query.getAll('model'), ['a b', 'c']);
  for (const hash of ['', '#', '#/', '#?', '#//']) assert.equal(parsePlace(hash).path, '/', hash);
  assert.equal(parsePlace('#monitoring/').path, '/monitoring');
  assert.equal(parsePlace('/a/b?x=1').path, '/a/b');
  // What a foreign link could smuggle in is a place like any other.
  assert.equal(parsePlace('//evil.example/x').path, '/evil.example/x');
});

test('addresses are written so that they are read back the same', () => {
  const href = hrefOf('/monitoring', {
    model: ['a&b', 'c'],
    from_ms: 5,
    none: null,
    empty: '',
    gone: undefined,
  });
  assert.equal(href, '#/monitoring?model=a%26b&model=c&from_ms=5');
  const { path, query } = parsePlace(href);
  assert.equal(hrefOf(path, query), href);
  assert.equal(hrefOf('/'), '#/');
});

test('a change of the query keeps what it does not name', () => {
  const query = new URLSearchParams('model=a&model=b&status=failed');
  assert.equal(changed(query, { model: 'c' }).toString(), 'status=failed&model=c');
  assert.equal(changed(query, { model: null, status: '' }).toString(), '');
  assert.equal(query.toString(), 'model=a&model=b&status=failed');
});
