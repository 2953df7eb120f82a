import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatInstant, formatSpan } from '../../src/commands/shared/format.ts';
import { inertLines } from '../../src/commands/shared/inert.ts';
import { describeAdvance } from '../../src/commands/shared/progress.ts';
import { formatTable, oneLine } from '../../src/commands/shared/tables.ts';

test('tables stand straight with wide characters, and end without blanks', () => {
  const text = formatTable(
    [{ title: 'model' }, { title: 'events', align: 'right' }],
    [
      ['模型', '12'],
      ['gpt', '3,456'],
    ],
  );
  assert.equal(text, 'model  events\n模型       12\ngpt     3,456');
});

test('texts from outside cannot move the cursor or turn the line', () => {
  assert.equal(oneLine('a\nb\u001B[2Jc\u202Ed\u0007'), 'a b [2Jc d ');
  assert.equal(oneLine('\u001B[31mred\u001B[39m'), '\u001B[31mred\u001B[39m');
  assert.equal(oneLine('\u001B[8mhidden'), ' [8mhidden');
  assert.equal(
    inertLines('\u001B[33mtwo\n\tlines\u001B[39m\u001B]2;title\u0007\u009B2J'),
    '\u001B[33mtwo\n\tlines\u001B[39m ]2;title  2J',
  );
});

test('spans, sizes and instants are short', () => {
  assert.deepEqual([0, 999, 1000, 61_000, 7_500_000, 90_000_000].map(formatSpan), [
    '0 s',
    '0 s',
    '1 s',
    '1 min 1 s',
    '2 h 5 min',
    '1 d 1 h',
  ]);
  assert.deepEqual([0, 1023, 1536, 5 * 1024 ** 3].map(formatBytes), ['0 B', '1023 B', '1.5 KiB', '5.0 GiB']);
  assert.equal(formatInstant(1_795_286_911_472), '2026-11-21T18:48:31Z');
});

test('an advance says what is known of it', () => {
  const unit = 'events';
  assert.equal(describeAdvance({ done: 0, total: null, unit, elapsedMs: 0 }), '0 events');
  assert.equal(describeAdvance({ done: 4000, total: null, unit, elapsedMs: 2000 }), '4,000 events, 2,000/s');
  assert.equal(
    describeAdvance({ done: 25_000, total: 100_000, unit, elapsedMs: 5000 }),
    '25,000 of 100,000 events, 25 %, 5,000/s, 15 s left',
  );
  assert.equal(describeAdvance({ done: 0, total: 0, unit, elapsedMs: 9000 }), '0 of 0 events');
});
