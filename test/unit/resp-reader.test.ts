import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import * as fc from 'fast-check';
import { RespReader, type RespLimits, type RespValue } from '../../src/lib/gateway/resp-reader.ts';

interface Read {
  readonly values: RespValue[];
  readonly fault: string | null;
  readonly unfinished: boolean;
}

function read(input: string | Buffer, cuts: readonly number[] = [], limits: Partial<RespLimits> = {}): Read {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  const reader = new RespReader(limits);
  const values: RespValue[] = [];
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    if (cut < from || cut > bytes.length) continue;
    // A copy of its own, as from a socket.
    values.push(...reader.push(Buffer.from(bytes.subarray(from, cut))));
    from = cut;
  }
  return { values, fault: reader.fault?.detail ?? null, unfinished: reader.unfinished };
}

const bulk = (text: string): RespValue => ({ kind: 'bulk', bytes: Buffer.from(text) });

test('every kind of value', () => {
  const stream =
    '+OK\r\n-ERR no\r\n:-7\r\n$3\r\na\r\n\r\n$0\r\n\r\n$-1\r\n*0\r\n*-1\r\n*2\r\n*1\r\n+x\r\n$1\r\ny\r\n';
  assert.deepEqual(read(stream), {
    values: [
      { kind: 'simple', text: 'OK' },
      { kind: 'error', text: 'ERR no' },
      { kind: 'integer', value: -7 },
      bulk('a\r\n'),
      bulk(''),
      { kind: 'bulk', bytes: null },
      { kind: 'array', items: [] },
      { kind: 'array', items: null },
      { kind: 'array', items: [{ kind: 'array', items: [{ kind: 'simple', text: 'x' }] }, bulk('y')] },
    ],
    fault: null,
    unfinished: false,
  });
});

test('recorded subscriptions, byte by byte as well as in one piece', () => {
  for (const version of ['7.1.39', '7.2.140']) {
    const recorded = readFileSync(new URL(`../fixtures/cpa/${version}/subscribe.resp`, import.meta.url));
    const whole = read(recorded);
    assert.equal(whole.fault, null);
    assert.equal(whole.unfinished, false);
    assert.ok(whole.values.length > 5);
    assert.deepEqual(read(recorded, [...recorded.keys()]), whole);
  }
});

test('a long string is read past, and its head and length are kept', () => {
  const long = 'x'.repeat(5000);
  const stream = `*2\r\n$7\r\nmessage\r\n$5000\r\n${long}\r\n+next\r\n`;
  for (const cuts of [[], [30], [30, 500, 2000], [5020, 5021, 5022, 5023]]) {
    assert.deepEqual(read(stream, cuts, { maxBulk: 100, head: 10 }).values, [
      {
        kind: 'array',
        items: [bulk('message'), { kind: 'bulk', bytes: Buffer.from('x'.repeat(10)), truncatedFrom: 5000 }],
      },
      { kind: 'simple', text: 'next' },
    ]);
  }
});

test('what is no RESP is a fault that shows the first bytes, and keeps the values before it', () => {
  const reader = new RespReader();
  const values = reader.push(Buffer.from('+OK\r\nHTTP/1.1 400 Bad Request\r\n'));
  assert.deepEqual(values, [{ kind: 'simple', text: 'OK' }]);
  assert.equal(reader.fault?.bytes.toString('latin1', 0, 5), 'HTTP/');
  assert.deepEqual(reader.push(Buffer.from('+OK\r\n')), []);
  for (const bad of [
    '$x\r\n',
    '$-2\r\n',
    '$99999999999999999\r\n',
    '*-2\r\n',
    '*9999999\r\n',
    ':\r\n',
    '+a\rb',
    '$1\r\nabc',
    '*1\r\n'.repeat(10),
    `+${'x'.repeat(70_000)}`,
    `+${'x'.repeat(70_000)}\r\n`,
  ]) {
    assert.ok(read(bad).fault !== null, JSON.stringify(bad.slice(0, 20)));
  }
});

/** Encodes a value as the gateway would. */
function encode(value: RespValue): Buffer {
  if ('text' in value) {
    return Buffer.from(`${value.kind === 'simple' ? '+' : '-'}${value.text}\r\n`);
  }
  if (value.kind === 'integer') return Buffer.from(`:${value.value}\r\n`);
  if (value.kind === 'array') {
    if (value.items === null) return Buffer.from('*-1\r\n');
    return Buffer.concat([Buffer.from(`*${value.items.length}\r\n`), ...value.items.map(encode)]);
  }
  if (value.bytes === null) return Buffer.from('$-1\r\n');
  return Buffer.concat([Buffer.from(`$${value.bytes.length}\r\n`), value.bytes, Buffer.from('\r\n')]);
}

const leaf: fc.Arbitrary<RespValue> = fc.oneof(
  fc.stringMatching(/^[^\r\n]{0,20}$/).map((text): RespValue => ({ kind: 'simple', text })),
  fc.stringMatching(/^[^\r\n]{0,20}$/).map((text): RespValue => ({ kind: 'error', text })),
  fc.integer().map((value): RespValue => ({ kind: 'integer', value })),
  fc.uint8Array({ maxLength: 60 }).map((bytes): RespValue => ({ kind: 'bulk', bytes: Buffer.from(bytes) })),
  fc.constant<RespValue>({ kind: 'bulk', bytes: null }),
);
const anyValue: fc.Arbitrary<RespValue> = fc.oneof(
  leaf,
  fc.array(fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }).map(asArray)), { maxLength: 4 }).map(asArray),
);

function asArray(items: RespValue[]): RespValue {
  return { kind: 'array', items };
}

test('any values in any chunks come out as they went in', () => {
  fc.assert(
    fc.property(fc.array(anyValue, { maxLength: 6 }), fc.array(fc.nat(300)), (values, cuts) => {
      const stream = Buffer.concat(values.map(encode));
      assert.deepEqual(read(stream, cuts), { values, fault: null, unfinished: false });
    }),
    { numRuns: 500 },
  );
});

test('any bytes are survived, and give the same in any chunks', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    // Bytes of the protocol itself, to get deeper.
    fc.stringMatching(/^[+:$*\-0-3a\r\n]{0,200}$/).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(200)), (stream, cuts) => {
      const limits = { maxBulk: 20, head: 5 };
      const whole = read(stream, [], limits);
      const parts = read(stream, cuts, limits);
      assert.deepEqual(parts.values, whole.values);
      assert.deepEqual(parts.fault, whole.fault);
    }),
    { numRuns: 2000 },
  );
});
