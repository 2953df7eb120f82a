import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { openDatabase } from '../../src/lib/store/open.ts';
import { fileSource } from '../../src/lib/transfer/import/source.ts';
import { normalise } from '../../src/lib/usage/normalise.ts';
import { generate } from '../bench/generate.ts';
import { EXPORTS, exported, exportLines, exportPath, importInto, textSource } from '../support/importing.ts';
import {
  call,
  count,
  record,
  recordedCalls,
  RECEIVED_AT_MS,
  storeCore,
  storeDir,
} from '../support/store-harness.ts';

function newPath(t: TestContext): string {
  return path.join(storeDir(t), 'usage.sqlite');
}

/** Rebuilds the sums from the rows and compares them with those that were written along. */
function assertSums(dbPath: string): void {
  const db = openDatabase(dbPath, { mode: 'read' });
  try {
    const columns =
      'gateway_id, sum(failed), count(*), sum(uncached_input), sum(cache_read), sum(cache_write_5m), ' +
      'sum(cache_write_1h), sum(output), sum(reasoning), sum(coalesce(cost_nano, 0)), sum(cost_nano IS NULL), ' +
      'sum(coalesce(latency_ms, 0)), sum(latency_ms IS NOT NULL)';
    const kept =
      'gateway_id, failed, calls, uncached_input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, ' +
      'cost_nano, unpriced, latency_sum_ms, latency_count';
    const rows = (sql: string): unknown[] => db.prepare(sql).raw().all();
    const bucket = 'timestamp_ms / 300000 * 300000';
    assert.deepEqual(
      rows(`SELECT ${columns}, ${bucket} AS b FROM event GROUP BY gateway_id, b ORDER BY gateway_id, b`),
      rows(`SELECT ${kept}, bucket_ms FROM total_5min ORDER BY gateway_id, bucket_ms`),
    );
    assert.deepEqual(
      rows(`SELECT ${columns} FROM event GROUP BY gateway_id ORDER BY gateway_id`),
      rows(`SELECT ${kept} FROM total_ever ORDER BY gateway_id`),
    );
  } finally {
    db.close();
  }
}

test('the exports of three older programs come in whole, and twice is once', async (t) => {
  const dbPath = newPath(t);
  const sources = await Promise.all(EXPORTS.map((name) => fileSource(exportPath(name))));
  const lines = EXPORTS.flatMap(exportLines);
  const first = await importInto(t, dbPath, sources);
  assert.deepEqual(
    first.sources.map(({ events, failed, error }) => ({ events, failed, error })),
    EXPORTS.map((name) => ({ events: exportLines(name).length, failed: 0, error: null })),
  );
  assert.equal(first.outcome.added, lines.length);
  assertSums(dbPath);
  const before = await exported(dbPath);
  const again = await importInto(t, dbPath, sources);
  assert.deepEqual([again.outcome.added, again.outcome.duplicates], [0, lines.length]);
  assert.equal(await exported(dbPath), before);
  const hashes = before
    .trimEnd()
    .split('\n')
    .map((line) => String(JSON.parse(line).event_hash));
  assert.deepEqual(hashes.toSorted(), lines.map((line) => String(JSON.parse(line).event_hash)).toSorted());
});

/** A database with everything that a row can say: all recorded calls, odd ones, generated ones, foreign imports. */
async function everything(t: TestContext): Promise<string> {
  const dbPath = newPath(t);
  const db = openDatabase(dbPath, { mode: 'write' });
  const core = storeCore(db);
  core.gateway('http://cpa:8317');
  const other = core.gateway('https://other.example:8317');
  const odd = [
    call({
      failed: true,
      fail: { status_code: 499, body: 'context canceled' },
      auth_snapshot_at_ms: 1_795_000_000_000,
    }),
    call({
      tokens: { input_tokens: 9, output_tokens: 5, reasoning_tokens: 50, cached_tokens: 3, total_tokens: 1 },
    }),
    call({ timestamp: 1_777_687_200, request_id: 'legacy:00112233', provider: 'claude', executor_type: '' }),
    call({
      tokens: { input_tokens: 2 ** 40, cache_read_tokens: 7, cache_creation_tokens: 8, cache_tokens: 9 },
    }),
    call({ timestamp: '3026-11-21T11:08:11.538186057Z', model: 'nobody prices this', alias: '' }),
    call({ timestamp: -5, latency_ms: -1, ttft_ms: 2 ** 33 }),
    call({ source: 'person@example.com', auth_type: 'oauth', account_snapshot: 'person@example.com' }),
    call({
      api_key: 'sk-client-beta-0002',
      fail: { body: 'Bearer sk-client-beta-0002 {"token":"abcdefgh1"}' },
      failed: true,
    }),
    call({
      provider: 'gemini',
      tokens: { input_tokens: 10, output_tokens: 4, reasoning_tokens: 9, total_tokens: 23 },
    }),
    { timestamp: '2026-11-21T11:08:11Z', model: 'm', tokens: { total_tokens: 77 } },
  ];
  core.commit([...recordedCalls(), ...odd.map((value) => record(value, other))], null);
  const source = generate({ seed: 9, startMs: Date.UTC(2026, 0, 1), everyMs: 1000, headers: true });
  core.commit(
    Array.from({ length: 300 }, () => {
      const { payload, atMs } = source.next().value;
      return record(payload, 1, atMs);
    }),
    null,
  );
  db.close();
  // Hashes that do not follow from the row, and no gateway.
  const strange = exportLines('cpa-manager-plus-1.12.2').map((line, at) =>
    JSON.stringify({ ...JSON.parse(line), event_hash: String(at).padStart(64, 'e') }),
  );
  strange.push(JSON.stringify({ ...JSON.parse(strange[0] ?? ''), event_hash: 'not-a-sha' }));
  await importInto(t, dbPath, [textSource(strange.join('\n'))]);
  return dbPath;
}

