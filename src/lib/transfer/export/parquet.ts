import { zstdCompressSync } from 'node:zlib';
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import type { ExportRow } from '../../store/export-reader.ts';
import { VERSION } from '../../version.ts';
import { COLUMNS, exportRecord, type Column, type ColumnKind, type ColumnValue } from './columns.ts';
import { PIECE_BYTES, type Encoder, type Piece } from './encoder.ts';
import { ParquetFooter } from './parquet-footer.ts';

/** A row group ends with so many events, or with so many characters of text: all of it is in memory until then. */
const GROUP_ROWS = 2048;
const GROUP_CHARACTERS = 3 * 1024 * 1024;

const PASSED_OVER_BY: ReadonlySet<string> = new Set(['timestamp_ms', 'timestamp']);

const TYPES: Readonly<Record<ColumnKind, Omit<SchemaElement, 'name' | 'repetition_type'>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  // Microseconds in UTC: nanoseconds are not understood everywhere.
  time: { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' },
  integer: { type: 'INT64' },
  decimal: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
  json: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
};

const SCHEMA: SchemaElement[] = [
  { name: 'root', num_children: COLUMNS.length },
  ...COLUMNS.map(({ name, kind }) => ({ name, repetition_type: 'OPTIONAL' as const, ...TYPES[kind] })),
];

/** As it waits for the end of its group: whole numbers as numbers, which take no memory of their own. */
type Value = string | number | bigint | boolean | null;

/** Most texts of a column are names that many events have: so many different ones are kept only once. */
const SHARED_TEXTS = 256;

/** Parquet with the columns of the CSV, packed with zstd, a group of rows at a time. */
export class ParquetEncoder implements Encoder {
  readonly #bytes = new ByteWriter();
  readonly #parquet = new ParquetWriter({
    writer: this.#bytes,
    schema: SCHEMA,
    codec: 'ZSTD',
    compressors: { ZSTD: (input) => zstdCompressSync(input) },
  });
  readonly #footer = new ParquetFooter(SCHEMA, `cpamp ${VERSION}`);
  #columns: Value[][] = COLUMNS.map(() => []);
  #shared: Map<string, string>[] = COLUMNS.map(() => new Map());
  #rows = 0;
  #characters = 0;

  begin(): Piece[] {
    return this.#taken();
  }

  encode(rows: readonly ExportRow[]): Piece[] {
    for (const row of rows) {
      this.#add(row);
      if (this.#rows >= GROUP_ROWS || this.#characters >= GROUP_CHARACTERS) this.#closeGroup();
    }
    return this.#taken();
  }

  end(): Piece[] {
    this.#closeGroup();
    return [...this.#taken(), ...pieces(this.#footer.bytes())];
  }

  #add(row: ExportRow): void {
    const record = exportRecord(row);
    COLUMNS.forEach((column, at) => {
      const value = valueOf(column, column.of(record), record.timestamp_ms);
      this.#columns[at]?.push(typeof value === 'string' ? this.#text(at, value) : value);
    });
    this.#rows += 1;
  }

  #text(at: number, text: string): string {
    const known = this.#shared[at]?.get(text);
    if (known !== undefined) return known;
    this.#characters += text.length;
    const shared = this.#shared[at];
    if (shared !== undefined && shared.size < SHARED_TEXTS) shared.set(text, text);
    return text;
  }

  #closeGroup(): void {
    if (this.#rows === 0) return;
    const columnData = COLUMNS.map(({ name, kind }, at) => ({
      name,
      data: kind === 'integer' ? (this.#columns[at] ?? []).map(wide) : (this.#columns[at] ?? []),
      // What is said of every group stands at the end: so only what readers pass over groups by.
      offsetIndex: false,
      statistics: PASSED_OVER_BY.has(name),
    }));
    void this.#parquet.write({ columnData, rowGroupSize: this.#rows });
    for (const group of this.#parquet.row_groups) this.#footer.add(group);
    this.#parquet.row_groups = [];
    this.#parquet.pendingIndexes = [];
    this.#columns = COLUMNS.map(() => []);
    this.#shared = COLUMNS.map(() => new Map());
    this.#rows = 0;
    this.#characters = 0;
  }

  /** What was written since. The writer knows by `offset` where it is, and `index` is only where in its memory. */
  #taken(): Piece[] {
    const written = pieces(this.#bytes.getBytes());
    this.#bytes.index = 0;
    return written;
  }
}

function pieces(bytes: Uint8Array): Piece[] {
  const all: Piece[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    all.push(Uint8Array.prototype.slice.call(bytes, at, at + PIECE_BYTES));
  }
  return all;
}

/** As columns of 64 bits want it. */
function wide(value: Value): Value {
  return typeof value === 'number' ? BigInt(value) : value;
}

function valueOf({ kind }: Column, value: ColumnValue, timestampMs: number): Value {
  if (value === undefined || value === null) return null;
  if (typeof value === 'object') return JSON.stringify(value);
  if (typeof value === 'string' && kind === 'time') return BigInt(timestampMs) * 1000n + microseconds(value);
  return value;
}

/** Those below the millisecond. */
function microseconds(time: string): bigint {
  const [, digits = '0'] = /\.\d{3}(\d{1,3})/.exec(time) ?? [];
  return BigInt(digits.padEnd(3, '0'));
}
