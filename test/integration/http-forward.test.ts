import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { Browser } from '../support/browser.ts';
import { status } from '../support/cpa/http-faults.ts';
import { recordedClientKeys } from '../support/cpa/recordings.ts';
import { ADMIN_KEY } from '../support/daemon.ts';
import { anonymous, ask, assertRefused, CPA_KEY, post, put, startCpa, startReady } from '../support/http.ts';
import { askPlainly, RecordingGateway } from '../support/recording-gateway.ts';

const CONFIG = '/v0/management/config';

test('a call arrives as it was sent, with the key of the gateway and nothing of who sent it', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t, { env: gateway.env });
  const bodies: string[] = [];
  gateway.handler = async (request, response) => {
    bodies.push(await text(request));
    response.end('done');
  };
  const path = '/v0/management/plugins/my%2Dplugin/%C3%A4+b;v=1?x=..%2f..&y=//&name=a%20b&empty=';
  const answer = await askPlainly(daemon, path, {
    method: 'PATCH',
    headers: {
      accept: 'text/x-test',
      'accept-language': 'de',
      'accept-encoding': 'br, gzip',
      'content-type': 'no media type',
      cookie: 'cpamp_session=a-token; other=1',
      forwarded: 'for=192.0.2.1',
      'if-none-match': '"a"',
      origin: 'https://tools.example',
      range: 'bytes=0-',
      referer: 'https://tools.example/page',
      'user-agent': 'some tool',
      'x-cpamp-auth-file-physical-name': 'x',
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-host': 'elsewhere',
      'x-management-key': 'made-up',
      'x-real-ip': '192.0.2.1',
    },
    body: '{"raw": [1,\n2]} \u00e4',
  });
  assert.deepEqual([answer.status, answer.text], [200, 'done']);
  const arrived = await gateway.arrival(0);
  assert.deepEqual([arrived.method, arrived.url], ['PATCH', path]);
  assert.deepEqual(bodies, ['{"raw": [1,\n2]} \u00e4']);
  assert.deepEqual(arrived.headers, {
    host: new URL(gateway.url).host,
    connection: 'keep-alive',
    authorization: `Bearer ${CPA_KEY}`,
    accept: 'text/x-test',
    'accept-encoding': 'identity',
    'accept-language': 'de',
    'content-length': '18',
    'content-type': 'no media type',
    'if-none-match': '"a"',
    range: 'bytes=0-',
    'user-agent': 'some tool',
  });

  // Other methods, without a body and with one of unknown length.
  for (const [index, method] of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'].entries()) {
    const bare = await askPlainly(daemon, '/v0//management/x?y', { method });
    assert.deepEqual([bare.status, bare.text], [200, method === 'HEAD' ? '' : 'done']);
    const { method: sent, url } = await gateway.arrival(index + 1);
    assert.deepEqual([sent, url], [method, '/v0/management/x?y'], 'doubled slashes are collapsed');
    const chunked = { method, headers: { 'transfer-encoding': 'chunked' }, body: `body of ${method}` };
    if (method === 'GET' || method === 'HEAD') continue;
    bodies.length = 0;
    const before = gateway.arrivals.length;
    await askPlainly(daemon, '/v0/management/y', chunked);
    assert.deepEqual(bodies, [`body of ${method}`]);
    gateway.arrivals.splice(before);
  }
});

test('an answer comes back whole, and a page of it can do nothing in our origin', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const daemon = await startReady(t, { env: gateway.env });
  gateway.handler = (_request, response) => {
    response.writeHead(418, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "script-src 'unsafe-inline' *",
      'set-cookie': ['cpamp_session=stolen; Path=/', 'b=2'],
      'access-control-allow-origin': '*',
      'access-control-allow-credentials': 'true',
      'clear-site-data': '"*"',
      'strict-transport-security': 'max-age=31536000',
      'alt-svc': 'h3=":443"',
      'service-worker-allowed': '/',
      refresh: '0; url=https://evil.example',
      vary: 'Accept',
      'x-accel-redirect': '/etc/passwd',
      'x-cpa-version': '7.2.140',
      'x-cpa-commit': 'none',
      'x-cpa-build-date': 'unknown',
      'x-cpa-support-plugin': '1',
      'x-server-name': 'it',
    });
    response.end('<script>alert(1)</script>');
  };
  for (const origin of [undefined, 'https://tools.example']) {
    const headers: Record<string, string> = origin === undefined ? {} : { origin };
    const answer = await askPlainly(daemon, '/v0/resource/plugins/one/page.html', { headers });
    assert.deepEqual([answer.status, answer.text], [418, '<script>alert(1)</script>']);
    const rest = { ...answer.headers };
    for (const ours of ['date', 'connection', 'keep-alive', 'transfer-encoding']) delete rest[ours];
    assert.deepEqual(rest, {
      'access-control-allow-origin': '*',
      'access-control-expose-headers':
        'X-CPA-TRACE-ID, X-CPA-VERSION, X-CPA-COMMIT, X-CPA-BUILD-DATE, X-CPA-SUPPORT-PLUGIN',
      'cache-control': 'no-store',
      'content-security-policy': 'sandbox',
      'content-type': 'text/html; charset=utf-8',
      'referrer-policy': 'no-referrer',
      vary: 'Accept',
      'x-content-type-options': 'nosniff',
      'x-cpa-version': '7.2.140',
      'x-cpa-commit': 'none',
      'x-cpa-build-date': 'unknown',
      'x-cpa-support-plugin': '1',
      'x-server-name': 'it',
    });
  }
  // Redirects are answers like others, and lead to the same place here.
  gateway.handler = (_request, response) => {
    response.writeHead(307, { location: '/v0/management/config' }).end();
  };
  const redirect = await askPlainly(daemon, `${CONFIG}/`);
  assert.deepEqual([redirect.status, redirect.headers.location], [307, '../../../v0/management/config']);
  for (const code of [204, 304]) {
    gateway.handler = (_request, response) => response.writeHead(code, { etag: '"a"' }).end();
    const empty = await askPlainly(daemon, CONFIG);
    assert.deepEqual([empty.status, empty.text, empty.headers.etag], [code, '', '"a"']);
  }
});

