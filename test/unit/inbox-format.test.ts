import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import {
  encodeSegmentHeader,
  HEADER_BYTES,
  openFrame,
  readFrameHeader,
  readSegmentHeader,
  sealFrame,
} from '../../src/daemon/collector/inbox/format.ts';
import { decodeRecords, encodeRecords, recordBytes } from '../../src/daemon/collector/inbox/records.ts';
import { scanSegment } from '../../src/daemon/collector/inbox/scan.ts';
import type { Scan } from '../../src/daemon/collector/inbox/scan.ts';
import { isUlid, UlidSource, ulidTime } from '../../src/daemon/collector/inbox/ulid.ts';
import type { RawRecord } from '../../src/lib/contract/record.ts';
import { box, otherBox, SECRET, records } from '../support/inbox-harness.ts';

const ID = '01K9ZZZZZZ0000000000000000';
const SALT = Buffer.alloc(16, 3);
const KEY = box.spoolKey(SALT);
const CREATED = 1_790_000_000_000;
const RUNS = { numRuns: 200 };

const anyRecord: fc.Arbitrary<RawRecord> = fc
  .record({
    payload: fc.uint8Array({ maxLength: 300 }),
    receivedAtMs: fc.maxSafeNat(),
    transport: fc.constantFrom('subscribe' as const, 'http' as const, 'resp' as const),
    gatewayId: fc.maxSafeNat(),
    truncatedFrom: fc.option(fc.maxSafeNat(), { nil: undefined }),
  })
  .map(({ truncatedFrom, ...rest }) => (truncatedFrom === undefined ? rest : { ...rest, truncatedFrom }));

/** A segment of `counts.length` frames, and where each of them begins. */
function segment(counts: readonly number[]): { bytes: Buffer; starts: number[] } {
  const parts = [encodeSegmentHeader(KEY, SALT, CREATED)];
  const starts: number[] = [];
  let length = HEADER_BYTES;
  counts.forEach((count, seq) => {
    const info = { seq, count, fromMs: CREATED + seq * 10, toMs: CREATED + seq * 10 + 9 };
    const frame = Buffer.concat(sealFrame(KEY, ID, info, encodeRecords(records(seq * 100, count, 60))));
    starts.push(length);
    length += frame.length;
    parts.push(frame);
  });
  return { bytes: Buffer.concat(parts), starts };
}

const seqs = (scan: Scan): number[] => scan.frames.map((frame) => frame.seq);
const newest = { verify: true, tornBytes: 2 << 20 };
const finished = { verify: true, tornBytes: 0 };

test('records come back as they went in', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 20 }), (list) => {
      const plain = encodeRecords(list);
      assert.equal(
        plain.length,
        list.reduce((sum, one) => sum + recordBytes(one), 0),
      );
      const back = decodeRecords(plain, list.length).map((one) => ({
        ...one,
        payload: new Uint8Array(one.payload),
      }));
      assert.deepEqual(back, list);
    }),
    RUNS,
  );
});

test('payloads of read records are views, not copies', () => {
  const plain = encodeRecords(records(0, 3));
  for (const { payload } of decodeRecords(plain, 3)) assert.equal(payload.buffer, plain.buffer);
});

test('a text that is not the records it should be is refused', () => {
  const plain = encodeRecords(records(0, 2));
  assert.throws(() => decodeRecords(plain.subarray(0, -1), 2), RangeError);
  assert.throws(() => decodeRecords(plain, 1), RangeError);
  assert.throws(() => decodeRecords(plain, 3), RangeError);
});

test('a frame opens only with its key, in its segment, under its number and header', () => {
  const plain = encodeRecords(records(0, 2));
  const frame = Buffer.concat(sealFrame(KEY, ID, { seq: 5, count: 2, fromMs: 1, toMs: 2 }, plain));
  assert.ok(!frame.includes(SECRET));
  assert.deepEqual(readFrameHeader(frame, 0), { size: frame.length, seq: 5, count: 2, fromMs: 1, toMs: 2 });
  assert.deepEqual(openFrame(KEY, ID, frame, 5), plain);
  assert.equal(openFrame(otherBox.spoolKey(SALT), ID, frame, 5), null);
  assert.equal(openFrame(KEY, ID.replace('9', '8'), frame, 5), null);
  assert.equal(openFrame(KEY, ID, frame, 4), null);
  const changed = Buffer.from(frame);
  changed.writeUInt32LE(1, 8);
  assert.equal(openFrame(KEY, ID, changed, 5), null);
});

test('the same records look different under every number', () => {
  const plain = encodeRecords(records(0, 1));
  const [, one] = sealFrame(KEY, ID, { seq: 0, count: 1, fromMs: 1, toMs: 2 }, plain);
  const [, two] = sealFrame(KEY, ID, { seq: 1, count: 1, fromMs: 1, toMs: 2 }, plain);
  assert.notDeepEqual(one, two);
});

test('the header tells its own damage from another data key', () => {
  const header = encodeSegmentHeader(KEY, SALT, CREATED);
  assert.deepEqual(readSegmentHeader(header, box), { kind: 'ok', createdMs: CREATED, key: KEY });
  assert.deepEqual(readSegmentHeader(header, otherBox), { kind: 'foreign', createdMs: CREATED });
  assert.equal(readSegmentHeader(header.subarray(0, -1), box).kind, 'damaged');
  for (let at = 0; at < 40; at += 1) {
    const flipped = Buffer.from(header);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    assert.equal(readSegmentHeader(flipped, box).kind, 'damaged', `byte ${at}`);
  }
});

