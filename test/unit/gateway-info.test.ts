import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { compareVersions, readInfo, readRequestCount } from '../../src/lib/gateway/info.ts';

const recorded = (name: string): unknown => {
  const path = new URL(`../fixtures/cpa/7.2.140/management/${name}.json`, import.meta.url);
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return value;
};

test('the recorded configuration', () => {
  assert.deepEqual(readInfo(recorded('config'), '7.2.140'), {
    version: '7.2.140',
    usageStatisticsEnabled: true,
    retentionSeconds: 3600,
    retentionAssumed: false,
  });
});

test('retention as a text, in camel case, or not at all', () => {
  const retention = (config: object): [number, boolean] => {
    const info = readInfo(config, '');
    return [info.retentionSeconds, info.retentionAssumed];
  };
  assert.deepEqual(retention({ 'redis-usage-queue-retention-seconds': '120' }), [120, false]);
  assert.deepEqual(retention({ redisUsageQueueRetentionSeconds: 90 }), [90, false]);
  assert.deepEqual(retention({}), [60, true]);
  assert.deepEqual(retention({ 'redis-usage-queue-retention-seconds': 'soon' }), [60, true]);
  assert.equal(readInfo({}, '').usageStatisticsEnabled, false);
  for (const foreign of [null, [], 'x', 7]) assert.throws(() => readInfo(foreign, ''), /not a configuration/);
});

test('requests of all keys together', () => {
  const counts = JSON.stringify(recorded('api-key-usage')).matchAll(
    /"success":(\d+),"failed":(\d+),"recent/g,
  );
  const expected = [...counts].reduce((sum, [, ok, failed]) => sum + Number(ok) + Number(failed), 0);
  assert.ok(expected > 0);
  assert.equal(readRequestCount(recorded('api-key-usage')), expected);
  assert.equal(readRequestCount({}), 0);
  assert.equal(readRequestCount({ a: { b: 1 } }), null);
  assert.equal(readRequestCount('x'), null);
});

test('versions are compared by their numbers', () => {
  assert.ok(compareVersions('v7.1.9', '7.1.39')! < 0);
  assert.ok(compareVersions('7.2.0', 'v7.1.39')! > 0);
  assert.equal(compareVersions('7.1.39-3-gabc', '7.1.39'), 0);
  assert.equal(compareVersions('dev', '7.1.39'), null);
});
