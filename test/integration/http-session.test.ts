import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import { ADMIN_CREDENTIAL, credentialFor, serialiseCredential } from '../../src/lib/secrets/admin-key.ts';
import { ReadStore } from '../../src/lib/store/read-store.ts';
import { startWriter } from '../../src/lib/store/writer.ts';
import { Browser, type PageAnswer } from '../support/browser.ts';
import { lockDatabase } from '../support/database-lock.ts';
import { ADMIN_KEY, type DaemonProcess, tempDir } from '../support/daemon.ts';
import { ask, assertInNoFile, CPA_KEY, startCpa, startReady } from '../support/http.ts';

const SESSION = '/usage-service/session';
const STREAM = '/v0/management/events/stream';
const OTHER_KEY = 'cmp_admin_another-key-of-these-tests00000';
const DAY_MS = 24 * 60 * 60 * 1_000;

const bearer = (key: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${key}` });

/** A browser that is logged in, and its token. */
async function loggedIn(
  daemon: DaemonProcess,
  key = ADMIN_KEY,
): Promise<{ browser: Browser; token: string }> {
  const browser = new Browser();
  const answer = await browser.login(daemon, key);
  assert.equal(answer.status, 200, answer.text);
  const [token] = browser.cookies.values();
  assert.ok(token);
  return { browser, token };
}

async function assertLoggedIn(browser: Browser, daemon: DaemonProcess, expected: boolean): Promise<void> {
  const session = await browser.request(daemon.url + SESSION);
  assert.equal(session.status, 200, session.text);
  assert.equal(session.body['authenticated'], expected, session.text);
  const status = await browser.request(`${daemon.url}/usage-service/status`);
  assert.equal(status.status, expected ? 200 : 401, status.text);
}

/** In ms. */
const maxAgeOf = (cookie: string): number => 1_000 * Number(/; Max-Age=(\d+)/.exec(cookie)?.[1]);

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Looks into the database of a running daemon, from here. */
function reader(t: TestContext, dataDir: string): ReadStore {
  const store = new ReadStore(join(dataDir, 'usage.sqlite'));
  t.after(() => store.close());
  return store;
}

test('the key is traded for a cookie, which lasts over a restart and ends with the logout', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir, args: ['--verbose'] });
  const nobody = await new Browser().request(daemon.url + SESSION);
  assert.deepEqual([nobody.status, nobody.body], [200, { authenticated: false }]);
  const tool = await ask(daemon, SESSION);
  assert.deepEqual(tool.body, { authenticated: true, via: 'bearer', expiresAtMs: null });

  const browser = new Browser();
  const before = Date.now();
  const login = await browser.login(daemon);
  assert.equal(login.status, 200, login.text);
  const expiresAtMs = Number(login.body['expiresAtMs']);
  assert.deepEqual(login.body, { authenticated: true, via: 'session', expiresAtMs });
  assert.ok(expiresAtMs >= before + 30 * DAY_MS && expiresAtMs <= Date.now() + 30 * DAY_MS);
  const [cookie = '', ...more] = login.headers['set-cookie'] ?? [];
  assert.deepEqual(more, []);
  const [pair = '', ...attributes] = cookie.split('; ');
  assert.match(pair, /^cpamp_session_[0-9a-f]{8}=[\w-]{43}$/);
  assert.ok(maxAgeOf(cookie) <= 30 * DAY_MS && maxAgeOf(cookie) > 29 * DAY_MS, cookie);
  const others = attributes.filter((attribute) => !attribute.startsWith('Max-Age='));
  assert.deepEqual(others.toSorted(), ['HttpOnly', 'Path=/', 'SameSite=Strict']);
  const token = pair.split('=')[1] ?? '';
  assert.ok(!login.text.includes(token));

  const session = await browser.request(daemon.url + SESSION);
  assert.deepEqual(session.body, login.body);
  assert.equal(session.headers['set-cookie'], undefined, 'not sent again at each request');
  await assertLoggedIn(browser, daemon, true);
  const head = await browser.request(daemon.url + SESSION, { method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);

  assertInNoFile(dataDir, token);
  assert.equal(await daemon.stop(), 0);
  assertInNoFile(dataDir, token);
  const second = await startReady(t, { dataDir, args: ['--verbose'] });
  await assertLoggedIn(browser, second, true);

  // A second login of the same person goes on when the first one ends, and so does a stream of it.
  const { browser: phone } = await loggedIn(second);
  const stream = await browser.open(second.url + STREAM);
  assert.equal(stream.statusCode, 200);
  const logout = await browser.request(second.url + SESSION, { method: 'DELETE' });
  assert.deepEqual([logout.status, logout.text], [204, '']);
  assert.match(logout.headers['set-cookie']?.[0] ?? '', /^cpamp_session_[0-9a-f]{8}=; Max-Age=0; Path=\//);
  assert.equal(browser.cookies.size, 0);
  await text(stream);
  browser.cookies.set(pair.split('=')[0] ?? '', token);
  await assertLoggedIn(browser, second, false);
  await assertLoggedIn(phone, second, true);
  const again = await browser.request(second.url + SESSION, { method: 'DELETE' });
  assert.equal(again.status, 204);

  for (const answer of [nobody, login, session, head, logout]) {
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.deepEqual(
      Object.keys(answer.headers).filter((name) => name.startsWith('access-control')),
      [],
    );
  }
  assert.equal(await second.stop(), 0);
  for (const { stdout, stderr } of [daemon, second]) {
    assert.ok(![...stdout, ...stderr].join('\n').includes(token));
  }
});

test('only the key itself makes a session, and beside a key no cookie counts', async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t, { env: { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY } });
  const { browser } = await loggedIn(daemon);
  const refused = (answer: PageAnswer, status: number, code: string): void => {
    assert.deepEqual([answer.status, answer.body['code']], [status, code], answer.text);
    assert.equal(answer.headers['set-cookie'], undefined);
  };
  const login = (headers: Readonly<Record<string, string>>): Promise<PageAnswer> =>
    browser.request(daemon.url + SESSION, { method: 'POST', headers });
  for (const answer of [
    await login({}),
    await login(bearer('wrong')),
    await browser.request(daemon.url + SESSION, { headers: bearer('wrong') }),
    await browser.request(daemon.url + SESSION, { method: 'DELETE', headers: bearer('wrong') }),
    await browser.request(`${daemon.url}/status`, { headers: bearer('wrong') }),
    await browser.request(`${daemon.url}/usage-service/config`, { headers: bearer('wrong') }),
  ]) {
    refused(answer, 401, 'invalid_admin_key');
  }
  const mistaken = await login(bearer(CPA_KEY));
  refused(mistaken, 401, 'cpa_key_given');
  assert.equal(mistaken.headers['cache-control'], 'no-store');
  await assertLoggedIn(browser, daemon, true);
  const config = await browser.request(`${daemon.url}/usage-service/config`);
  assert.equal(config.status, 200, config.text);
  for (const method of ['PUT', 'PATCH'])
    assert.equal((await browser.request(daemon.url + SESSION, { method })).status, 405);
});

test('a page of another origin can do nothing with the cookie', async (t) => {
  const daemon = await startReady(t);
  const { browser } = await loggedIn(daemon);
  const config = { method: 'PUT', body: '{"config":{"collector":{"enabled":false}}}' };
  const body = '{}';
  // Cookies know no ports: a browser sends them with what this page asks for.
  const pages = [
    { page: 'http://127.0.0.1:18318' },
    { page: 'http://127.0.0.1:18318', site: null },
    { page: 'https://evil.example' },
    { page: 'https://evil.example', site: null },
    { page: 'null', site: 'cross-site' },
  ];
  for (const from of pages) {
    for (const [path, options] of [
      ['/usage-service/config', config],
      ['/usage-service/setup', { method: 'POST', body }],
      ['/usage-service/retry', { method: 'POST' }],
      ['/v0/management/model-prices', { method: 'PUT', body }],
      ['/usage-service/status', {}],
      ['/usage-service/config', { method: 'DELETE' }],
      [STREAM, {}],
      [SESSION, {}],
      [SESSION, { method: 'DELETE' }],
      [SESSION, { method: 'DELETE', headers: bearer(ADMIN_KEY) }],
      [SESSION, { method: 'POST', headers: bearer(ADMIN_KEY) }],
    ] as const) {
      // What has no such method says so to everybody, and before setup the configuration is open to be read.
      if (path === '/usage-service/config' && options !== config) continue;
      const answer = await browser.request(daemon.url + path, { ...options, ...from });
      const about = `${JSON.stringify(options)} ${path} from ${JSON.stringify(from)}: ${answer.text}`;
      assert.deepEqual([answer.status, answer.body['code']], [403, 'foreign_origin'], about);
      assert.match(String(answer.body['hint']), /panel/);
      assert.equal(answer.headers['set-cookie'], undefined, about);
    }
  }
  // A form or an image of such a page has no Origin where it only reads, and Sec-Fetch-Site tells.
  const image = await browser.request(`${daemon.url}/usage-service/status`, {
    page: null,
    site: 'same-site',
  });
  assert.equal(image.status, 403);
  // A tool that was given a copy of the cookie names no page.
  const copied = await browser.request(`${daemon.url}/usage-service/config`, { ...config, page: null });
  assert.equal(copied.status, 403);
  await assertLoggedIn(browser, daemon, true);

  for (const from of [{}, { site: null }]) {
    const own = await browser.request(`${daemon.url}/usage-service/config`, { ...config, ...from });
    assert.equal(own.status, 200, own.text);
  }
  // Without any login there is nothing to refuse but that.
  const stranger = await new Browser().request(`${daemon.url}/usage-service/status`, pages[0]);
  assert.equal(stranger.status, 401);
});

test('a new admin key ends the sessions of the old one, at a start and while the daemon runs', async (t) => {
  const dataDir = tempDir(t);
  const first = await startReady(t, { dataDir });
  const { browser } = await loggedIn(first);
  assert.equal(await first.stop(), 0);
  const second = await startReady(t, { dataDir, env: { CPA_MANAGER_ADMIN_KEY: OTHER_KEY } });
  await assertLoggedIn(browser, second, false);
  const { browser: later, token } = await loggedIn(second, OTHER_KEY);
  await assertLoggedIn(later, second, true);
  const stream = await later.open(second.url + STREAM);
  const tool = await later.open(second.url + STREAM, { headers: bearer(OTHER_KEY), page: null });
  assert.deepEqual([stream.statusCode, tool.statusCode], [200, 200]);

  const writer = await startWriter({ dbPath: join(dataDir, 'usage.sqlite'), dataKey: null });
  const replaced = serialiseCredential(credentialFor(ADMIN_KEY, 'cli', Date.now()));
  await writer.saveSettings(new Map([[ADMIN_CREDENTIAL, replaced]]));
  await writer.close();
  await Promise.all([text(stream), text(tool)]);
  await assertLoggedIn(later, second, false);
  const old = await later.request(`${second.url}/status`, { headers: bearer(OTHER_KEY) });
  assert.equal(old.status, 401);
  const { browser: newest } = await loggedIn(second);
  await assertLoggedIn(newest, second, true);
  assert.equal(reader(t, dataDir).session(hashOf(token)), null);
});

test('sixty wrong keys are slowed down while a session goes on working', async (t) => {
  const daemon = await startReady(t);
  const { browser } = await loggedIn(daemon);
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 60; attempt += 1) {
    const [path, method] = attempt % 2 === 0 ? [SESSION, 'POST'] : ['/status', 'GET'];
    const guess = { method, headers: bearer(`wrong-key-number-${attempt}`) };
    const answer = await new Browser().request(daemon.url + path, guess);
    statuses.push(answer.status);
    if (answer.status === 429) assert.ok(Number(answer.headers['retry-after']) > 0);
    if (attempt % 20 === 19) await assertLoggedIn(browser, daemon, true);
  }
  const free = statuses.filter((status) => status === 401).length;
  assert.deepEqual(statuses, [...Array(free).fill(401), ...Array(60 - free).fill(429)]);
  assert.equal(free, 10);
  const { browser: other } = await loggedIn(daemon);
  await assertLoggedIn(other, daemon, true);
});

test('two daemons on one host leave each other’s sessions alone', async (t) => {
  const [one, two] = await Promise.all([startReady(t), startReady(t)]);
  const browser = new Browser();
  for (const daemon of [one, two]) assert.equal((await browser.login(daemon)).status, 200);
  assert.equal(browser.cookies.size, 2);
  await assertLoggedIn(browser, one, true);
  await assertLoggedIn(browser, two, true);
  assert.equal((await browser.request(one.url + SESSION, { method: 'DELETE' })).status, 204);
  await assertLoggedIn(browser, one, false);
  await assertLoggedIn(browser, two, true);
});

test('behind a proxy that is trusted its word counts on scheme and host, and else it does not', async (t) => {
  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'panel.example' };
  const from = { page: 'https://panel.example', site: null };
  const [trusting, other] = await Promise.all([
    startReady(t, { env: { USAGE_TRUSTED_PROXIES: '127.0.0.0/8' } }),
    startReady(t),
  ]);
  for (const [daemon, trusted] of [
    [trusting, true],
    [other, false],
  ] as const) {
    const browser = new Browser();
    const headers = { ...forwarded, ...bearer(ADMIN_KEY) };
    const login = await browser.request(daemon.url + SESSION, { method: 'POST', headers });
    assert.equal(login.status, 200, login.text);
    assert.equal(/; Secure/.test(login.headers['set-cookie']?.[0] ?? ''), trusted);
    const save = {
      method: 'PUT',
      body: '{"config":{"collector":{"enabled":false}}}',
      headers: forwarded,
      ...from,
    };
    const answer = await browser.request(`${daemon.url}/usage-service/config`, save);
    assert.equal(answer.status, trusted ? 200 : 403, answer.text);
    // Where the proxy leaves Host as it was, nobody needs to trust it, and TLS may have ended there.
    const host = { ...save, headers: { host: 'panel.example' } };
    const passed = await browser.request(`${daemon.url}/usage-service/config`, host);
    assert.equal(passed.status, 200, passed.text);
  }
});

test('a session moves on with use, also while the database cannot be written', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  const { browser, token } = await loggedIn(daemon);
  // As if the last request had been two days ago. No request has come with the cookie yet, so the daemon knows the row alone.
  const expiring = Date.now() + 28 * DAY_MS;
  const writer = await startWriter({ dbPath: join(dataDir, 'usage.sqlite'), dataKey: null });
  await writer.touchSession(hashOf(token), expiring - 30 * DAY_MS, expiring);
  await writer.close();
  const release = await lockDatabase(t, dataDir);
  const answer = await browser.request(daemon.url + SESSION);
  assert.equal(answer.status, 200, answer.text);
  assert.ok(Number(answer.body['expiresAtMs']) > expiring + DAY_MS);
  const [cookie = ''] = answer.headers['set-cookie'] ?? [];
  assert.ok(cookie.includes(token));
  assert.ok(maxAgeOf(cookie) > 29 * DAY_MS, cookie);
  const store = reader(t, dataDir);
  assert.equal(store.session(hashOf(token))?.expiresAtMs, expiring, 'nothing was written yet');
  await release();
  while (store.session(hashOf(token))?.expiresAtMs === expiring) {
    await browser.request(daemon.url + SESSION);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.ok((store.session(hashOf(token))?.expiresAtMs ?? 0) > expiring + DAY_MS);
});

test('behind a proxy with a Basic login of its own, the key travels in the body', async (t) => {
  const daemon = await startReady(t);
  const browser = new Browser();
  const headers = { authorization: 'Basic cHJveHk6cGFzcw==', 'content-type': 'application/json' };
  const post = (body: string, more = {}): Promise<PageAnswer> =>
    browser.request(daemon.url + SESSION, { method: 'POST', headers, body, ...more });
  for (const [body, status, code] of [
    ['', 401, 'invalid_admin_key'],
    ['{}', 401, 'invalid_admin_key'],
    ['{"adminKey":"wrong"}', 401, 'invalid_admin_key'],
    ['{"adminKey":5}', 401, 'invalid_admin_key'],
    ['[]', 400, 'invalid_request'],
    ['{"adminKey"', 400, 'request_failed'],
    [JSON.stringify({ adminKey: 'x'.repeat(5_000) }), 413, 'body_too_large'],
  ] as const) {
    const answer = await post(body);
    assert.deepEqual([answer.status, answer.body['code']], [status, code], body);
  }
  assert.equal(browser.cookies.size, 0);
  const body = JSON.stringify({ adminKey: ADMIN_KEY });
  assert.equal((await post(body, { page: 'http://127.0.0.1:1' })).status, 403);
  assert.equal((await post(body)).status, 200);
  const session = await browser.request(daemon.url + SESSION, { headers });
  assert.equal(session.body['authenticated'], true, session.text);
});
