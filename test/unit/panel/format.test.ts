import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { language } from '../../../panel/src/i18n/i18n.ts';
import {
  ago,
  bytes,
  compact,
  count,
  dateTime,
  duration,
  moment,
  nanoUsd,
  percent,
  usd,
} from '../../../panel/src/lib/format.ts';

afterEach(() => language.set('en'));

test('counts are grouped, and compact ones have three digits', () => {
  assert.equal(count(1_234_567), '1,234,567');
  assert.deepEqual([0, 999, 1234, 22_345, 13_200_000, 2e9].map(compact), [
    '0',
    '999',
    '1.23K',
    '22.3K',
    '13.2M',
    '2B',
  ]);
  // Models and prices are spoken of in K and M in every language.
  language.set('zh-CN');
  assert.equal(compact(22_345), '22.3K');
});

test('what is not quite everything is not called everything', () => {
  assert.equal(percent(1), '100%');
  assert.equal(percent(0.999_99), '99.9%');
  assert.equal(percent(0.987), '98.7%');
  assert.equal(percent(0.000_01), '0.1%');
  assert.equal(percent(0), '0%');
});

test('money keeps the digits that say something', () => {
  assert.equal(usd(1234.5), '$1,234.50');
  assert.equal(usd(0), '$0.00');
  assert.equal(usd(0.5), '$0.50');
  assert.equal(usd(0.0123), '$0.0123');
  assert.equal(usd(0.000_042), '$0.000042');
  assert.equal(nanoUsd(12_300_000), '$0.0123');
  assert.equal(nanoUsd(null), '–');
});

test('durations name at most two units', () => {
  assert.equal(duration(0), '0 ms');
  assert.equal(duration(840.4), '840 ms');
  assert.equal(duration(999.9), '999 ms');
  assert.equal(duration(1234), '1.2 s');
  assert.equal(duration(3210), '3.2 s');
  assert.equal(duration(9999), '9.9 s');
  assert.equal(duration(42_000), '42 s');
  assert.equal(duration(72_000), '1 min 12 s');
  assert.equal(duration(7_500_000), '2 h 5 min');
  assert.equal(duration(3 * 86_400_000), '3 d');
  assert.equal(duration(null), '–');
  language.set('zh-CN');
  assert.equal(duration(7_500_000), '2 小时 5 分');
});

test('how long ago, in the biggest unit that fits', () => {
  const now = Date.UTC(2026, 0, 2, 12);
  assert.equal(ago(now - 12_000, now), '12s ago');
  assert.equal(ago(now - 119_000, now), '1m ago');
  assert.equal(ago(now - 3 * 3_600_000, now), '3h ago');
  assert.equal(ago(now - 50 * 3_600_000, now), '2d ago');
  language.set('zh-CN');
  assert.equal(ago(now - 12_000, now), '12秒前');
});

test('times are local, without a day only today', () => {
  const now = new Date(2026, 0, 2, 15, 4, 5).getTime();
  assert.equal(moment(new Date(2026, 0, 2, 0, 3, 4).getTime(), now), '00:03:04');
  assert.equal(moment(new Date(2026, 0, 1, 23, 3, 4).getTime(), now), 'Jan 1, 23:03');
  assert.equal(dateTime(now), 'Jan 2, 2026, 15:04:05');
});

test('sizes', () => {
  assert.deepEqual([0, 1023, 1024, 1_572_864, 200 * 1024 ** 3].map(bytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '200 GiB',
  ]);
});
