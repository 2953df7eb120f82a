import assert from 'node:assert/strict';
import test from 'node:test';
import { join } from 'node:path';
import { tempDir } from '../support/daemon.ts';
import { records } from '../support/cpa/records.ts';
import {
  anonymous,
  ask,
  assertInNoFile,
  assertRefused,
  assertSameShape,
  CPA_KEY,
  post,
  put,
  recordedAnswer,
  startCpa,
  startReady,
  withHeaders,
  type ConfigAnswer,
} from '../support/http.ts';

const URL = '/usage-service/config';
const STARS = '********';
const REQUIRED = 'cpa_connection_required';

const config = (cpaConnection: object, collector?: object): RequestInit =>
  put({ config: { cpaConnection, ...(collector ? { collector } : {}) } });

test('before setup the configuration is open to read, and refuses what is no configuration', async (t) => {
  const daemon = await startReady(t, { env: { USAGE_BATCH_SIZE: '70' } });
  const open = await ask<ConfigAnswer>(daemon, URL, anonymous());
  assert.equal(open.status, 200);
  assert.deepEqual(open.body.config.cpaConnection, { cpaBaseUrl: '', managementKeySet: false });
  assert.deepEqual(open.body.config.collector, {
    enabled: true,
    collectorMode: 'auto',
    queue: 'usage',
    popSide: 'right',
    batchSize: 70,
    pollIntervalMs: 500,
    queryLimit: 50_000,
  });
  assert.equal(open.body.source, '');
  assert.equal(open.body.cpaUsage, undefined);
  // Without a wrong key being counted or refused.
  assert.equal((await ask(daemon, URL, withHeaders({ authorization: 'Bearer wrong' }))).status, 200);

  await assertRefused(daemon, URL, anonymous(put({ config: {} })), 401, 'invalid_admin_key');
  for (const [body, status, code] of [
    ['{"config":', 400, 'request_failed'],
    ['', 400, 'request_failed'],
    ['   ', 400, 'request_failed'],
    ['[]', 400, 'invalid_request'],
    ['"config"', 400, 'invalid_request'],
    ['null', 400, 'invalid_request'],
    ['{}', 400, 'invalid_request'],
    ['{"config":[]}', 400, 'invalid_request'],
    [JSON.stringify({ config: { pad: 'x'.repeat(1 << 20) } }), 413, 'body_too_large'],
    ['{"config":{"cpaConnection":{"cpaBaseUrl":"ftp://cpa","managementKey":"k"}}}', 400, 'invalid_request'],
    [
      '{"config":{"cpaConnection":{"cpaBaseUrl":"http://a:b@cpa","managementKey":"k"}}}',
      400,
      'invalid_request',
    ],
    ['{"config":{"cpaConnection":{"cpaBaseUrl":"http://cpa:8317"}}}', 400, REQUIRED],
    ['{"config":{"cpaConnection":{"managementKey":"k"}}}', 400, REQUIRED],
    ['{"config":{"codexInspection":{"schedule":{"timeZone":"Mars/Base"}}}}', 400, 'invalid_time_zone'],
    ['{"config":{"collector":{"enabled":true}}}', 400, 'cpa_connection_required_for_monitoring'],
  ] as const) {
    const refused = await assertRefused(daemon, URL, put(body), status, code);
    assert.ok(!refused.text.includes('a:b@'));
  }
  const none = await assertRefused(daemon, URL, { method: 'PUT' }, 400, 'request_failed');
  assert.match(none.body.error, /EOF/);
  assert.equal((await ask<ConfigAnswer>(daemon, URL, anonymous())).body.source, '', 'nothing was saved');

  // Without a connection, what needs none can be saved; it is still open then.
  const idle = await ask<ConfigAnswer>(daemon, URL, put({ config: { collector: { enabled: false } } }));
  assert.equal(idle.status, 200);
  assert.equal(idle.body.source, 'db');
  assert.equal((await ask<ConfigAnswer>(daemon, URL, anonymous())).body.config.collector['enabled'], false);
});

