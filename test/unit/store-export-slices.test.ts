import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import * as fc from 'fast-check';
import {
  afterEvent,
  exportCursorText,
  parseExportCursor,
  type ExportCursor,
} from '../../src/lib/store/export-cursor.ts';
import { ExportReader, type ExportSelection } from '../../src/lib/store/export-reader.ts';
import type { Db } from '../../src/lib/store/sqlite.ts';
import type { WriterCore } from '../../src/lib/store/writer-core.ts';
import { generate } from '../bench/generate.ts';
import { call, record, storeCore, storeDb } from '../support/store-harness.ts';

interface Exported {
  readonly ids: readonly number[];
  readonly cursor: ExportCursor;
}

function exportAll(db: Db, selection: ExportSelection = {}): Exported {
  const reader = new ExportReader(db, selection);
  const ids: number[] = [];
  for (let rows = reader.step(); rows !== null; rows = reader.step())
    ids.push(...rows.map(({ stored }) => stored.id));
  return { ids, cursor: reader.cursor };
}

/** As it is handed from one export to the next. */
function handedOver(cursor: ExportCursor): ExportCursor {
  const parsed = parseExportCursor(exportCursorText(cursor));
  assert.ok(parsed, exportCursorText(cursor));
  assert.deepEqual(parsed.at, cursor.at);
  return parsed;
}

/** An export is oldest first, and of one time in the order of the hashes: whatever it is, it is always the same. */
function inOrder(db: Db, ids: readonly number[]): number[] {
  const order = db
    .prepare<[], number>('SELECT id FROM event ORDER BY timestamp_ms, hash64, dup')
    .pluck()
    .all();
  const wanted = new Set(ids);
  return order.filter((id) => wanted.has(id));
}

function filled(t: TestContext, count: number): { db: Db; core: WriterCore } {
  const db = storeDb(t);
  db.pragma('synchronous = OFF');
  const core = storeCore(db);
  core.gateway('http://cpa:8317');
  // Many a millisecond has several.
  const source = generate({ seed: 9, startMs: Date.UTC(2026, 0, 1), everyMs: 0.4, headers: false });
  const records = Array.from({ length: count }, () => {
    const { payload, atMs } = source.next().value;
    return record(payload, 1, atMs);
  });
  for (let at = 0; at < count; at += 1000) core.commit(records.slice(at, at + 1000).toReversed(), null);
  return { db, core };
}

test('slices of any size, one after the other, are one export', (t) => {
  const { db } = filled(t, 1200);
  const whole = exportAll(db);
  assert.equal(whole.ids.length, 1200);
  assert.deepEqual(whole.ids, inOrder(db, whole.ids));
  const filters = [
    {},
    { failed: true },
    { models: ['gpt-5.4', 'grok-4'] },
    { fromMs: Date.UTC(2026, 0, 1) + 100 },
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...filters),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 }),
      (filter, limits) => {
        const ids: number[] = [];
        let after = afterEvent(0);
        for (let round = 0; ; round += 1) {
          const limit = limits[round % limits.length] ?? 1;
          const slice = exportAll(db, { filter, after, limit: Math.max(limit, 40) });
          assert.ok(slice.ids.length <= Math.max(limit, 40));
          if (slice.ids.length === 0) break;
          ids.push(...slice.ids);
          after = handedOver(slice.cursor);
        }
        assert.deepEqual(ids, exportAll(db, { filter }).ids);
        assert.deepEqual(exportAll(db, { filter, after }).ids, []);
      },
    ),
    { numRuns: 25 },
  );
});

test('what is stored between two slices is in one of the next, once, however old it is', (t) => {
  const { db, core } = filled(t, 300);
  let made = 0;
  fc.assert(
    fc.property(
      fc.array(fc.record({ limit: fc.integer({ min: 1, max: 200 }), late: fc.integer({ min: 0, max: 3 }) }), {
        minLength: 1,
        maxLength: 8,
      }),
      (rounds) => {
        const ids: number[] = [];
        let after = afterEvent(0);
        for (const { limit, late } of rounds) {
          const slice = exportAll(db, { after, limit });
          ids.push(...slice.ids);
          after = handedOver(slice.cursor);
          for (let n = 0; n < late; n += 1) {
            made += 1;
            const timestamp = new Date(Date.UTC(2025 + (made % 3), 0, 1, 0, 0, made)).toISOString();
            core.commit([record(call({ timestamp, request_id: `late-${made}` }))], null);
          }
        }
        ids.push(...exportAll(db, { after }).ids);
        const all = exportAll(db).ids;
        assert.equal(new Set(ids).size, ids.length, 'nothing twice');
        assert.deepEqual(
          ids.toSorted((a, b) => a - b),
          all.toSorted((a, b) => a - b),
        );
      },
    ),
    { numRuns: 12 },
  );
});

test('an export is of what is there when it begins', (t) => {
  const { db, core } = filled(t, 600);
  const reader = new ExportReader(db);
  const first = reader.next();
  core.commit([record(call({ timestamp: '2026-12-31T00:00:00Z', request_id: 'new' }))], null);
  core.commit([record(call({ timestamp: '2026-01-01T00:00:00.2Z', request_id: 'old' }))], null);
  let count = first.length;
  for (let rows = reader.next(); rows.length > 0; rows = reader.next()) count += rows.length;
  assert.equal(count, 600);
  assert.equal(reader.fraction, 1);
  assert.deepEqual(exportAll(db, { after: reader.cursor }).ids, [602, 601]);
});

test('no transaction is open between two steps, and what is rare is looked for in many of them', (t) => {
  const { db } = filled(t, 12_000);
  core(db).commit([record(call({ timestamp: '2026-12-31T00:00:00Z', model: 'rare', alias: 'rare' }))], null);
  const reader = new ExportReader(db, { filter: { models: ['rare'] } });
  const found: number[] = [];
  let steps = 0;
  for (let rows = reader.step(); rows !== null; rows = reader.step()) {
    steps += 1;
    found.push(rows.length);
    const [checkpoint] = db.pragma('wal_checkpoint(TRUNCATE)') as ReadonlyArray<{ busy: number }>;
    assert.equal(checkpoint?.busy, 0);
  }
  assert.ok(steps >= 3, `${steps} steps`);
  assert.equal(
    found.reduce((sum, rows) => sum + rows, 0),
    1,
  );
  // To know where new events begin, all of them are looked at, in steps too.
  const later = exportAll(db, { after: afterEvent(1000) });
  assert.deepEqual(later.ids, inOrder(db, later.ids));
  assert.equal(later.ids.length, 11_001);
  assert.deepEqual(exportAll(db, { after: afterEvent(12_000) }).ids, [12_001]);
});

const core = (db: Db): WriterCore => storeCore(db);

test('a cursor of a larger database finds nothing, and stays where it is', (t) => {
  const { db } = filled(t, 10);
  const { ids, cursor } = exportAll(db, { after: afterEvent(5000) });
  assert.deepEqual([ids, exportCursorText(cursor)], [[], '5000']);
  assert.equal(exportCursorText(exportAll(db, { filter: { models: ['none'] } }).cursor), '10');
  for (const text of ['', '-1', '1:2', '5:3:0:0123456789abcdef:0', '0:1:2:XYZ:0', 'abc', '1e3']) {
    assert.equal(parseExportCursor(text), null, text);
  }
});
