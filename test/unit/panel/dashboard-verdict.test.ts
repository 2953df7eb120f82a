import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HealthReason } from '../../../src/lib/contract/health.ts';
import { alertsOf, remediesOf, type Alert } from '../../../panel/src/pages/dashboard/alerts.ts';
import { checksOf, CHECKS } from '../../../panel/src/pages/dashboard/checks.ts';
import { Pace } from '../../../panel/src/pages/dashboard/pace.ts';
import { verdictOf } from '../../../panel/src/pages/dashboard/verdict.ts';
import { failureLine } from '../../../panel/src/lib/failure-line.ts';
import { gapAt, reasonOf, statusOf, summaryOf, type Summed } from './dashboard-figures.ts';

const START = new Date(2026, 2, 4).getTime();
const NOW = START + 65 * 60_000;
const summary = (summed: Omit<Summed, 'startMs' | 'nowMs'>) =>
  summaryOf({ startMs: START, nowMs: NOW, ...summed });
const withReasons = (...reasons: HealthReason[]) => statusOf({ health: { state: 'ok', reasons } });

function verdict(summed: Omit<Summed, 'startMs' | 'nowMs'>, status = statusOf()) {
  return verdictOf({ summary: summary(summed), status, offline: false, nowMs: NOW });
}

test('the verdict is the gravest thing that is the case', () => {
  assert.equal(verdict({ calls: 100, failures: 5 }), 'steady');
  assert.equal(verdict({ calls: 100, failures: 6 }), 'minor');
  assert.equal(verdict({ calls: 100, failures: 15 }), 'minor');
  assert.equal(verdict({ calls: 100, failures: 16 }), 'attention');
  assert.equal(verdict({ calls: 100, lastHalfHour: 0 }), 'quiet');
  assert.equal(verdict({ calls: 0 }), 'quiet');
  assert.equal(verdict({ calls: 100 }, withReasons(reasonOf('publishing_off', 'degraded'))), 'attention');
  assert.equal(
    verdict({ calls: 100, failures: 99 }, withReasons(reasonOf('key_refused', 'down'))),
    'stopped',
  );
  const all = {
    summary: summary({ calls: 100 }),
    status: withReasons(reasonOf('key_refused', 'down')),
    nowMs: NOW,
  };
  assert.equal(verdictOf({ ...all, offline: true }), 'unreachable');
});

test('a few calls say nothing of a rate', () => {
  assert.equal(verdict({ calls: 9, failures: 9 }), 'steady');
  assert.equal(verdict({ calls: 10, failures: 10 }), 'attention');
});

test('a bad hour shows on a good day', () => {
  const quietUntil = (points: ReadonlyArray<readonly [number, number]>) => [[0, 0] as const, ...points];
  assert.equal(verdict({ calls: 10_000, failures: 20, points: quietUntil([[100, 20]]) }), 'attention');
  // The same hour, an hour ago.
  assert.equal(verdict({ calls: 10_000, failures: 20, points: [[100, 20]] }), 'steady');
});

test('a gap of the last day is trouble; a notice is none, but for collection that is switched off', () => {
  const minute = 60_000;
  assert.equal(verdict({ calls: 50 }, statusOf({ gaps: [gapAt(NOW - 2 * minute, NOW - minute)] })), 'minor');
  assert.equal(verdict({ calls: 50 }, withReasons(reasonOf('retention_short', 'notice'))), 'steady');
  assert.equal(verdict({ calls: 50 }, withReasons(reasonOf('monitoring_off', 'notice'))), 'stopped');
});

test('before both answers are there, nothing is claimed', () => {
  assert.equal(verdictOf({ summary: null, status: statusOf(), offline: false, nowMs: NOW }), null);
  assert.equal(verdictOf({ summary: summary({ calls: 5 }), status: null, offline: false, nowMs: NOW }), null);
});

