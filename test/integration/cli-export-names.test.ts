import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { openDatabase } from '../../src/lib/store/open.ts';
import { COLUMNS } from '../../src/lib/transfer/export/columns.ts';
import { runCli } from '../support/cli.ts';
import { parseCsv } from '../support/csv.ts';
import { tempDir } from '../support/daemon.ts';
import { call } from '../support/store-harness.ts';

/** Names of models as a hostile record writes them, and as they are kept: one line of characters that can be shown. */
const NAMES: ReadonlyArray<readonly [given: string, kept: string]> = [
  ['x'.repeat(1 << 20), `${'x'.repeat(1021)}...`],
  ['é'.repeat(1 << 19), `${'é'.repeat(510)}...`],
  ['nul\u0000inside', 'nul inside'],
  ['\u0000', '-'],
  ['\u200B\u202E', '-'],
  ['\uD800lone', '\uFFFDlone'],
  ['lone\uDC00', 'lone\uFFFD'],
  ['quo"te,\r\n"line"', 'quo"te, "line"'],
  ["'quoted", "'quoted"],
  ['=1+1', '=1+1'],
  ['模型 😀', '模型 😀'],
  ['\u2028ls', 'ls'],
];

type Values = Readonly<Record<string, unknown>>;

async function imported(t: TestContext, input: string | Uint8Array): Promise<string> {
  const dataDir = tempDir(t);
  const done = await runCli(t, ['import', '--data-dir', dataDir, '--quiet', '-'], { input });
  assert.equal(done.code, 0, done.stderr);
  return dataDir;
}

async function exportTo(t: TestContext, dataDir: string, name: string): Promise<Buffer> {
  const file = join(tempDir(t), name);
  const done = await runCli(t, ['export', '--data-dir', dataDir, '-o', file]);
  assert.deepEqual([done.code, done.stdout, done.stderr], [0, '', '']);
  return readFileSync(file);
}

/** In memory of their own, as the reader wants them. */
const alone = (bytes: Buffer): ArrayBuffer => new Uint8Array(bytes).buffer;

const readParquet = (bytes: Buffer): Promise<Values[]> =>
  parquetReadObjects({
    file: alone(bytes),
    compressors: { ZSTD: (packed) => new Uint8Array(zstdDecompressSync(packed)) },
  });

test('names of any length and any characters are the same in every format, and after every way round', async (t) => {
  const records = NAMES.map(([given], at) =>
    JSON.stringify(
      call({
        timestamp: new Date(Date.UTC(2026, 10, 21, 8, 0, at)).toISOString(),
        model: given,
        alias: given,
        endpoint: given.length > 100 ? 'POST /v1/responses' : given,
      }),
    ),
  );
  const dataDir = await imported(t, records.join('\n'));
  const lines = await exportTo(t, dataDir, 'out.jsonl');
  const events = lines
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line): Values => JSON.parse(line));
  assert.deepEqual(
    events.map(({ model }) => model),
    NAMES.map(([, kept]) => kept),
  );
  for (const { endpoint } of events) assert.notEqual(endpoint, undefined);

  const copy = await imported(t, lines);
  assert.deepEqual(await exportTo(t, copy, 'out.jsonl'), lines, 'the same bytes');

  const csv = await exportTo(t, dataDir, 'out.csv');
  const [head = [], ...rows] = parseCsv(csv.toString('utf8'));
  const column = head.indexOf('model');
  assert.deepEqual(
    rows.map((cells) => cells[column]),
    NAMES.map(([, kept]) => (kept.startsWith('=') ? `'${kept}` : kept)),
  );
  const table = await readParquet(await exportTo(t, dataDir, 'out.parquet'));
  assert.deepEqual(
    table.map(({ model, event_hash: hash }) => [model, hash]),
    events.map(({ model, event_hash: hash }) => [model, hash]),
  );
});

test('a table without a row can be read', async (t) => {
  const dataDir = tempDir(t);
  openDatabase(join(dataDir, 'usage.sqlite'), { mode: 'write' }).close();
  const names = COLUMNS.map(({ name }) => name);
  const csv = await exportTo(t, dataDir, 'out.csv');
  assert.deepEqual(parseCsv(csv.toString('utf8')), [names]);
  const parquet = await exportTo(t, dataDir, 'out.parquet');
  const { num_rows: rows, schema } = parquetMetadata(alone(parquet));
  assert.equal(rows, 0n);
  assert.deepEqual(
    schema.slice(1).map(({ name }) => name),
    names,
  );
  assert.deepEqual(await readParquet(parquet), []);
});

test('two exports to one file at once leave one of them, whole', async (t) => {
  const records = Array.from({ length: 2000 }, (_, at) =>
    JSON.stringify(
      call({
        timestamp: new Date(Date.UTC(2026, 10, 21, 8, 0, at)).toISOString(),
        model: at % 2 === 0 ? 'even' : 'odd',
        alias: at % 2 === 0 ? 'even' : 'odd',
      }),
    ),
  );
  const dataDir = await imported(t, records.join('\n'));
  const file = join(tempDir(t), 'out.jsonl');
  const models = ['even', 'odd'];
  const runs = await Promise.all(
    models.map((model) => runCli(t, ['export', '--data-dir', dataDir, '--model', model, '-o', file])),
  );
  for (const { code, stderr } of runs) assert.deepEqual([code, stderr], [0, '']);
  const found = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line).model);
  assert.equal(found.length, 1000);
  assert.equal(new Set(found).size, 1);
});