test('a saved connection is proved first, hidden in every answer, and kept', async (t) => {
  const cpa = await startCpa(t);
  const other = await startCpa(t);
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  const saved = await ask<ConfigAnswer>(
    daemon,
    URL,
    config({ cpaBaseUrl: ` ${cpa.url}/v0/management/ `, managementKey: ` ${CPA_KEY} ` }, { enabled: true }),
  );
  assert.equal(saved.status, 200, saved.text);
  const shown = { cpaBaseUrl: cpa.url, managementKey: STARS, managementKeySet: true };
  assert.deepEqual(saved.body.config.cpaConnection, shown);
  assert.equal(saved.body.source, 'db');
  assert.equal(saved.body.cpaUsage, undefined);

  await assertRefused(daemon, URL, anonymous(), 401, 'invalid_admin_key');
  const read = await ask<ConfigAnswer>(daemon, URL);
  // The targets of an inspection appear once one is saved.
  const recorded = JSON.parse(
    JSON.stringify(recordedAnswer('config')).replace('"targetTypes":["codex"],', ''),
  );
  assertSameShape(read.body, recorded);
  assert.deepEqual(read.body.config.cpaConnection, shown);
  assert.deepEqual(read.body.cpaUsage, {
    usageStatisticsEnabled: true,
    redisUsageQueueRetentionSeconds: 3600,
    retentionSourceDefault: false,
  });

  // Absent, empty or stars: the one that is saved, for the same address in any spelling.
  for (const managementKey of [undefined, '', '   ', STARS]) {
    const answer = await ask<ConfigAnswer>(daemon, URL, config({ cpaBaseUrl: `${cpa.url}/`, managementKey }));
    assert.equal(answer.status, 200, String(managementKey));
    assert.deepEqual(answer.body.config.cpaConnection, shown);
    const key = cpa.http.exchanges.at(-1)?.headers.authorization;
    assert.equal(key, `Bearer ${CPA_KEY}`, 'and it was proved again');
    // It goes to no other address by itself.
    await assertRefused(daemon, URL, config({ cpaBaseUrl: other.url, managementKey }), 400, REQUIRED);
    const setup = post({ cpaBaseUrl: other.url, cpaManagementKey: managementKey });
    await assertRefused(daemon, '/setup', setup, 400, REQUIRED);
  }
  assert.equal(other.http.exchanges.length, 0);
  await cpa.subscribed();
  for (const text of [(await ask(daemon, '/status')).text, daemon.stderr.join('\n'), saved.text, read.text]) {
    assert.ok(!text.includes(CPA_KEY));
  }
  // With its own key it may be named.
  const moved = await ask<ConfigAnswer>(
    daemon,
    URL,
    config({ cpaBaseUrl: other.url, managementKey: CPA_KEY }, { enabled: true }),
  );
  assert.equal(moved.status, 200);
  await other.subscribed();
  await cpa.when(() => cpa.subscriptions === 0);
  assert.equal(await daemon.stop(), 0);
  assertInNoFile(join(dataDir), CPA_KEY);
});

test('what the gateway does not agree to is not saved, and the old configuration goes on', async (t) => {
  const cpa = await startCpa(t, { retentionSeconds: 60 });
  const stranger = await startCpa(t);
  const daemon = await startReady(t);
  await ask(daemon, '/setup', post({ cpaBaseUrl: cpa.url, cpaManagementKey: CPA_KEY }));
  await cpa.subscribed();
  const before = await ask<ConfigAnswer>(daemon, URL);

  const wrong = { cpaBaseUrl: stranger.url, managementKey: 'a-wrong-key-for-the-stranger' };
  const refused = await assertRefused(daemon, URL, config(wrong), 502, 'management_api_validation_failed');
  assert.match(refused.body.hint ?? '', /management key/);
  assert.ok(!refused.text.includes(wrong.managementKey));
  assert.equal(stranger.http.exchanges.length, 1);
  await assertRefused(daemon, URL, config(wrong), 502, 'management_api_validation_failed');
  assert.equal(stranger.http.exchanges.length, 1, 'the second answer came from memory');
  assert.equal(stranger.access.failures(), 1);

  await stranger.stop();
  const gone = { cpaBaseUrl: stranger.url, managementKey: CPA_KEY };
  await assertRefused(daemon, URL, config(gone), 500, 'request_failed');
  const tooSlow = await assertRefused(
    daemon,
    URL,
    config({}, { pollIntervalMs: 60_001 }),
    400,
    'poll_interval_exceeds_retention',
  );
  assert.match(tooSlow.body.error, /60 seconds/);
  cpa.http.respondOnce('/v0/management/config', (_request, response) => {
    response.end('{"redis-usage-queue-retention-seconds":0}');
  });
  await assertRefused(daemon, URL, config({}, { batchSize: 9 }), 400, 'cpa_usage_retention_invalid');
  cpa.http.respondOnce('/v0/management/config', (_request, response) => {
    response.writeHead(500).end('no');
  });
  await assertRefused(daemon, URL, config({}, { batchSize: 9 }), 502, 'management_api_validation_failed');
  cpa.http.respondOnce('/v0/management/usage-statistics-enabled', (_request, response) => {
    response.writeHead(500).end('no');
  });
  const enabling = config({}, { enabled: true, batchSize: 9 });
  await assertRefused(daemon, URL, enabling, 502, 'enable_cpa_usage_statistics_failed');

  assert.deepEqual((await ask<ConfigAnswer>(daemon, URL)).body, before.body);
  assert.equal(cpa.subscriptions, 1);
  for (const record of records(5, { version: '7.2.140' })) cpa.publish(record);
  const status = await daemon.statusUntil(({ eventCount }) => eventCount === 5);
  assert.equal(
    status.health.reasons.find(({ code }) => code === 'key_refused'),
    undefined,
  );
  assert.deepEqual(status.gaps, []);
});

