import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { mergeSettings, readSaved, type StartValues } from '../../src/lib/config/effective.ts';
import {
  EMPTY_MANAGER_CONFIG,
  MANAGER_CONFIG,
  parseManagerConfig,
  parseSetup,
  readManagerConfig,
  serialiseManagerConfig,
  serialiseSetup,
  SETUP,
} from '../../src/lib/config/manager-config.ts';
import { parseDataKey } from '../../src/lib/secrets/data-key.ts';
import { createSecretBox, isSealed } from '../../src/lib/secrets/secret-box.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const dataKey = parseDataKey(Buffer.from('jl7WA2CZxdGkmWPVy0D8H3u13iITp5L6Ze1TzJdbOpw'));
assert.ok(dataKey);
const box = createSecretBox(dataKey);

/** The rows that CPA-Manager-Plus 1.12.2 wrote under that data key. */
const PLUS_CONFIG =
  '{"cpaConnection":{"cpaBaseUrl":"http://127.0.0.1:18401","managementKey":"enc:v1:jik9ndlByVMCMXv9:L7JsuqVGy5VXojtV24XcDQFHx9RsUkOXMp/ZKWdgUAiMXQQ"},"collector":{"enabled":true,"collectorMode":"auto","queue":"usage","popSide":"right","batchSize":100,"pollIntervalMs":500,"queryLimit":50000},"codexInspection":{"enabled":false,"schedule":{"mode":"interval","intervalMinutes":60},"targetType":"codex","workers":4,"deleteWorkers":4,"timeout":15000,"userAgent":"codex_cli_rs/0.76.0 (Debian 13.0.0; x86_64) WindowsTerminal","xaiInferenceUserAgent":"xai-grok-workspace/0.2.101","xaiInferenceModel":"grok-4.5","xaiInferencePrompt":"Reply with exactly OK.","usedPercentThreshold":100,"autoActionMode":"none"},"externalUsageService":{"enabled":false},"updatedAtMs":1795259384615}';
const PLUS_SETUP =
  '{"cpaBaseUrl":"http://127.0.0.1:18402","managementKey":"enc:v1:igVISKO8CsEPSIye:MQDvI5pr0YHH+2T5yvuRTWuLWj+hWZqaXzvaaXicIhk7xQA","queue":"usage","popSide":"left"}';
/** What CPA-Manager 1.1.4 wrote: the key in clear. */
const OLD_SETUP =
  '{"cpaBaseUrl":"http://127.0.0.1:18403/","managementKey":"mgmt-secret-for-lab","queue":"usage","popSide":"right"}';

const START: StartValues = {
  upstreamUrl: '',
  managementKey: null,
  envManaged: false,
  collectorMode: 'http',
  batchSize: 11,
  pollIntervalMs: 22,
  queryLimit: 33,
  respTlsSkipVerify: true,
};
const ENV: StartValues = {
  ...START,
  upstreamUrl: 'http://env:8317',
  managementKey: { value: 'env key', from: 'CPA_MANAGEMENT_KEY' },
  envManaged: true,
};

const rows = (config?: string, setup?: string): ReadonlyMap<string, string> =>
  new Map([
    ...(config === undefined ? [] : [[MANAGER_CONFIG, config] as const]),
    ...(setup === undefined ? [] : [[SETUP, setup] as const]),
  ]);

test('with nothing saved, the start values count and nothing is connected', () => {
  assert.deepEqual(mergeSettings(START, readSaved(rows()), box), {
    connection: null,
    baseUrl: '',
    managementKey: 'none',
    source: '',
    monitoring: true,
    collector: {
      mode: 'http',
      queue: 'usage',
      popSide: 'right',
      batchSize: 11,
      pollIntervalMs: 22,
      queryLimit: 33,
      tlsSkipVerify: true,
    },
    managerConfig: EMPTY_MANAGER_CONFIG,
  });
});

