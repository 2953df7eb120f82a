import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as hold, constantFrom, integer, property } from 'fast-check';
import { AppError } from '../../src/lib/errors.ts';
import { parseInstant, parseTimeRange } from '../../src/lib/time-range.ts';
import { Zone } from '../../src/lib/zoned-time.ts';

const NOW = Date.parse('2026-11-21T18:00:00Z');
const HOUR = 3_600_000;
const options = (timeZone: string, nowMs = NOW) => ({ timeZone, nowMs });
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

function range(since: string | undefined, until: string | undefined, zone: string, now = NOW) {
  const { fromMs, untilMs } = parseTimeRange({ since, until }, options(zone, now));
  return [iso(fromMs), iso(untilMs)];
}

test('lengths count back from now in elapsed time, over a change of the clocks too', () => {
  for (const [text, hours] of [
    ['24h', 24],
    ['7d', 168],
    ['2w', 336],
    ['90min', 1.5],
    ['90m', 1.5],
    ['3600s', 1],
  ] as const) {
    assert.equal(parseInstant(text, options('Europe/Berlin')), NOW - hours * HOUR, text);
  }
  const afterChange = Date.parse('2026-10-25T12:00:00Z');
  assert.equal(parseInstant('1d', options('Europe/Berlin', afterChange)), afterChange - 24 * HOUR);
});

test('days and months are those of the zone', () => {
  assert.deepEqual(range('2026-11-01', '2026-11-01', 'Europe/Berlin'), [
    '2026-10-31T23:00:00.000Z',
    '2026-11-01T23:00:00.000Z',
  ]);
  assert.deepEqual(range('2026-11-01', '2026-11-15', 'Asia/Kathmandu'), [
    '2026-10-31T18:15:00.000Z',
    '2026-11-15T18:15:00.000Z',
  ]);
  assert.deepEqual(range('2026-12', '2026-12', 'America/New_York'), [
    '2026-12-01T05:00:00.000Z',
    '2027-01-01T05:00:00.000Z',
  ]);
  // Late on the 21st in UTC is the 22nd in Tokyo.
  assert.deepEqual(range('today', 'today', 'Asia/Tokyo'), [
    '2026-11-21T15:00:00.000Z',
    '2026-11-22T15:00:00.000Z',
  ]);
  assert.deepEqual(range('yesterday', undefined, 'Asia/Tokyo'), ['2026-11-20T15:00:00.000Z', null]);
});

test('days of 23 and 25 hours, without a midnight and with two, have their right edges', () => {
  const hours = (day: string, zone: string): number => {
    const { fromMs, untilMs } = parseTimeRange({ since: day, until: day }, options(zone));
    return ((untilMs ?? 0) - (fromMs ?? 0)) / HOUR;
  };
  assert.equal(hours('2026-03-29', 'Europe/Berlin'), 23);
  assert.equal(hours('2026-10-25', 'Europe/Berlin'), 25);
  assert.equal(hours('2026-04-05', 'Australia/Lord_Howe'), 24.5);
  // Clocks went from 0:00 to 1:00, so the day began at 1:00.
  assert.deepEqual(range('2018-11-04', '2018-11-04', 'America/Sao_Paulo'), [
    '2018-11-04T03:00:00.000Z',
    '2018-11-05T02:00:00.000Z',
  ]);
  // Clocks went from 1:00 back to 0:00, so that midnight came twice.
  assert.deepEqual(range('2026-11-01', '2026-11-01', 'America/Havana'), [
    '2026-11-01T04:00:00.000Z',
    '2026-11-02T05:00:00.000Z',
  ]);
  // A day that the calendar of the island jumped over is empty.
  assert.equal(hours('2011-12-30', 'Pacific/Apia'), 0);
});

test('a time without an offset is one of the zone; one that comes twice is the first', () => {
  const at = (text: string): string | null => iso(parseInstant(text, options('Europe/Berlin')));
  assert.equal(at('2026-11-01T10:30'), '2026-11-01T09:30:00.000Z');
  assert.equal(at('2026-07-01 10:30:15.5'), '2026-07-01T08:30:15.500Z');
  assert.equal(at('2026-10-25T02:30'), '2026-10-25T00:30:00.000Z');
  assert.equal(at('2026-03-29T02:30'), '2026-03-29T01:00:00.000Z');
  assert.equal(at('2026-11-01T10:30:00Z'), '2026-11-01T10:30:00.000Z');
  assert.equal(at('2026-11-01T10:30:00.123456789+05:30'), '2026-11-01T05:00:00.123Z');
  assert.equal(at('2026-11-01T10:30-0330'), '2026-11-01T14:00:00.000Z');
  assert.equal(at('now'), '2026-11-21T18:00:00.000Z');
});

test('a range in one word, with either end open', () => {
  assert.deepEqual(range('2026-11-01..2026-11-15', undefined, 'UTC'), [
    '2026-11-01T00:00:00.000Z',
    '2026-11-16T00:00:00.000Z',
  ]);
  assert.deepEqual(range('..yesterday', undefined, 'UTC'), [null, '2026-11-21T00:00:00.000Z']);
  assert.deepEqual(range('7d..', undefined, 'UTC'), ['2026-11-14T18:00:00.000Z', null]);
  assert.deepEqual(range(undefined, undefined, 'UTC'), [null, null]);
});

test('what is no time is refused with the forms', () => {
  const wrong = [
    ['gestern', undefined],
    ['2026-13-01', undefined],
    ['2026-02-30', undefined],
    ['2026-11-01T25:00', undefined],
    ['2026-11-01T10:30+', undefined],
    ['7 days', undefined],
    ['-7d', undefined],
    ['..', undefined],
    ['2026-11-01..2026-11-02..2026-11-03', undefined],
    ['2026-11-15..2026-11-01', undefined],
    ['2026-11-01..2026-11-02', '2026-11-03'],
    ['2026-11-03', '2026-11-01'],
  ] as const;
  for (const [since, until] of wrong) {
    assert.throws(
      () => parseTimeRange({ since, until }, options('UTC')),
      (error) => error instanceof AppError && error.code === 'invalid_time' && /7d/.test(error.hint),
      since,
    );
  }
  assert.throws(
    () => parseTimeRange({}, options('Mars/Olympus')),
    (error) => error instanceof AppError && error.code === 'invalid_time_zone',
  );
});

test('every instant that the clocks show once is found again by what they show', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/St_Johns',
    'Pacific/Apia',
    'Australia/Lord_Howe',
    'Asia/Tehran',
  ];
  hold(
    property(constantFrom(...zones), integer({ min: 0, max: 4_000_000_000 }), (name, seconds) => {
      const zone = new Zone(name);
      const wall = zone.wallTime(seconds * 1000);
      const found = zone.instantOf(wall);
      assert.deepEqual(zone.wallTime(found), wall);
      assert.ok(found <= seconds * 1000);
    }),
    { numRuns: 300 },
  );
});
