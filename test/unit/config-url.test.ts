import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { AppError } from '../../src/lib/errors.ts';
import { normaliseBaseUrl, redactUrl } from '../../src/lib/gateway/url.ts';

test('a gateway address is brought into its one form', () => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ['', ''],
    ['   ', ''],
    ['cpa:8317', 'http://cpa:8317'],
    [' http://cpa:8317/ ', 'http://cpa:8317'],
    ['http://cpa:8317///', 'http://cpa:8317'],
    ['http://cpa:8317/v0/management', 'http://cpa:8317'],
    ['http://cpa:8317/v0/management/', 'http://cpa:8317'],
    ['http://cpa:8317/v0', 'http://cpa:8317'],
    ['http://cpa:8317/v0/v0/management', 'http://cpa:8317'],
    ['https://example.org/gate/v0/management', 'https://example.org/gate'],
    ['https://example.org/gate//v0/management', 'https://example.org/gate'],
    ['http://[::1]:8317/', 'http://[::1]:8317'],
    ['http://cpa:8317/management.html#/login', 'http://cpa:8317'],
    ['http://cpa:8317/?a=b', 'http://cpa:8317'],
    ['http://CPA:8317/Gate', 'http://cpa:8317/Gate'],
    ['HTTP://Cpa.Example:8317', 'http://cpa.example:8317'],
    ['CPA:8317/V0', 'http://cpa:8317/V0'],
    ['HTTPS://[FE80::1]', 'https://[fe80::1]'],
    ['http://cpa/v00', 'http://cpa/v00'],
  ];
  for (const [given, expected] of cases) assert.equal(normaliseBaseUrl(given), expected, given);
});

test('what cannot be the address of a gateway is refused', () => {
  for (const given of [
    'ftp://cpa',
    'redis://cpa:6379',
    'http://',
    'http:///v0',
    'http://?x',
    'http://cpa:99999',
    'http://cpa:8317 /',
    'http://cpa\\x',
    'http://a\tb',
    '://cpa',
  ]) {
    assert.throws(
      () => normaliseBaseUrl(given),
      (error) => error instanceof AppError && error.code === 'invalid_request',
      given,
    );
  }
});

test('the refusal names the setting, and never repeats a password', () => {
  for (const given of [
    'http://admin:hunter2@cpa:8317',
    'admin:hunter2@cpa:8317',
    'http://hunter2@cpa',
    'ftp://u:hunter2@cpa/#hunter2',
    'http://x:hunter2@ cpa',
  ]) {
    assert.throws(
      () => normaliseBaseUrl(given, 'invalid_config', 'CPA_UPSTREAM_URL'),
      (error) =>
        error instanceof AppError &&
        error.code === 'invalid_config' &&
        error.message.includes('CPA_UPSTREAM_URL') &&
        !error.message.includes('hunter2'),
      given,
    );
  }
});

test('redacting keeps the host', () => {
  assert.equal(redactUrl('https://u:p@cpa:8317/x?key=1#2'), 'https://***@cpa:8317/x');
  assert.equal(redactUrl('u:p@@cpa'), '***@cpa');
  assert.equal(redactUrl('http://cpa/a@b'), 'http://cpa/a@b');
});

test('a normalised address is a URL without trailing slash, query or fragment', () => {
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
      const base = normaliseBaseUrl(url);
      assert.ok(URL.canParse(base), base);
      assert.doesNotMatch(base, /[?#]|\/$/);
      assert.equal(new URL(base).host, new URL(url).host);
    }),
  );
});
