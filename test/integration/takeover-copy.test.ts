import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import Database from 'better-sqlite3';
import {
  MANAGER_CONFIG,
  parseManagerConfig,
  parseSetup,
  SETUP,
} from '../../src/lib/config/manager-config.ts';
import { copyApart } from '../../src/lib/migrate/copy-apart.ts';
import { reportLines } from '../../src/lib/migrate/report-lines.ts';
import { ADMIN_CREDENTIAL, parseCredential, verifyAdminKey } from '../../src/lib/secrets/admin-key.ts';
import { createSecretBox } from '../../src/lib/secrets/secret-box.ts';
import { createStandardPricing } from '../../src/lib/pricing/standard-pricing.ts';
import { ImportPreview } from '../../src/lib/store/import-preview.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { startWriter } from '../../src/lib/store/writer.ts';
import { readTakeover } from '../../src/lib/store/takeover-state.ts';
import { exported } from '../support/importing.ts';
import { count, RECEIVED_AT_MS, storeDir } from '../support/store-harness.ts';
import { databaseIn, dataKeyOf, reportOf, takeOver, VOLUMES, volumeCopy } from '../support/takeover.ts';

type Row = Readonly<Record<string, unknown>>;

const SECRETS = [
  'sk-client-alpha-0001',
  'sk-client-beta-0002',
  'sk-upstream-openai-aaaa',
  'sk-upstream-openai-bbbb',
  'sk-ant-upstream-cccc',
  'sk-codex-upstream-dddd',
  'AIza-upstream-eeee',
  'mgmt-secret-for-lab',
  'cpamp_ZZOQ',
];
const PRICES = { 'cpa-manager-1.1.4': 2, 'cpa-manager-2026-05-17': 1, 'cpa-manager-plus-1.12.2': 4 } as const;
const ALIASES = {
  'cpa-manager-1.1.4': 0,
  'cpa-manager-2026-05-17': 1,
  'cpa-manager-plus-1.12.2': 1,
} as const;

function newDatabase(dir: string): string {
  return path.join(dir, 'ours.sqlite');
}

