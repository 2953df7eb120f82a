import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { csvCell, csvOf } from '../../../panel/src/pages/requests/csv.ts';
import { digitsFor, exactUsd } from '../../../panel/src/pages/requests/exact-usd.ts';
import { failureLine } from '../../../panel/src/lib/failure-line.ts';
import { shortHash, slowness, tokenShares } from '../../../panel/src/pages/requests/row-text.ts';
import { fromLocalInput, toLocalInput } from '../../../panel/src/pages/requests/range.ts';
import { MOST_IN_PAGE, scrollFor, sliceOf, Slots } from '../../../panel/src/pages/requests/window.ts';
import { eventRow } from './event-row.ts';

test('the window holds what is on the screen, and little else', () => {
  assert.deepEqual(sliceOf(0, 48, 0, 900), { from: 0, to: 0 });
  assert.deepEqual(sliceOf(5, 48, 0, 900), { from: 0, to: 5 });
  fc.assert(
    fc.property(
      fc.nat(5000),
      fc.integer({ min: 20, max: 80 }),
      fc.integer({ min: -500, max: 400_000 }),
      fc.integer({ min: 0, max: 2000 }),
      (count, height, top, screen) => {
        const { from, to } = sliceOf(count, height, top, top + screen);
        assert.ok(from >= 0 && from <= to && to <= count, `${from} to ${to}`);
        assert.ok(to - from <= MOST_IN_PAGE);
        // A screen of more rows than that shows the first of them.
        const shown = Math.min(screen, (MOST_IN_PAGE - 12) * height);
        for (const px of [top, top + shown - 1]) {
          const row = Math.floor(px / height);
          if (px >= 0 && row >= 0 && row < count && shown > 0) {
            assert.ok(row >= from && row < to, `row ${row} in ${from} to ${to}`);
          }
        }
      },
    ),
  );
});

test('a row keeps its element, new ones take over what is free, and none is ever given up', () => {
  const slots = new Slots();
  assert.deepEqual(slots.assign([3, 2, 1]), [0, 1, 2]);
  assert.deepEqual(slots.assign([4, 3, 2]), [2, 0, 1]);
  assert.deepEqual(slots.assign([3]), [0, 1, 2], 'those without a row come last');
  assert.deepEqual(slots.assign([9, 8, 7, 6]), [0, 1, 2, 3]);
  fc.assert(
    fc.property(fc.array(fc.uniqueArray(fc.nat(30), { maxLength: 12 }), { maxLength: 40 }), (steps) => {
      const long = new Slots();
      let before = new Map<number, number>();
      let most = 0;
      for (const ids of steps) {
        most = Math.max(most, ids.length);
        const given = long.assign(ids);
        assert.equal(given.length, most);
        assert.equal(new Set(given).size, most, 'each once');
        const now = new Map(ids.map((id, index) => [id, given[index] ?? -1]));
        for (const [id, slot] of now) if (before.has(id)) assert.equal(slot, before.get(id));
        before = now;
      }
    }),
  );
});

test('one scrolls no further than has to be', () => {
  assert.equal(scrollFor(3, 50, 100, 400), 0);
  assert.equal(scrollFor(1, 50, 100, 400), -50);
  assert.equal(scrollFor(8, 50, 100, 400), 50);
});

test('a file for spreadsheets calculates nothing', () => {
  for (const begin of ['=', '+', '-', '@', '\t', '\r', '\n']) {
    assert.match(csvCell(`${begin}cmd|'/c calc'!A1`), /^"?'/, begin);
  }
  assert.equal(csvCell('a-b=c'), 'a-b=c');
  assert.equal(csvCell('say "a, b"\nc'), '"say ""a, b""\nc"');
  assert.equal(csvCell('=a,"b"'), `"'=a,""b"""`);
  assert.equal(csvCell(-5), '-5');
  assert.equal(csvCell(null), '');
  const text = csvOf([
    eventRow({ id: 7, timestamp_ms: 0, model: '=1+1', cost_nano_usd: 90, failed: true, latency_ms: 12 }),
    eventRow({ id: 6, cost_nano_usd: 12_000_000_001 }),
  ]);
  assert.ok(text.startsWith('\uFEFFtime,id,request_id,status,'));
  const [head = '', first = '', second = '', end] = text.slice(1).split('\r\n');
  const cell = (line: string, name: string) => line.split(',')[head.split(',').indexOf(name)];
  assert.equal(cell(first, 'time'), '1970-01-01T00:00:00.000Z');
  assert.equal(cell(first, 'model'), "'=1+1");
  assert.equal(cell(first, 'status'), 'failed');
  assert.equal(cell(first, 'cost_usd'), '0.000000090');
  assert.equal(cell(second, 'cost_usd'), '12.000000001');
  assert.equal(cell(second, 'latency_ms'), '');
  assert.equal(end, '');
});

test('parts of a cost are seen to add up', () => {
  const parts = [8_661_000, 993_900, 44_190_000];
  const digits = digitsFor(parts);
  assert.equal(digits, 7);
  assert.deepEqual(
    parts.map((nano) => exactUsd(nano, digits)),
    ['$0.0086610', '$0.0009939', '$0.0441900'],
  );
  assert.equal(digitsFor([0, 5_000_000_000]), 2);
  assert.equal(exactUsd(12_340_000_000, 2), '$12.34');
});

test('a failure in one line is the message that the upstream wrote', () => {
  assert.equal(
    failureLine('{"error":{"type":"x","message":"Too \\"many\\"\\nof them"}}'),
    'Too "many" of them',
  );
  assert.equal(failureLine('{"error":{"message":"cut off in the mid'), 'cut off in the mid');
  assert.equal(failureLine('{"detail":"no"}'), 'no');
  assert.equal(failureLine('context  canceled\n'), 'context canceled');
});

test('figures of a row', () => {
  assert.deepEqual([null, 14_999, 15_000, 29_999, 30_000].map(slowness), [
    'neutral',
    'neutral',
    'warn',
    'warn',
    'bad',
  ]);
  assert.equal(shortHash('ab12cd34ef'), 'sha256:ab12cd34…');
  assert.equal(shortHash(''), '');
  const row = eventRow({
    input_tokens: 80,
    cache_read_tokens: 40,
    cache_creation_tokens: 10,
    output_tokens: 20,
    total_tokens: 100,
  });
  assert.deepEqual(tokenShares(row), [30, 40, 10, 20]);
  assert.deepEqual(tokenShares(eventRow()), [0, 0, 0, 0]);
});

test('times go into a field and come back', () => {
  const ms = new Date(2026, 0, 2, 3, 4, 5).getTime();
  assert.equal(toLocalInput(ms), '2026-01-02T03:04:05');
  assert.equal(fromLocalInput('2026-01-02T03:04:05'), ms);
  assert.equal(fromLocalInput(''), null);
  assert.equal(fromLocalInput('never'), null);
});
