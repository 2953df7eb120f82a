import { after, isEmpty, numberOf, put, putGroup, type Group } from './groups.ts';
import type { ResponseHeaders } from './headers.ts';

type Source = 'primary' | 'secondary';

/** One of the two windows in which Codex counts, as its headers tell it. */
interface Window {
  readonly source: Source;
  readonly members: Group;
  readonly usedPercent: number | null;
  readonly resetAtMs: number;
  readonly kind: string;
}

const PREFIX = 'x-codex-';

/** The `quota` group: Codex's plan, credits and windows, with the fullest window summed up. */
export function quotaGroup(headers: ResponseHeaders, baseMs: number): Group {
  const windows = [readWindow(headers, 'primary', baseMs), readWindow(headers, 'secondary', baseMs)];
  const reachedType = headers.text(`${PREFIX}rate-limit-reached-type`);
  const summary = fullest(windows);
  const reached = reachedWindow(windows, reachedType.toLowerCase());
  const quota: Group = {};
  put(quota, 'plan_type', headers.text(`${PREFIX}plan-type`));
  put(quota, 'active_limit', headers.text(`${PREFIX}active-limit`));
  put(quota, 'rate_limit_reached_type', reachedType);
  if (summary) {
    quota['summary_window_kind'] = summary.kind;
    quota['summary_window_source'] = summary.source;
  }
  if (reached || reachedType !== '') {
    quota['reached_window_kind'] = reached?.kind ?? 'unknown';
    quota['reached_window_source'] = reached?.source ?? 'unknown';
  }
  put(quota, 'credits_balance', headers.text(`${PREFIX}credits-balance`));
  put(quota, 'credits_has_credits', headers.boolean(`${PREFIX}credits-has-credits`));
  put(quota, 'credits_unlimited', headers.boolean(`${PREFIX}credits-unlimited`));
  put(
    quota,
    'primary_over_secondary_limit_percent',
    headers.number(`${PREFIX}primary-over-secondary-limit-percent`),
  );
  for (const window of windows) putGroup(quota, window.source, window.members);
  const recoverAtMs = (summary?.resetAtMs ?? 0) || (reached?.resetAtMs ?? 0);
  if (recoverAtMs > 0) quota['recover_at_ms'] = recoverAtMs;
  put(quota, 'used_percent', summary?.usedPercent ?? null);
  return quota;
}

function readWindow(headers: ResponseHeaders, source: Source, baseMs: number): Window {
  const name = (part: string): string => `${PREFIX}${source}-${part}`;
  const afterSeconds = headers.number(name('reset-after-seconds'));
  const relative = afterSeconds !== null && afterSeconds > 0 ? after(baseMs, afterSeconds) : null;
  const members: Group = {};
  put(members, 'used_percent', headers.number(name('used-percent')));
  put(members, 'reset_at_ms', headers.time(name('reset-at')) ?? relative);
  put(members, 'reset_after_seconds', afterSeconds);
  put(members, 'window_minutes', headers.count(name('window-minutes')));
  return {
    source,
    members,
    usedPercent: numberOf(members, 'used_percent'),
    resetAtMs: numberOf(members, 'reset_at_ms') ?? 0,
    kind: windowKind(numberOf(members, 'window_minutes')),
  };
}

function windowKind(minutes: number | null): string {
  if (minutes === 300) return 'five_hour';
  if (minutes === 10_080) return 'weekly';
  return minutes !== null && minutes >= 40_320 && minutes <= 44_640 ? 'monthly' : 'unknown';
}

/** The window with the most used; of equals the one that recovers later. */
function fullest(windows: readonly Window[]): Window | null {
  let best: Window | null = null;
  for (const window of windows) {
    if (window.usedPercent === null) continue;
    const bestUsed = best?.usedPercent ?? -Infinity;
    const later = window.resetAtMs > (best?.resetAtMs ?? 0);
    if (window.usedPercent > bestUsed || (window.usedPercent === bestUsed && later)) best = window;
  }
  return best;
}

/** The window that the upstream names as exhausted, else an exhausted one with the latest recovery. */
function reachedWindow(windows: readonly Window[], reachedType: string): Window | null {
  const named = windows.find((window) => window.source === reachedType && !isEmpty(window.members));
  if (named) return named;
  const exhausted = windows.filter((window) => (window.usedPercent ?? 0) >= 100);
  return exhausted.sort((a, b) => b.resetAtMs - a.resetAtMs)[0] ?? null;
}
