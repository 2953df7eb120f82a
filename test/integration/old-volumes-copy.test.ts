import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { parseManagerConfig } from '../../src/lib/config/manager-config.ts';
import { parseCredential, verifyAdminKey } from '../../src/lib/secrets/admin-key.ts';
import { createSecretBox } from '../../src/lib/secrets/secret-box.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { copyInto, reportOf } from '../support/old-volumes/copy-volume.ts';
import { corruptPage } from '../support/old-volumes/corrupt.ts';
import type { Row as ExtraRow } from '../support/old-volumes/extras.ts';
import { GENERATIONS, has, type Generation } from '../support/old-volumes/generations.ts';
import type { Value } from '../support/old-volumes/hash.ts';
import { makeOldVolume, type OldVolume, type OldVolumeOptions } from '../support/old-volumes/make.ts';
import { ALL_ODDITIES } from '../support/old-volumes/oddities.ts';
import { readOldVolume } from '../support/old-volumes/old-reader.ts';
import type { DaySums } from '../support/old-volumes/sums.ts';
import { count, storeDir } from '../support/store-harness.ts';

type Row = Readonly<Record<string, unknown>>;

const NEWEST = 'cpa-manager-plus-1.12.2';

function make(t: TestContext, options: Partial<OldVolumeOptions> & { generation: Generation }): OldVolume {
  return makeOldVolume(path.join(storeDir(t), 'volume'), { events: 240, ...options });
}

/** What was counted when the volume was written, one line for each model and day. */
function expected({ sums, generation }: OldVolume): readonly Row[] {
  const kept = (one: DaySums): Row => {
    const { cacheRead, cacheCreation, ...others } = one;
    return has(generation, '+0.5.0-beta') ? { ...others, cacheRead, cacheCreation } : others;
  };
  return [...sums].flatMap(([model, days]) =>
    [...days].map(([day, one]) => ({ key: `${model} ${day}`, ...kept(one) })),
  );
}

/** The same of our database, without the events that were made from rows whose numbers or times are strange. */
function found(dbPath: string, { odd, generation }: OldVolume): readonly Row[] {
  const strange = odd.filter((one) => !one.sound).map(({ row }) => String(row.event_hash).slice(0, 16));
  const db = openDatabase(dbPath, { mode: 'read' });
  try {
    const cache = has(generation, '+0.5.0-beta')
      ? ', sum(cache_read_tokens) as cacheRead, sum(cache_creation_tokens) as cacheCreation'
      : '';
    return db
      .prepare<[string], Row>(
        `select model || ' ' || date(timestamp_ms / 1000, 'unixepoch') as key, count(*) as events,
          sum(failed) as failed, sum(input_tokens) as input, sum(output_tokens) as output,
          sum(reasoning_tokens) as reasoning, sum(cached_tokens) as cached, sum(cache_tokens) as cache,
          sum(total_tokens) as total${cache}
        from usage_events where substr(event_hash, 1, 16) not in (select value from json_each(?)) group by key`,
      )
      .all(JSON.stringify(strange));
  } finally {
    db.close();
  }
}

function inOrder(rows: readonly Row[]): readonly Row[] {
  return [...rows].sort((a, b) => (String(a['key']) < String(b['key']) ? -1 : 1));
}

/** Hashes that follow from no row, among them such as are none, are here as they were there. */
function assertHashesKept({ odd }: OldVolume, dbPath: string): void {
  const given = odd.filter((one) => one.of === 'hashes').map(({ row }) => String(row.event_hash));
  const db = openDatabase(dbPath, { mode: 'read' });
  try {
    const here = db
      .prepare<[string], string>('select event_hash from usage_events where event_hash = ?')
      .pluck();
    for (const hash of given) assert.equal(here.get(hash), hash);
    assert.ok(given.length > 2);
  } finally {
    db.close();
  }
}

/** SHA-256 of the files that hold the rows of an old volume. Reading it makes an empty log where there was none. */
function filesOf({ dbPath }: OldVolume): readonly string[] {
  const files = [dbPath, `${dbPath}-wal`].filter((file) => fs.existsSync(file) && fs.statSync(file).size > 0);
  return files.map((file) => hash('sha256', fs.readFileSync(file)));
}

