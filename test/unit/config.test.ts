import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { SETTING_NAMES, SETTINGS } from '../../src/lib/config/settings.ts';
import { refused, world } from '../support/config-world.ts';

test('with nothing given, the defaults count', async (t) => {
  const { cwd, load } = await world(t);
  const { origins, ...config } = load();
  assert.deepEqual(config, {
    httpAddr: { host: '0.0.0.0', port: 18317, text: '0.0.0.0:18317' },
    dataDir: join(cwd, 'data'),
    dbPath: join(cwd, 'data/usage.sqlite'),
    dataKeyPath: join(cwd, 'data/data.key'),
    dataKeySecret: null,
    adminKey: null,
    upstreamUrl: '',
    managementKey: null,
    envManaged: false,
    collectorMode: 'auto',
    batchSize: 100,
    pollIntervalMs: 500,
    queryLimit: 50_000,
    importLimits: { chunkBytes: 4_194_304, quotaBytes: 17_179_869_184, maxSessions: 2, ttlMs: 86_400_000 },
    corsOrigins: ['*'],
    respTlsSkipVerify: false,
    panelPath: '',
    trustedProxies: [],
    priceSources: new Map(),
    configFile: null,
    warnings: [],
  });
  assert.deepEqual(new Set(origins.values()), new Set(['default']));
  assert.deepEqual(await readdir(cwd), [], 'loading writes nothing');
});

test('every variable is read, and blank is unset', async (t) => {
  const { cwd, load } = await world(t);
  const config = load({
    HTTP_ADDR: ' [::1]:8080 ',
    USAGE_DATA_DIR: '/var/lib/cpamp',
    USAGE_DB_PATH: 'rel/events.sqlite',
    CPA_MANAGER_ADMIN_KEY: ' an admin key\n',
    CPA_MANAGER_DATA_KEY: 'my passphrase',
    CPA_MANAGER_DATA_KEY_PATH: '/keys/data.key',
    CPA_UPSTREAM_URL: 'cpa:8317/v0/management/',
    CPA_MANAGEMENT_KEY: 'mk',
    USAGE_COLLECTOR_MODE: 'SUBSCRIBE',
    USAGE_BATCH_SIZE: '7',
    USAGE_POLL_INTERVAL_MS: '+1000',
    USAGE_QUERY_LIMIT: '010',
    USAGE_IMPORT_CHUNK_BYTES: '65536',
    USAGE_IMPORT_DISK_QUOTA_BYTES: '68719476736',
    USAGE_IMPORT_MAX_SESSIONS: '3',
    USAGE_IMPORT_SESSION_TTL_MINUTES: '5',
    USAGE_CORS_ORIGINS: 'https://a.example, https://b.example,',
    USAGE_RESP_TLS_SKIP_VERIFY: 'Yes',
    PANEL_PATH: 'panel.html',
    USAGE_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8,127.0.0.1',
  });
  assert.deepEqual(config.httpAddr, { host: '::1', port: 8080, text: '[::1]:8080' });
  assert.equal(config.dataDir, '/var/lib/cpamp');
  assert.equal(config.dbPath, join(cwd, 'rel/events.sqlite'));
  assert.deepEqual(config.adminKey, { value: 'an admin key', from: 'CPA_MANAGER_ADMIN_KEY' });
  assert.equal(Buffer.from(config.dataKeySecret?.bytes ?? []).toString(), 'my passphrase');
  assert.equal(config.dataKeyPath, '/keys/data.key');
  assert.equal(config.upstreamUrl, 'http://cpa:8317');
  assert.deepEqual(config.managementKey, { value: 'mk', from: 'CPA_MANAGEMENT_KEY' });
  assert.equal(config.envManaged, true);
  assert.equal(config.collectorMode, 'subscribe');
  assert.deepEqual([config.batchSize, config.pollIntervalMs, config.queryLimit], [7, 1000, 10]);
  assert.deepEqual(config.importLimits, {
    chunkBytes: 65_536,
    quotaBytes: 2 ** 36,
    maxSessions: 3,
    ttlMs: 300_000,
  });
  assert.deepEqual(config.corsOrigins, ['https://a.example', 'https://b.example']);
  assert.equal(config.respTlsSkipVerify, true);
  assert.equal(config.panelPath, join(cwd, 'panel.html'));
  assert.deepEqual(config.trustedProxies, ['10.0.0.0/8', 'fd00::/8', '127.0.0.1']);
  assert.deepEqual(config.warnings, []);
  assert.equal(config.origins.get('dataDir'), 'env');
  assert.equal(config.origins.get('adminKey'), 'env');

  const blanks = Object.fromEntries(
    SETTING_NAMES.map((name) => [SETTINGS[name].env, ' \t'] as [string, string]),
  );
  const nothing = load({ ...blanks, CPA_MANAGER_CONFIG: ' ', CPA_MANAGER_ADMIN_KEY: '  ' });
  assert.deepEqual(nothing, load());
});

