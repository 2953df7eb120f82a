import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import Database from 'better-sqlite3';
import type { PricesAnswer } from '../../src/lib/contract/api/prices.ts';
import { assertSound, MANAGEMENT_KEY, sourceOf, startGateway, take } from '../support/collection.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { makeOldVolume } from '../support/old-volumes/make.ts';
import { volumeCopy, VOLUMES } from '../support/takeover.ts';
import {
  changeOld,
  NO_KEY,
  pointAt,
  printedKey,
  statusOf,
  statusUntil,
  takenOver,
} from '../support/takeover-serve.ts';

/** The key of the gateway that the recorded programs had saved. */
const SAVED_KEY = 'mgmt-secret-for-lab';

interface AliasesAnswer {
  readonly items: ReadonlyArray<{ readonly alias: string }>;
}

/** Every file beside the old volume that is ours. */
function ourFiles(dataDir: string): string[] {
  return readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'ADMIN_KEY')
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('/pre-cpamp/') || path.endsWith('.json'));
}

for (const name of VOLUMES) {
  test(`${name}: started on, all of it is here, and collecting goes on with what was saved`, async (t) => {
    const cpa = await startGateway(t, { managementKey: SAVED_KEY });
    const dataDir = pointAt(t, volumeCopy(t, name), cpa.url);
    const daemon = await DaemonProcess.start(t, { dataDir, env: NO_KEY });
    const isPlus = name.includes('plus');
    const key = isPlus ? readFileSync(join(dataDir, 'ADMIN_KEY'), 'utf8').trim() : await printedKey(daemon);

    const report = await takenOver(daemon, key);

    assert.equal(report.state, 'equal');
    assert.deepEqual(report.differences, []);
    assert.ok(report.days.length > 0 && report.days.every(({ equal }) => equal));
    assert.ok(report.items.every(({ old, now }) => old === now));
    assert.equal(
      report.now.events,
      { 'cpa-manager-1.1.4': 26, 'cpa-manager-2026-05-17': 28, 'cpa-manager-plus-1.12.2': 30 }[name],
    );
    if (isPlus) assert.ok(!daemon.stdout.some((line) => line.includes('admin key')), 'no other key is made');

    // The saved key is the right one only if it was opened with the data key that came along.
    await cpa.publishAll(take(sourceOf('7.2.140'), 3));
    const status = await statusUntil(daemon, key, ({ collector }) => collector.totalInserted === 3);
    assert.equal(status.eventCount, report.now.events + 3);
    assert.equal(status.takeover?.state, 'done');
    assert.equal(status.takeover.percent, 100);
    assert.deepEqual(await (await fetch(`${daemon.url}/health`)).json(), {
      ok: true,
      service: 'cpa-manager-plus',
    });

    const headers = { authorization: `Bearer ${key}` };
    const { prices } = await daemon.json<PricesAnswer>('/v0/management/model-prices', { headers });
    assert.equal(prices['gpt-5.4']?.prompt, 2.5);
    if (name !== 'cpa-manager-1.1.4') {
      const { items } = await daemon.json<AliasesAnswer>('/v0/management/api-key-aliases', { headers });
      assert.deepEqual(
        items.map(({ alias }) => alias),
        ['Team Alpha'],
      );
    }
    const wrong = await daemon.request('/status', { headers: { authorization: `Bearer ${SAVED_KEY}` } });
    assert.equal(wrong.status, 401);
    const said: { readonly code: string; readonly error: string; readonly hint: string } = JSON.parse(
      await wrong.text(),
    );
    assert.equal(said.code, 'cpa_key_given');
    assert.match(said.error, /admin key of cpamp is wanted/);
    assert.match(said.hint, /old CPA-Manager had none/);
    assert.equal(await daemon.stop(), 0);
    for (const path of ourFiles(dataDir)) {
      assert.ok(!readFileSync(path).includes(SAVED_KEY), `${path} holds the key of the gateway`);
    }

    const again = await DaemonProcess.start(t, { dataDir, env: NO_KEY });
    assert.deepEqual(await takenOver(again, key), report);
    assert.equal((await statusOf(again, key)).takeover?.state, 'done');
    assert.equal(await again.stop(), 0);
  });
}

