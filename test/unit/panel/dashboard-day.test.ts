import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  axisTop,
  begun,
  change,
  curve,
  DAY_MS,
  gapSpans,
  HOUR_MS,
  inGap,
  lastHour,
  recentGaps,
  startOfDay,
  successRates,
} from '../../../panel/src/pages/dashboard/day.ts';
import { gapAt, hoursFrom, pointsFrom } from './dashboard-figures.ts';

const START = new Date(2026, 2, 4).getTime();
const NOON = START + 12 * HOUR_MS;

test('a day begins at the midnight of the place one is at', () => {
  assert.equal(startOfDay(START), START);
  assert.equal(startOfDay(START - 1), new Date(2026, 2, 3).getTime());
  assert.equal(startOfDay(NOON), START);
});

test('gaps are placed on the day as far as they reach into it', () => {
  const gaps = [
    gapAt(START - DAY_MS, START - HOUR_MS),
    gapAt(START - HOUR_MS, START + 6 * HOUR_MS),
    gapAt(NOON - 3 * HOUR_MS, null),
    gapAt(START + DAY_MS, null),
  ];
  assert.deepEqual(gapSpans(gaps, START, NOON), [
    { from: 0, to: 0.25 },
    { from: 0.375, to: 0.5 },
  ]);
});

test('what lies within a gap is known for it, up to now where it lasts', () => {
  const gaps = [gapAt(START + HOUR_MS, START + 2 * HOUR_MS), gapAt(NOON - HOUR_MS, null)];
  const within = (from: number, to: number): boolean =>
    inGap(gaps, START + from * HOUR_MS, START + to * HOUR_MS, NOON);
  assert.equal(within(0, 1), false);
  assert.equal(within(1.5, 1.6), true);
  assert.equal(within(3, 4), false);
  assert.equal(within(11.5, 12), true);
  assert.equal(within(13, 14), false);
});

test('gaps are news for a day, the newest first', () => {
  const old = gapAt(NOON - 2 * DAY_MS, NOON - DAY_MS);
  const ended = gapAt(NOON - 2 * DAY_MS, NOON - DAY_MS + 1);
  const lasting = gapAt(NOON - 3 * DAY_MS, null);
  const fresh = gapAt(NOON - HOUR_MS, NOON);
  assert.deepEqual(recentGaps([old, lasting, ended, fresh], NOON), [fresh, ended, lasting]);
});

test('hours to come are no zeros', () => {
  const hours = hoursFrom(START, [
    [4, 1],
    [0, 0],
    [10, 0],
  ]);
  assert.equal(begun(hours, START + 1.5 * HOUR_MS).length, 2);
  assert.equal(begun(hours, START + 2 * HOUR_MS).length, 3);
  // An hour without a request has no rate, which is neither 0 nor 1.
  assert.deepEqual(successRates(hours, START + 2 * HOUR_MS), [0.75, null, 1]);
});

test('the last hour is the six points up to now', () => {
  const points = pointsFrom(
    START,
    Array.from({ length: 144 }, (_, index): [number, number] => [10 ** (index % 8), index % 2]),
  );
  // At 01:05 the points from 00:10 on count, which are those with the numbers 1 to 6.
  assert.deepEqual(lastHour(points, START + 65 * 60_000), { calls: 1_111_110, failures: 3 });
});

test('the top of an axis is round and not below what is shown', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 7, 10, 11, 279, 301, 1001, 950_000].map(axisTop),
    [2, 2, 2, 3, 8, 10, 20, 300, 400, 2000, 1_000_000],
  );
});

test('changes are told in percent, from double on as a factor', () => {
  assert.equal(change(108, 100), '+8%');
  assert.equal(change(88, 100), '−12%');
  assert.equal(change(0, 100), '−100%');
  assert.equal(change(1001, 1000), '±0%');
  assert.equal(change(199, 100), '+99%');
  assert.equal(change(230, 100), '2.3×');
  assert.equal(change(1234, 100), '12×');
  // Nothing to compare with is not a change from nothing.
  assert.equal(change(5, 0), '');
});

test('a curve begins at the left, ends at the right, and is broken where nothing is known', () => {
  assert.equal(curve([0, 5, 10], 0, 10), 'M0 100L50 50L100 0');
  assert.equal(curve([0, null, 10, 5], 0, 10), 'M0 100M66.67 0L100 50');
  // All the same is a line at the bottom, not a division by nothing.
  assert.equal(curve([3, 3], 3, 3), 'M0 100L100 100');
});