test('who may have calls forwarded: the admin key and sessions, from no foreign page', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const env = { ...gateway.env, USAGE_CORS_ORIGINS: 'https://tools.example' };
  const daemon = await startReady(t, { env });
  for (const path of [CONFIG, '/v0/resource/plugins', '/v0/resource/plugins/one/x', '/v0/management/logs']) {
    for (const init of [{}, post('{}'), { method: 'DELETE' }]) {
      await assertRefused(daemon, path, anonymous(init), 401, 'invalid_admin_key');
    }
    const gatewayKey = { headers: { authorization: `Bearer ${CPA_KEY}` } };
    await assertRefused(daemon, path, gatewayKey, 401, 'cpa_key_given');
  }
  await assertRefused(daemon, '/v0/management', {}, 404, 'not_found');
  const browser = new Browser();
  await browser.login(daemon);
  for (const method of ['GET', 'POST']) {
    const foreign = await browser.request(daemon.url + CONFIG, { method, page: 'http://127.0.0.1:1' });
    assert.equal(foreign.status, 403, foreign.text);
  }
  assert.equal(gateway.arrivals.length, 0);

  const own = await browser.request(daemon.url + CONFIG, { method: 'PUT', body: '{}' });
  assert.equal(own.status, 200, own.text);
  const { headers } = await gateway.arrival(0);
  assert.deepEqual(
    [headers.cookie, headers.origin, headers.authorization],
    [undefined, undefined, `Bearer ${CPA_KEY}`],
  );
  // Bearer callers of an origin on the list, and of another one.
  for (const [origin, allowed] of [
    ['https://tools.example', 'https://tools.example'],
    ['https://evil.example', undefined],
  ] as const) {
    const answer = await askPlainly(daemon, CONFIG, { headers: { origin } });
    assert.equal(answer.headers['access-control-allow-origin'], allowed);
    assert.equal(answer.headers['access-control-allow-credentials'], undefined);
  }
  const upgrade = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  const before = gateway.arrivals.length;
  const socket = await askPlainly(daemon, CONFIG, { headers: upgrade });
  assert.equal(socket.status, 501, socket.text);
  assert.match(socket.text, /WebSocket/);
  assert.equal(gateway.arrivals.length, before);
});