test('what was saved wins over the start values', () => {
  const effective = mergeSettings(START, readSaved(rows(PLUS_CONFIG, PLUS_SETUP)), box);
  assert.deepEqual(effective.connection, {
    baseUrl: 'http://127.0.0.1:18401',
    managementKey: 'mgmt-secret-for-lab',
    tlsSkipVerify: true,
  });
  assert.equal(effective.source, 'db');
  assert.equal(effective.managementKey, 'set');
  assert.deepEqual(effective.collector, {
    mode: 'auto',
    queue: 'usage',
    popSide: 'right',
    batchSize: 100,
    pollIntervalMs: 500,
    queryLimit: 50_000,
    tlsSkipVerify: true,
  });
  const off = mergeSettings(
    START,
    readSaved(rows('{"collector":{"enabled":false,"tlsSkipVerify":false}}')),
    box,
  );
  assert.equal(off.monitoring, false);
  assert.equal(off.collector.tlsSkipVerify, false);
});

test('URL and key from the environment win over what was saved, except that monitoring stays', () => {
  const config = JSON.stringify({
    cpaConnection: { cpaBaseUrl: 'http://saved', managementKey: 'saved key' },
    collector: { enabled: false, collectorMode: 'resp', batchSize: 1, pollIntervalMs: 1, queryLimit: 1 },
  });
  const effective = mergeSettings(ENV, readSaved(rows(config, PLUS_SETUP)), null);
  assert.deepEqual(effective.connection, {
    baseUrl: 'http://env:8317',
    managementKey: 'env key',
    tlsSkipVerify: true,
  });
  assert.equal(effective.source, 'env');
  assert.equal(effective.monitoring, false);
  assert.deepEqual(
    [effective.collector.mode, effective.collector.batchSize, effective.collector.pollIntervalMs],
    ['http', 11, 22],
  );
  assert.equal(effective.collector.queryLimit, 33);
  assert.equal(effective.managerConfig.collector.batchSize, 1);
});

test('a URL alone in the environment connects nothing', () => {
  const start = { ...START, upstreamUrl: 'http://env:8317' };
  assert.equal(mergeSettings(start, readSaved(rows()), box).connection, null);
  const saved = mergeSettings(start, readSaved(rows(PLUS_CONFIG)), box);
  assert.equal(saved.connection?.baseUrl, 'http://127.0.0.1:18401');
});

test('the old setup row stands in where no connection was saved, whole or not at all', () => {
  const old = mergeSettings(START, readSaved(rows(undefined, OLD_SETUP)), null);
  assert.deepEqual(
    [old.connection?.baseUrl, old.connection?.managementKey, old.source],
    ['http://127.0.0.1:18403', 'mgmt-secret-for-lab', 'db'],
  );
  const half = '{"cpaConnection":{"cpaBaseUrl":"http://half"},"collector":{"batchSize":9}}';
  const both = mergeSettings(START, readSaved(rows(half, PLUS_SETUP)), box);
  assert.equal(both.connection?.baseUrl, 'http://127.0.0.1:18402');
  assert.equal(both.collector.popSide, 'left');
  assert.equal(both.collector.batchSize, 9);
  const alone = mergeSettings(START, readSaved(rows(half)), box);
  assert.deepEqual([alone.connection, alone.baseUrl, alone.managementKey], [null, '', 'none']);
});

test('a key that cannot be opened is said to be locked, and everything else still counts', () => {
  for (const other of [null, createSecretBox(Buffer.alloc(32))]) {
    const effective = mergeSettings(START, readSaved(rows(PLUS_CONFIG)), other);
    assert.equal(effective.connection, null);
    assert.equal(effective.managementKey, 'locked');
    assert.equal(effective.baseUrl, 'http://127.0.0.1:18401');
    assert.equal(effective.collector.batchSize, 100);
  }
});

test('a saved URL that we refuse has to be entered anew', () => {
  const config = '{"cpaConnection":{"cpaBaseUrl":"http://u:p@cpa","managementKey":"mk"}}';
  const effective = mergeSettings(START, readSaved(rows(config)), box);
  assert.deepEqual([effective.connection, effective.baseUrl], [null, '']);
});

