import assert from 'node:assert/strict';
import { createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { openDatabase } from '../../src/lib/store/open.ts';
import { eventHash } from '../../src/lib/usage/event-hash.ts';
import { corruptPage } from '../support/old-volumes/corrupt.ts';
import { GENERATIONS, isPlus, type Generation } from '../support/old-volumes/generations.ts';
import { oldEventHash, type HashedRow } from '../support/old-volumes/hash.ts';
import { makeOldVolume, type OldVolume, type OldVolumeOptions } from '../support/old-volumes/make.ts';
import { ALL_ODDITIES } from '../support/old-volumes/oddities.ts';
import { readOldVolume, startOldProgram } from '../support/old-volumes/old-reader.ts';
import { makeOwnVolume, OWN_SCHEMAS } from '../support/old-volumes/own.ts';
import { storeDir } from '../support/store-harness.ts';

type Db = Database.Database;
type Row = Readonly<Record<string, unknown>>;

const REAL = ['cpa-manager-1.1.4', 'cpa-manager-2026-05-17', 'cpa-manager-plus-1.12.2'] as const;
const NEWEST = 'cpa-manager-plus-1.12.2';

/** A copy of the volume that the real program wrote. */
function realVolume(t: TestContext, name: string): string {
  const dir = storeDir(t);
  fs.cpSync(new URL(`../fixtures/volumes/${name}`, import.meta.url), dir, { recursive: true });
  return path.join(dir, 'usage.sqlite');
}

function open(t: TestContext, dbPath: string): Db {
  const db = new Database(dbPath);
  t.after(() => db.close());
  return db;
}

function make(t: TestContext, options: Partial<OldVolumeOptions> & { generation: Generation }): OldVolume {
  return makeOldVolume(path.join(storeDir(t), 'volume'), { events: 100, ...options });
}

function rows(db: Db, sql: string, ...values: readonly unknown[]): readonly Row[] {
  return db.prepare<unknown[], Row>(sql).all(...values);
}

/** Statements with the ways of writing them taken away: case, white space, quotes and what is optional. */
function plainSql(row: Row): Row {
  const sql = typeof row['sql'] === 'string' ? row['sql'] : '';
  return { ...row, sql: sql.toLowerCase().replaceAll(/ if not exists|["'`\s]/g, '') };
}

/** Everything that SQLite knows of the tables, in an order of its own. */
function shape(db: Db): Row {
  const tables = rows(
    db,
    `select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'
      and name not like 'usage_monitoring_event_search_v1_%' order by name`,
  ).map((row) => String(row['name']));
  return Object.fromEntries(
    tables.map((name) => [
      name,
      {
        columns: rows(
          db,
          'select name, lower(type) as type, "notnull", dflt_value, pk from pragma_table_info(?)',
          name,
        ),
        keys: rows(
          db,
          'select "table", "from", "to", on_delete from pragma_foreign_key_list(?) order by "from"',
          name,
        ),
        unique: rows(
          db,
          `select origin, group_concat(i.name) as columns from pragma_index_list(?) l, pragma_index_info(l.name) i
            where origin in ('u', 'pk') group by l.name order by 1, 2`,
          name,
        ),
      },
    ]),
  );
}

for (const name of REAL) {
  test(`${name}: tables, columns and indexes are those of the real program`, (t) => {
    const real = open(t, realVolume(t, name));
    const ours = open(t, make(t, { generation: name, events: 3 }).dbPath);
    assert.deepEqual(shape(ours), shape(real));
    const created = `select type, name, tbl_name, sql from sqlite_schema where type in ('index', 'trigger')
      and sql is not null order by name`;
    assert.deepEqual(rows(ours, created).map(plainSql), rows(real, created).map(plainSql));
    const search = `select name, sql from sqlite_schema where sql like 'create virtual%'`;
    assert.deepEqual(rows(ours, search).map(plainSql), rows(real, search).map(plainSql));
    for (const pragma of [
      'journal_mode',
      'page_size',
      'auto_vacuum',
      'encoding',
      'user_version',
      'application_id',
    ]) {
      assert.deepEqual(ours.pragma(pragma), real.pragma(pragma));
    }
  });

  test(`${name}: the hashes of the real rows are those of the formula`, (t) => {
    const real = open(t, realVolume(t, name));
    const all = real.prepare<[], HashedRow & Row>('select * from usage_events').all();
    assert.ok(all.length > 20);
    for (const row of all) assert.equal(oldEventHash(row), row['event_hash']);
  });

  test(`${name}: settings have the keys and the fields of the real program`, (t) => {
    const real = open(t, realVolume(t, name));
    const ours = open(t, make(t, { generation: name, events: 1 }).dbPath);
    const fields = (db: Db): ReadonlyMap<string, unknown> =>
      new Map(
        rows(db, 'select key, value from settings').map((row) => {
          const value: unknown = String(row['value']).startsWith('{')
            ? JSON.parse(String(row['value']))
            : row['value'];
          return [String(row['key']), typeof value === 'object' ? Object.keys(value ?? {}).sort() : value];
        }),
      );
    const made = fields(ours);
    for (const [key, value] of fields(real)) assert.deepEqual(made.get(key), value, key);
  });
}

test('every generation has its columns, and the program starts on what it left', (t) => {
  for (const generation of GENERATIONS) {
    const volume = make(t, { generation, events: 60, oddities: ALL_ODDITIES });
    const view = readOldVolume(volume.dbPath, generation);
    assert.equal(view.calls, volume.rows);
    assert.equal(view.tables.get('usage_events')?.rows, 60);
    assert.deepEqual(startOldProgram(volume.dbPath, generation), view, generation);
    for (const [name, written] of volume.extras) {
      assert.equal(view.tables.get(name)?.rows, written.length, `${generation} ${name}`);
    }
    assert.equal(view.settings.has('admin_credential_v1'), isPlus(generation));
  }
});

test('a file that came through an older program has its columns at the end and its rows in both halves', (t) => {
  for (const begunBy of GENERATIONS) {
    const volume = make(t, { generation: NEWEST, begunBy, events: 40 });
    const view = startOldProgram(volume.dbPath, NEWEST);
    assert.equal(view.calls, 40, begunBy);
    if (begunBy !== 'cpa-manager-1.1.4') continue;
    const db = open(t, volume.dbPath);
    const columns = rows(db, `select name from pragma_table_info('usage_events')`).map((row) => row['name']);
    assert.deepEqual(columns.slice(23, 28), [
      'raw_json',
      'created_at_ms',
      'account_snapshot',
      'auth_label_snapshot',
      'auth_file_snapshot',
    ]);
    // The older one named the upstream's model, and knew no other.
    const old = rows(db, 'select distinct model from usage_events where requested_model is null');
    assert.ok(old.some((row) => row['model'] === 'claude-sonnet-4-5-20250929'));
  }
});

test('what the generator counted is what SQLite sums', (t) => {
  const volume = make(t, {
    generation: NEWEST,
    events: 400,
    oddities: { ...ALL_ODDITIES, duplicates: true },
  });
  const db = open(t, volume.dbPath);
  const left = [...volume.odd.filter((odd) => !odd.sound).map((odd) => odd.id), ...volume.copies];
  const summed = rows(
    db,
    `select model, date(timestamp_ms / 1000, 'unixepoch') as day, count(*) as events, sum(failed) as failed,
      sum(input_tokens) as input, sum(output_tokens) as output, sum(reasoning_tokens) as reasoning,
      sum(cached_tokens) as cached, sum(cache_tokens) as cache, sum(cache_read_tokens) as cacheRead,
      sum(cache_creation_tokens) as cacheCreation, sum(total_tokens) as total
      from usage_events where id not in (select value from json_each(?)) group by 1, 2 order by 1, 2`,
    JSON.stringify(left),
  );
  const counted = [...volume.sums].flatMap(([model, days]) =>
    [...days].map(([day, sums]) => ({ model, day, ...sums })),
  );
  const order = (row: Row): string => `${String(row['model'])} ${String(row['day'])}`;
  const sorted = (all: readonly Row[]): readonly Row[] =>
    [...all].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  assert.deepEqual(sorted(counted), sorted(summed));
  assert.equal(volume.rows, Number(db.prepare('select count(*) from usage_events').pluck().get()));
  const twice = db.prepare('select count(*) - count(distinct event_hash) from usage_events').pluck();
  assert.equal(twice.get(), volume.copies.length);
  assert.ok(volume.copies.length > 10);
});

test('each oddity is there', (t) => {
  const volume = make(t, { generation: NEWEST, events: 400, oddities: ALL_ODDITIES });
  const db = open(t, volume.dbPath);
  const count = (where: string): number =>
    Number(db.prepare(`select count(*) from usage_events where ${where}`).pluck().get());
  const conditions = [
    'request_id is null and raw_json is null and latency_ms is null',
    'raw_json is not null and not json_valid(raw_json)',
    'length(raw_json) > 1048576 or length(fail_body) >= 1048576',
    `model = '模型-七'`,
    `hex(account_snapshot) like '%FFFE%'`,
    `hex(model) like '%FFFE%'`,
    'input_tokens < 0',
    'output_tokens > 9007199254740992',
    `typeof(input_tokens) = 'text'`,
    `typeof(input_tokens) = 'real'`,
    `typeof(timestamp_ms) = 'text'`,
    'timestamp_ms = 0',
    'timestamp_ms between 1000000000 and 9999999999',
    'timestamp_ms > 4000000000000',
    `timestamp = 'just now'`,
    `source like 'sk-made-up-plain-source%'`,
    'event_hash <> lower(event_hash)',
  ];
  for (const condition of conditions) assert.ok(count(condition) > 0, condition);
  const near = `select count(*) from usage_events a join usage_events b on a.timestamp_ms = b.timestamp_ms
    and a.id < b.id and substr(a.event_hash, 1, 16) = substr(b.event_hash, 1, 16) and a.event_hash <> b.event_hash`;
  assert.ok(Number(db.prepare(near).pluck().get()) > 0);
  assert.deepEqual(new Set(volume.odd.map((odd) => odd.of)), new Set(Object.keys(ALL_ODDITIES)));
  // And none where none was asked for.
  const plain = make(t, { generation: NEWEST, events: 50 });
  assert.deepEqual([plain.odd, plain.copies], [[], []]);
});

test('sound rows carry the hash that the program stored with them, and so does our formula', (t) => {
  const volume = make(t, { generation: 'cpa-manager-1.1.0', oddities: { nulls: true } });
  const db = open(t, volume.dbPath);
  for (const row of db.prepare<[], HashedRow & Row>('select * from usage_events').all()) {
    const text = (name: string): string => (typeof row[name] === 'string' ? row[name] : '');
    const ours = eventHash({
      requestId: text('request_id'),
      timestamp: text('timestamp'),
      endpoint: text('endpoint'),
      model: text('model'),
      authIndex: text('auth_index'),
      sourceHash: text('source_hash'),
      input: Number(row.input_tokens),
      output: Number(row.output_tokens),
      reasoning: Number(row.reasoning_tokens),
      cachedMax: Number(row.cached_tokens),
      failed: row.failed === 1,
      latencyMs: row.latency_ms === null ? null : Number(row.latency_ms),
    });
    assert.equal(ours, row['event_hash']);
  }
});

test('after a kill the rows are in the WAL, after a stop there is none', (t) => {
  const files = (volume: OldVolume): readonly string[] =>
    fs.readdirSync(volume.dir).filter((name) => name.startsWith('usage.sqlite'));
  const generation = 'cpa-manager-1.1.4';
  const killed = make(t, { generation, inWal: true });
  assert.deepEqual(files(killed), ['usage.sqlite', 'usage.sqlite-shm', 'usage.sqlite-wal']);
  assert.equal(fs.statSync(killed.dbPath).size, 4096);
  assert.equal(readOldVolume(killed.dbPath, generation).calls, 100);
  const half = make(t, { generation, inWal: 'tail' });
  fs.rmSync(`${half.dbPath}-wal`);
  assert.equal(readOldVolume(half.dbPath, generation).calls, 90);
  assert.deepEqual(files(make(t, { generation })), ['usage.sqlite']);
});

test('the saved key opens with data.key and the admin key fits its credential', (t) => {
  const volume = make(t, { generation: 'cpa-manager-plus-0.1.0-beta', events: 1 });
  const { settings } = readOldVolume(volume.dbPath, volume.generation);
  const sealed = JSON.parse(settings.get('manager_config_v1') ?? '').cpaConnection.managementKey.split(':');
  const key = hkdfSync(
    'sha256',
    Buffer.from(volume.dataKeyFile ?? '', 'base64'),
    'cpa-manager-plus',
    'settings-secrets-v1',
    32,
  );
  const bytes = Buffer.from(sealed[3], 'base64');
  const open = createDecipheriv('aes-256-gcm', Buffer.from(key), Buffer.from(sealed[2], 'base64'))
    .setAAD(Buffer.from('settings-secret'))
    .setAuthTag(bytes.subarray(-16));
  const plain = Buffer.concat([open.update(bytes.subarray(0, -16)), open.final()]).toString();
  assert.equal(plain, volume.connection?.managementKey);
  const credential = JSON.parse(settings.get('admin_credential_v1') ?? '');
  const mac = createHmac('sha256', Buffer.from(credential.salt, 'base64')).update(volume.adminKey ?? '');
  assert.equal(mac.digest('base64').replace(/=+$/, ''), credential.keyHash);
  assert.equal(fs.readFileSync(path.join(volume.dir, 'data.key'), 'utf8'), volume.dataKeyFile);
});

test('a corrupt page takes the rows named with it', (t) => {
  const volume = make(t, { generation: NEWEST, events: 300 });
  const { ids } = corruptPage(volume.dir, 3);
  assert.ok(ids.length > 0);
  const db = open(t, volume.dbPath);
  const row = db.prepare('select raw_json from usage_events where id = ?');
  for (const id of ids) assert.throws(() => row.get(id), /malformed/);
  assert.ok(row.get(Math.max(...ids) + 1));
  assert.throws(() => db.prepare('select count(raw_json) from usage_events').get(), /malformed/);
});

test('two volumes of one seed are the same, and a byte of one row tells them apart', (t) => {
  const options = { generation: 'cpa-manager-2026-05-17', oddities: ALL_ODDITIES } as const;
  const [first, second] = [make(t, options), make(t, options)];
  const before = readOldVolume(first.dbPath, options.generation);
  assert.deepEqual(readOldVolume(second.dbPath, options.generation), before);
  const db = open(t, second.dbPath);
  db.exec(`update usage_events set raw_json = cast(raw_json as blob) where id = 50`);
  const changed = readOldVolume(second.dbPath, options.generation);
  assert.notDeepEqual(changed.tables.get('usage_events'), before.tables.get('usage_events'));
});

for (const generation of GENERATIONS) {
  test(`${generation} fails on a database of ours before it can write to it`, (t) => {
    const dbPath = path.join(storeDir(t), 'usage.sqlite');
    openDatabase(dbPath, { mode: 'write' }).close();
    const ours = open(t, dbPath);
    const state = (): unknown => [
      rows(
        ours,
        // Empty tables for its housekeeping are the one thing that it may make before it comes to the events.
        `select type, name, tbl_name, sql from sqlite_schema where tbl_name not like 'usage_derived_%'
          and name <> 'sqlite_sequence' order by name`,
      ),
      rows(ours, 'select * from settings'),
    ];
    const before = state();
    assert.throws(
      () => startOldProgram(dbPath, generation),
      /usage_events|dead_letter_events|views may not be indexed|to a view/,
    );
    assert.deepEqual(state(), before);
  });
}

test('what earlier releases of ours left opens with every row', (t) => {
  for (const schema of OWN_SCHEMAS) {
    const volume = makeOwnVolume(storeDir(t), { schema, events: 50, inWal: schema % 2 === 0 });
    const db = openDatabase(volume.dbPath, { mode: 'write' });
    t.after(() => db.close());
    assert.deepEqual(
      rows(db, `select event_hash, input_tokens, output_tokens from usage_events order by id`).map(
        (row) => row['event_hash'],
      ),
      volume.hashes.map((hash) => hash.slice(0, 16)),
    );
    const [sums] = rows(db, 'select calls, uncached_input as input, output from total_ever');
    assert.deepEqual(sums, { calls: 50, ...volume.sums });
  }
});
