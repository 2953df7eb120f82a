import assert from 'node:assert/strict';
import test from 'node:test';
import { AppError } from '../../src/lib/errors.ts';
import { readTarget } from '../../src/lib/gateway/forward-path.ts';

const MANAGEMENT = '/v0/management';

test('path and query go on as they came', () => {
  for (const rest of [
    '/config',
    '/config/',
    '/',
    '/auth-files?name=a%2Fb%20c&x=..%2f..&y=//&empty=&z',
    '/request-error-logs/error%20log%C3%A4%20100%25.log?x=%00',
    '/plugins/my%2Dplugin/a+b/~c;v=1/d.e..f/...',
    '/model-definitions/%63odex',
    '/x?a#b'.replace('#', '%23'),
  ]) {
    assert.equal(readTarget(MANAGEMENT + rest, MANAGEMENT).target, MANAGEMENT + rest);
  }
  assert.equal(
    readTarget('//v0///management//config?a=//b', MANAGEMENT).target,
    '/v0/management/config?a=//b',
  );
  assert.equal(readTarget('/v0/resource/plugins', '/v0/resource/plugins').family, '');
});

test('a family is known in every spelling that somebody might read as it', () => {
  for (const spelling of [
    'usage-queue',
    'usage-queue?count=100',
    'usage-queue/',
    'usage-queue/deeper',
    '/usage-queue',
    '%75sage-queue',
    '%2575sage-queue',
    '%252575sage-queue',
    'usage%2dqueue',
    'usage%2Dqueue%20',
    'USAGE-Queue',
    'usage-queue;v=1',
    'usage-queue%3bv=1',
    'usage-queue%3fcount=9',
    'usage-queue%23x',
    'usage-queue.',
  ]) {
    assert.equal(readTarget(`${MANAGEMENT}/${spelling}`, MANAGEMENT).family, 'usage-queue', spelling);
  }
  for (const other of ['usage-queuex', 'x-usage-queue', 'usage', 'config/usage-queue', '', '?usage-queue']) {
    assert.notEqual(readTarget(`${MANAGEMENT}/${other}`, MANAGEMENT).family, 'usage-queue', other);
  }
});

test('what others might read as another path does not go on', () => {
  for (const path of [
    '/v0/management/x/../usage-queue',
    '/v0/management/../management/usage-queue',
    '/v0/management/./usage-queue',
    '/v0/management/..',
    '/v0/management/../../v1/models',
    '/v0/management/%2e%2e/%2e%2e/v1/chat',
    '/v0/management/.%2E/x',
    '/v0/management/%252e%252e/x',
    '/v0/management/%25252e%25252e/x',
    '/v0/management/..;/x',
    '/v0/management/..%3b/x',
    '/v0/management/;/usage-queue',
    '/v0/management/%3Bv=1/usage-queue',
    '/v0/management/x%2fusage-queue',
    '/v0/management/%2Fusage-queue',
    '/v0/management/%252Fusage-queue',
    '/v0/management%2fusage-queue',
    '/v0/management/x\\..\\usage-queue',
    '/v0/management/x%5c..%5cusage-queue',
    '/v0/management/usage-queue%00',
    '/v0/management/usage-queue%2500',
    '/v0/management/usage-queue%0d%0aHost:%20x',
    '/v0/management/%c2%85x',
    '/v0/management/x#y',
    '/v0/management/x?y#z',
    '/v0/management/\u00e4',
    '/v0/management/%zz',
    '/v0/management/%e4',
    '/v0/management/%2525252525252575sage-queue',
    '/v0/%6danagement/config',
    '/v0/Management/config',
    '/v0/managementx/config',
    'http://elsewhere/v0/management/config',
    '*',
    '',
  ]) {
    assert.throws(
      () => readTarget(path, MANAGEMENT),
      (error: unknown) => error instanceof AppError && error.code === 'invalid_request',
      path,
    );
  }
});