test('rows and values that make no sense count as not saved', () => {
  for (const row of ['', '{', 'null', '[]', '5', '"x"']) {
    assert.equal(parseManagerConfig(row), null);
    assert.equal(parseSetup(row), null);
    assert.equal(mergeSettings(START, readSaved(rows(row, row)), box).source, '');
  }
  const config = JSON.stringify({
    cpaConnection: 'x',
    collector: {
      enabled: 'yes',
      collectorMode: 'push',
      popSide: 'up',
      batchSize: 0,
      pollIntervalMs: -5,
      queryLimit: 1.5,
      tlsSkipVerify: 1,
    },
  });
  const effective = mergeSettings(START, readSaved(rows(config)), box);
  assert.deepEqual(effective.collector, mergeSettings(START, readSaved(rows()), box).collector);
  assert.equal(effective.monitoring, true);
});

test('a row is written in the form of CPA-Manager-Plus, with the key sealed', () => {
  const config = parseManagerConfig(PLUS_CONFIG);
  assert.ok(config);
  const text = serialiseManagerConfig(config, box, NOW);
  assert.equal(text, PLUS_CONFIG.replace('1795259384615', String(NOW)));

  const fresh = serialiseManagerConfig(
    {
      ...EMPTY_MANAGER_CONFIG,
      cpaConnection: { cpaBaseUrl: 'http://cpa', managementKey: 'mk' },
      collector: { ...EMPTY_MANAGER_CONFIG.collector, enabled: false, collectorMode: 'resp' },
    },
    box,
    NOW,
  );
  assert.doesNotMatch(fresh, /"mk"/);
  const back = parseManagerConfig(fresh);
  assert.equal(box.open(back?.cpaConnection.managementKey ?? ''), 'mk');
  assert.deepEqual(Object.keys(back?.raw ?? {}), [
    'cpaConnection',
    'collector',
    'externalUsageService',
    'updatedAtMs',
  ]);
  assert.deepEqual(back?.raw['collector'], { enabled: false, collectorMode: 'resp' });
  assert.deepEqual(back?.raw['externalUsageService'], { enabled: false });
});

test('a value that is taken away leaves the row, and no key leaves none', () => {
  const config = readManagerConfig({
    cpaConnection: { cpaBaseUrl: 'http://cpa', managementKey: 'mk' },
    collector: { batchSize: 5, future: true },
  });
  const text = serialiseManagerConfig(
    {
      ...config,
      cpaConnection: { cpaBaseUrl: '', managementKey: '' },
      collector: { ...config.collector, batchSize: null },
    },
    box,
    NOW,
  );
  const { raw } = parseManagerConfig(text) ?? assert.fail();
  assert.deepEqual(raw['cpaConnection'], { cpaBaseUrl: '' });
  assert.deepEqual(raw['collector'], { future: true });
});

test('the setup row survives being written, and its key is sealed', () => {
  const setup = parseSetup(OLD_SETUP);
  assert.ok(setup);
  const text = serialiseSetup(setup, box);
  const back = parseSetup(text);
  assert.ok(back && isSealed(back.managementKey));
  assert.deepEqual({ ...back, managementKey: box.open(back.managementKey) }, setup);
  assert.equal(
    serialiseSetup(parseSetup(PLUS_SETUP) ?? assert.fail(), box),
    PLUS_SETUP,
    'a sealed key is not sealed again',
  );
});

test('whatever else a row holds survives being read and written', () => {
  const known = ['cpaConnection', 'collector', 'externalUsageService', 'updatedAtMs'];
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string().filter((key) => !known.includes(key)),
        fc.jsonValue(),
      ),
      fc.dictionary(fc.constantFrom('future', 'x', '__proto__'), fc.jsonValue()),
      (sections, fields) => {
        const before = JSON.stringify({ ...sections, collector: { batchSize: 5, ...fields } });
        const config = parseManagerConfig(before) ?? assert.fail();
        const again = parseManagerConfig(serialiseManagerConfig(config, box, NOW)) ?? assert.fail();
        const expected = JSON.stringify({
          ...config.raw,
          cpaConnection: { cpaBaseUrl: '' },
          externalUsageService: { enabled: false },
          updatedAtMs: NOW,
        });
        assert.deepEqual(again.raw, parseManagerConfig(expected)?.raw);
      },
    ),
  );
});
