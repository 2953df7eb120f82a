import assert from 'node:assert/strict';
import test from 'node:test';
import Database from 'better-sqlite3';
import * as fc from 'fast-check';
import type { Json } from '../../src/lib/contract/event.ts';
import { packRequestId, packTraceId, unpackId, unpackIdSql } from '../../src/lib/store/ids.ts';
import { packResponse, unpackResponse } from '../../src/lib/store/response-codec.ts';
import { nanosBelowMs, timestampText, timestampTextSql } from '../../src/lib/store/timestamp.ts';

const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: length, maxLength: length });
const anyId = fc.oneof(
  fc.string(),
  hex(8),
  hex(32),
  hex(32).map((digits) => `req_${digits}`),
  hex(16).map((digits) => `${digits}-FRA`),
  hex(8).map((digits) => digits.toUpperCase()),
  fc.uuid(),
);

test('ids come back to the letter, in TypeScript and in SQL', () => {
  const db = new Database(':memory:');
  db.exec('CREATE TABLE t (id ANY) STRICT');
  const put = db.prepare('INSERT INTO t VALUES (?)');
  const get = db.prepare(`SELECT ${unpackIdSql('id')} FROM t`).pluck();
  fc.assert(
    fc.property(anyId, fc.constantFrom(packRequestId, packTraceId), (text, pack) => {
      const packed = pack(text);
      assert.equal(unpackId(packed), text);
      db.exec('DELETE FROM t');
      put.run(packed);
      assert.equal(get.get() ?? '', text);
    }),
  );
  db.close();
});

test('the usual ids take the bytes that they hold', () => {
  const bytes = (packed: Buffer | string | null): number | undefined => packed?.length;
  assert.equal(bytes(packRequestId('42e0e71b')), 4);
  assert.equal(bytes(packTraceId('91670ece-51f2-41ee-a53f-e4116d136640')), 16);
  assert.equal(bytes(packTraceId(`req_${'a1'.repeat(16)}`)), 17);
  assert.equal(bytes(packTraceId('6cdef10380ee7f0c-FRA')), 11);
  assert.equal(packRequestId('42E0E71B'), '42E0E71B');
});

test('times come back to the nanosecond, in TypeScript and in SQL', () => {
  const db = new Database(':memory:');
  const sql = db.prepare<[number, number]>(
    `SELECT ${timestampTextSql('ms', 'ns')} FROM (SELECT ? AS ms, ? AS ns)`,
  );
  const time = fc.record({
    ms: fc.integer({ min: 0, max: 253_402_300_799_999 }),
    ns: fc.oneof(fc.constant(0), fc.constant(500_000), fc.integer({ min: 0, max: 999_999 })),
  });
  fc.assert(
    fc.property(time, ({ ms, ns }) => {
      const text = timestampText({ ms, ns });
      assert.equal(Date.parse(text), ms);
      assert.equal(nanosBelowMs(text), ns);
      assert.doesNotMatch(text, /0Z$.*\.|\.Z$|\.\d*0Z$/);
      assert.equal(sql.pluck().get(ms, ns), text);
    }),
  );
  assert.equal(timestampText({ ms: Date.UTC(2026, 4, 2, 2), ns: 0 }), '2026-05-02T02:00:00Z');
  assert.equal(timestampText({ ms: Date.UTC(2026, 4, 2, 2) + 120, ns: 0 }), '2026-05-02T02:00:00.12Z');
  db.close();
});

const context = { timestampMs: 1_795_259_291_921, traceId: 'req_ok_109' };
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string(),
    fc.constantFrom(
      'req_ok_109',
      '\u0001',
      '\u00023k\u0003',
      ':1795259291921,',
      ':0123456789012,',
      '"',
      'ü€😀',
    ),
    fc.integer(),
    fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

test('response metadata comes back equal, keys in their order', () => {
  const metadata = fc.dictionary(fc.string(), json, { maxKeys: 4, noNullPrototype: true });
  fc.assert(
    fc.property(metadata, (value) => {
      const back = unpackResponse(packResponse(value, context), context);
      assert.equal(JSON.stringify(back), JSON.stringify(value));
    }),
  );
  assert.equal(packResponse(null, context), null);
  assert.equal(unpackResponse(null, context), null);
});

test('digits in a text come back with their leading zero', () => {
  for (const via of ['host:0123456789012,', 'host:0000000000000}', 'host:1795259291921]']) {
    const back = unpackResponse(packResponse({ routing: { via } }, context), context);
    assert.deepEqual(back, { routing: { via } });
  }
});

test('what answers usually say packs into few bytes', () => {
  const traceId = '91670ece-51f2-41ee-a53f-e4116d136640';
  const metadata = {
    quota: { plan_type: 'plus', primary: { used_percent: 46, reset_at_ms: context.timestampMs + 4_280_000 } },
    trace: { primary_trace_id: traceId, openai_request_id: traceId },
    routing: { server: 'cloudflare', cf_cache_status: 'DYNAMIC' },
  };
  const packed = packResponse(metadata, { ...context, traceId });
  assert.ok(packed !== null && packed.length < 60, `${packed?.length} bytes`);
});

test('a value of a dictionary that this program lacks is an error, not nonsense', () => {
  assert.throws(() => unpackResponse(Buffer.of(99, 1, 2), context), /dictionary 99/);
});
