import type { DashboardAnswer, StatusAnswer } from '../../../../src/lib/contract/api.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const RECENT_MS = HOUR_MS;

export type Gap = StatusAnswer['gaps'][number];
export type Hour = DashboardAnswer['traffic_timeline'][number];
export type Point = DashboardAnswer['today_request_health_timeline']['points'][number];
export type Metric = 'calls' | 'tokens';

/** Midnight of the day that it is here at `nowMs`. */
export function startOfDay(nowMs: number): number {
  return new Date(nowMs).setHours(0, 0, 0, 0);
}

/** A part of the day as fractions of it: 0 is its beginning, 1 its end. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where gaps lie within the 24 hours from `startMs` on. One that lasts goes on until now. */
export function gapSpans(gaps: readonly Gap[], startMs: number, nowMs: number): readonly Span[] {
  return gaps
    .map(({ fromMs, toMs }) => ({
      from: Math.max(0, (fromMs - startMs) / DAY_MS),
      to: Math.min(1, ((toMs ?? nowMs) - startMs) / DAY_MS),
    }))
    .filter(({ from, to }) => to >= from && to > 0 && from < 1);
}

/** Whether a gap reaches into `[fromMs, toMs)`. */
export function inGap(gaps: readonly Gap[], fromMs: number, toMs: number, nowMs: number): boolean {
  return gaps.some((gap) => gap.fromMs < toMs && (gap.toMs ?? nowMs) >= fromMs);
}

/** Gaps that reach into the 24 hours before now, the newest first. */
export function recentGaps(gaps: readonly Gap[], nowMs: number): readonly Gap[] {
  return gaps.filter(({ toMs }) => (toMs ?? nowMs) > nowMs - DAY_MS).toSorted((a, b) => b.fromMs - a.fromMs);
}

/** The hours that have begun: what lies ahead is no zero. */
export function begun(hours: readonly Hour[], nowMs: number): readonly Hour[] {
  return hours.filter(({ bucket_ms }) => bucket_ms <= nowMs);
}

/** The success rate of each hour that has begun; null where nothing was asked. */
export function successRates(hours: readonly Hour[], nowMs: number): ReadonlyArray<number | null> {
  return begun(hours, nowMs).map(({ calls, failure_rate }) => (calls === 0 ? null : 1 - failure_rate));
}

export interface Recent {
  readonly calls: number;
  readonly failures: number;
}

/** What the points of the last hour add up to, the one that is under way included. */
export function lastHour(points: readonly Point[], nowMs: number): Recent {
  const sums = { calls: 0, failures: 0 };
  for (const { bucket_ms, calls, failure } of points) {
    if (bucket_ms > nowMs || bucket_ms <= nowMs - RECENT_MS) continue;
    sums.calls += calls;
    sums.failures += failure;
  }
  return sums;
}

/** A round number not below `value`, for the top of an axis. */
export function axisTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 2)));
  const step = [1, 2, 3, 4, 5, 6, 8, 10].find((one) => one * power >= value) ?? 10;
  return Math.max(2, step * power);
}

/** How much of the other: `+8%`, `−12%`, from double on `2.3×`; `''` where there is nothing to compare with. */
export function change(now: number, before: number): string {
  if (before <= 0) return '';
  const ratio = now / before;
  if (ratio >= 10) return `${Math.round(ratio)}×`;
  if (ratio >= 2) return `${ratio.toFixed(1)}×`;
  const percent = Math.round((ratio - 1) * 100);
  if (percent === 0) return '±0%';
  return percent < 0 ? `−${-percent}%` : `+${percent}%`;
}

/** The points of a curve in a box of 100 by 100, 0 at the bottom; the curve is broken where a value is null. */
export function curve(values: ReadonlyArray<number | null>, from: number, to: number): string {
  const height = to - from;
  const last = Math.max(1, values.length - 1);
  let pen = 'M';
  const steps = values.map((value, index) => {
    if (value === null) {
      pen = 'M';
      return '';
    }
    const y = height > 0 ? 100 - ((value - from) / height) * 100 : 100;
    const step = `${pen}${round((index / last) * 100)} ${round(y)}`;
    pen = 'L';
    return step;
  });
  return steps.filter(Boolean).join('');
}

const round = (value: number): number => Math.round(value * 100) / 100;