test('flags win over variables, these over config.json, and that over defaults', async (t) => {
  const { load, write } = await world(t);
  const path = await write('config.json', {
    httpAddr: 'file:1',
    batchSize: 1,
    queryLimit: 1,
    pollIntervalMs: 1,
    tlsSkipVerify: true,
  });
  const config = load(
    { HTTP_ADDR: 'env:2', USAGE_BATCH_SIZE: '2', USAGE_RESP_TLS_SKIP_VERIFY: 'off' },
    { httpAddr: 'flag:3' },
  );
  assert.equal(config.httpAddr.text, 'flag:3');
  assert.deepEqual([config.batchSize, config.queryLimit, config.respTlsSkipVerify], [2, 1, false]);
  assert.equal(config.configFile, path);
  const origin = (['httpAddr', 'batchSize', 'queryLimit', 'panelPath'] as const).map((name) =>
    config.origins.get(name),
  );
  assert.deepEqual(origin, ['flag', 'env', 'file', 'default']);
});

test('config.json: its keys, whatever their case, with paths that count from its folder', async (t) => {
  const { cwd, load, write } = await world(t);
  const secret = await write('etc/keys/admin', 'from a file\n');
  const path = await write('etc/my.json', {
    httpAddr: ':1234',
    DATADIR: 'var',
    dbPath: '../events.sqlite',
    dataKeyPath: 'keys/data.key',
    adminKeyFile: 'keys/admin',
    cpaUpstreamUrl: 'https://cpa.example/',
    collectorMode: 'http',
    batchSize: 5,
    pollIntervalMs: 0,
    queryLimit: null,
    corsOrigins: ['https://a.example', ' '],
    panelPath: 'panel.html',
    trustedProxies: ['10.1.0.0/16'],
    priceSources: ['litellm=https://mirror.test/list.json'],
    somethingElse: { deep: [1] },
  });
  const config = load({ CPA_MANAGER_CONFIG: 'etc/my.json' });
  assert.equal(config.configFile, path);
  assert.deepEqual(config.httpAddr, { host: '', port: 1234, text: ':1234' });
  assert.equal(config.dataDir, join(cwd, 'etc/var'));
  assert.equal(config.dbPath, join(cwd, 'events.sqlite'));
  assert.equal(config.dataKeyPath, join(cwd, 'etc/keys/data.key'));
  assert.equal(config.adminKey?.value, 'from a file');
  assert.ok(config.adminKey.from.includes('adminKeyFile') && config.adminKey.from.includes(secret));
  assert.equal(config.upstreamUrl, 'https://cpa.example');
  assert.equal(config.envManaged, false);
  assert.deepEqual(
    [config.collectorMode, config.batchSize, config.pollIntervalMs, config.queryLimit],
    ['http', 5, 500, 50_000],
  );
  assert.deepEqual(config.corsOrigins, ['https://a.example']);
  assert.equal(config.panelPath, join(cwd, 'etc/panel.html'));
  assert.deepEqual(config.trustedProxies, ['10.1.0.0/16']);
  assert.deepEqual([...config.priceSources], [['litellm', 'https://mirror.test/list.json']]);
  assert.equal(config.origins.get('adminKey'), 'file');
  assert.deepEqual(config.warnings, []);
});