test('cut off anywhere, a newest segment gives its whole frames and no error', () => {
  const { bytes, starts } = segment([3, 1, 2, 4]);
  for (let length = HEADER_BYTES; length <= bytes.length; length += 1) {
    for (const options of [newest, finished]) {
      const scan = scanSegment(bytes.subarray(0, length), ID, KEY, options);
      const whole = [...starts.slice(1), bytes.length].filter((end) => end <= length);
      assert.deepEqual(seqs(scan), [...whole.keys()], `length ${length}`);
      assert.equal(scan.end, whole.at(-1) ?? HEADER_BYTES);
      assert.equal(scan.torn, length !== scan.end);
      assert.deepEqual(scan.damage, []);
    }
  }
});

test('a file that grew but was not filled ends in a broken write', () => {
  const { bytes } = segment([1, 1]);
  const scan = scanSegment(Buffer.concat([bytes, Buffer.alloc(5000)]), ID, KEY, newest);
  assert.deepEqual([seqs(scan), scan.end, scan.torn, scan.damage], [[0, 1], bytes.length, true, []]);
});

test('one flipped bit costs one frame and is told', () => {
  const { bytes, starts } = segment([2, 3, 1, 2]);
  fc.assert(
    fc.property(fc.integer({ min: HEADER_BYTES, max: bytes.length - 1 }), fc.nat(7), (at, bit) => {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
      const hit = starts.findLastIndex((start) => start <= at);
      const scan = scanSegment(flipped, ID, KEY, newest);
      assert.deepEqual(
        seqs(scan),
        [0, 1, 2, 3].filter((seq) => seq !== hit),
      );
      // In the last frame it cannot be told from a write that broke off.
      assert.equal(scan.torn, hit === 3);
      assert.equal(scan.damage.length, hit === 3 ? 0 : 1);
      const strict = scanSegment(flipped, ID, KEY, finished);
      assert.equal(strict.damage.length + Number(strict.torn), 1);
    }),
    RUNS,
  );
});

test('damage knows its time, and its records where the header survived', () => {
  const { bytes, starts } = segment([2, 3, 1]);
  const body = Buffer.from(bytes);
  body.writeUInt8((body.at(starts[1]! + 40) ?? 0) ^ 1, starts[1]! + 40);
  const size = starts[2]! - starts[1]!;
  const run = { offset: starts[1], bytes: size, seq: 1, fromMs: CREATED + 10, toMs: CREATED + 19 };
  assert.deepEqual(scanSegment(body, ID, KEY, finished).damage, [{ ...run, records: 3 }]);
  const header = Buffer.from(bytes);
  header.fill(0xff, starts[1], starts[1]! + 4);
  assert.deepEqual(scanSegment(header, ID, KEY, finished).damage, [
    { ...run, records: null, fromMs: CREATED + 9, toMs: CREATED + 20 },
  ]);
});

test('damage over several frames is bridged, and a destroyed end of a finished segment is not called torn', () => {
  const { bytes, starts } = segment([1, 1, 1, 1, 1]);
  const middle = Buffer.from(bytes);
  middle.fill(0, starts[1]! + 5, starts[3]! + 5);
  const bridged = scanSegment(middle, ID, KEY, newest);
  assert.deepEqual(seqs(bridged), [0, 4]);
  assert.equal(bridged.damage[0]?.bytes, starts[4]! - starts[1]!);
  const end = Buffer.from(bytes);
  end.fill(0, starts[3]! + 5);
  const scan = scanSegment(end, ID, KEY, finished);
  assert.deepEqual([seqs(scan), scan.end, scan.torn], [[0, 1, 2], starts[3], false]);
  assert.equal(scan.damage.length, 1);
});

test('without verifying, the frames are found but not opened', () => {
  const { bytes, starts } = segment([1, 1]);
  bytes.writeUInt8((bytes.at(starts[0]! + 40) ?? 0) ^ 1, starts[0]! + 40);
  assert.deepEqual(seqs(scanSegment(bytes, ID, KEY, { verify: false, tornBytes: 0 })), [0, 1]);
  assert.deepEqual(seqs(scanSegment(bytes, ID, KEY, finished)), [1]);
});

test('ULIDs grow whatever the clock does, and begin above what was seen', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2 ** 45), { minLength: 2, maxLength: 30 }), (times) => {
      const source = new UlidSource();
      const ids = times.map((ms) => source.next(ms));
      assert.ok(ids.every((id) => isUlid(id)));
      assert.deepEqual(ids.toSorted(), ids);
      assert.equal(new Set(ids).size, ids.length);
    }),
    RUNS,
  );
  const source = new UlidSource();
  source.seen('01K9ZZZZZZZZZZZZZZZZZZZZZZ');
  source.seen('01K8ZZZZZZZZZZZZZZZZZZZZZZ');
  assert.equal(source.next(0), '01KA0000000000000000000000');
  assert.equal(ulidTime(new UlidSource().next(CREATED)), CREATED);
  assert.ok(!isUlid('01K9ZZZZZZZZZZZZZZZZZZZZZI') && !isUlid('../../../../../etc/passwd1'));
});