/** Every key in plain text that one of the files beside our database holds. */
function secretsIn(dbPath: string, secrets: readonly string[]): readonly string[] {
  const files = ['', '-wal'].map((end) => dbPath + end).filter((file) => fs.existsSync(file));
  const bytes = Buffer.concat(files.map((file) => fs.readFileSync(file)));
  return secrets.filter((secret) => bytes.includes(secret));
}

function assertReconciled(volume: OldVolume, dbPath: string): void {
  const report = reportOf(volume.dir, dbPath);
  const explained = new Set([
    ...volume.odd.filter((one) => !one.sound).map((one) => one.id),
    ...volume.copies,
  ]);
  const others = report.differences.filter((one) => !explained.has(one.oldId));
  assert.deepEqual(others, []);
  assert.equal(report.old.events, volume.rows);
  assert.ok(!report.reasons.some(({ reason }) => reason === 'missing' || reason === 'not_copied'));
  const duplicates = report.reasons.find(({ reason }) => reason === 'duplicate')?.rows ?? 0;
  assert.equal(duplicates, volume.copies.length);
  assert.equal(report.state, 'explained');
  for (const { what, old, now, changed } of report.items) assert.deepEqual([now, changed], [old, 0], what);
  const staying = [...volume.extras].filter(([name]) => !TAKEN.test(name));
  assert.deepEqual(
    new Map(report.left.map(({ table, rows }) => [table, rows])),
    new Map(staying.map(([name, rows]) => [name, rows.length])),
  );
  const off = report.attention.filter(({ code }) => code === 'switched_off');
  const named = off.map(({ message, dueAtMs }) => [message.split(/[ :]/)[0], dueAtMs]);
  assert.deepEqual(new Map(named as Array<[string, unknown]>), switchedOff(volume));
  assert.equal(off.length, switchedOff(volume).size);
}

/** Tables that are taken over, and the one that means nothing once the program is gone. */
const TAKEN = /^(dead_letter_events|model_price.*|api_key_aliases|codex_inspection_leases)$/;

/** Files of credentials that the program has off, with the time at which they were due; null where there was none. */
function switchedOff({ extras }: OldVolume): ReadonlyMap<Value, Value> {
  const rows = (table: string): readonly ExtraRow[] => extras.get(table) ?? [];
  const found: Array<[Value, Value]> = [];
  for (const row of rows('quota_cooldowns')) {
    if (row['status'] === 'active') found.push([row['auth_file_name'] ?? null, row['recover_at_ms'] ?? null]);
  }
  for (const row of rows('codex_inspection_disable_ownership')) found.push([row['file_name'] ?? null, null]);
  for (const row of rows('account_action_candidates')) {
    if (typeof row['auto_disabled_at_ms'] === 'number') found.push([row['auth_file_name'] ?? null, null]);
  }
  return new Map(found);
}

for (const generation of GENERATIONS) {
  test(`${generation}: every event is copied once, whatever the rows are like`, async (t) => {
    const volume = make(t, {
      generation,
      oddities: { ...ALL_ODDITIES, duplicates: true },
      inWal: GENERATIONS.indexOf(generation) % 2 === 0,
    });
    const bytes = filesOf(volume);
    assert.equal(new Set(volume.odd.map((one) => one.of)).size, Object.keys(ALL_ODDITIES).length);
    const before = readOldVolume(volume.dbPath, generation);
    const dbPath = path.join(storeDir(t), 'usage.sqlite');
    const result = await copyInto(t, volume.dir, dbPath);
    assert.deepEqual([result.lost, result.shortened, result.outcome.refused], [[], 0, 0]);
    assert.equal(result.outcome.added + result.outcome.duplicates + result.rejected, volume.rows);
    assert.equal(result.letters, volume.extras.get('dead_letter_events')?.length);
    assert.deepEqual(inOrder(found(dbPath, volume)), inOrder(expected(volume)));
    assertReconciled(volume, dbPath);
    assertHashesKept(volume, dbPath);
    assert.deepEqual(secretsIn(dbPath, volume.secrets), []);
    assert.deepEqual(readOldVolume(volume.dbPath, generation), before);
    assert.deepEqual(filesOf(volume), bytes);
    if (GENERATIONS.indexOf(generation) % 5 !== 0) return;
    // A second time there is nothing to do.
    const again = await copyInto(t, volume.dir, dbPath);
    assert.equal(again.outcome.added, 0);
    assert.deepEqual(inOrder(found(dbPath, volume)), inOrder(expected(volume)));
  });
}

