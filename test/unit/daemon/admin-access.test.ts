import assert from 'node:assert/strict';
import test from 'node:test';
import { AppError } from '../../../src/lib/errors.ts';
import { AdminAccess, type Login, type RequestFacts } from '../../../src/daemon/admin-access.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const RIGHT = 'cmp_admin_right-key-of-the-test-000000';
const MANAGEMENT = 'management-key-of-the-gateway';
const TOKEN = 'token-of-a-session-that-counts';
const HOST = 'panel.example:18317';

const NOTHING: RequestFacts = {
  method: 'GET',
  authorization: undefined,
  token: undefined,
  secFetchSite: undefined,
  origin: undefined,
  hosts: [HOST],
  address: '192.0.2.1',
};

function access() {
  const clock = new FakeClock();
  const ended = new AbortController().signal;
  const session = { expiresAtMs: clock.now() + 1_000, ended };
  let uses = 0;
  const admin = new AdminAccess({
    clock,
    key: { verify: (key) => key === RIGHT, replaced: new AbortController().signal },
    sessions: {
      find: (token) => (token === TOKEN ? session : null),
      use: () => {
        uses += 1;
        return false;
      },
    },
    managementKey: () => MANAGEMENT,
  });
  const require = (facts: Partial<RequestFacts>): Login | AppError => {
    try {
      return admin.require({ ...NOTHING, ...facts });
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
  };
  return {
    clock,
    admin,
    ended,
    uses: () => uses,
    /** What becomes of the request: the kind of the caller, or the code of the refusal. */
    outcome: (facts: Partial<RequestFacts>): string => {
      const result = require(facts);
      return result instanceof AppError ? result.code : result.kind;
    },
    /** The refusal of a request with this header; null for none. */
    answer: (authorization: string | undefined, address = NOTHING.address): AppError | null => {
      const result = require({ authorization, address });
      return result instanceof AppError ? result : null;
    },
  };
}

test('the scheme may be written in any case, and the key is trimmed', () => {
  const { answer } = access();
  for (const header of [`Bearer ${RIGHT}`, `bearer    ${RIGHT} `, `BEARER ${RIGHT}`])
    assert.equal(answer(header), null);
  for (const header of [undefined, '', RIGHT, `Basic ${RIGHT}`, 'Bearer ', 'Bearer wrong']) {
    assert.equal(answer(header)?.code, 'invalid_admin_key', String(header));
  }
});

test('after ten wrong keys a minute further ones are told to wait, up to five minutes, and a right one passes', async () => {
  const { answer, clock, outcome } = access();
  for (let attempt = 0; attempt < 10; attempt += 1)
    assert.equal(answer('Bearer wrong')?.code, 'invalid_admin_key');
  const waits: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const refused = answer('Bearer wrong');
      if (refused?.code !== 'too_many_attempts') continue;
      const seconds = Number(refused.headers['retry-after']);
      waits.push(seconds);
      assert.equal(answer(`Bearer ${RIGHT}`), null, 'a right key passes while its address is throttled');
      assert.equal(outcome({ token: TOKEN }), 'session', 'and so does a session');
      await clock.advance(seconds * 1_000);
      break;
    }
  }
  assert.deepEqual(waits, [30, 60, 120, 240, 300, 300]);
});

test('a request without any key is not an attempt, nor is one with a cookie that does not count', () => {
  const { answer, outcome } = access();
  for (let request = 0; request < 100; request += 1) {
    assert.equal(answer(undefined)?.code, 'invalid_admin_key');
    assert.equal(answer('')?.code, 'invalid_admin_key');
    assert.equal(outcome({ token: 'of a session that is over' }), 'invalid_admin_key');
  }
  assert.equal(answer('Bearer wrong')?.code, 'invalid_admin_key');
});

test('addresses are throttled apart, those of one IPv6 network together', () => {
  const { answer } = access();
  for (let attempt = 0; attempt < 11; attempt += 1)
    answer('Bearer wrong', `2001:db8:1:2::${attempt.toString(16)}`);
  assert.equal(answer('Bearer wrong', '2001:db8:1:2:ffff:ffff:ffff:ffff')?.code, 'too_many_attempts');
  assert.equal(answer('Bearer wrong', '2001:db8:1:3::1')?.code, 'invalid_admin_key');
  // As a proxy may name them, with a port that is another one each time.
  assert.equal(answer('Bearer wrong', '[2001:db8:1:2::9]:4711')?.code, 'too_many_attempts');
  for (let port = 1; port <= 10; port += 1) answer('Bearer wrong', `203.0.113.5:${port}`);
  assert.equal(answer('Bearer wrong', '203.0.113.5:4711')?.code, 'too_many_attempts');
  assert.equal(answer('Bearer wrong', '203.0.113.5')?.code, 'too_many_attempts');
  for (let attempt = 0; attempt < 11; attempt += 1) answer('Bearer wrong', '198.51.100.7');
  assert.equal(
    answer('Bearer wrong', '::ffff:198.51.100.7')?.code,
    'too_many_attempts',
    'mapped IPv4 is IPv4',
  );
  assert.equal(answer('Bearer wrong', '198.51.100.8')?.code, 'invalid_admin_key');
});

test('the key of the gateway is recognised in the wrong place', () => {
  const { answer } = access();
  const refused = answer(`Bearer ${MANAGEMENT}`);
  assert.equal(refused?.code, 'cpa_key_given');
  assert.equal(refused.status, 401);
  assert.doesNotMatch(refused.message + refused.hint, new RegExp(MANAGEMENT));
});