test('alerts come in the order of what they are about, and notices are none', () => {
  const status = {
    ...withReasons(
      reasonOf('retention_short', 'notice'),
      reasonOf('publishing_off', 'degraded'),
      reasonOf('key_refused', 'down'),
    ),
    gaps: [gapAt(NOW - 600_000, NOW - 500_000), gapAt(NOW - 60_000, null)],
  };
  const told = (alert: Alert): string =>
    alert.kind === 'reason'
      ? alert.reason.code
      : alert.kind === 'gap'
        ? `gap ${alert.gap.toMs === null}`
        : 'cost';
  assert.deepEqual(alertsOf(summary({ calls: 1, cost: 5, costYesterday: 2 }), status, NOW).map(told), [
    'key_refused',
    'publishing_off',
    'gap true',
    'cost',
    'gap false',
  ]);
  assert.deepEqual(alertsOf(null, null, NOW), []);
});

test('a jump of cost is double at least, and more than small change', () => {
  const jumps = (cost: number, costYesterday: number): boolean =>
    alertsOf(summary({ calls: 1, cost, costYesterday }), null, NOW).length > 0;
  assert.equal(jumps(4, 2), true);
  assert.equal(jumps(3.9, 2), false);
  assert.equal(jumps(0.9, 0.1), false);
  assert.equal(jumps(100, 0), false);
});

test('what is put right in the settings has a way there', () => {
  assert.deepEqual(remediesOf('connection_refused'), ['settings']);
  assert.deepEqual(remediesOf('key_refused'), ['settings', 'retry']);
  assert.deepEqual(remediesOf('disk_full'), []);
});

test('the way of the first request is ticked as far as it is clear', () => {
  const states = (status: Parameters<typeof checksOf>[0]): string =>
    checksOf(status)
      .map(({ state }) => state[0])
      .join('');
  assert.equal(CHECKS.join(' '), 'connected publishing retention collector alone request');
  assert.equal(states(null), 'wwwwww');
  assert.equal(states(statusOf({ eventCount: 0 })), 'dddddw');
  assert.equal(states(statusOf()), 'dddddd');
  // Nothing behind what does not hold is claimed, unless a reason names it.
  assert.equal(
    states(statusOf({ ...withReasons(reasonOf('publishing_off', 'degraded')), eventCount: 0 })),
    'dfwwww',
  );
  assert.equal(
    states({ ...withReasons(reasonOf('connection_refused', 'degraded')), cpa: null, eventCount: 0 }),
    'fwwwww',
  );
  assert.equal(states({ ...withReasons(reasonOf('second_consumer', 'degraded')), eventCount: 0 }), 'ddddfw');
  assert.equal(states({ ...withReasons(reasonOf('disk_full', 'degraded')), eventCount: 0 }), 'dddfww');
  // Worth knowing, and no obstacle.
  assert.equal(states({ ...withReasons(reasonOf('weak_admin_key', 'notice')), eventCount: 0 }), 'dddddw');
});

test('what is wanted often happens at once, and then once a while', () => {
  let nowMs = 0;
  let acts = 0;
  const timers: Array<{ readonly atMs: number; readonly run: () => void; off: boolean }> = [];
  const pace = new Pace(
    {
      now: () => nowMs,
      after: (ms, then) => {
        const timer = { atMs: nowMs + ms, run: then, off: false };
        timers.push(timer);
        return () => (timer.off = true);
      },
    },
    4000,
    () => (acts += 1),
  );
  const pass = (ms: number): void => {
    nowMs += ms;
    for (const timer of timers.splice(0)) {
      if (timer.off) continue;
      if (timer.atMs <= nowMs) timer.run();
      else timers.push(timer);
    }
  };
  pace.want();
  pace.want();
  pace.want();
  assert.equal(acts, 1);
  pass(3999);
  assert.equal(acts, 1);
  pass(1);
  assert.equal(acts, 2);
  // Nothing was wanted since.
  pass(10_000);
  assert.equal(acts, 2);
  pace.want();
  pace.want();
  assert.equal(acts, 3);
  pace.stop();
  pass(10_000);
  assert.equal(acts, 3);
});

test('failures are told in the words of the upstream', () => {
  assert.equal(
    failureLine('{"error":{"type":"overloaded","message":"Over \\"loaded\\"\\nnow"}}'),
    'Over "loaded" now',
  );
  assert.equal(failureLine('{"type":"error","error":{"message":"cut off in the mid'), 'cut off in the mid');
  assert.equal(failureLine('  context\n canceled '), 'context canceled');
  assert.equal(failureLine(''), '');
});
