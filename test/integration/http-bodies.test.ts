import assert from 'node:assert/strict';
import test from 'node:test';
import { anonymous, ask, assertRefused, post, put, startReady } from '../support/http.ts';

const ROUTES = [
  ['POST', '/setup'],
  ['POST', '/usage-service/setup'],
  ['PUT', '/usage-service/config'],
  ['POST', '/usage-service/test-connection'],
] as const;
const LIMIT = 1024 * 1024;

const init = (method: 'POST' | 'PUT', body: string): RequestInit =>
  method === 'PUT' ? put(body) : post(body);

test('bodies that are too large, too deep or odd are refused everywhere, and nothing else is harmed', async (t) => {
  const daemon = await startReady(t);
  const large = JSON.stringify({ config: {}, padding: 'x'.repeat(LIMIT) });
  const chunked = (): ReadableStream<Uint8Array> => ReadableStream.from([Buffer.from(large)]);
  const nested = (open: string, close: string): string =>
    `{"config":{"codexInspection":{"deep":${open.repeat(100_000)}1${close.repeat(100_000)}}}}`;
  for (const [method, path] of ROUTES) {
    await assertRefused(daemon, path, init(method, large), 413, 'body_too_large');
    const unsaid: RequestInit = { method, body: chunked(), duplex: 'half' };
    await assertRefused(daemon, path, unsaid, 413, 'body_too_large');
    // Who is not logged in is told that, and nothing is read.
    await assertRefused(daemon, path, anonymous(init(method, large)), 401, 'invalid_admin_key');
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const { body } = await assertRefused(
        daemon,
        path,
        init(method, nested(open, close)),
        400,
        'invalid_request',
      );
      assert.match(body.error, /too deeply/);
    }
    for (const odd of [
      '{"__proto__":{"cpaBaseUrl":"http://evil.example"}}',
      '{"config":{"codexInspection":{"__proto__":{"enabled":true}}}}',
      '{"config":[{"a":{"\\u005f_proto__":1}}]}',
    ]) {
      const { body } = await assertRefused(daemon, path, init(method, odd), 400, 'invalid_request');
      assert.match(body.error, /__proto__/);
    }
  }
  // What is just deep enough is kept as it came, and comes back.
  const deep = `${'['.repeat(60)}${']'.repeat(60)}`;
  const body = `{"config":{"collector":{"enabled":false},"codexInspection":{"deep":${deep},"constructor":{"prototype":1}}}}`;
  const saved = await ask(daemon, '/usage-service/config', put(body));
  assert.equal(saved.status, 200, saved.text);
  const read = await ask(daemon, '/usage-service/config');
  assert.ok(read.text.includes(`"deep":${deep}`) && read.text.includes('"constructor":{"prototype":1}'));
  assert.equal((await ask(daemon, '/health', anonymous())).status, 200);
  assert.ok(!daemon.log.some(({ level }) => Number(level) >= 50), 'nothing of it is a fault of ours');
});

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { summary?: string; tags?: string[]; security?: unknown[] }>>>
  >;
}

test('what can be asked is described, for whoever is logged in', async (t) => {
  const daemon = await startReady(t);
  const path = '/usage-service/openapi.json';
  await assertRefused(daemon, path, anonymous(), 401, 'invalid_admin_key');
  await assertRefused(daemon, path, { method: 'POST' }, 405, 'method_not_allowed');
  const { status, body, headers } = await ask<Document>(daemon, path);
  assert.equal(status, 200);
  assert.equal(headers.get('access-control-allow-origin'), null);
  assert.equal(body.openapi, '3.1.0');
  for (const [url, methods] of Object.entries(body.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      assert.ok(operation.summary && operation.tags?.length === 1 && operation.security, `${method} ${url}`);
    }
  }
  for (const [url, method, tag, logins] of [
    ['/health', 'get', 'daemon', 0],
    ['/status', 'get', 'daemon', 2],
    ['/setup', 'post', 'service', 2],
    ['/usage-service/config', 'get', 'service', 3],
    ['/v0/management/usage/export', 'get', 'usage', 2],
    ['/v0/management/{*}', 'patch', 'gateway', 2],
    ['/v0/resource/plugins/{*}', 'get', 'plugins', 2],
    ['/v1/models', 'get', 'models', 1],
  ] as const) {
    const operation = body.paths[url]?.[method];
    assert.deepEqual(operation?.tags, [tag], url);
    assert.equal(operation?.security?.length, logins, url);
  }
});