test('export, import into nothing, export: the same bytes', async (t) => {
  const dbPath = await everything(t);
  const before = await exported(dbPath);
  const lines = before.trimEnd().split('\n');
  assert.ok(lines.some((line) => line.includes('"event_hash":"not-a-sha"')));
  assert.ok(lines.some((line) => !line.includes('"gateway":')));
  assert.ok(lines.some((line) => line.includes('other.example')));
  assert.ok(
    lines.some((line) => !line.includes('"cost_nano_usd":')),
    'some are unpriced',
  );
  const copy = newPath(t);
  const report = await importInto(t, copy, [textSource(before)], { threads: 2 });
  assert.deepEqual([report.outcome.added, report.sources[0]?.failed], [lines.length, 0]);
  const after = (await exported(copy)).trimEnd().split('\n');
  for (const [at, line] of after.entries()) assert.equal(line, lines[at]);
  assert.equal(after.length, lines.length);
  assertSums(copy);
  // And where all of it is there already, nothing changes.
  const again = await importInto(t, dbPath, [textSource(before)]);
  assert.deepEqual([again.outcome.added, again.outcome.duplicates], [0, lines.length]);
});

test('an exported cost stays, also where other prices count here', async (t) => {
  const [line = ''] = exportLines('cpa-manager-plus-1.12.2');
  const sha = 'ab'.repeat(32);
  const own = { ...JSON.parse(line), cost_nano_usd: 123_456, price_id: sha };
  const dbPath = newPath(t);
  await importInto(t, dbPath, [textSource(JSON.stringify(own))]);
  const [out = ''] = (await exported(dbPath)).split('\n');
  assert.deepEqual([JSON.parse(out).cost_nano_usd, JSON.parse(out).price_id], [123_456, sha]);
  // Without the name of the price nobody could explain the cost: the book decides.
  const bare = newPath(t);
  await importInto(t, bare, [textSource(JSON.stringify({ ...own, price_id: undefined }))]);
  assert.notEqual(JSON.parse((await exported(bare)).split('\n')[0] ?? '').cost_nano_usd, 123_456);
});

test('bad lines are counted and named, and the good ones around them come in', async (t) => {
  const lines = exportLines('cpa-manager-1.1.4');
  const bad = [
    '{"event_hash":"half',
    '5',
    '[]',
    '{"event_hash":"ab"}',
    '{"refresh":true}',
    '{"model":"m","tokens":{}}',
  ];
  const text = [...lines.slice(0, 3), ...bad, '', '  ', ...lines.slice(3), 'x'.repeat(11 * 1024 * 1024)].join(
    '\r\n',
  );
  for (const [size, threads] of [
    [4096, 0],
    [65_536, 0],
    [28_672, 2],
    [3_000_000, 1],
  ] as const) {
    const rejects: Array<{ where: string; text: string | null }> = [];
    const report = await importInto(t, newPath(t), [textSource(text, size, 'some.jsonl')], {
      threads,
      onReject: ({ where, text: written }) => rejects.push({ where, text: written }),
    });
    assert.equal(report.outcome.added, lines.length);
    assert.equal(report.sources[0]?.failed, bad.length + 1);
    assert.deepEqual(rejects, [
      ...bad.map((written, at) => ({ where: `some.jsonl:${at + 4}`, text: written })),
      { where: `some.jsonl:${lines.length + bad.length + 3}`, text: null },
    ]);
  }
});

test('packed files are unpacked, whatever they are called, and damaged ones are named', async (t) => {
  const text = exportLines('cpa-manager-1.1.4').join('\n');
  for (const packed of [
    gzipSync(text),
    zstdCompressSync(text),
    Buffer.concat([gzipSync(text), gzipSync('\n')]),
  ]) {
    const report = await importInto(t, newPath(t), [textSource(packed, 3)]);
    assert.deepEqual([report.outcome.added, report.sources[0]?.error], [26, null]);
  }
  const cut = gzipSync(text).subarray(0, -20);
  const report = await importInto(t, newPath(t), [textSource(cut, 500, 'cut.gz'), textSource(text)]);
  assert.equal(report.sources[0]?.error?.code, 'import_unreadable');
  assert.equal(report.outcome.added, 26, 'the next file is not held up');
});

