import assert from 'node:assert/strict';
import test from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { ExportReader, type ExportRow } from '../../../src/lib/store/export-reader.ts';
import { COLUMNS, exportRecord } from '../../../src/lib/transfer/export/columns.ts';
import { compressed } from '../../../src/lib/transfer/export/compress.ts';
import { CSV_HEADER, csvLine } from '../../../src/lib/transfer/export/csv.ts';
import { createEncoder, PIECE_BYTES, type ExportFormat } from '../../../src/lib/transfer/export/encoder.ts';
import { parseCsv } from '../../support/csv.ts';
import { AWKWARD } from '../../support/exporting.ts';
import { call, record, recordedCalls, storeCore, storeDb } from '../../support/store-harness.ts';

/** The rows of a store with these records and all recorded ones. */
function rowsOf(t: test.TestContext, payloads: readonly unknown[]): ExportRow[] {
  const db = storeDb(t);
  const core = storeCore(db);
  core.gateway('http://cpa:8317');
  core.commit([...recordedCalls(), ...payloads.map((payload) => record(payload))], null);
  const reader = new ExportReader(db);
  const rows: ExportRow[] = [];
  for (let more = reader.next(); more.length > 0; more = reader.next()) rows.push(...more);
  return rows;
}

async function encoded(format: ExportFormat, rows: readonly ExportRow[], step = 100): Promise<Buffer> {
  const encoder = await createEncoder(format);
  const pieces = [...encoder.begin()];
  for (let at = 0; at < rows.length; at += step) pieces.push(...encoder.encode(rows.slice(at, at + step)));
  pieces.push(...encoder.end());
  for (const piece of pieces) {
    assert.ok(piece.length > 0 && piece.length <= PIECE_BYTES, `${piece.length}`);
    assert.equal(piece.byteLength, piece.buffer.byteLength, 'it can be handed over');
  }
  return Buffer.concat(pieces);
}

const awkward = AWKWARD.map((text, at) =>
  call({
    timestamp: `2026-06-01T00:00:0${at}.123456789Z`,
    model: text,
    alias: text,
    fail: { status_code: 400, body: text },
  }),
);

test('a CSV has the names of the lines, and cells that say the same', async (t) => {
  const rows = rowsOf(t, awkward);
  const [head, ...lines] = parseCsv((await encoded('csv', rows)).toString('utf8'));
  assert.deepEqual(
    head,
    COLUMNS.map(({ name }) => name),
  );
  assert.equal(lines.length, rows.length);
  rows.forEach((row, at) => {
    const values: Readonly<Record<string, unknown>> = exportRecord(row);
    lines[at]?.forEach((cell, column) => {
      const value = values[COLUMNS[column]?.name ?? ''];
      if (value === undefined) assert.equal(cell, '');
      else if (typeof value === 'object') assert.deepEqual(JSON.parse(cell), value);
      else if (typeof value === 'string') assert.equal(cell.replace(/^'/, ''), value.replace(/^'/, ''));
      else assert.equal(cell, JSON.stringify(value));
    });
  });
});

test('no cell of a CSV is a formula, and numbers are numbers', async (t) => {
  const rows = rowsOf(t, awkward);
  const [head = [], ...lines] = parseCsv((await encoded('csv', rows)).toString('utf8'));
  const kinds = new Map(COLUMNS.map(({ name, kind }) => [name, kind]));
  let guarded = 0;
  for (const line of lines) {
    line.forEach((cell, column) => {
      assert.doesNotMatch(cell, /^[=+@\t\r\n]|^-./s, head[column] ?? '');
      if (cell.startsWith("'")) guarded += 1;
      const kind = kinds.get(head[column] ?? '');
      if (cell !== '' && (kind === 'integer' || kind === 'decimal')) assert.match(cell, /^\d+(\.\d+)?$/);
    });
  }
  assert.ok(guarded >= 5, `${guarded}`);
  assert.ok(
    csvLine(rows[0] ?? assert.fail()).endsWith('\n') && CSV_HEADER.startsWith('request_id,event_hash,'),
  );
});

test('Parquet has the same values in groups of rows, with types that tools know', async (t) => {
  const rows = rowsOf(t, awkward);
  // Enough for several groups.
  const many = Array.from({ length: 20_000 }, (_, at) => rows[at % rows.length] ?? assert.fail());
  const bytes = await encoded('parquet', many, 500);
  const file = new Uint8Array(bytes).buffer;
  const metadata = parquetMetadata(file);
  assert.equal(metadata.row_groups.length, 10);
  assert.equal(Number(metadata.num_rows), many.length);
  const read = await parquetReadObjects({
    file,
    compressors: { ZSTD: (packed) => new Uint8Array(zstdDecompressSync(packed)) },
  });
  assert.equal(read.length, many.length);
  const checked = [0, 1, 2047, 2048, 4095, 4096, 18_431, 18_432, 19_999, ...rows.keys()];
  for (const at of checked) {
    const values: Readonly<Record<string, unknown>> = exportRecord(many[at] ?? assert.fail());
    for (const { name, kind } of COLUMNS) {
      const value = values[name];
      const found: unknown = read[at]?.[name];
      if (value === undefined) assert.equal(found, null, name);
      else if (kind === 'time')
        assert.ok(found instanceof Date && found.getTime() === values['timestamp_ms'], name);
      else if (kind === 'json') assert.deepEqual(JSON.parse(String(found)), value);
      else if (kind === 'integer') assert.equal(found, BigInt(Number(value)), name);
      else assert.equal(found, value, name);
    }
  }
  const empty = new Uint8Array(await encoded('parquet', [])).buffer;
  assert.equal(Number(parquetMetadata(empty).num_rows), 0);
  assert.equal(parquetMetadata(empty).schema.length, COLUMNS.length + 1);
});

test('what is packed says when its source breaks off, and stops it when nobody reads on', async () => {
  const stopped = Promise.withResolvers<void>();
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (let n = 0; ; n += 1) yield Buffer.alloc(65_536, n);
    } finally {
      stopped.resolve();
    }
  }
  for await (const chunk of compressed(endless(), 'zstd')) {
    assert.ok(chunk.length > 0);
    break;
  }
  await stopped.promise;
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('some');
    throw new Error('broke off');
  }
  for (const compression of ['gzip', 'zstd'] as const) {
    await assert.rejects(async () => {
      for await (const _ of compressed(broken(), compression));
    }, /broke off/);
  }
});
