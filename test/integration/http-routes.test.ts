import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import type { DaemonProcess } from '../support/daemon.ts';
import { anonymous, ask, assertRefused, post, startReady, withHeaders } from '../support/http.ts';

const ORIGIN = 'https://tools.example';
const DOCUMENTED = [
  '/health',
  '/status',
  '/usage-service/info',
  '/usage-service/config',
  '/setup',
  '/v0/management/usage/export',
  '/v0/management/model-prices',
  '/v0/management/auth-files',
  '/v0/resource/plugins/some/page',
  '/v1/models',
];
const OWN = ['/management.html', '/', '/usage-service/status', '/usage-service/setup'];

const from = (origin: string, init: RequestInit = {}): RequestInit => withHeaders({ origin }, init);

const corsHeaders = (headers: Headers): string[] =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'));

test('wrong methods, unknown paths and what is not built yet', async (t) => {
  const daemon = await startReady(t);
  for (const [path, methods, allow] of [
    ['/health', ['POST', 'PUT', 'PATCH', 'DELETE'], 'GET, HEAD, OPTIONS'],
    ['/status', ['POST', 'DELETE'], 'GET, HEAD, OPTIONS'],
    ['/usage-service/status', ['POST'], 'GET, HEAD, OPTIONS'],
    ['/usage-service/info', ['PUT'], 'GET, HEAD, OPTIONS'],
    ['/usage-service/config', ['POST', 'PATCH', 'DELETE'], 'GET, HEAD, PUT, OPTIONS'],
    ['/setup', ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'], 'POST, OPTIONS'],
    ['/usage-service/setup', ['GET'], 'POST, OPTIONS'],
    ['/management.html', ['POST'], 'GET, HEAD, OPTIONS'],
    ['/', ['POST'], 'GET, HEAD, OPTIONS'],
    ['/usage-service/panel/main-abc123de.js', ['POST'], 'GET, HEAD, OPTIONS'],
  ] as const) {
    for (const method of methods) {
      const answer = await ask(daemon, path, anonymous({ method }));
      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.equal(answer.headers.get('allow'), allow, path);
      if (method === 'HEAD') continue;
      assert.deepEqual(answer.body, { code: 'method_not_allowed', error: 'method not allowed' });
    }
  }
  for (const path of [
    '/nothing',
    '/health/',
    '/v1/chat/completions',
    '/v0/management',
    '/usage-service/none',
  ]) {
    await assertRefused(daemon, path, {}, 404, 'not_found');
  }
  await assertRefused(daemon, '/%zz', {}, 400, 'invalid_request');

  const queue = '/v0/management/usage-queue';
  for (const path of [queue, `${queue}?count=100`, `${queue}/`, `/v0//management/usage-queue`]) {
    await assertRefused(daemon, path, anonymous(), 401, 'invalid_admin_key');
    const owned = await assertRefused(daemon, path, {}, 409, 'usage_queue_owned');
    assert.match(owned.body.hint ?? '', /usage\/export/);
  }
  const unbuilt = [
    'usage',
    'usage/import/more',
    'dashboard',
    'dashboard/channels',
    'monitoring/analytics',
    'codex-inspection/runs',
    'quota-snapshots',
    'account-action-candidates',
  ].map((name) => `/v0/management/${name}`);
  for (const path of [...unbuilt, '/usage-service/quota-cooldowns']) {
    for (const init of [{}, post('{'), { method: 'DELETE' }]) {
      await assertRefused(daemon, path, anonymous(init), 401, 'invalid_admin_key');
      await assertRefused(daemon, path, init, 501, 'not_available');
    }
  }
  // The rest belongs to the gateway, of which there is none yet.
  for (const name of ['config', 'auth-files', 'usage-statistics-enabled', 'usagex', '']) {
    const path = `/v0/management/${name}`;
    for (const init of [{}, post('{'), { method: 'DELETE' }]) {
      await assertRefused(daemon, path, anonymous(init), 401, 'invalid_admin_key');
      const answer = await assertRefused(daemon, path, init, 428, 'usage_service_not_configured');
      assert.match(answer.body.hint ?? '', /management\.html/);
    }
  }
});

/** What a browser's page at `origin` is allowed, by path. */
async function allowedOrigins(daemon: DaemonProcess, origin: string): Promise<Map<string, string | null>> {
  const allowed = new Map<string, string | null>();
  for (const path of [...DOCUMENTED, ...OWN]) {
    const answer = await ask(daemon, path, { ...from(origin), redirect: 'manual' });
    assert.equal(answer.headers.get('access-control-allow-credentials'), null);
    const preflight = await ask(
      daemon,
      path,
      anonymous(
        withHeaders(
          { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
          from(origin, { method: 'OPTIONS' }),
        ),
      ),
    );
    assert.equal(preflight.status, 204, `OPTIONS ${path}`);
    assert.equal(preflight.text, '');
    const value = answer.headers.get('access-control-allow-origin');
    assert.equal(preflight.headers.get('access-control-allow-origin'), value, `OPTIONS ${path}`);
    if (OWN.includes(path)) {
      assert.deepEqual(corsHeaders(answer.headers), [], path);
      assert.deepEqual(corsHeaders(preflight.headers), [], path);
    } else if (value !== null) {
      assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Authorization/);
      assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /GET.*PUT/);
    }
    allowed.set(path, value);
  }
  return allowed;
}

