import assert from 'node:assert/strict';
import test from 'node:test';
import { eventTime } from '../../../src/lib/usage/timestamp.ts';

const RECEIVED = 1_795_262_400_000;

const CASES: ReadonlyArray<readonly [written: unknown, text: string, ms: number]> = [
  ['2026-05-02T10:00:00.120000000+08:00', '2026-05-02T02:00:00.12Z', 1_777_687_200_120],
  ['2026-05-02T02:00:00Z', '2026-05-02T02:00:00Z', 1_777_687_200_000],
  ['2026-05-02T02:00:00.000Z', '2026-05-02T02:00:00Z', 1_777_687_200_000],
  ['2026-11-21T11:08:13.740939414Z', '2026-11-21T11:08:13.740939414Z', 1_795_259_293_740],
  ['2026-11-21T11:08:13.999999999999Z', '2026-11-21T11:08:13.999999999Z', 1_795_259_293_999],
  ['2026-01-01T00:30:00-01:00', '2026-01-01T01:30:00Z', 1_767_231_000_000],
  ['2026-01-01T00:30:00+05:30', '2025-12-31T19:00:00Z', 1_767_207_600_000],
  ['2026-01-02T00:30:00+24:00', '2026-01-01T00:30:00Z', 1_767_227_400_000],
  ['2024-02-29T23:59:59.5Z', '2024-02-29T23:59:59.5Z', 1_709_251_199_500],
  [' 2026-05-02 10:00:00 ', '2026-05-02T10:00:00Z', 1_777_716_000_000],
  ['2026-05-02 10:00:00.25', '2026-05-02T10:00:00.25Z', 1_777_716_000_250],
  ['2026-05-02T10:00:00', '2026-05-02T10:00:00Z', 1_777_716_000_000],
  [1_777_687_200, '2026-05-02T02:00:00Z', 1_777_687_200_000],
  [1_777_687_200.9, '2026-05-02T02:00:00Z', 1_777_687_200_000],
  [1_777_687_200_120, '2026-05-02T02:00:00.12Z', 1_777_687_200_120],
  ['1777687200', '2026-05-02T02:00:00Z', 1_777_687_200_000],
  ['1777687200005', '2026-05-02T02:00:00.005Z', 1_777_687_200_005],
  [9_999_999_999, '2286-11-20T17:46:39Z', 9_999_999_999_000],
  [10_000_000_000, '1970-04-26T17:46:40Z', 10_000_000_000],
];

test('times of every form, with all digits of their fraction', async (t) => {
  for (const [written, text, ms] of CASES) {
    await t.test(String(written), () => {
      assert.deepEqual(eventTime(written, RECEIVED), {
        ms,
        text,
        hashText: text,
        clamped: false,
        missing: false,
      });
    });
  }
});

test('what is no time is missing', () => {
  const none = [
    null,
    undefined,
    '',
    'now',
    true,
    {},
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01',
    '2026-01-01 00:00:00Z',
    '2026-01-01T00:00:00+25:00',
    '2026-01-01T00:00:00-01:61',
  ];
  for (const written of none) {
    const time = eventTime(written, RECEIVED);
    assert.deepEqual(
      [time.ms, time.text, time.missing],
      [RECEIVED, '2026-11-21T12:00:00Z', true],
      JSON.stringify(written),
    );
  }
});

test('times outside 1970 to 9999 are clamped, and hashed as they were', () => {
  const early = eventTime('0001-01-01T00:00:00Z', RECEIVED);
  assert.deepEqual(early, {
    ms: 0,
    text: '1970-01-01T00:00:00Z',
    hashText: '0001-01-01T00:00:00Z',
    clamped: true,
    missing: false,
  });
  const late = eventTime('9999-12-31T23:59:59-08:00', RECEIVED);
  assert.deepEqual(
    [late.ms, late.text, late.clamped],
    [253_402_300_799_999, '9999-12-31T23:59:59.999Z', true],
  );
  assert.equal(eventTime(-5, RECEIVED).clamped, true);
  assert.equal(eventTime(1e300, RECEIVED).ms, 253_402_300_799_999);
});