test('only a wish for request monitoring switches publishing on in the gateway', async (t) => {
  const cpa = await startCpa(t, { usageStatisticsEnabled: false });
  const daemon = await startReady(t);
  const path = '/v0/management/usage-statistics-enabled';
  const writes = () => cpa.http.exchanges.filter(({ method }) => method !== 'GET');
  const connection = { cpaBaseUrl: cpa.url, managementKey: CPA_KEY };
  for (const [url, init] of [
    ['/setup', post({ ...connection, ensureUsageStatisticsEnabled: false })],
    [URL, config(connection)],
    [URL, config({}, { pollIntervalMs: 700 })],
    ['/setup', post({ ...connection, requestMonitoringEnabled: false })],
    [URL, config(connection, { enabled: false })],
    [URL, config({}, { pollIntervalMs: 800 })],
  ] as const) {
    assert.equal((await ask(daemon, url, init)).status, 200);
    assert.deepEqual(writes(), [], JSON.stringify(init.body));
  }
  assert.equal((await ask(daemon, URL, config({}, { enabled: true }))).status, 200);
  assert.deepEqual(
    writes().map(({ method, url, body }) => [method, url, body]),
    [['PUT', path, '{"value":true}']],
  );
  assert.equal(cpa.usageStatisticsEnabled, true);
  cpa.usageStatisticsEnabled = false;
  assert.equal((await ask(daemon, '/setup', post(connection))).status, 200);
  assert.equal(cpa.usageStatisticsEnabled, true, 'setup does so unless told otherwise');
});

test('field names in any case and bodies of any type are read; foreign sections stay', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  const inspection = {
    enabled: true,
    schedule: { mode: 'time_points', timePoints: ['08:00'], timeZone: 'Asia/Shanghai' },
    targetTypes: ['codex'],
    usedPercentThreshold: 80,
    somethingNewer: { nested: [1, 'two', null] },
  };
  const spelled = {
    CONFIG: {
      CPACONNECTION: { CpaBaseUrl: cpa.url, MANAGEMENTKEY: CPA_KEY },
      Collector: {
        BatchSize: 33,
        pollintervalms: 800,
        COLLECTORMODE: ' RESP ',
        popSide: 'LEFT',
        queryLimit: 7,
      },
      codexinspection: inspection,
    },
  };
  const saved = await ask<ConfigAnswer>(
    daemon,
    URL,
    withHeaders({ 'content-type': 'no type at all' }, put(spelled)),
  );
  assert.equal(saved.status, 200, saved.text);
  const collector = {
    enabled: true,
    collectorMode: 'resp',
    queue: 'usage',
    popSide: 'left',
    batchSize: 33,
    pollIntervalMs: 800,
    queryLimit: 7,
  };
  assert.deepEqual(saved.body.config.collector, collector);

  // Later bodies name other things; values that make no sense are as good as absent.
  for (const [type, body] of [
    ['text/plain', { config: { collector: { batchSize: 0, pollIntervalMs: '5', queryLimit: 2 ** 40 } } }],
    ['application/x-www-form-urlencoded', { config: { collector: { collectorMode: 'carrier-pigeon' } } }],
    ['', { config: {} }],
  ] as const) {
    const answer = await ask<ConfigAnswer>(daemon, URL, withHeaders({ 'content-type': type }, put(body)));
    assert.equal(answer.status, 200, type);
    assert.deepEqual(answer.body.config.collector, collector);
  }
  assert.equal(await daemon.stop(), 0);

  // What was saved wins over other start values, also after a restart.
  const again = await startReady(t, {
    dataDir,
    env: {
      USAGE_BATCH_SIZE: '5',
      USAGE_COLLECTOR_MODE: 'http',
      USAGE_POLL_INTERVAL_MS: '900',
      USAGE_QUERY_LIMIT: '3',
    },
  });
  const read = await ask<ConfigAnswer>(again, URL);
  assert.deepEqual(read.body.config.collector, collector);
  for (const [name, value] of Object.entries(inspection)) {
    assert.deepEqual(read.body.config.codexInspection[name], value, name);
  }
  assert.equal(read.body.config.codexInspection['workers'], 4, 'the rest are the defaults');

  // Setup takes start values where it is not told otherwise.
  const setup = { cpaBaseUrl: cpa.url, cpaManagementKey: CPA_KEY, batchSize: 44 };
  assert.equal((await ask(again, '/setup', post(setup))).status, 200);
  const after = await ask<ConfigAnswer>(again, URL);
  assert.deepEqual(after.body.config.collector, {
    ...collector,
    collectorMode: 'http',
    batchSize: 44,
    pollIntervalMs: 900,
    queryLimit: 3,
  });
  assert.deepEqual(after.body.config.codexInspection, read.body.config.codexInspection);
});