test('config.json is looked for where it is named, then here, then in the data directory', async (t) => {
  const { cwd, load, write } = await world(t);
  const inData = await write('data/config.json', { batchSize: 3 });
  assert.equal(load().configFile, inData);
  const elsewhere = await write('other/config.json', { batchSize: 4 });
  assert.equal(load({ USAGE_DATA_DIR: 'other' }).configFile, elsewhere);
  assert.equal(load({ USAGE_DB_PATH: join(cwd, 'other/x.sqlite') }).configFile, elsewhere);
  const here = await write('config.json', { batchSize: 2 });
  assert.equal(load({ USAGE_DATA_DIR: 'other' }).configFile, here);
  const named = await write('named.json', { batchSize: 1 });
  assert.equal(load({ CPA_MANAGER_CONFIG: named }).batchSize, 1);

  const missing = load({ CPA_MANAGER_CONFIG: '/nowhere/config.json' });
  assert.equal(missing.configFile, null);
  assert.equal(missing.batchSize, 100);
  assert.equal(missing.warnings.length, 1);
  assert.match(
    missing.warnings[0]?.message ?? '',
    /^CPA_MANAGER_CONFIG is "\/nowhere\/config.json".* no such file/,
  );
});

test('a config.json that is not valid is refused with its path', async (t) => {
  const { load, write } = await world(t);
  for (const [content, ...words] of [
    ['{"httpAddr": ', 'config.json', 'not valid JSON'],
    ['[]', 'not a JSON object'],
    ['null', 'not a JSON object'],
    [{ batchSize: '5' }, 'batchSize in ', 'config.json', '"5"', 'a whole number'],
    [{ batchSize: 1.5 }, '1.5'],
    [{ tlsSkipVerify: 'true' }, 'tlsSkipVerify', 'true or false'],
    [{ corsOrigins: '*' }, 'corsOrigins', 'a list of texts'],
    [{ dataDir: 5 }, 'dataDir', 'a path'],
    [{ httpAddr: {} }, 'httpAddr', 'an object', 'a text'],
    [{ httpAddr: 'nonsense' }, 'httpAddr in ', 'nonsense', 'host:port'],
  ] as const) {
    await write('config.json', content);
    assert.throws(() => load(), refused('invalid_config', ...words));
  }
  await write('folder/x', '');
  assert.throws(
    () => load({ CPA_MANAGER_CONFIG: 'folder' }),
    refused('invalid_config', 'folder', 'it is a directory'),
  );
  await write('config.json', '\uFEFF{}');
  load();
});

test('the database and the data directory place one another', async (t) => {
  const { cwd, load, write } = await world(t);
  const only = load({ USAGE_DB_PATH: '/srv/a/events.sqlite' });
  assert.deepEqual(
    [only.dataDir, only.dbPath, only.dataKeyPath],
    ['/srv/a', '/srv/a/events.sqlite', '/srv/a/data.key'],
  );
  const both = load({ USAGE_DB_PATH: '/srv/a/events.sqlite', USAGE_DATA_DIR: '/srv/b' });
  assert.deepEqual(
    [both.dataDir, both.dbPath, both.dataKeyPath],
    ['/srv/b', '/srv/a/events.sqlite', '/srv/b/data.key'],
  );

  await write('config.json', { dbPath: 'events.sqlite' });
  assert.equal(load().dbPath, join(cwd, 'events.sqlite'));
  assert.equal(load().dataDir, cwd);
  const overruled = load({ USAGE_DATA_DIR: '/srv/b' });
  assert.equal(overruled.dbPath, '/srv/b/usage.sqlite');
  assert.match(
    overruled.warnings[0]?.message ?? '',
    /^dbPath in .* is left out, because USAGE_DATA_DIR is given/,
  );
  const flag = load({ USAGE_DB_PATH: '/srv/a/x.sqlite' }, { dataDir: '/srv/c' });
  assert.equal(flag.dbPath, '/srv/c/usage.sqlite');
  assert.equal(load({ USAGE_DATA_DIR: '/srv/b' }, { dbPath: '/srv/d/x.sqlite' }).dbPath, '/srv/d/x.sqlite');
});

