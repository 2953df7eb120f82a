import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../../panel/src/lib/api.ts';
import {
  check,
  configBody,
  type Draft,
  draftOf,
  type Finding,
  place,
  placeError,
  setupBody,
  testBody,
  wayIn,
} from '../../../panel/src/pages/setup/connection.ts';
import type { ConfigAnswer, TestConnectionAnswer } from '../../../src/lib/contract/api.ts';
import type { DiagnosisCode } from '../../../src/lib/contract/transport.ts';

const config = (cpaBaseUrl: string, managementKeySet: boolean): ConfigAnswer => ({
  config: {
    cpaConnection: { cpaBaseUrl, managementKeySet },
    collector: { enabled: true, collectorMode: 'auto', pollIntervalMs: 500 },
  },
  source: managementKeySet ? 'db' : '',
});
const NEW = config('', false);
const SAVED = config('http://cli-proxy-api:8317', true);

const draft = (change: Partial<Draft> = {}): Draft => ({
  ...draftOf(NEW),
  url: 'http://cli-proxy-api:8317',
  key: 'plain text',
  ...change,
});

const finding = (code: DiagnosisCode): Finding => ({
  code,
  level: 'degraded',
  message: code,
  fix: '',
  facts: {},
});

const answer = (ok: boolean, codes: readonly DiagnosisCode[], version = '7.2.140'): TestConnectionAnswer => ({
  ok,
  baseUrl: 'http://cli-proxy-api:8317',
  gateway: ok ? { version, usageStatisticsEnabled: true, retentionSeconds: 3600 } : null,
  findings: codes.map(finding),
});

const placed = (one: TestConnectionAnswer, of: Draft): readonly [readonly string[], readonly string[]] => {
  const { problems, rest } = place(one, of);
  return [Object.keys(problems), rest.map(({ code }) => code)];
};

test('what can be seen without asking the gateway is seen', () => {
  assert.deepEqual(check(draft(), NEW), {});
  assert.deepEqual(check(draft({ url: ' ', key: '' }), NEW), {
    url: { own: 'urlMissing' },
    key: { own: 'keyMissing' },
  });
  for (const url of ['http://', 'a b', 'http://[::1'])
    assert.deepEqual(check(draft({ url }), NEW), { url: { own: 'urlInvalid' } }, url);
  for (const url of ['cli-proxy-api:8317', '10.0.0.7:8317', 'https://cpa.example.com/base'])
    assert.deepEqual(check(draft({ url }), NEW), {}, url);
  for (const pollMs of ['', '0', '-5', '1.5', 'soon'])
    assert.deepEqual(check(draft({ pollMs }), NEW), { poll: { own: 'pollInvalid' } }, pollMs);
});

test('keys that are none are not sent', () => {
  const says = (key: string): unknown => check(draft({ key }), NEW).key;
  assert.deepEqual(says('$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'), {
    own: 'keyHashed',
  });
  assert.deepEqual(says('cmp_admin_abcdefghijklmnopqrstuvwxyz0123'), { own: 'keyIsAdmin' });
  for (const key of ['********', 'abcd...wxyz', 'ab••••yz', 'abcdefgh…']) {
    assert.deepEqual(says(key), { own: 'keyMasked' }, key);
  }
  for (const key of ['a', '$2 and more', 'x..y', 'a long sentence... with dots in its middle']) {
    assert.equal(says(key), undefined, key);
  }
});

test('an empty key keeps the saved one, for the saved address only', () => {
  const kept = (url: string): unknown => check(draft({ url, key: '' }), SAVED).key;
  assert.equal(kept('http://cli-proxy-api:8317'), undefined);
  assert.equal(kept('CLI-Proxy-API:8317/'), undefined);
  assert.deepEqual(kept('http://cli-proxy-api:8318'), { own: 'keyWantedAgain' });
  for (const body of [testBody, setupBody, configBody]) {
    assert.doesNotMatch(JSON.stringify(body(draft({ key: ' ' }))), /key"/i);
    assert.match(JSON.stringify(body(draft({ key: ' secret ' }))), /Key":"secret"/);
  }
});

test('findings stand at the field they are about', () => {
  assert.deepEqual(placed(answer(false, ['connection_refused']), draft()), [['url'], []]);
  assert.deepEqual(placed(answer(false, ['key_refused']), draft()), [['key'], []]);
  assert.deepEqual(placed(answer(false, ['remote_management_off']), draft()), [
    [],
    ['remote_management_off'],
  ]);
  assert.deepEqual(placed(answer(true, ['poll_exceeds_retention', 'retention_short']), draft()), [
    ['poll'],
    ['retention_short'],
  ]);
  // One way in matters where it is the only one; else the others are used.
  const resp = answer(true, ['resp_through_http']);
  assert.deepEqual(placed(resp, draft({ mode: 'subscribe' })), [['mode'], []]);
  assert.deepEqual(placed(resp, draft()), [[], ['resp_through_http']]);
  // The address is right once the management API has answered.
  assert.deepEqual(placed(answer(true, ['timed_out']), draft()), [[], ['timed_out']]);
  // Nothing is polled or published for somebody who keeps nothing.
  const off = draft({ monitoring: false });
  assert.deepEqual(placed(answer(true, ['publishing_off']), off), [[], []]);
  assert.deepEqual(placed(answer(true, ['poll_exceeds_retention']), off), [[], ['poll_exceeds_retention']]);
});

test('answers of the daemon stand at their field too', () => {
  const at = (code: string, of = NEW): unknown => placeError(new ApiError(code, ''), of);
  assert.deepEqual(at('invalid_request'), { url: { own: 'urlInvalid' } });
  assert.deepEqual(at('cpa_connection_required'), { key: { own: 'keyMissing' } });
  assert.deepEqual(at('cpa_connection_required', SAVED), { key: { own: 'keyWantedAgain' } });
  assert.deepEqual(at('poll_interval_exceeds_retention'), { poll: { own: 'pollTooLong' } });
  assert.equal(at('management_api_validation_failed'), null);
});

test('the way in is the one that the daemon will come to', () => {
  assert.equal(wayIn(draft(), answer(true, [])), 'subscribe');
  assert.equal(wayIn(draft(), answer(true, ['retention_short'])), 'subscribe');
  assert.equal(wayIn(draft(), answer(true, ['resp_behind_proxy'])), 'http');
  assert.equal(wayIn(draft(), answer(true, ['connection_lost'])), 'http');
  assert.equal(wayIn(draft(), answer(true, ['too_old_for_subscribe'], '6.10.8')), 'http');
  assert.equal(wayIn(draft(), answer(true, ['too_old_for_subscribe'], 'v6.9.12')), 'resp');
  assert.equal(wayIn(draft({ mode: 'resp' }), answer(true, ['resp_disabled'])), 'resp');
});
