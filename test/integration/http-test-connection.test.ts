import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request as httpRequest, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type Server } from 'node:net';
import test, { type TestContext } from 'node:test';
import { runningInContainer } from '../../src/lib/config/container.ts';
import type { TestConnectionAnswer } from '../../src/lib/contract/api.ts';
import { listenOn } from '../support/collection.ts';
import { records } from '../support/cpa/records.ts';
import type { CpaStandIn, StandInOptions } from '../support/cpa/stand-in.ts';
import { ADMIN_KEY, type DaemonProcess } from '../support/daemon.ts';
import { anonymous, ask, assertRefused, CPA_KEY, post, startCpa, startReady } from '../support/http.ts';

const URL = '/usage-service/test-connection';

const tryOut = async (
  daemon: DaemonProcess,
  cpaBaseUrl: string,
  more: Record<string, unknown> = {},
): Promise<TestConnectionAnswer> => {
  const body = { cpaBaseUrl, managementKey: CPA_KEY, ...more };
  const answer = await ask<TestConnectionAnswer>(daemon, URL, post(body));
  assert.equal(answer.status, 200, answer.text);
  assert.ok(!answer.text.includes(body.managementKey), 'no answer holds the key');
  return answer.body;
};

const codesOf = ({ findings }: TestConnectionAnswer): string[] => findings.map(({ code }) => code);

const pem = (name: string): Buffer =>
  readFileSync(new globalThis.URL(`../fixtures/tls/${name}.pem`, import.meta.url));

const serve = async (t: TestContext, server: Server, scheme = 'http'): Promise<string> =>
  `${scheme}://127.0.0.1:${await listenOn(t, server)}`;

const web = (t: TestContext, listener: RequestListener): Promise<string> => serve(t, createServer(listener));

/** What knows only HTTP, between us and the gateway. */
const httpProxy = (t: TestContext, cpa: CpaStandIn): Promise<string> =>
  web(t, (incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const forwarded = httpRequest({ port: cpa.port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });

test('a gateway as it should be: what it says of itself, no finding, and nothing saved or taken', async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t);
  for (const record of records(3, { version: '7.2.140' })) cpa.publish(record);
  const answer = await tryOut(daemon, `${cpa.url.toUpperCase()}/v0/management/`);
  assert.deepEqual(answer, {
    ok: true,
    baseUrl: cpa.url,
    gateway: { version: '7.2.140', usageStatisticsEnabled: true, retentionSeconds: 3600 },
    findings: [],
  });
  assert.equal((await daemon.status()).configured, false);
  assert.equal(cpa.counts().queued, 3);
});

