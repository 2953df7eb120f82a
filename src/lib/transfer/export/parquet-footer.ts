import type { RowGroup, SchemaElement } from 'hyparquet';
import { ByteWriter } from 'hyparquet-writer';
import { writeMetadata } from 'hyparquet-writer/src/metadata.js';

/** Of the Thrift compact protocol: the type of a struct, and from where on a list has its length behind its first byte. */
const STRUCT = 12;
const LONG_LIST = 15;
const LENGTH_BYTES = 4;
const MAGIC = 'PAR1';

/**
 * What stands behind the last row group of a Parquet file: what every column of every group is. Groups are kept as the
 * bytes that they become: as objects those of a million events would take some 30 MiB, and the same again at the end.
 */
export class ParquetFooter {
  readonly #schema: SchemaElement[];
  readonly #createdBy: string;
  readonly #groups: Uint8Array[] = [];
  readonly #empty: Uint8Array;
  #rows = 0n;

  constructor(schema: SchemaElement[], createdBy: string) {
    this.#schema = schema;
    this.#createdBy = createdBy;
    this.#empty = this.#written(0n, []);
  }

  add(group: RowGroup): void {
    const alone = this.#written(0n, [group]);
    const at = listAt(this.#empty, alone);
    const behind = this.#empty.length - at - 1;
    this.#groups.push(alone.slice(at + 1, alone.length - behind));
    this.#rows += group.num_rows;
  }

  /** All of it with the length and the mark at the end. */
  bytes(): Uint8Array {
    const empty = this.#written(this.#rows, []);
    // The list is empty in the one and has a group in the other: there they begin to differ.
    const at = listAt(empty, this.#written(this.#rows, [NO_COLUMNS]));
    const metadata = Buffer.concat([
      empty.subarray(0, at),
      ...(this.#groups.length === 0
        ? [empty.subarray(at, at + 1)]
        : [listHeader(this.#groups.length), ...this.#groups]),
      empty.subarray(at + 1),
    ]);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(metadata.length);
    return Buffer.concat([metadata, length, Buffer.from(MAGIC)]);
  }

  #written(rows: bigint, groups: RowGroup[]): Uint8Array {
    const writer = new ByteWriter();
    // The length of what is read belongs to the type and is not written.
    const metadata = { version: 2, created_by: this.#createdBy, schema: this.#schema, metadata_length: 0 };
    writeMetadata(writer, { ...metadata, num_rows: rows, row_groups: groups });
    return writer.getBytes().slice(0, -LENGTH_BYTES);
  }
}

const NO_COLUMNS: RowGroup = { columns: [], total_byte_size: 0n, num_rows: 0n };

/** Where the head of the list of groups is: up to there both are the same. */
function listAt(empty: Uint8Array, other: Uint8Array): number {
  return empty.findIndex((byte, at) => byte !== other[at]);
}

function listHeader(count: number): Uint8Array {
  if (count < LONG_LIST) return Uint8Array.of((count << 4) | STRUCT);
  const bytes = [(LONG_LIST << 4) | STRUCT];
  let rest = count;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}