test('a copy that was stopped goes on where it stood', async (t) => {
  const volume = make(t, { generation: NEWEST, oddities: ALL_ODDITIES, inWal: 'tail' });
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const first = await copyInto(t, volume.dir, dbPath, { batchRows: 20, stopAfter: 3 });
  assert.ok(first.aborted && first.outcome.added >= 60 && first.outcome.added < volume.rows);
  assert.equal(reportOf(volume.dir, dbPath).state, 'copying');
  const second = await copyInto(t, volume.dir, dbPath, { batchRows: 20 });
  assert.equal(first.outcome.added + second.outcome.added + first.rejected + second.rejected, volume.rows);
  assert.equal(second.outcome.duplicates, 0);
  assert.deepEqual(inOrder(found(dbPath, volume)), inOrder(expected(volume)));
  assertReconciled(volume, dbPath);
});

test('a second volume comes beside the first, and only what is not there yet', async (t) => {
  const first = make(t, { generation: 'cpa-manager-2026-05-17', seed: 1 });
  const second = make(t, { generation: NEWEST, seed: 2 });
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const source = (name: string): { readonly source: string } => ({ source: name });
  assert.equal((await copyInto(t, first.dir, dbPath, source('first'))).outcome.added, first.rows);
  assert.equal((await copyInto(t, second.dir, dbPath, source('second'))).outcome.added, second.rows);
  const { added, duplicates } = (await copyInto(t, first.dir, dbPath, source('first again'))).outcome;
  assert.deepEqual([added, duplicates], [0, first.rows]);
  assert.equal(reportOf(first.dir, dbPath, 'first').state, 'equal');
  assert.equal(reportOf(second.dir, dbPath, 'second').state, 'equal');
});

test('a file that many releases wrote is copied as one of the last', async (t) => {
  const volume = make(t, { generation: NEWEST, begunBy: 'cpa-manager-1.1.4' });
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const { outcome } = await copyInto(t, volume.dir, dbPath);
  assert.equal(outcome.added, 240);
  // Its first half has no counters for the cache; the records in it have.
  const report = reportOf(volume.dir, dbPath);
  assert.ok(report.differences.length > 10);
  for (const { oldId, reason, detail } of report.differences) {
    assert.ok(oldId <= 120 && reason === 'from_record', detail);
    assert.match(detail, /^cache_(read|creation)_tokens 0 there, \d+ here/);
  }
  assert.equal(report.old.total, report.now.total);
});

test('around corrupt pages everything is saved, and what they held is named', async (t) => {
  const volume = make(t, { generation: NEWEST, events: 400 });
  const pages = [corruptPage(volume.dir, 2), corruptPage(volume.dir, 30)];
  const ids = pages.flatMap((page) => page.ids);
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const result = await copyInto(t, volume.dir, dbPath);
  const lost = result.lost.flatMap(({ fromId, toId }) =>
    Array.from({ length: toId - fromId + 1 }, (_, index) => fromId + index),
  );
  assert.deepEqual(
    lost,
    [...ids].sort((a, b) => a - b),
  );
  assert.equal(result.outcome.added, 400 - ids.length);
  const report = reportOf(volume.dir, dbPath);
  assert.equal(
    report.lost.reduce((sum, range) => sum + (range.events ?? 0), 0),
    ids.length,
  );
  assert.deepEqual(report.differences, []);
});