/** Asks the old file itself, without anything of ours. */
function askOld(oldDir: string, sql: string): readonly Row[] {
  const db = new Database(databaseIn(oldDir), { readonly: true });
  try {
    return db
      .prepare<[], Row>(sql)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

function hashesOf(jsonl: string): readonly string[] {
  return jsonl
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
    .map((line) =>
      typeof line === 'object' && line !== null && 'event_hash' in line ? String(line.event_hash) : '',
    )
    .sort();
}

for (const name of VOLUMES) {
  test(`${name}: a volume of the real program is taken over without a difference`, async (t) => {
    const oldDir = volumeCopy(t, name);
    const dbPath = newDatabase(storeDir(t));
    const result = await takeOver(oldDir, dbPath);
    const report = await reportOf(oldDir, dbPath);
    assert.deepEqual(
      [report.state, report.attention, report.differences, report.reasons],
      ['equal', [], [], []],
    );

    const theirs = askOld(
      oldDir,
      `select model, date(timestamp_ms / 1000, 'unixepoch') as day, count(*) as events, sum(input_tokens) as input,
         sum(output_tokens) as output, sum(reasoning_tokens) as reasoning, sum(cached_tokens) as cached,
         sum(cache_tokens) as cache, sum(total_tokens) as total
       from usage_events group by model, day order by model, day`,
    );
    const flat = (sums: 'old' | 'now'): unknown =>
      report.days.map(({ model, day, [sums]: of }) => {
        const { events, input, output, reasoning, cached, cache, total } = of;
        return { model, day, events, input, output, reasoning, cached, cache, total };
      });
    assert.deepEqual(flat('old'), theirs);
    assert.deepEqual(flat('now'), theirs);
    assert.equal(result.outcome.added, report.old.events);

    const hashes = askOld(oldDir, 'select event_hash from usage_events order by event_hash');
    assert.deepEqual(
      hashesOf(await exported(dbPath)),
      hashes.map((row) => row['event_hash']),
    );
    const names = Object.fromEntries(report.items.map(({ what, old, now }) => [what, [old, now]]));
    assert.deepEqual(names['model prices'], [PRICES[name], PRICES[name]]);
    assert.deepEqual(names['names of client keys'], [ALIASES[name], ALIASES[name]]);
    const lines = reportLines(report).join('\n');
    assert.match(lines, /Everything is here as it was there/);
    assert.match(lines, /cleanup --old-volume/);
  });

  test(`${name}: no key is in our files in clear, and the saved connection works`, async (t) => {
    const oldDir = volumeCopy(t, name);
    const dir = storeDir(t);
    const dbPath = newDatabase(dir);
    await takeOver(oldDir, dbPath);
    const bytes = fs.readdirSync(dir).map((file) => fs.readFileSync(path.join(dir, file)));
    assert.ok(bytes.length > 0);
    const found = SECRETS.filter((secret) => bytes.some((file) => file.includes(secret)));
    assert.deepEqual(found, []);

    const db = openDatabase(dbPath, { mode: 'read' });
    t.after(() => db.close());
    const setting = db.prepare<[string], string>('select value from settings where key = ?').pluck();
    const box = createSecretBox(dataKeyOf(oldDir));
    const setup = parseSetup(setting.get(SETUP) ?? '');
    assert.equal(box.open(setup?.managementKey ?? ''), 'mgmt-secret-for-lab');
    const config = setting.get(MANAGER_CONFIG);
    assert.equal(config !== undefined, name !== 'cpa-manager-1.1.4');
    if (config !== undefined) {
      const saved = parseManagerConfig(config);
      assert.equal(box.open(saved?.cpaConnection.managementKey ?? ''), 'mgmt-secret-for-lab');
      assert.equal(saved?.collector.pollIntervalMs, 500);
    }
    // What has a price that came along was billed with it.
    const manual = `select count(*) from event e join model m on m.id = e.model_id
      join price_version p on p.id = e.price_id
      where m.name = 'gpt-5.4' and json_extract(p.json, '$.source') = 'manual' and e.cost_nano > 0`;
    assert.ok(count(db, manual) > 0);
    const unpriced = `select count(*) from event e join model m on m.id = e.model_id
      where e.cost_nano is null and m.name like 'gpt-5%'`;
    assert.equal(count(db, unpriced), 0);
  });
}

test('the admin key of CPA-Manager-Plus goes on working', async (t) => {
  const oldDir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const dbPath = newDatabase(storeDir(t));
  await takeOver(oldDir, dbPath);
  const db = openDatabase(dbPath, { mode: 'read' });
  t.after(() => db.close());
  const setting = db.prepare<[string], string>('select value from settings where key = ?').pluck();
  const credential = parseCredential(setting.get(ADMIN_CREDENTIAL) ?? '');
  assert.ok(credential);
  const key = fs.readFileSync(path.join(oldDir, 'ADMIN_KEY'), 'utf8');
  assert.ok(verifyAdminKey(credential, key));
  assert.ok(!verifyAdminKey(credential, `${key.trim()}x`));
  assert.match(setting.get('bootstrap_state_v1') ?? '', /"adminReady":true/);
  const alias = db.prepare<[], string>('select alias from client_key_alias').pluck();
  assert.deepEqual(alias.all(), ['Team Alpha']);
});

test('what ours has already stays as it is', async (t) => {
  const dbPath = newDatabase(storeDir(t));
  const first = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  await takeOver(first, dbPath, { source: 'first' });
  const settings = (): readonly Row[] => {
    const db = openDatabase(dbPath, { mode: 'read' });
    const rows = db.prepare<[], Row>('select key, value from settings order by key').all();
    db.close();
    return rows;
  };
  const before = settings();
  const second = volumeCopy(t, 'cpa-manager-2026-05-17');
  const { outcome } = await takeOver(second, dbPath, { source: 'second' });
  assert.equal(outcome.added, 28);
  assert.deepEqual(settings(), before);
  for (const [dir, source] of [
    [first, 'first'],
    [second, 'second'],
  ] as const) {
    const report = await reportOf(dir, dbPath, source);
    assert.deepEqual([report.state, report.differences], ['equal', []]);
  }
});

test('events that are here from another volume are not added again', async (t) => {
  const dbPath = newDatabase(storeDir(t));
  const oldDir = volumeCopy(t, 'cpa-manager-2026-05-17');
  await takeOver(oldDir, dbPath, { source: 'one' });
  const before = await exported(dbPath);
  const again = await takeOver(volumeCopy(t, 'cpa-manager-2026-05-17'), dbPath, { source: 'another' });
  assert.deepEqual([again.outcome.added, again.outcome.duplicates], [0, 28]);
  assert.equal(await exported(dbPath), before);
  const report = await reportOf(oldDir, dbPath, 'another');
  assert.deepEqual([report.state, report.copy?.duplicates], ['equal', 28]);
});

test('a copy that failed goes on behind the last batch that was stored', async (t) => {
  const oldDir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const whole = newDatabase(storeDir(t));
  await takeOver(oldDir, whole);
  const dbPath = newDatabase(storeDir(t));
  openDatabase(dbPath, { mode: 'write' }).close();
  const writer = await startWriter({ dbPath, dataKey: dataKeyOf(oldDir) });
  let batches = 0;
  const stopped = takeOver(oldDir, dbPath, {
    store: (batch, mark) => {
      batches += 1;
      if (batches === 3) return Promise.reject(new Error('the disk broke'));
      return writer.importEvents(batch, { maxRows: 3, maxMs: 1000, pause: false }, mark);
    },
  });
  await assert.rejects(stopped, /the disk broke/);
  await writer.close();
  const half = await reportOf(oldDir, dbPath);
  assert.equal(half.state, 'copying');
  assert.deepEqual([half.now.events, half.copy?.added, half.copy?.endedAtMs], [16, 16, null]);
  assert.deepEqual(half.reasons, [{ reason: 'not_copied', rows: 14 }]);
  const rest = await takeOver(oldDir, dbPath);
  assert.deepEqual([rest.outcome.added, rest.outcome.duplicates], [14, 0]);
  assert.equal(await exported(dbPath), await exported(whole));
  const report = await reportOf(oldDir, dbPath);
  assert.deepEqual([report.state, report.copy?.added, report.copy?.duplicates], ['equal', 30, 0]);
});

test('another file in the place of the one that was copied is copied from its beginning', async (t) => {
  const dbPath = newDatabase(storeDir(t));
  await takeOver(volumeCopy(t, 'cpa-manager-1.1.4'), dbPath);
  const other = volumeCopy(t, 'cpa-manager-2026-05-17');
  const { outcome } = await takeOver(other, dbPath);
  assert.equal(outcome.added, 28);
  const db = openDatabase(dbPath, { mode: 'read' });
  t.after(() => db.close());
  assert.equal(readTakeover(db, 'volume')?.added, 28);
  assert.equal(count(db, 'select count(*) from event'), 26 + 28);
});

test('rows that came while the old program ran on are added by the next copy', async (t) => {
  const oldDir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const dbPath = newDatabase(storeDir(t));
  await takeOver(oldDir, dbPath);
  const old = new Database(databaseIn(oldDir));
  const hash = 'ab'.repeat(32);
  old.exec(`insert into usage_events (event_hash, timestamp_ms, timestamp, model, input_tokens, total_tokens, created_at_ms)
    values ('${hash}', 1795259999123, '2026-11-21T11:19:59.123Z', 'gpt-5.4', 7, 7, 1795259999200)`);
  old.close();
  const { outcome } = await takeOver(oldDir, dbPath);
  assert.deepEqual([outcome.added, outcome.duplicates], [1, 0]);
  assert.ok(hashesOf(await exported(dbPath)).includes(hash));
  assert.equal((await reportOf(oldDir, dbPath)).state, 'equal');
});

test('an event that is gone here, and one that differs, are named', async (t) => {
  const oldDir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const dbPath = newDatabase(storeDir(t));
  await takeOver(oldDir, dbPath);
  const db = openDatabase(dbPath, { mode: 'write' });
  db.prepare('update event set reported_input = 999 where id = 4').run();
  db.close();
  const other = await reportOf(oldDir, dbPath);
  assert.equal(other.state, 'explained');
  assert.deepEqual(
    other.differences.map(({ reason, oldId }) => [reason, oldId]),
    [['there_before', 4]],
  );
  assert.match(other.differences[0]?.detail ?? '', /^input_tokens \d+ there, 999 here$/);
  const again = openDatabase(dbPath, { mode: 'write' });
  again.prepare('delete from event where id = 5').run();
  again.close();
  const report = await reportOf(oldDir, dbPath);
  assert.equal(report.state, 'different');
  assert.deepEqual(
    report.differences.map(({ reason, oldId }) => [reason, oldId]),
    [
      ['there_before', 4],
      ['missing', 5],
    ],
  );
  assert.equal(
    report.days.filter(({ equal }) => !equal).length,
    new Set(report.differences.map(({ model }) => model)).size,
  );
  assert.equal(report.attention[0]?.code, 'rows_missing');
  assert.match(reportLines(report)[1] ?? '', /^ {2}! 1 events are not here/);
});

test('credentials that were switched off are named first, those that are due first in front', async (t) => {
  const oldDir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const old = new Database(databaseIn(oldDir));
  const at = Date.UTC(2026, 10, 21, 12, 30);
  old.exec(`
    insert into quota_cooldowns (auth_file_name, auth_index, provider, reason_code, recover_at_ms, owner, status,
      disabled_at_ms, created_at_ms, updated_at_ms) values
      ('codex-late.json', 'aa11', 'codex', 'usage_limit', ${at + 60_000}, 'cpamp_usage_429', 'active', ${at}, 1, 1),
      ('codex-soon.json', 'aa22', 'codex', 'usage_limit', ${at}, 'cpamp_usage_429', 'active', ${at}, 1, 1),
      ('codex-back.json', 'aa33', 'codex', 'usage_limit', ${at}, 'cpamp_usage_429', 'recovered', ${at}, 1, 1);
    insert into codex_inspection_disable_ownership (file_name, provider, auth_index, account_id, account_snapshot,
      disabled_at_ms, updated_at_ms) values ('codex-inspected.json', 'codex', 'bb11', '', '', ${at}, 1);
    insert into account_action_candidates (action_type, status, auth_file_name, auto_disabled_at_ms, first_seen_at_ms,
      last_seen_at_ms, created_at_ms, updated_at_ms) values
      ('reauth', 'pending', 'codex-dead.json', ${at}, 1, 1, 1, 1),
      ('reauth', 'pending', 'codex-on.json', null, 1, 1, 1, 1);`);
  old.close();
  const dbPath = newDatabase(storeDir(t));
  await takeOver(oldDir, dbPath);
  const report = await reportOf(oldDir, dbPath);
  const files = report.attention.map(({ message }) => message.split(/[ :]/, 1)[0]);
  assert.deepEqual(files, ['codex-soon.json', 'codex-late.json', 'codex-dead.json', 'codex-inspected.json']);
  assert.deepEqual(
    report.attention.map(({ dueAtMs }) => dueAtMs),
    [at, at + 60_000, null, null],
  );
  assert.match(report.attention[0]?.message ?? '', /on again at 2026-11-21 12:30 UTC.*nobody else will/i);
  assert.equal(report.state, 'equal');
  const left = new Map(report.left.map(({ table, rows }) => [table, rows]));
  assert.equal(left.get('quota_cooldowns'), 3);
  assert.equal(left.get('account_quota_snapshots'), 12);
});

test('a row whose long text lies on a damaged page is taken without it', async (t) => {
  const oldDir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const old = new Database(databaseIn(oldDir));
  old.prepare(`update usage_events set raw_json = ? where id = 7`).run(`{"a":"${'x'.repeat(50_000)}"}`);
  old.pragma('wal_checkpoint(truncate)');
  const pages = old
    .prepare<[], { pageno: number; path: string }>(
      `select pageno, path from dbstat where name = 'usage_events' and pagetype = 'overflow' order by path`,
    )
    .all();
  const size = Number(old.pragma('page_size', { simple: true }));
  old.close();
  // A chain of so many pages has only this row.
  const chain = Object.values(Object.groupBy(pages, ({ path: of }) => of.split('+')[0] ?? '')).find(
    (links) => (links?.length ?? 0) > 8,
  );
  const second = chain?.[1]?.pageno;
  assert.ok(second !== undefined);
  const fd = fs.openSync(databaseIn(oldDir), 'r+');
  fs.writeSync(fd, Buffer.alloc(size, 0xa5), 0, size, (second - 1) * size);
  fs.closeSync(fd);
  const dbPath = newDatabase(storeDir(t));
  const result = await takeOver(oldDir, dbPath);
  assert.deepEqual([result.outcome.added, result.shortened, result.lost], [30, 1, []]);
  const report = await reportOf(oldDir, dbPath);
  assert.deepEqual([report.state, report.differences], ['explained', []]);
  assert.deepEqual(
    [report.copy?.shortened, report.attention.map(({ code }) => code)],
    [1, ['rows_shortened']],
  );
  assert.match(reportLines(report).join('\n'), /30 added, 1 without a text on damaged pages/);
});

test('a copy that stores nothing tells what one would add', async (t) => {
  const oldDir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const preview = new ImportPreview(null, createStandardPricing(), 0);
  t.after(() => preview.close());
  const told: number[] = [];
  const result = await copyApart({
    oldPath: databaseIn(oldDir),
    dbPath: null,
    source: 'volume',
    gateway: '',
    nowMs: RECEIVED_AT_MS,
    batchRows: 8,
    store: (batch) => Promise.resolve(preview.store(batch)),
    storeLetters: () => Promise.resolve(),
    onProgress: ({ done, total }) => told.push(done, total),
    signal: new AbortController().signal,
  });
  assert.deepEqual([result.outcome.added, result.outcome.duplicates, result.rejected], [30, 0, 0]);
  assert.deepEqual(told.slice(0, 2), [0, 30]);
  assert.deepEqual(told.slice(-2), [30, 30]);
});

test('a copy ends where it is told to, and says so', async (t) => {
  const oldDir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
  const dbPath = newDatabase(storeDir(t));
  openDatabase(dbPath, { mode: 'write' }).close();
  const writer = await startWriter({ dbPath, dataKey: null });
  const stop = new AbortController();
  const result = await takeOver(oldDir, dbPath, {
    store: (batch, mark) => {
      stop.abort();
      return writer.importEvents(batch, { maxRows: 100, maxMs: 1000, pause: false }, mark);
    },
    signal: stop.signal,
  });
  await writer.close();
  assert.ok(result.aborted);
  assert.ok(result.outcome.added >= 8 && result.outcome.added < 30, `${result.outcome.added}`);
  const rest = await takeOver(oldDir, dbPath);
  assert.deepEqual([rest.outcome.added, rest.outcome.duplicates], [30 - result.outcome.added, 0]);
});
