import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { JsonArrayReader } from '../../src/lib/gateway/json-array.ts';

interface Read {
  readonly records: string[];
  readonly truncated: Array<number | undefined>;
  readonly damage: string | null;
}

function read(body: string | Uint8Array, cuts: readonly number[] = [], limits = {}): Read {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const reader = new JsonArrayReader(limits);
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    if (cut < from || cut > bytes.length) continue;
    reader.push(bytes.subarray(from, cut));
    from = cut;
  }
  return {
    damage: reader.end(),
    records: reader.elements.map((element) => Buffer.from(element.bytes).toString('utf8')),
    truncated: reader.elements.map((element) => element.truncatedFrom),
  };
}

test('gives the bytes of each element as they came', () => {
  const body = ' [ {"a" : 1.50, "b":"}],{\\"[" },\n{"é":[1,{"x":[]}]} , "text \\u00e9\\n" , null, 7,true ] ';
  assert.deepEqual(read(body), {
    damage: null,
    records: ['{"a" : 1.50, "b":"}],{\\"[" }', '{"é":[1,{"x":[]}]}', 'text é\n', '7', 'true'],
    truncated: [undefined, undefined, undefined, undefined, undefined],
  });
  assert.deepEqual(read('[]').records, []);
  assert.equal(read('[]').damage, null);
  assert.deepEqual(read('["", "  "]').records, []);
});

test('a body that breaks off keeps every element that came whole', () => {
  const body = '[{"a":1},{"b":"]"},{"c":3}]';
  assert.deepEqual(read(body.slice(0, -1)).records, ['{"a":1}', '{"b":"]"}', '{"c":3}']);
  for (let length = 0; length < body.length; length += 1) {
    const { records, damage } = read(body.slice(0, length));
    assert.ok(damage !== null, `no damage reported after ${length} bytes`);
    assert.equal(records.length, (length >= 8 ? 1 : 0) + (length >= 18 ? 1 : 0) + (length >= 26 ? 1 : 0));
  }
});

test('what follows the array is told, and elements that were taken away are counted on', () => {
  for (const [body, trailing] of [
    ['[1] \n', false],
    ['[1] x', true],
    ['[1][2]', true],
  ] as const) {
    for (let cut = 1; cut < body.length; cut += 1) {
      const reader = new JsonArrayReader({ keepNull: true });
      reader.push(Buffer.from(body.slice(0, cut)));
      reader.push(Buffer.from(body.slice(cut)));
      assert.deepEqual([reader.end(), reader.trailing], [null, trailing], `${body} cut at ${cut}`);
    }
  }
  const reader = new JsonArrayReader({ keepNull: true });
  reader.push(Buffer.from('[null, 2, '));
  assert.equal(reader.elements.splice(0).length, 2);
  reader.push(Buffer.from('3, {"a"'));
  assert.equal(reader.end(), 'it broke off in the middle of record 4');
});

test('rubbish between elements costs only itself', () => {
  for (const body of ['[{"a":1},@@@,{"b":2}]', '[{"a":1} \0\u0001 {"b":2}]', '[{"a":1}{"b":2} x]']) {
    const { records, damage } = read(body);
    assert.deepEqual(records, ['{"a":1}', '{"b":2}']);
    assert.equal(damage === null, body.includes('}{') && !body.includes('x'));
  }
});

test('knows a body that is no array', () => {
  for (const body of ['<html>', '{"error":"x"}', 'null']) {
    const reader = new JsonArrayReader();
    reader.push(Buffer.from(body));
    assert.equal(reader.foreign, true);
  }
});

test('an element over the limit is read past, and its head and length are kept', () => {
  const long = `{"body":"${'x'.repeat(1000)}"}`;
  const limits = { maxElement: 100, head: 10 };
  for (const cuts of [[], [50], [5, 12, 300], [200, 400]]) {
    const result = read(`[{"a":1},${long},{"b":2}]`, cuts, limits);
    assert.deepEqual(result.records, ['{"a":1}', long.slice(0, 10), '{"b":2}']);
    assert.deepEqual(result.truncated, [undefined, long.length, undefined]);
    assert.equal(result.damage, null);
  }
});

test('an answer without end cannot fill the memory', () => {
  const record = `{"body":"${'x'.repeat(90)}"}`;
  const body = `[${Array.from({ length: 50 }, () => record).join(',')}]`;
  const { records, truncated } = read(body, [], { maxTotal: 1000, head: 4 });
  assert.equal(records.length, 50);
  assert.ok(records.join('').length < 1000 + 50 * 4);
  assert.equal(truncated.at(-1), record.length);
});

test('any split of the body gives the same', () => {
  const element = fc.json({ maxDepth: 3 }).filter((text) => !['null', '""'].includes(text));
  fc.assert(
    fc.property(fc.array(element), fc.array(fc.nat(400)), (elements, cuts) => {
      const body = `[${elements.join(',')}]`;
      const whole = read(body);
      assert.deepEqual(read(body, cuts), whole);
      const expected = elements
        .map((text) => {
          const value: unknown = JSON.parse(text);
          return typeof value === 'string' ? value : text;
        })
        .filter((text) => /[^ \t\r\n]/.test(text));
      assert.deepEqual(
        whole.records,
        expected.map((text) => Buffer.from(text).toString('utf8')),
      );
      assert.equal(whole.damage, null);
    }),
  );
});

test('any bytes are survived', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300)), (bytes, cuts) => {
      const body = Buffer.concat([Buffer.from('['), bytes]);
      assert.deepEqual(read(body, cuts), read(body));
    }),
  );
});
