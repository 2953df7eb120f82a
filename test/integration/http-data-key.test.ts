import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { records } from '../support/cpa/records.ts';
import { tempDir } from '../support/daemon.ts';
import {
  anonymous,
  ask,
  assertRefused,
  CPA_KEY,
  post,
  put,
  startCpa,
  startReady,
  type ConfigAnswer,
} from '../support/http.ts';

const CONFIG = '/usage-service/config';
const FOREIGN = 'VP9bYwxbxmYAJdk/eE9gsxOWyVNizFWjL3Ids5Syq3M\n';

test('without the right data.key the daemon shows what it has and collects nothing', async (t) => {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const keyFile = join(dataDir, 'data.key');
  const first = await startReady(t, { dataDir });
  const connection = { cpaBaseUrl: cpa.url, cpaManagementKey: CPA_KEY };
  assert.equal((await ask(first, '/setup', post(connection))).status, 200);
  await cpa.subscribed();
  for (const record of records(4, { version: '7.2.140' })) cpa.publish(record);
  await first.statusUntil(({ eventCount }) => eventCount === 4);
  assert.equal(await first.stop(), 0);
  const right = readFileSync(keyFile);
  const asked = cpa.http.exchanges.length;

  for (const [content, code] of [
    [null, 'data_key_missing'],
    ['this is no key', 'data_key_malformed'],
    [FOREIGN, 'data_key_foreign'],
  ] as const) {
    if (content === null) renameSync(keyFile, `${keyFile}.away`);
    else writeFileSync(keyFile, content);
    const locked = await startReady(t, { dataDir });
    assert.equal((await ask(locked, '/health', anonymous())).status, 200);
    const status = await locked.statusUntil(({ health }) => health.state === 'down');
    assert.deepEqual(
      status.health.reasons.map((reason) => reason.code),
      ['locked_data_key'],
    );
    assert.match(status.health.reasons[0]?.fix ?? '', /Put the right data\.key back.*--new-data-key/);
    assert.equal(status.eventCount, 4);
    assert.equal(status.collector.collector, 'stopped');
    assert.equal((await locked.exportEvents()).length, 4);
    const info = await ask<{ dataKeyReady: boolean; configured: boolean }>(
      locked,
      '/usage-service/info',
      anonymous(),
    );
    assert.deepEqual([info.body.dataKeyReady, info.body.configured], [false, true]);
    await assertRefused(locked, CONFIG, anonymous(), 401, 'invalid_admin_key');
    const shown = await ask<ConfigAnswer>(locked, CONFIG);
    assert.deepEqual(shown.body.config.cpaConnection, {
      cpaBaseUrl: cpa.url,
      managementKey: '********',
      managementKeySet: true,
    });

    for (const [path, init] of [
      [CONFIG, put({ config: { collector: { batchSize: 7 } } })],
      [CONFIG, put({ config: { cpaConnection: { cpaBaseUrl: cpa.url, managementKey: CPA_KEY } } })],
      ['/setup', post(connection)],
    ] as const) {
      const refused = await assertRefused(locked, path, init, 503, code);
      assert.match(refused.body.hint ?? '', /--new-data-key/);
    }
    assert.equal(await locked.stop(), 0);
    assert.equal(existsSync(keyFile) ? readFileSync(keyFile, 'utf8') : null, content, 'left as it was');
    if (content === null) rmSync(`${keyFile}.away`);
  }
  assert.equal(cpa.http.exchanges.length, asked, 'nobody called the gateway meanwhile');

  // What the gateway kept meanwhile arrives once the right file is back.
  for (const record of records(2, { version: '7.2.140', seed: 2 })) cpa.publish(record);
  writeFileSync(keyFile, right, { mode: 0o600 });
  const again = await startReady(t, { dataDir });
  const status = await again.statusUntil(({ eventCount }) => eventCount === 6);
  assert.equal(status.health.state, 'ok', JSON.stringify(status.health));
  assert.equal((await ask<ConfigAnswer>(again, CONFIG)).body.config.collector['batchSize'], 100);
});