test('what is interrupted is made whole by the next run', async (t) => {
  const dbPath = newPath(t);
  const text = EXPORTS.flatMap(exportLines).join('\n');
  const abort = new AbortController();
  const first = await importInto(t, dbPath, [textSource(text)], {
    signal: abort.signal,
    onProgress: ({ events }) => {
      if (events >= 30) abort.abort();
    },
  });
  assert.ok(first.aborted);
  assert.ok(first.outcome.added >= 30 && first.outcome.added < 84, String(first.outcome.added));
  const second = await importInto(t, dbPath, [textSource(text)]);
  assert.equal(first.outcome.added + second.outcome.added, 84);
  const whole = newPath(t);
  await importInto(t, whole, [textSource(text)]);
  assert.equal(await exported(dbPath), await exported(whole));
});

test('a source that cannot be read does not take the others with it, a database that fails does', async (t) => {
  const text = exportLines('cpa-manager-1.1.4').join('\n');
  const sums = '{"total_requests":4,"apis":{"POST /v1/x":{"models":{"m":{"total_requests":4}}}}}';
  const report = await importInto(t, newPath(t), [
    textSource('', 10, 'nothing'),
    textSource(sums, 10, 'sums'),
    textSource(text),
  ]);
  assert.deepEqual(
    report.sources.map(({ error }) => error?.code ?? null),
    ['import_empty', 'import_without_details', null],
  );
  assert.equal(report.outcome.added, 26);
  await assert.rejects(
    importInto(t, newPath(t), [textSource(text)], {
      store: () => Promise.reject(new Error('the disk went away')),
    }),
    /the disk went away/,
  );
});

test('no key of the old exports reaches the file, and names are written once', async (t) => {
  const dbPath = newPath(t);
  const text = EXPORTS.flatMap(exportLines).join('\n');
  await importInto(t, dbPath, [textSource(text)]);
  const db = openDatabase(dbPath, { mode: 'read' });
  t.after(() => db.close());
  for (const table of ['model', 'credential', 'client_key', 'call_profile', 'provider']) {
    const rows = count(db, `SELECT count(*) FROM ${table}`);
    assert.ok(rows > 0 && rows < 30, `${table}: ${rows}`);
  }
  const keys =
    fs.readFileSync(dbPath).toString('latin1') +
    (fs.existsSync(`${dbPath}-wal`) ? fs.readFileSync(`${dbPath}-wal`).toString('latin1') : '');
  for (const secret of [
    'sk-upstream-openai',
    'sk-ant-upstream',
    'sk-codex-upstream',
    'AIza-upstream',
    'sk-client-',
  ]) {
    assert.ok(!keys.includes(secret), secret);
  }
});

test('what CPA-Manager-Plus exported is known when it is collected, and hashes of older programs stay', async (t) => {
  const records = fs
    .readFileSync(
      new URL('../fixtures/exports/cpa-manager-plus-1.12.2.records.jsonl', import.meta.url),
      'utf8',
    )
    .trimEnd()
    .split('\n')
    .map((line) => record(line));
  const [plus, older] = [newPath(t), newPath(t)];
  await importInto(t, plus, [await fileSource(exportPath('cpa-manager-plus-1.12.2'))]);
  const db = openDatabase(plus, { mode: 'write' });
  t.after(() => db.close());
  storeCore(db).commit(records, null);
  assert.equal(count(db, 'SELECT count(*) FROM event'), records.length);

  const given = ['cpa-manager-1.1.4', 'cpa-manager-2026-05-17'] as const;
  await importInto(t, older, await Promise.all(given.map((name) => fileSource(exportPath(name)))));
  const hashes = given.flatMap(exportLines).map((line): string => JSON.parse(line).event_hash);
  const copy = newPath(t);
  await importInto(t, copy, [textSource(await exported(older))]);
  for (const dbPath of [older, copy]) {
    const found = (await exported(dbPath)).trimEnd().split('\n');
    assert.deepEqual(found.map((line): string => JSON.parse(line).event_hash).toSorted(), hashes.toSorted());
  }
  // By our rule, which hashes the alias, some of the same requests have another hash.
  const again = given.flatMap(exportLines).flatMap((line) => {
    const { raw_json: inside }: { raw_json?: string } = JSON.parse(line);
    const read =
      inside === undefined
        ? null
        : normalise(Buffer.from(inside), { receivedAtMs: RECEIVED_AT_MS, gatewayId: 1 });
    return read?.kind === 'event' ? [read.event.hash] : [];
  });
  assert.ok(again.some((hash) => hashes.includes(hash)) && again.some((hash) => !hashes.includes(hash)));
});
