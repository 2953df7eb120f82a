import assert from 'node:assert/strict';
import test from 'node:test';
import type { RowGroup, SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { ParquetFooter } from '../../../src/lib/transfer/export/parquet-footer.ts';

const SCHEMA: SchemaElement[] = [
  { name: 'root', num_children: 2 },
  { name: 'model', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  { name: 'tokens', repetition_type: 'OPTIONAL', type: 'INT64' },
];

test('the footer is what the writer makes of all groups at once, however many', () => {
  // Where the number of groups takes another form: 14 and 15, 127 and 128.
  for (const count of [0, 1, 14, 15, 127, 128, 300]) {
    const bytes = new ByteWriter();
    const writer = new ParquetWriter({ writer: bytes, schema: SCHEMA, createdBy: 'tests' });
    const footer = new ParquetFooter(SCHEMA, 'tests');
    const groups: RowGroup[] = [];
    for (let at = 0; at < count; at += 1) {
      void writer.write({
        columnData: [
          { name: 'model', data: [`model-${at}`, null, 'ünï'], offsetIndex: false },
          { name: 'tokens', data: [BigInt(at), 2n ** 62n, null], offsetIndex: false },
        ],
      });
      groups.push(...writer.row_groups.slice(at));
    }
    for (const group of groups) footer.add(group);
    const begin = bytes.offset;
    writer.pendingIndexes = [];
    void writer.finish();
    assert.deepEqual(
      Buffer.from(footer.bytes()),
      Buffer.from(bytes.getBytes().slice(begin)),
      `${count} groups`,
    );
  }
});