const everywhere = (value: string | null): Map<string, string | null> =>
  new Map([...DOCUMENTED.map((path) => [path, value] as const), ...OWN.map((path) => [path, null] as const)]);

test('the lists of older clients may be asked for with a slash at the end, and nothing else', async (t) => {
  const daemon = await startReady(t);
  for (const path of ['model-prices/', 'api-key-aliases/?x=/', 'model-prices//']) {
    const answer = await daemon.request(`/v0/management/${path}`);
    assert.equal(answer.status, 200, path);
    await answer.body?.cancel();
  }
  const session = { method: 'POST', body: '{"filename":"a","size_bytes":1}' };
  const made = await daemon.request('/v0/management/usage/import-sessions/', session);
  assert.equal(made.status, 201);
  await made.body?.cancel();
  for (const path of ['/health/', '/v0/management/usage/import/', '/v0/management/model-prices/x/']) {
    const answer = await daemon.request(path);
    assert.notEqual(answer.status, 200, path);
    await answer.body?.cancel();
  }
});

test('tools on other origins may use the documented routes, as far as the list goes', async (t) => {
  const start = (context: TestContext, origins?: string): Promise<DaemonProcess> =>
    startReady(context, origins === undefined ? {} : { env: { USAGE_CORS_ORIGINS: origins } });
  const [any, listed, none] = await Promise.all([
    start(t),
    start(t, `https://other.example, ${ORIGIN}`),
    start(t, ','),
  ]);
  assert.deepEqual(await allowedOrigins(any, ORIGIN), everywhere('*'));
  assert.deepEqual(await allowedOrigins(listed, ORIGIN), everywhere(ORIGIN));
  const varies = await ask(listed, '/health', from(ORIGIN));
  assert.match(varies.headers.get('vary') ?? '', /origin/i);
  assert.deepEqual(await allowedOrigins(listed, 'https://evil.example'), everywhere(null));
  assert.deepEqual(await allowedOrigins(none, ORIGIN), everywhere(null));
  // Errors too can be read from there, and a preflight needs no key.
  const error = await assertRefused(any, '/status', anonymous(from(ORIGIN)), 401, 'invalid_admin_key');
  assert.equal(error.headers.get('access-control-allow-origin'), '*');
});

test('docs/api.md has every route that the OpenAPI document has, with its methods, and no other', async (t) => {
  const daemon = await startReady(t);
  const { body } = await ask<{ paths: Record<string, Record<string, unknown>> }>(
    daemon,
    '/usage-service/openapi.json',
  );
  const described = Object.entries(body.paths).map(([path, operations]) => {
    const methods = Object.keys(operations).filter((method) => method !== 'head');
    return `${path} ${methods.length > 3 ? 'all' : methods.map((method) => method.toUpperCase()).join(', ')}`;
  });
  const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| `(\/[^`]+)` +\| ([\w, ]+?) +\|/gm)].map(
    ([, path, methods]) => `${path} ${methods}`,
  );
  assert.deepEqual(listed.toSorted(), described.toSorted());
});
