import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { EventRow, EventsAnswer } from '../../../src/lib/contract/api.ts';
import { inOrder, merge, MOST_ROWS, Rows } from '../../../panel/src/pages/requests/rows.ts';
import { eventRow } from './event-row.ts';

const at = (id: number, ms: number): EventRow => eventRow({ id, timestamp_ms: ms });
const ids = (rows: readonly EventRow[]): number[] => rows.map(({ id }) => id);

/** What the daemon answers from these events. */
function page(events: readonly EventRow[], limit: number, before: string | null): EventsAnswer {
  const [time = Infinity, id = Infinity] = before?.split('.').map(Number) ?? [];
  const all = events.toSorted(inOrder).filter((row) => inOrder({ timestamp_ms: time, id }, row) < 0);
  const items = all.slice(0, limit);
  const last = items.at(-1);
  const more = all.length > limit && last !== undefined;
  return {
    items,
    next: more ? `${last.timestamp_ms}.${last.id}` : null,
    scanned_to_ms: more ? last.timestamp_ms : 0,
  };
}

test('two lists become one, in order, with each id once and the newer word for it', () => {
  const old = [at(5, 50), at(3, 30), at(1, 10)];
  const renewed = eventRow({ id: 3, timestamp_ms: 30, cost_nano_usd: 7 });
  const merged = merge(old, [at(4, 30), renewed, at(6, 5), at(9, 99)]);
  assert.deepEqual(ids(merged), [9, 5, 4, 3, 1, 6]);
  assert.equal(merged.find(({ id }) => id === 3)?.cost_nano_usd, 7);
  assert.deepEqual(merge([], []), []);
  assert.deepEqual(ids(merge([], [at(1, 1), at(2, 2), at(1, 1)])), [2, 1]);
});

test('live rows are neither lost nor doubled, whatever comes between the pages', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('live' as const), ms: fc.nat(60) }) },
    fc.record({ kind: fc.constant('more' as const), late: fc.array(fc.nat(60), { maxLength: 3 }) }),
    fc.record({ kind: fc.constant('head' as const) }),
    fc.record({ kind: fc.constant('hold' as const), held: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(fc.nat(60), { maxLength: 20 }), fc.array(step, { maxLength: 30 }), (old, steps) => {
      const events = old.map((ms, index) => at(index + 1, ms));
      const rows = new Rows();
      const born = (ms: number): EventRow => {
        const row = at(events.length + 1, ms);
        events.push(row);
        return row;
      };
      rows.begin(page(events, 4, null), []);
      let held = false;
      for (const one of steps) {
        if (one.kind === 'live') rows.add([born(one.ms)], held);
        else if (one.kind === 'more' && rows.next !== null) {
          const answer = page(events, 4, rows.next);
          // They happen after the page was read, and are told of before it arrives.
          for (const ms of one.late) rows.add([born(ms)], held);
          rows.append(answer);
        } else if (one.kind === 'head') {
          const answer = page(events, 4, null);
          if (!rows.head(answer, held)) rows.begin(answer, []);
        } else if (one.kind === 'hold') {
          held = one.held;
          if (!held) rows.release();
        }
      }
      rows.release();
      const floor = rows.next === null ? null : rows.shown.at(-1);
      const wanted = events.toSorted(inOrder).filter((row) => !floor || inOrder(row, floor) <= 0);
      assert.deepEqual(ids(rows.shown), ids(wanted));
      while (rows.next !== null) rows.append(page(events, 4, rows.next));
      assert.deepEqual(ids(rows.shown), ids(events.toSorted(inOrder)));
    }),
    { numRuns: 500 },
  );
});

test('what is held waits, and what is known is renewed at once', () => {
  const rows = new Rows();
  rows.begin({ items: [at(2, 20), at(1, 10)], next: null, scanned_to_ms: 0 }, []);
  rows.add([at(3, 30), eventRow({ id: 1, timestamp_ms: 10, cost_nano_usd: 5 })], true);
  rows.add([at(3, 30)], true);
  assert.deepEqual(ids(rows.shown), [2, 1]);
  assert.equal(rows.shown[1]?.cost_nano_usd, 5);
  assert.equal(rows.waiting, 1);
  rows.release();
  assert.deepEqual(ids(rows.shown), [3, 2, 1]);
  assert.equal(rows.waiting, 0);
});

test('a head that does not reach what is shown says so', () => {
  const rows = new Rows();
  rows.begin({ items: [at(2, 20)], next: '20.2', scanned_to_ms: 20 }, []);
  assert.equal(rows.head({ items: [at(9, 90), at(8, 80)], next: '80.8', scanned_to_ms: 80 }, false), false);
  assert.deepEqual(ids(rows.shown), [2]);
  assert.equal(rows.head({ items: [at(9, 90), at(2, 20)], next: '20.2', scanned_to_ms: 20 }, false), true);
  assert.deepEqual(ids(rows.shown), [9, 2]);
});

test('a short page is known down to where it was looked', () => {
  const rows = new Rows();
  rows.begin({ items: [at(9, 90)], next: '40.0', scanned_to_ms: 40 }, []);
  rows.add([at(10, 45), at(11, 35)], false);
  assert.deepEqual(ids(rows.shown), [9, 10]);
  rows.append({ items: [], next: null, scanned_to_ms: 0 });
  assert.deepEqual(ids(rows.shown), [9, 10, 11]);
});

test('there are never more rows than fit', () => {
  const rows = new Rows();
  const items = Array.from({ length: MOST_ROWS }, (_, index) => at(MOST_ROWS - index, MOST_ROWS - index));
  rows.begin({ items, next: '1.1', scanned_to_ms: 1 }, []);
  assert.equal(rows.full, false);
  rows.add([at(MOST_ROWS + 1, MOST_ROWS + 1)], false);
  assert.equal(rows.shown.length, MOST_ROWS);
  assert.equal(rows.shown.at(-1)?.id, 2);
  assert.equal(rows.full, true);
  assert.equal(rows.next, null);
  // What went is not taken in again.
  rows.add([at(1, 1)], false);
  assert.equal(rows.shown.at(-1)?.id, 2);
});
