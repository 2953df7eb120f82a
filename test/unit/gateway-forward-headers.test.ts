import assert from 'node:assert/strict';
import test from 'node:test';
import type { GatewayConnection } from '../../src/lib/contract/gateway.ts';
import { answerHeaders, requestHeaders } from '../../src/lib/gateway/forward-headers.ts';

const connection: GatewayConnection = {
  baseUrl: 'https://gateway.example/cpa',
  managementKey: 'made-up management/key',
  tlsSkipVerify: false,
};
const TARGET = '/v0/management/plugins/one?x=1';

test('a request goes on with what it is about, and nothing of who sent it', () => {
  const forwarded = {
    'content-type': ['application/json'],
    'content-length': ['2'],
    accept: ['text/html', '*/*'],
    'accept-language': ['de'],
    range: ['bytes=0-1'],
    'if-none-match': ['"a"', '"b"'],
    'if-modified-since': ['Sat, 21 Nov 2026 12:00:00 GMT'],
    'user-agent': ['test'],
  };
  const dropped = [
    'accept-encoding',
    'authorization',
    'cookie',
    'forwarded',
    'host',
    'origin',
    'proxy-authorization',
    'referer',
    'sec-fetch-site',
    'te',
    'transfer-encoding',
    'upgrade',
    'x-cpamp-auth-file-physical-name',
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-management-key',
    'x-real-ip',
  ].map((name) => [name, ['x']] as const);
  const headers = requestHeaders({ ...forwarded, ...Object.fromEntries(dropped) });
  assert.deepEqual(headers, {
    'accept-encoding': 'identity',
    'content-type': 'application/json',
    'content-length': '2',
    accept: 'text/html, */*',
    'accept-language': 'de',
    range: 'bytes=0-1',
    'if-none-match': '"a", "b"',
    'if-modified-since': 'Sat, 21 Nov 2026 12:00:00 GMT',
    'user-agent': 'test',
  });
  const named = requestHeaders({ connection: ['close, Range', 'accept'], range: ['x'], accept: ['y'] });
  assert.deepEqual(named, { 'accept-encoding': 'identity' });
});

test('an answer comes back without what would speak for our origin', () => {
  const kept = {
    'content-type': 'text/html',
    'content-length': '5',
    'content-disposition': 'attachment',
    etag: '"a"',
    vary: ['accept', 'origin'],
    'x-accel-buffering': 'no',
    'x-cpa-version': '7.2.140',
    'x-cpa-commit': 'none',
    'x-cpa-build-date': 'unknown',
    'x-cpa-support-plugin': '1',
    'x-server-time': 'now',
  };
  const withheld = [
    'access-control-allow-origin',
    'access-control-expose-headers',
    'alt-svc',
    'cdn-cache-control',
    'cloudflare-cdn-cache-control',
    'clear-site-data',
    'content-location',
    'content-security-policy-report-only',
    'keep-alive',
    'link-by-connection',
    'refresh',
    'service-worker-allowed',
    'set-cookie',
    'strict-transport-security',
    'surrogate-control',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'www-authenticate',
    'x-accel-redirect',
    'x-sendfile',
  ].map((name) => [name, 'x'] as const);
  const headers = answerHeaders(
    {
      ...kept,
      ...Object.fromEntries(withheld),
      connection: 'keep-alive, Link-By-Connection',
      'content-security-policy': "default-src *; script-src 'unsafe-inline'",
      'x-content-type-options': 'sniff',
    },
    connection,
    TARGET,
  );
  assert.deepEqual(headers, {
    ...kept,
    'cache-control': 'no-store',
    'content-security-policy': 'sandbox',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
});

test('what a gateway lets everybody keep is kept by browsers, and by no cache before us', () => {
  for (const [theirs, ours] of [
    ['max-age=60', 'private, max-age=60'],
    ['public, max-age=60, S-MaxAge=600, immutable', 'private, max-age=60, immutable'],
    [['Public', 'max-age=60'], 'private, max-age=60'],
    ['no-store', 'private, no-store'],
    ['private', 'no-store'],
    ['public', 'no-store'],
    ['', 'no-store'],
  ] as const) {
    const headers = answerHeaders({ 'cache-control': theirs }, connection, TARGET);
    assert.equal(headers['cache-control'], ours);
  }
});

test('a redirect within the gateway leads to the same place here, below whatever path we are', () => {
  const relocated = (location: string, target = TARGET): unknown =>
    answerHeaders({ location }, connection, target)['location'];
  const expected = '../../../v0/management/auth-files?a=b#c';
  assert.equal(relocated('/cpa/v0/management/auth-files?a=b#c'), expected);
  assert.equal(relocated('https://gateway.example/cpa/v0/management/auth-files?a=b#c'), expected);
  assert.equal(relocated('../auth-files?a=b#c'), expected);
  assert.equal(relocated('../config', '/v0/management/config/'), '../../../v0/management/config');
  assert.equal(relocated('/cpa/v1/models', '/models'), './v1/models');
  assert.equal(
    new URL(expected, 'https://ours.example/sub/v0/management/plugins/one').href,
    'https://ours.example/sub/v0/management/auth-files?a=b#c',
  );
  // Elsewhere: a login at a provider.
  for (const foreign of ['https://login.example/authorize?x=1', '//login.example/x']) {
    assert.equal(relocated(foreign), foreign);
  }
  for (const bad of [
    '',
    '/outside/of/base',
    '/cpax/config',
    'javascript:alert(1)',
    'data:text/html,x',
    'https://user:password@login.example/',
    'https://evil.example/?made-up%20management%2fkey',
    'https://evil.example/made-up management/key',
    'http://[',
  ]) {
    assert.equal(relocated(bad), undefined, bad);
  }
});