test('what arrives while a large volume is copied is stored before its end', async (t) => {
  const cpa = await startGateway(t);
  const dataDir = join(tempDir(t), 'old');
  const { adminKey } = makeOldVolume(dataDir, {
    generation: 'cpa-manager-plus-1.12.2',
    events: 40_000,
    connection: { baseUrl: cpa.url, managementKey: MANAGEMENT_KEY },
  });
  assert.ok(adminKey !== null);
  const nowMs = Date.now();
  await cpa.publishAll(take(sourceOf('7.2.140'), 5));
  const daemon = await DaemonProcess.start(t, { dataDir, env: NO_KEY });

  assert.equal((await takenOver(daemon, adminKey)).state, 'equal');
  await statusUntil(daemon, adminKey, ({ eventCount }) => eventCount === 40_005);
  assert.equal(await daemon.stop(), 0);
  assertSound(dataDir);
  const db = new Database(join(dataDir, 'usage.sqlite'), { readonly: true });
  try {
    const ids = (where: string): number[] =>
      db.prepare<[number], number>(`SELECT id FROM event WHERE timestamp_ms ${where} ?`).pluck().all(nowMs);
    const [live, old] = [ids('>='), ids('<')];
    assert.deepEqual([live.length, old.length], [5, 40_000]);
    assert.ok(Math.min(...live) < Math.max(...old), 'all events of the old volume came first');
  } finally {
    db.close();
  }
});

test('an event that waits in the gateway and is in the old volume too is there once', async (t) => {
  const cpa = await startGateway(t, { managementKey: SAVED_KEY });
  const dataDir = pointAt(t, volumeCopy(t, 'cpa-manager-2026-05-17'), cpa.url);
  const old = new Database(join(dataDir, 'usage.sqlite'));
  const rows = old
    .prepare<[], string>('SELECT raw_json FROM usage_events ORDER BY id DESC LIMIT 3')
    .pluck()
    .all();
  old.close();
  await cpa.publishAll(rows);
  await cpa.publishAll(take(sourceOf('7.2.140'), 2));
  const daemon = await DaemonProcess.start(t, { dataDir, env: NO_KEY });
  const key = await printedKey(daemon);

  const report = await takenOver(daemon, key);
  assert.deepEqual([report.state, report.now.events], ['equal', 28]);
  await statusUntil(daemon, key, ({ collector }) => collector.totalInserted + collector.totalSkipped === 5);
  const { eventCount } = await statusUntil(daemon, key, () => true);
  assert.equal(eventCount, 28 + 2);
  assert.equal(await daemon.stop(), 0);
  assertSound(dataDir);
});

test('old events are priced once, with the prices that came along', async (t) => {
  const flat = (db: Database.Database): void => {
    db.exec('UPDATE model_prices SET prompt_per_1m = 1, completion_per_1m = 1, cache_per_1m = 1');
  };
  const dataDir = changeOld(t, volumeCopy(t, 'cpa-manager-1.1.4'), flat);
  const daemon = await DaemonProcess.start(t, { dataDir });
  await takenOver(daemon);
  const priced = (await daemon.exportEvents()).filter(({ model }) => model === 'gpt-5.4');
  assert.ok(priced.length > 0);
  for (const event of priced) {
    assert.equal(event.cost_nano_usd, 1000 * (event.input_tokens + event.output_tokens), event.event_hash);
  }
  assert.equal(await daemon.stop(), 0);
});

test('with data.key gone only the key of the gateway is asked for again', async (t) => {
  const dataDir = join(tempDir(t), 'old');
  const { adminKey } = makeOldVolume(dataDir, {
    generation: 'cpa-manager-plus-1.12.2',
    events: 50,
    withoutDataKey: true,
  });
  assert.ok(adminKey !== null);
  const daemon = await DaemonProcess.start(t, { dataDir, env: NO_KEY });
  const report = await takenOver(daemon, adminKey);
  assert.equal(report.state, 'equal');
  const wanted = report.attention.find(({ code }) => code === 'management_key_needed');
  assert.match(wanted?.message ?? '', /Enter it again: cpamp setup/);
  const { health, takeover } = await statusOf(daemon, adminKey);
  assert.ok(health.reasons.some(({ code }) => code === 'not_configured'));
  assert.equal(takeover?.fix, 'Read in the report what needs your attention.');
  assert.equal(await daemon.stop(), 0);
});