test('prices, names and the saved connection come along', async (t) => {
  const volume = make(t, { generation: NEWEST, events: 20 });
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  await copyInto(t, volume.dir, dbPath);
  const db = openDatabase(dbPath, { mode: 'read' });
  t.after(() => db.close());
  const rows = (sql: string): readonly unknown[] =>
    db
      .prepare<[], Row>(sql)
      .all()
      .map((row) => ({ ...row }));
  const of = (table: string): readonly Row[] => volume.extras.get(table) ?? [];
  assert.deepEqual(
    inOrder(rows('select hash as key, alias from client_key_alias') as Row[]),
    inOrder(of('api_key_aliases').map((row) => ({ key: row['api_key_hash'], alias: row['alias'] }))),
  );
  // In pico-USD a token, which is USD for a million tokens times a million.
  assert.deepEqual(
    inOrder(rows('select model as key, source, input, output from price_card') as Row[]),
    inOrder(
      of('model_prices').map((row) => ({
        key: row['model'],
        source: row['source'] === null ? 'manual' : 'synced',
        input: Math.round(Number(row['prompt_per_1m']) * 1e6),
        output: Math.round(Number(row['completion_per_1m']) * 1e6),
      })),
    ),
  );
  const tiers = `select threshold as key, input from price_context_tier
    union all select mode || '/' || service_tier, input from price_service_tier`;
  assert.deepEqual(inOrder(rows(tiers) as Row[]), [
    { key: 200_000, input: 2_500_000 },
    { key: 400_000, input: 5_000_000 },
    { key: 'fast/priority', input: 2_500_000 },
    { key: 'flex/flex', input: 600_000 },
  ]);
  const setting = db.prepare<[string], string>('select value from settings where key = ?').pluck();
  const box = createSecretBox(Buffer.from(volume.dataKeyFile ?? '', 'base64'));
  const saved = parseManagerConfig(setting.get('manager_config_v1') ?? '');
  assert.equal(box.open(saved?.cpaConnection.managementKey ?? ''), volume.connection?.managementKey);
  const credential = parseCredential(setting.get('admin_credential_v1') ?? '');
  assert.ok(credential && verifyAdminKey(credential, volume.adminKey ?? ''));
  const priced = `select count(*) from event e join model m on m.id = e.model_id
    where m.name in ('gpt-5.4', 'madeup-large', 'claude-sonnet-4-5')`;
  assert.ok(count(db, priced) > 0);
  assert.equal(count(db, `${priced} and e.cost_nano is null`), 0);
});

test('a price that has a tier it cannot have keeps its rates', async (t) => {
  const volume = make(t, { generation: NEWEST, events: 1 });
  const old = new Database(volume.dbPath);
  old.exec(`update model_price_service_tiers set mode = 'fast'`);
  old.close();
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  await copyInto(t, volume.dir, dbPath);
  const db = openDatabase(dbPath, { mode: 'read' });
  t.after(() => db.close());
  assert.equal(count(db, `select input from price_card where model = 'gpt-5.4'`), 2_500_000);
  assert.equal(count(db, 'select count(*) from price_service_tier'), 0);
});

for (const name of ['cpa-manager-1.1.4', 'cpa-manager-2026-05-17', 'cpa-manager-plus-1.12.2'] as const) {
  test(`the volume that the real ${name} left is copied without a difference`, async (t) => {
    const dir = path.join(storeDir(t), 'volume');
    fs.cpSync(new URL(`../fixtures/volumes/${name}`, import.meta.url), dir, { recursive: true });
    const before = readOldVolume(path.join(dir, 'usage.sqlite'), name);
    const dbPath = path.join(storeDir(t), 'usage.sqlite');
    await copyInto(t, dir, dbPath);
    const report = reportOf(dir, dbPath);
    assert.deepEqual([report.state, report.differences, report.reasons], ['equal', [], []]);
    assert.equal(report.now.events, before.calls);
    assert.equal(report.now.total, before.tokens);
    assert.deepEqual(secretsIn(dbPath, ['mgmt-secret-for-lab', 'sk-upstream', 'sk-ant-upstream']), []);
  });
}