test('what decides where data, keys and the port are is refused when wrong', async (t) => {
  const { cwd, load, write } = await world(t);
  const file = await write('a-file', 'x');
  for (const [env, ...words] of [
    [{ HTTP_ADDR: '18317' }, 'HTTP_ADDR', '"18317"', 'host:port', '[IPv6 address]:port'],
    [{ HTTP_ADDR: 'host:70000' }, '70000'],
    [{ USAGE_DATA_DIR: file }, 'USAGE_DATA_DIR', file, 'a directory'],
    [{ USAGE_DB_PATH: cwd }, 'USAGE_DB_PATH', cwd, 'a file'],
    [{ CPA_MANAGER_DATA_KEY_PATH: cwd }, 'CPA_MANAGER_DATA_KEY_PATH', cwd, 'a file'],
    [{ CPA_UPSTREAM_URL: 'ftp://cpa' }, 'CPA_UPSTREAM_URL', 'ftp://cpa', 'http'],
    [{ USAGE_TRUSTED_PROXIES: '10.0.0.0/8,proxy' }, 'USAGE_TRUSTED_PROXIES', 'proxy', 'CIDR'],
  ] as const) {
    assert.throws(() => load(env), refused('invalid_config', ...words));
  }
});

test('wrong flags are refused, whatever they say', async (t) => {
  const { load } = await world(t);
  for (const [flags, ...words] of [
    [{ collectorMode: 'push' }, '--collector-mode', 'push', 'subscribe'],
    [{ batchSize: 0 }, '--batch-size', '"0"', 'a whole number'],
    [{ respTlsSkipVerify: 'perhaps' }, '--tls-skip-verify', 'perhaps', 'true or false'],
    [{ httpAddr: 'x' }, '--http-addr'],
  ] as const) {
    assert.throws(() => load({ USAGE_BATCH_SIZE: '5' }, flags), refused('invalid_config', ...words));
  }
  const config = load({}, { respTlsSkipVerify: true, batchSize: 9, collectorMode: 'resp' });
  assert.deepEqual([config.respTlsSkipVerify, config.batchSize, config.collectorMode], [true, 9, 'resp']);
});

test('what the older programs replaced in silence is replaced with a warning', async (t) => {
  const { load, write } = await world(t);
  const config = load({
    USAGE_COLLECTOR_MODE: 'push',
    USAGE_BATCH_SIZE: '-1',
    USAGE_POLL_INTERVAL_MS: '1.5s',
    USAGE_QUERY_LIMIT: '99999999999',
    USAGE_RESP_TLS_SKIP_VERIFY: 'perhaps',
  });
  assert.deepEqual(
    [config.collectorMode, config.batchSize, config.pollIntervalMs, config.queryLimit],
    ['auto', 100, 500, 50_000],
  );
  assert.equal(config.respTlsSkipVerify, false);
  assert.deepEqual(
    new Set(config.warnings.map((warning) => `${warning.code} ${warning.message.split(';')[0]}`)),
    new Set([
      'setting_replaced USAGE_COLLECTOR_MODE is "push"',
      'setting_replaced USAGE_BATCH_SIZE is "-1"',
      'setting_replaced USAGE_POLL_INTERVAL_MS is "1.5s"',
      'setting_replaced USAGE_QUERY_LIMIT is "99999999999"',
      'setting_replaced USAGE_RESP_TLS_SKIP_VERIFY is "perhaps"',
    ]),
  );

  await write('config.json', { batchSize: 20, collectorMode: 'http', tlsSkipVerify: true });
  const layered = load({
    USAGE_BATCH_SIZE: 'many',
    USAGE_COLLECTOR_MODE: 'push',
    USAGE_RESP_TLS_SKIP_VERIFY: 'perhaps',
  });
  assert.equal(layered.batchSize, 20);
  assert.equal(layered.origins.get('batchSize'), 'file');
  assert.match(layered.warnings.map((one) => one.message).join(), /USAGE_BATCH_SIZE .* 20 is used/);
  assert.equal(layered.collectorMode, 'auto');
  assert.equal(layered.respTlsSkipVerify, false);
});

test('mirrors of price lists are named by their source, and nothing else is taken for one', async (t) => {
  const { load } = await world(t);
  const config = load({
    USAGE_PRICE_SOURCES: 'models.dev=http://127.0.0.1:1/a, OpenRouter=https://mirror.test/b?c=d',
  });
  assert.deepEqual(
    [...config.priceSources],
    [
      ['models.dev', 'http://127.0.0.1:1/a'],
      ['openrouter', 'https://mirror.test/b?c=d'],
    ],
  );
  for (const text of [
    'https://mirror.test',
    'litellm=',
    'other=https://a.test',
    'litellm=file:///etc/passwd',
  ]) {
    assert.throws(() => load({ USAGE_PRICE_SOURCES: text }), /USAGE_PRICE_SOURCES/, text);
  }
});