test('neither the usage queue nor what is ours gets through in any spelling', async (t) => {
  const gateway = await RecordingGateway.start(t);
  const cpa = await startCpa(t);
  const [plain, real] = await Promise.all([
    startReady(t, { env: gateway.env }),
    startReady(t, { env: { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY } }),
  ]);
  const spell = (name: string, first: string): string[] => [
    name,
    `${name}?count=100`,
    `${name}/`,
    `${name}/x`,
    `/${name}`,
    `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`,
    `%25${name.charCodeAt(0).toString(16)}${name.slice(1)}`,
    name.toUpperCase(),
    `${name};v=1`,
    `${name}%3bv=1`,
    `${name}%20`,
    `${name}%00`,
    `${name}#x`,
    `x/../${name}`,
    `./${name}`,
    `x/%2e%2e/${name}`,
    `x/%252e%252e/${name}`,
    `x%2f..%2f${name}`,
    `%2f${name}`,
    `x\\..\\${name}`,
    `${first}/../${name}`,
  ];
  const paths = [
    ...['usage-queue', 'usage', 'quota-snapshots', 'monitoring'].flatMap((name) =>
      spell(name, 'config').map((path) => [`/v0/management/${path}`, name] as const),
    ),
    ['/v0//management///usage-queue', 'usage-queue'],
    ['//v0/management/usage-queue', 'usage-queue'],
    ['/v0/%6danagement/usage-queue', 'usage-queue'],
    ['/v0/resource/plugins/../../management/usage-queue', 'usage-queue'],
    ['/v0/resource/plugins/%2e%2e/%2e%2e/management/usage-queue', 'usage-queue'],
    ['/v0/resource/plugins/..%2f..%2fmanagement/usage-queue', 'usage-queue'],
    ['/v0/management/../v1/chat/completions', 'usage-queue'],
    [`${gateway.url}/v0/management/usage-queue`, 'usage-queue'],
  ] as const;
  for (const daemon of [plain, real]) {
    for (const [path, name] of paths) {
      for (const method of ['GET', 'POST']) {
        const answer = await askPlainly(daemon, path, { method });
        const owned = name === 'usage-queue' ? 409 : 501;
        // Our own route by that name knows no other methods, and answers to the path below it.
        const allowed = [400, 404, owned, ...(name === 'usage' ? [405] : [])];
        assert.ok(allowed.includes(answer.status), `${method} ${path}: ${answer.status} ${answer.text}`);
      }
    }
    for (const path of ['usage-queue', '%75sage-queue', '/usage-queue', 'usage-queue/', 'USAGE-queue;x']) {
      const answer = await askPlainly(daemon, `/v0/management/${path}`);
      assert.equal(answer.status, 409, path);
    }
  }
  assert.deepEqual(
    gateway.arrivals.map(({ url }) => url),
    [],
  );
  assert.deepEqual(
    cpa.http.exchanges.filter(({ headers }) => headers['user-agent'] !== 'cpamp').map(({ url }) => url),
    [],
  );
});

test('the list of models is asked for with the key of whoever asks', async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t, { env: { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY } });
  const reached = (): string[] =>
    cpa.http.exchanges.filter(({ url }) => url.includes('models')).map(({ url }) => url);
  const [clientKey = ''] = recordedClientKeys();
  const withKey = { headers: { authorization: `Bearer ${String(clientKey)}` } };
  const models = await ask<{ object: string }>(daemon, '/v1/models?a=%2F', withKey);
  assert.deepEqual([models.status, models.body.object], [200, 'list']);
  assert.equal(models.headers.get('access-control-allow-origin'), '*');
  for (const path of ['/models', '/models/', '/v1/models/']) {
    assert.equal((await ask(daemon, path, withKey)).status, 404, 'as the stand-in answers');
  }
  assert.deepEqual(reached(), ['/v1/models?a=%2F', '/models', '/models/', '/v1/models/']);

  // A login of ours is worth nothing here, and goes nowhere.
  const browser = new Browser();
  await browser.login(daemon);
  const cookie = await browser.request(`${daemon.url}/v1/models`);
  assert.deepEqual([cookie.status, cookie.body], [401, { error: 'Missing API key' }]);
  assert.equal(cpa.http.exchanges.at(-1)?.headers.authorization, undefined);
  assert.equal(cpa.http.exchanges.at(-1)?.headers.cookie, undefined);
  // The login of a proxy before us, which browsers repeat, is none of the gateway's business either.
  await ask(daemon, '/v1/models', { headers: { authorization: 'Basic bWFkZTp1cA==' } });
  assert.equal(cpa.http.exchanges.at(-1)?.url, '/v1/models');
  assert.equal(cpa.http.exchanges.at(-1)?.headers.authorization, undefined);
  const before = reached().length;
  for (const authorization of [`Bearer ${ADMIN_KEY}`, `bearer   ${ADMIN_KEY} `, ADMIN_KEY]) {
    await assertRefused(daemon, '/v1/models', { headers: { authorization } }, 401, 'client_key_wanted');
  }
  for (const method of ['POST', 'PUT', 'DELETE']) {
    await assertRefused(daemon, '/v1/models', { method }, 405, 'method_not_allowed');
  }
  assert.equal(reached().length, before);
  const unset = await startReady(t);
  await assertRefused(unset, '/v1/models', withKey, 428, 'usage_service_not_configured');
});

test('another gateway in the configuration is the one that calls go to', async (t) => {
  const [first, second] = await Promise.all([
    startCpa(t),
    startCpa(t, { managementKey: 'another-made-up-key' }),
  ]);
  const daemon = await startReady(t);
  const connect = async (url: string, managementKey: string): Promise<void> => {
    const config = { cpaConnection: { cpaBaseUrl: url, managementKey }, collector: { enabled: false } };
    const saved = await ask(daemon, '/usage-service/config', put({ config }));
    assert.equal(saved.status, 200, saved.text);
  };
  first.http.route('GET', '/v0/management/who', status(200, 'first'));
  second.http.route('GET', '/v0/management/who', status(200, 'second'));
  const who = async (): Promise<string> => (await ask(daemon, '/v0/management/who')).text;
  await connect(first.url, CPA_KEY);
  assert.equal(await who(), 'first');
  await connect(second.url, 'another-made-up-key');
  assert.equal(await who(), 'second');
  await connect(first.url, CPA_KEY);
  assert.equal(await who(), 'first');
});