/** Each way in which it can be wrong: who answers, and what a person has to find in the words. */
const WRONG: ReadonlyArray<{
  readonly what: string;
  readonly where: (t: TestContext) => Promise<string> | string;
  readonly code: string;
  readonly says: RegExp;
  readonly fix: RegExp;
}> = [
  {
    what: 'nobody listens',
    where: async (t) => {
      const server = createTcpServer();
      const url = await serve(t, server);
      server.close();
      await once(server, 'close');
      return url;
    },
    // Where the tests run in a container, it is the container itself that is meant.
    code: runningInContainer() ? 'loopback_in_container' : 'connection_refused',
    says: runningInContainer() ? /this container itself/ : /Nothing listens at http:\/\/127/,
    fix: /8317/,
  },
  {
    what: 'a name that does not exist',
    // Too long a label for any name server to be asked.
    where: () => `http://no-such-host-${'x'.repeat(60)}.invalid:8317`,
    code: 'dns_failed',
    says: /The name no-such-host-x+/,
    fix: /service name/,
  },
  {
    what: 'another web server',
    where: (t) => web(t, (_, answer) => answer.writeHead(404).end('<html><title>Not Found</title></html>')),
    code: 'management_disabled',
    says: /404/,
    fix: /URL|address/,
  },
  {
    what: 'a web page',
    where: (t) => web(t, (_, answer) => answer.end('<html><title>Welcome</title></html>')),
    code: 'unexpected_answer',
    says: /not JSON/,
    fix: /port/,
  },
  {
    what: 'a port that speaks something else',
    where: (t) =>
      serve(
        t,
        createTcpServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.2\r\n')),
      ),
    code: 'unexpected_answer',
    says: /not HTTP/,
    fix: /port/,
  },
  {
    what: 'http:// to a port that speaks TLS',
    where: async (t) =>
      (await startCpa(t, { tls: { key: pem('key'), cert: pem('cert') } })).url.replace('https', 'http'),
    code: 'tls_failed',
    says: /says http:\/\//,
    fix: /https:\/\//,
  },
  {
    what: 'http:// to an ordinary https server',
    where: async (t) =>
      serve(
        t,
        createTlsServer({ key: pem('key'), cert: pem('cert') }, (_, answer) => answer.end()),
      ),
    code: 'tls_failed',
    says: /says http:\/\//,
    fix: /https:\/\//,
  },
  {
    what: 'https:// to a port that does not speak TLS',
    where: async (t) => (await startCpa(t)).url.replace('http', 'https'),
    code: 'tls_failed',
    says: /does not speak TLS/,
    fix: /http:\/\//,
  },
  {
    what: 'a certificate of its own',
    where: async (t) => (await startCpa(t, { tls: { key: pem('key'), cert: pem('cert') } })).url,
    code: 'tls_untrusted',
    says: /self-signed/,
    fix: /certificate/,
  },
  {
    what: 'a proxy that redirects',
    where: (t) =>
      web(t, (_, answer) =>
        answer.writeHead(301, { location: 'https://cpa.example.com/login?next=x' }).end(),
      ),
    code: 'unexpected_redirect',
    says: /https:\/\/cpa\.example\.com\/login\b(?!\?)/,
    fix: /address/,
  },
  {
    what: 'a proxy without a gateway behind it',
    where: (t) =>
      web(t, (_, answer) => answer.writeHead(502).end('<html><title>502 Bad Gateway</title></html>')),
    code: 'unexpected_status',
    says: /\(502 Bad Gateway\)/,
    fix: /proxy/,
  },
  {
    what: 'a login of a proxy',
    where: (t) =>
      web(t, (_, answer) => answer.writeHead(403).end('<html><title>403 Forbidden</title></html>')),
    code: 'unexpected_status',
    says: /403/,
    fix: /proxy/,
  },
  {
    what: 'a connection that breaks off',
    where: (t) =>
      serve(
        t,
        createTcpServer((socket) => socket.on('error', () => {}).once('data', () => socket.destroy())),
      ),
    code: 'connection_lost',
    says: /broke off/,
    fix: /port/,
  },
];

for (const { what, where, code, says, fix } of WRONG) {
  test(`${what}: ${code}, in words that help`, async (t) => {
    const daemon = await startReady(t);
    const answer = await tryOut(daemon, await where(t));
    assert.equal(answer.ok, false);
    assert.equal(answer.gateway, null);
    assert.deepEqual(codesOf(answer), [code]);
    const [finding] = answer.findings;
    assert.match(finding?.message ?? '', says);
    assert.match(finding?.fix ?? '', fix);
    assert.deepEqual(
      Object.keys(finding ?? {}).toSorted((a, b) => a.localeCompare(b)),
      ['code', 'facts', 'fix', 'level', 'message'],
    );
  });
}

test('what the gateway itself says: a wrong key, management off or not set, a ban', async (t) => {
  const daemon = await startReady(t);
  const refusing = async (message: string): Promise<string> => {
    const cpa = await startCpa(t);
    cpa.access.decide = () => ({ allowed: false, status: 403, message, banned: false });
    return cpa.url;
  };
  const off = await tryOut(daemon, await refusing('remote management disabled'));
  assert.deepEqual(codesOf(off), ['remote_management_off']);
  assert.match(off.findings[0]?.fix ?? '', /allow-remote: true/);
  const unset = await tryOut(daemon, (await startCpa(t, { managementKey: null })).url);
  assert.deepEqual(codesOf(unset), ['key_missing']);
  const cpa = await startCpa(t);
  for (let attempt = 0; attempt < 5; attempt += 1) cpa.access.decide('127.0.0.1', 'wrong');
  const banned = await tryOut(daemon, cpa.url);
  assert.deepEqual(codesOf(banned), ['banned']);
  for (const answer of [off, unset, banned]) {
    assert.equal(answer.ok, false);
    assert.equal(answer.findings[0]?.level, 'down');
  }
});

test('a wrong key is sent once, however often it is tried, and the right one works at once', async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t);
  for (let round = 0; round < 6; round += 1) {
    const answer = await tryOut(daemon, cpa.url, { managementKey: 'not-the-key-of-this-gateway' });
    assert.deepEqual(codesOf(answer), ['key_refused']);
  }
  assert.equal(cpa.access.failures(), 1);
  assert.equal((await tryOut(daemon, cpa.url)).ok, true);
});

