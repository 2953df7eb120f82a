import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlockCutter, type Block } from '../../../src/lib/transfer/import/block-cutter.ts';
import { formatOf } from '../../../src/lib/transfer/import/format.ts';
import { goJson } from '../../../src/lib/transfer/import/go-json.ts';
import { JsonError, JsonWalker } from '../../../src/lib/transfer/import/json-walker.ts';
import { LineSplitter } from '../../../src/lib/transfer/import/line-splitter.ts';

test('a file is what its first object says', () => {
  const cases: ReadonlyArray<readonly [text: string, format: string]> = [
    ['', 'empty'],
    [' \n\t ', 'empty'],
    ['\ufeff[]', 'array'],
    ['  [ {"a":1} ]', 'array'],
    ['nonsense', 'lines'],
    ['{"event_hash":"x"}\n{"event_hash":"y"}', 'lines'],
    ['{"event_hash":"x","usage":{"apis":{}}}', 'lines'],
    ['{"model":"m","usage":{"input_tokens":5}}\n', 'lines'],
    ['{"broken": \n{"event_hash":"y"}', 'lines'],
    ['{"usage":5}', 'lines'],
    ['{"version":1,"usage":{"total_requests":2,"apis":{"a":{', 'snapshot'],
    ['{\n "total_requests": 2,\n "apis": {', 'payload'],
    ['{"total_requests":2,"success_count":2}', 'summary'],
    ['{"usage":{"total_requests":2}}', 'summary'],
  ];
  for (const [text, format] of cases) assert.equal(formatOf(Buffer.from(text), true), format, text);
  // Not before it is certain.
  assert.equal(formatOf(Buffer.from('{"version":1,"usage":{"tot'), false), null);
  assert.equal(formatOf(Buffer.from(' '), false), null);
});

test('lines are the same wherever the pieces end', () => {
  const text = 'one\r\n\n  \ntwo\u00e9\n' + 'x'.repeat(40) + '\nlast';
  for (let size = 1; size < 60; size += 1) {
    const lines: Array<[number, string | null]> = [];
    const splitter = new LineSplitter(30, ({ number, text: line }) => lines.push([number, line]));
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.subarray(at, at + size));
    splitter.end();
    assert.deepEqual(
      lines,
      [
        [1, 'one'],
        [4, 'two\u00e9'],
        [5, null],
        [6, 'last'],
      ],
      String(size),
    );
  }
});

test('a walk finds the same whatever the pieces, and hands over what is asked for', () => {
  const value = {
    a: { 'b"\\{': [1, 'two, }', { c: [true, null] }, []] },
    skipped: { x: [{ y: '"}' }] },
    deep: { wanted: { z: ['\u00e9\\"', -1.5e3] } },
    empty: {},
    n: 5,
  };
  for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
    for (const size of [1, 2, 3, 7, 1000]) {
      const captured: unknown[] = [];
      const entered: string[] = [];
      const walker = new JsonWalker(
        {
          enter: (path) => {
            entered.push(path.join('/'));
            if (path[0] === 'skipped') return 'skip';
            return path[1] === 'wanted' || path[0] === 'n' ? 'capture' : 'descend';
          },
          captured: (path, bytes) => captured.push([path.join('/'), JSON.parse(bytes.toString('utf8'))]),
        },
        1000,
      );
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += size) walker.push(bytes.subarray(at, at + size));
      walker.end();
      assert.deepEqual(captured, [
        ['deep/wanted', value.deep.wanted],
        ['n', 5],
      ]);
      assert.deepEqual(entered.slice(0, 7), [
        '',
        'a',
        'a/b"\\{',
        'a/b"\\{/0',
        'a/b"\\{/1',
        'a/b"\\{/2',
        'a/b"\\{/2/c',
      ]);
    }
  }
});

test('what is no JSON is refused where it is noticed', () => {
  for (const text of ['{"a" 1}', '{"a":1 "b":2}', '{a:1}', '[1,]', '{"a":}', '{"a":[1}', '{"a":1', '"', '']) {
    const walker = new JsonWalker({ enter: () => 'descend' }, 100);
    assert.throws(
      () => {
        walker.push(Buffer.from(text));
        walker.end();
      },
      JsonError,
      text,
    );
  }
  const long = new JsonWalker({ enter: (path) => (path.length === 0 ? 'descend' : 'capture') }, 10);
  assert.throws(() => long.push(Buffer.from('{"a":"12345678901"}')), JsonError);
});

test('JSON is written as Go writes it', () => {
  assert.equal(
    goJson({ b: '<a>&\u2028\b\f\\b"', a: [1.5, null, true, { z: 1, '\u{1f600}': 2, '\uffee': 3 }] }),
    '{"a":[1.5,null,true,{"z":1,"\uffee":3,"\u{1f600}":2}],"b":"\\u003ca\\u003e\\u0026\\u2028\\u0008\\u000c\\\\b\\""}',
  );
});

test('blocks hold the same lines wherever the pieces end', () => {
  const lines = Array.from({ length: 40 }, (_, n) => 'y'.repeat(n % 13));
  const long = 'x'.repeat(70);
  const text = [...lines.slice(0, 20), long, ...lines.slice(20), long, 'last'].join('\n');
  for (let size = 1; size < 200; size += 1) {
    const cutter = new BlockCutter(30, 50);
    const bytes = Buffer.from(text);
    const seen: string[] = [];
    const take = (blocks: readonly Block[]): void => {
      for (const block of blocks) {
        const lastLine = block === blocks.at(-1) && seen.length > 0;
        const part = block.kind === 'lines' ? Buffer.from(block.bytes).toString() : '(long)\n';
        assert.ok(part.endsWith('\n') || lastLine, 'whole lines');
        seen.push(part);
      }
    };
    for (let at = 0; at < bytes.length; at += size) take(cutter.push(bytes.subarray(at, at + size)));
    take(cutter.end());
    // A line that is too long may still come whole, where it arrives in one piece with its end.
    assert.equal(seen.join('').replaceAll(long, '(long)'), text.replaceAll(long, '(long)'), String(size));
  }
});