/** Where a request says that it comes from, and whether a cookie counts in it: to read, and to change something. */
const PAGES: ReadonlyArray<{
  readonly secFetchSite?: string;
  readonly origin?: string;
  readonly read: boolean;
  readonly write: boolean;
}> = [
  { secFetchSite: 'same-origin', read: true, write: true },
  { secFetchSite: 'same-origin', origin: `http://${HOST}`, read: true, write: true },
  // Behind a proxy that names another Host: the browser itself has compared.
  { secFetchSite: 'same-origin', origin: 'https://elsewhere.example', read: true, write: true },
  { secFetchSite: 'none', read: true, write: true },
  { secFetchSite: 'same-site', read: false, write: false },
  { secFetchSite: 'same-site', origin: `http://${HOST}`, read: false, write: false },
  { secFetchSite: 'cross-site', read: false, write: false },
  { secFetchSite: 'cross-site', origin: `http://${HOST}`, read: false, write: false },
  { secFetchSite: '', origin: `http://${HOST}`, read: false, write: false },
  { secFetchSite: 'same-origin,same-site', read: false, write: false },
  // Browsers leave Sec-Fetch-Site out on http.
  { read: true, write: false },
  { origin: `http://${HOST}`, read: true, write: true },
  { origin: `https://${HOST}`, read: true, write: true },
  { origin: `http://${HOST.toUpperCase()}`, read: true, write: true },
  { origin: 'http://panel.example', read: false, write: false },
  { origin: 'http://panel.example:18318', read: false, write: false },
  { origin: 'https://panel.example:443', read: false, write: false },
  { origin: 'http://other.example:18317', read: false, write: false },
  { origin: 'http://sub.panel.example:18317', read: false, write: false },
  { origin: `http://${HOST}.evil.example`, read: false, write: false },
  { origin: 'null', read: false, write: false },
  { origin: '', read: false, write: false },
  { origin: 'file://', read: false, write: false },
];

test('a cookie counts only in what comes from our own page, and never beside a key', () => {
  const { outcome, uses } = access();
  let counted = 0;
  for (const { read, write, ...page } of PAGES) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const counts = method === 'GET' || method === 'HEAD' ? read : write;
      const about = `${method} ${JSON.stringify(page)}`;
      const of = (facts: Partial<RequestFacts>): string => outcome({ ...page, ...facts, method });
      assert.equal(of({ token: TOKEN }), counts ? 'session' : 'foreign_origin', about);
      if (counts) counted += 1;
      assert.equal(of({ token: 'of nobody' }), 'invalid_admin_key', about);
      assert.equal(of({}), 'invalid_admin_key', about);
      // Authorization alone decides, wherever it comes from.
      for (const token of [TOKEN, undefined]) {
        assert.equal(of({ token, authorization: `Bearer ${RIGHT}` }), 'bearer', about);
        for (const authorization of ['', 'Bearer', 'Basicly', RIGHT])
          assert.equal(of({ token, authorization }), 'invalid_admin_key', `${about} ${authorization}`);
      }
    }
  }
  assert.equal(uses(), counted, 'a session is used where it counts, and nowhere else');
  // A proxy's own login, which the browser repeats with everything it sends.
  for (const authorization of ['Basic YTpi', 'basic YTpi', `Basic ${RIGHT}`]) {
    assert.equal(outcome({ token: TOKEN, authorization }), 'session');
    assert.equal(outcome({ authorization }), 'invalid_admin_key');
  }
  assert.equal(outcome({ token: TOKEN, authorization: 'Bearer wrong' }), 'invalid_admin_key');
});

test('an origin is compared with each host that the request was sent to, without the port of its scheme', () => {
  const { outcome } = access();
  const of = (origin: string, ...hosts: string[]): string =>
    outcome({ method: 'POST', token: TOKEN, origin, hosts });
  for (const [origin, ...hosts] of [
    ['https://panel.example', 'panel.example'],
    ['https://panel.example', 'panel.example:443'],
    ['http://panel.example', 'panel.example:80'],
    ['https://panel.example', 'cpamp:18317', 'panel.example'],
    ['http://[::1]:18317', '[::1]:18317'],
    ['http://127.0.0.1:18317', '127.0.0.1:18317'],
  ] as const) {
    assert.equal(of(origin, ...hosts), 'session', `${origin} ${hosts.join()}`);
  }
  for (const [origin, ...hosts] of [
    ['https://panel.example', 'panel.example:80'],
    ['http://panel.example', 'panel.example:443'],
    ['https://panel.example', 'cpamp:18317', 'other.example'],
    ['http://[::1]:18317', '[::1]'],
    ['http://localhost:18317', '127.0.0.1:18317'],
    ['http://panel.example', ''],
    ['http://panel.example'],
  ] as const) {
    assert.equal(of(origin, ...hosts), 'foreign_origin', `${origin} ${hosts.join()}`);
  }
});

test('a caller hears of the end of what it came with', () => {
  const { admin, ended, clock } = access();
  const session = admin.require({ ...NOTHING, token: TOKEN });
  assert.equal(session.ended, ended);
  assert.equal(session.expiresAtMs, clock.now() + 1_000);
  const bearer = admin.require({ ...NOTHING, authorization: `Bearer ${RIGHT}` });
  assert.equal(bearer.expiresAtMs, null);
  assert.equal(admin.identify(NOTHING), null);
});