test('what costs records or details is found at a gateway that answers', async (t) => {
  const daemon = await startReady(t);
  const found = async (
    options: Partial<StandInOptions>,
    more: Record<string, unknown> = {},
  ): Promise<TestConnectionAnswer> => tryOut(daemon, (await startCpa(t, options)).url, more);
  const off = await found({ usageStatisticsEnabled: false });
  assert.equal(off.ok, true);
  assert.equal(off.gateway?.usageStatisticsEnabled, false);
  assert.deepEqual(codesOf(off), ['publishing_off']);
  const short = await found({ retentionSeconds: 60 }, { pollIntervalMs: 61_000 });
  assert.deepEqual(codesOf(short), ['poll_exceeds_retention', 'retention_short']);
  assert.match(short.findings[0]?.message ?? '', /61 s.*60 s/);
  const old = await found({ version: '6.10.8', usageStatisticsEnabled: false, retentionSeconds: 60 });
  assert.deepEqual(
    old.findings.map(({ level }) => level),
    ['degraded', 'degraded', 'notice', 'notice'],
  );
  const mtls = await found({ respRefusal: 'ERR RESP AUTH disabled; use mTLS' });
  assert.deepEqual(codesOf(mtls), ['resp_disabled']);
});

test('a proxy that knows only HTTP is found, unless records are polled over HTTP', async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t);
  const proxy = await httpProxy(t, cpa);
  const auto = await tryOut(daemon, proxy);
  assert.equal(auto.ok, true);
  assert.deepEqual(codesOf(auto), ['resp_through_http']);
  assert.match(auto.findings[0]?.fix ?? '', /polls|mode/);
  assert.deepEqual(codesOf(await tryOut(daemon, proxy, { collectorMode: 'http' })), []);
});

test('the saved key goes to the saved address only, also where the environment has set it', async (t) => {
  const cpa = await startCpa(t);
  const other = await startCpa(t);
  const none = await startReady(t);
  for (const managementKey of [undefined, '', '********']) {
    const body = post({ cpaBaseUrl: cpa.url, ...(managementKey === undefined ? {} : { managementKey }) });
    await assertRefused(none, URL, body, 400, 'cpa_connection_required');
  }
  const daemon = await startReady(t, {
    env: { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY },
  });
  await cpa.subscribed();
  for (const managementKey of [undefined, '', '********']) {
    const body = managementKey === undefined ? {} : { managementKey };
    const same = await ask<TestConnectionAnswer>(daemon, URL, post({ cpaBaseUrl: `${cpa.url}/`, ...body }));
    assert.equal(same.body.ok, true, same.text);
    assert.deepEqual(same.body.findings, []);
    const elsewhere = post({ cpaBaseUrl: other.url, ...body });
    const refused = await assertRefused(daemon, URL, elsewhere, 400, 'cpa_connection_required');
    assert.match(refused.body.hint ?? '', /key again/);
  }
  assert.equal(other.connections.length, 0);
  assert.equal((await tryOut(daemon, other.url)).ok, true);
});

test('only who is logged in tries, and only what can be an address', async (t) => {
  const daemon = await startReady(t);
  const body = post({ cpaBaseUrl: 'http://127.0.0.1:1', managementKey: CPA_KEY });
  await assertRefused(daemon, URL, anonymous(body), 401, 'invalid_admin_key');
  await assertRefused(daemon, URL, {}, 405, 'method_not_allowed');
  await assertRefused(daemon, URL, post({ managementKey: CPA_KEY }), 400, 'cpa_connection_required');
  for (const cpaBaseUrl of [
    'ftp://cpa:8317',
    'http://',
    'http://user:pass@cpa:8317',
    'http://c pa',
    'http://x:99999',
  ]) {
    const answer = await assertRefused(
      daemon,
      URL,
      post({ cpaBaseUrl, managementKey: CPA_KEY }),
      400,
      'invalid_request',
    );
    assert.match(answer.body.error, /cpaBaseUrl is .*give an address such as/);
    assert.ok(!answer.text.includes('user:pass'));
  }
});

test('a trial ends when nobody waits for it any more', async (t) => {
  const daemon = await startReady(t);
  const arrived = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const silent = await web(t, (_, answer) => {
    arrived.resolve();
    answer.once('close', () => left.resolve());
  });
  const sent = httpRequest(`${daemon.url}${URL}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  sent.on('error', () => {});
  sent.end(JSON.stringify({ cpaBaseUrl: silent, managementKey: CPA_KEY }));
  await arrived.promise;
  sent.destroy();
  await left.promise;
});
