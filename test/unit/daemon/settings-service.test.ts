import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { SettingsService } from '../../../src/daemon/settings-service.ts';
import { loadConfig } from '../../../src/lib/config/start-config.ts';
import {
  GatewayError,
  type GatewayClient,
  type GatewayConnection,
} from '../../../src/lib/contract/gateway.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { createSecretBox } from '../../../src/lib/secrets/secret-box.ts';
import { tempDir } from '../../support/daemon.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const KEY = 'made-up-management-key';
const BASE = 'http://cpa:8317';

/** The service on rows in memory and a gateway that says yes, unless `answer` throws. */
function service(t: TestContext) {
  const rows = new Map<string, string>();
  const seen = { applied: [] as unknown[], open: 0, proved: [] as string[] };
  const behaviour = {
    answer: async (): Promise<void> => {},
    save: async (): Promise<void> => {},
    apply: async (): Promise<void> => {},
  };
  const createClient = (connection: GatewayConnection): GatewayClient => {
    seen.open += 1;
    return {
      connection,
      info: async () => {
        seen.proved.push(`${connection.baseUrl} ${connection.managementKey}`);
        await behaviour.answer();
        return {
          version: '7.2.140',
          usageStatisticsEnabled: true,
          retentionSeconds: 60,
          retentionAssumed: false,
        };
      },
      enableUsageStatistics: async () => {},
      popUsage: () => Promise.reject(new Error('nobody may pop here')),
      clientKeys: async () => [],
      requestCount: async () => 0,
      close: async () => {
        seen.open -= 1;
      },
    };
  };
  const dir = tempDir(t);
  const settings = new SettingsService({
    start: loadConfig({ env: {}, cwd: dir, defaults: { secretsDir: dir } }),
    clock: new FakeClock(),
    writer: {
      saveSettings: async (saved) => {
        await behaviour.save();
        for (const [name, value] of saved) rows.set(name, value ?? '');
      },
    },
    box: createSecretBox(Buffer.alloc(32, 7)),
    lockedBy: null,
    rows: () => rows,
    createClient,
    apply: async (next) => {
      await behaviour.apply();
      seen.applied.push(next);
    },
  });
  return { settings, rows, seen, behaviour };
}

const connect = { baseUrl: BASE, managementKey: KEY, monitoring: true, enablePublishing: false };

test('changes at the same time are carried out one after the other, and none is lost', async (t) => {
  const { settings, seen } = service(t);
  await settings.save(connect);
  await Promise.all([
    settings.save({ collector: { batchSize: 7 }, enablePublishing: false }),
    settings.save({ sections: { codexInspection: { workers: 2 } }, enablePublishing: false }),
    settings.save({ collector: { pollIntervalMs: 900 }, enablePublishing: false }),
  ]);
  const { collector, managerConfig, connection } = settings.effective;
  assert.deepEqual([collector.batchSize, collector.pollIntervalMs], [7, 900]);
  assert.deepEqual(managerConfig.raw['codexInspection'], { workers: 2 });
  assert.equal(connection?.managementKey, KEY);
  assert.equal(seen.applied.length, 4);
  assert.equal(seen.open, 0, 'no client is left open');
});

test('whatever fails leaves things as they were, and the next change goes through', async (t) => {
  const { settings, rows, seen, behaviour } = service(t);
  await settings.save(connect);
  const before = new Map(rows);
  const change = { collector: { batchSize: 7 }, enablePublishing: false };

  behaviour.answer = () => Promise.reject(new GatewayError('connection_refused', 'ECONNREFUSED'));
  await assert.rejects(settings.save(change), (error: AppError) => error.status === 502);
  await assert.rejects(
    settings.save({ ...change, unreachableStatus: 500 }),
    (error: AppError) => error.code === 'request_failed' && error.status === 500 && error.hint !== '',
  );
  behaviour.answer = async () => {};
  behaviour.save = () => Promise.reject(new AppError('database_locked'));
  await assert.rejects(settings.save(change), (error: AppError) => error.code === 'database_locked');
  assert.deepEqual(rows, before);
  assert.equal(settings.effective.collector.batchSize, 100);
  assert.equal(seen.applied.length, 1);
  assert.equal(seen.open, 0);

  behaviour.save = async () => {};
  assert.equal((await settings.save(change)).collector.batchSize, 7);
});

test('the saved key goes to its own address only', async (t) => {
  const { settings, seen, rows } = service(t);
  const { baseUrl, managementKey, ...rest } = connect;
  await assert.rejects(settings.save({ ...rest, baseUrl }), { code: 'cpa_connection_required' });
  await assert.rejects(settings.save({ ...rest, managementKey }), { code: 'cpa_connection_required' });
  await assert.rejects(settings.save(rest), { code: 'cpa_connection_required_for_monitoring' });
  await settings.save(connect);
  await settings.save({ ...rest, baseUrl });
  await assert.rejects(settings.save({ ...rest, baseUrl: 'http://elsewhere:8317' }), {
    code: 'cpa_connection_required',
  });
  await settings.save({ ...rest, managementKey: 'another-key' });
  assert.deepEqual(seen.proved, [`${BASE} ${KEY}`, `${BASE} ${KEY}`, `${BASE} another-key`]);
  assert.ok(![...rows.values()].some((row) => row.includes(KEY) || row.includes('another-key')), 'sealed');
});
