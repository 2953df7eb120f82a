import assert from 'node:assert/strict';
import test from 'node:test';
import {
  endOf,
  explainBytes,
  explainError,
  explainRespError,
  explainStatus,
  neverSent,
} from '../../src/lib/gateway/failures.ts';

const context = { url: 'http://cpa:8317', inContainer: false };
const KEY = 'made-up-management-key';
const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code });

test('errors of the way there', () => {
  const cases: Array<[Error, Partial<typeof context>, string]> = [
    [coded('ECONNREFUSED'), {}, 'connection_refused'],
    [coded('ECONNREFUSED'), { url: 'http://localhost:8317' }, 'connection_refused'],
    [coded('ECONNREFUSED'), { url: 'http://localhost:8317', inContainer: true }, 'loopback_in_container'],
    [coded('ECONNREFUSED'), { url: 'http://127.0.0.1:8317', inContainer: true }, 'loopback_in_container'],
    [coded('ECONNREFUSED'), { url: 'http://[::1]:8317', inContainer: true }, 'loopback_in_container'],
    [coded('ECONNREFUSED'), { inContainer: true }, 'connection_refused'],
    [new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]), {}, 'connection_refused'],
    [new TypeError('failed', { cause: coded('ECONNREFUSED') }), {}, 'connection_refused'],
    [coded('EHOSTUNREACH'), {}, 'connection_refused'],
    [coded('ENOTFOUND'), {}, 'dns_failed'],
    [coded('EAI_AGAIN'), {}, 'dns_failed'],
    [coded('ENOTFOUND'), { url: 'http://host.docker.internal:8317' }, 'docker_host_unresolved'],
    [coded('ETIMEDOUT'), {}, 'timed_out'],
    [coded('UND_ERR_HEADERS_TIMEOUT'), {}, 'timed_out'],
    [new Error('Command timed out'), {}, 'timed_out'],
    [coded('ECONNRESET'), {}, 'connection_lost'],
    [coded('UND_ERR_SOCKET', 'other side closed'), {}, 'connection_lost'],
    [new Error('Connection is closed.'), {}, 'connection_lost'],
    [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), {}, 'tls_untrusted'],
    [coded('CERT_HAS_EXPIRED'), {}, 'tls_untrusted'],
    [coded('ERR_TLS_CERT_ALTNAME_INVALID'), {}, 'tls_untrusted'],
    [coded('ERR_SSL_WRONG_VERSION_NUMBER'), {}, 'tls_failed'],
    [coded('EPROTO'), {}, 'tls_failed'],
    [coded('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'), {}, 'resp_behind_proxy'],
    [coded('HPE_INVALID_CONSTANT'), {}, 'unexpected_answer'],
    [new Error('Unknown RESP type 72 "H". Please report this.'), {}, 'resp_through_http'],
    [new Error('Unknown RESP type 72 "H"'), { url: 'https://cpa' }, 'resp_behind_proxy'],
    [new Error('Unknown RESP type 63 "?"'), {}, 'unexpected_answer'],
  ];
  for (const [error, changes, expected] of cases) {
    assert.equal(explainError(error, { ...context, ...changes }).diagnosis, expected, String(error));
  }
  const late = new DOMException('The operation was aborted due to timeout', 'TimeoutError');
  for (const error of [coded('UND_ERR_HEADERS_TIMEOUT'), late])
    assert.equal(explainError(error, context).detail, 'no answer');
});

test('answers without success', () => {
  const of = (status: number, said = '', purpose: 'usage-queue' | 'other' = 'other'): string =>
    explainStatus(status, said, '', purpose).diagnosis;
  assert.equal(of(401, 'invalid management key'), 'key_refused');
  assert.equal(of(403, 'IP banned due to too many failed attempts. Try again in 30m0s'), 'banned');
  assert.equal(of(403, 'remote management disabled'), 'remote_management_off');
  assert.equal(of(403, 'remote management key not set'), 'key_missing');
  assert.equal(of(403, 'blocked by the firewall'), 'unexpected_status');
  assert.equal(of(404), 'management_disabled');
  for (const status of [404, 405, 501]) assert.equal(of(status, '', 'usage-queue'), 'too_old_for_http');
  assert.equal(of(405), 'unexpected_status');
  assert.equal(of(500), 'unexpected_status');
  assert.deepEqual(explainStatus(302, '', 'https://elsewhere/', 'other'), {
    diagnosis: 'unexpected_redirect',
    detail: '302 to https://elsewhere/',
  });
});

test('errors in RESP, word for word as CLIProxyAPI sends them', () => {
  const cases: Array<[string, string, string]> = [
    ['NOAUTH Authentication required.', 'key_refused', 'refused'],
    ['ERR invalid management key', 'key_refused', 'refused'],
    ['ERR IP banned due to too many failed attempts. Try again in 29m59s', 'banned', 'refused'],
    ['ERR remote management disabled', 'remote_management_off', 'refused'],
    ['ERR remote management key not set', 'key_missing', 'refused'],
    ['ERR RESP AUTH disabled; use mTLS', 'resp_disabled', 'unsupported'],
    ['ERR redis usage output disabled in home mode', 'resp_disabled', 'unsupported'],
    ["ERR unknown command 'subscribe'", 'too_old_for_subscribe', 'unsupported'],
    ["ERR unknown command 'lpop'", 'resp_disabled', 'unsupported'],
    ['WRONGPASS invalid username-password pair', 'unexpected_answer', 'protocol'],
    ['ERR something new', 'unexpected_answer', 'protocol'],
  ];
  for (const [text, diagnosis, kind] of cases) {
    const failure = explainRespError(text, KEY);
    assert.equal(failure.diagnosis, diagnosis, text);
    assert.equal(endOf(failure).kind, kind, text);
  }
  assert.match(explainRespError('ERR IP banned x. Try again in 29m59s', KEY).detail, /29m59s/);
});

test('who answers where RESP was expected', () => {
  const of = (text: string, url = context.url): string =>
    explainBytes(Buffer.from(text, 'latin1'), { ...context, url }).diagnosis;
  assert.equal(of('HTTP/1.1 400 Bad Request'), 'resp_through_http');
  assert.equal(of('<html>'), 'resp_through_http');
  assert.equal(of('HTTP/1.1 400 Bad Request', 'https://cpa'), 'resp_behind_proxy');
  assert.equal(of('\x15\x03\x01'), 'tls_failed');
  assert.equal(of('SSH-2.0'), 'unexpected_answer');
});

test('a Redis that repeats its arguments does not put the key into our words', () => {
  for (const key of [KEY, 'x'.repeat(300)]) {
    // Redis shows the first 128 characters of an argument.
    const text = `ERR unknown command \`AUTH\`, with args beginning with: \`${key.slice(0, 128)}\`, `;
    assert.deepEqual(explainRespError(text, key), {
      diagnosis: 'resp_disabled',
      detail: 'unknown command `AUTH`',
    });
  }
  assert.equal(explainRespError(`ERR no user ${KEY}`, KEY).detail, 'no user ***');
  // Nothing of it is left over where the text is cut.
  assert.ok(!explainRespError(`ERR ${'.'.repeat(190)}${KEY}`, KEY).detail.includes('made-up'));
});

test('what was never sent', () => {
  const closed = new Error("Stream isn't writeable and enableOfflineQueue options is false");
  assert.equal(neverSent(closed), true);
  assert.equal(neverSent(coded('ECONNREFUSED')), true);
  assert.equal(neverSent(coded('ECONNRESET')), false);
  assert.equal(neverSent(new Error('Connection is closed.')), false);
});
