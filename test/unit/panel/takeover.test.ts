import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import en from '../../../panel/src/i18n/en/takeover.ts';
import {
  commandsIn,
  hindranceOf,
  isGoingOn,
  isSpokenOf,
  stopCommand,
  takeoverMark,
} from '../../../panel/src/lib/takeover.ts';
import { alertsOf } from '../../../panel/src/pages/dashboard/alerts.ts';
import { checksOf } from '../../../panel/src/pages/dashboard/checks.ts';
import {
  attentionGroups,
  chosenDays,
  compare,
  countersOf,
  countsOf,
  modelsOf,
} from '../../../panel/src/pages/takeover/compare.ts';
import type { TakeoverDay } from '../../../src/lib/contract/api.ts';
import { diagnose } from '../../../src/lib/gateway/diagnoses.ts';
import chinese from '../../../panel/src/i18n/zh-CN/diagnoses.ts';
import { reportWithDifferences, takeoverStatus } from '../../support/takeover-answers.ts';
import { reasonOf, statusOf } from './dashboard-figures.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 1_760_000_000_000;

test('every page speaks of a takeover until it is over, then for three days or until somebody hides it', () => {
  const done = takeoverStatus({ state: 'done', endedAtMs: NOW_MS, startedAtMs: 5 });
  const spokenOf = (hidden: string | null, afterMs: number): boolean =>
    isSpokenOf(done, hidden, NOW_MS + afterMs);
  assert.equal(isSpokenOf(null, null, NOW_MS), false);
  assert.equal(isSpokenOf(undefined, null, NOW_MS), false);
  assert.equal(spokenOf(null, 0), true);
  assert.equal(spokenOf(null, 3 * DAY_MS - 1), true);
  assert.equal(spokenOf(null, 3 * DAY_MS), false);
  assert.equal(spokenOf(takeoverMark(done), 0), false);
  assert.equal(spokenOf(takeoverMark({ ...done, startedAtMs: 6 }), 0), true, 'that was another one');
  for (const state of ['waiting', 'moving', 'copying', 'reporting', 'failed'] as const) {
    const going = { ...done, state, endedAtMs: null };
    assert.equal(isSpokenOf(going, takeoverMark(going), NOW_MS + 9 * DAY_MS), true, state);
    assert.equal(isGoingOn(going), state !== 'failed', state);
  }
});

test('what stands in the way is told as health tells it, else as the takeover itself does', () => {
  const running = diagnose('old_program_running', 1, { pid: 4711 });
  const reasons = [reasonOf('taking_over', 'notice'), reasonOf('key_refused', 'down'), running];
  assert.equal(hindranceOf(takeoverStatus({ state: 'waiting' }), reasons), running);
  const failed = takeoverStatus({ state: 'failed', message: 'It broke off.' });
  assert.equal(hindranceOf(failed, reasons.slice(0, 2)), failed);
  for (const state of ['moving', 'copying', 'reporting', 'done'] as const) {
    assert.equal(hindranceOf(takeoverStatus({ state }), reasons), null, state);
  }
});

const commands = (text: string): readonly string[] =>
  commandsIn(text).filter((_piece, index) => index % 2 === 1);

test('commands within a sentence are found, in every language', () => {
  const facts = { pid: 4711 };
  const expected = ['docker compose stop', 'systemctl stop', 'kill 4711'];
  assert.deepEqual(commands(diagnose('old_program_running', 1, facts).fix), expected);
  assert.deepEqual(commands(chinese.old_program_running.fix(facts)), expected);
  assert.deepEqual(commands(diagnose('no_history', 1).fix), ['cpamp migrate --from FOLDER']);
  assert.deepEqual(commands(chinese.no_history.fix()), ['cpamp migrate --from FOLDER']);
  assert.deepEqual(commands('Once you are sure: cpamp cleanup --old-volume'), ['cpamp cleanup --old-volume']);
  assert.deepEqual(commands('in clear: chmod 600 /data/pre-cpamp/a.b/usage.sqlite'), [
    'chmod 600 /data/pre-cpamp/a.b/usage.sqlite',
  ]);
  assert.deepEqual(commands('or with: systemctl --user stop cpa-manager.service'), [
    'systemctl --user stop cpa-manager.service',
  ]);
  assert.deepEqual(commandsIn('Nothing of the kind, cpamp says.'), ['Nothing of the kind, cpamp says.']);
});

test('the command for that very program is told where health does not know it', () => {
  const waiting = takeoverStatus({ fix: 'Stop it, or with: docker stop 0123456789ab' });
  assert.equal(stopCommand(waiting, 'Stop it, or with: kill 4711.'), 'docker stop 0123456789ab');
  assert.equal(stopCommand(takeoverStatus({ fix: 'or with: kill 4711' }), 'or with: kill 4711.'), null);
  assert.equal(stopCommand(takeoverStatus({ fix: 'Free space.' }), ''), null);
});

test('the dashboard does not say once more what stands above it', () => {
  const reasons = [diagnose('takeover_failed', 1), diagnose('disk_full', 1)];
  const status = statusOf({ health: { state: 'degraded', reasons } });
  const told = alertsOf(null, status, NOW_MS).map((alert) => alert.kind === 'reason' && alert.reason.code);
  assert.deepEqual(told, ['disk_full']);
});

test('on the way of a first request nothing is wrong with the gateway while a takeover goes on', () => {
  const reasons = [diagnose('taking_over', 1), diagnose('takeover_failed', 1), diagnose('no_history', 1)];
  const checks = checksOf(statusOf({ eventCount: 0, health: { state: 'degraded', reasons } }));
  assert.deepEqual(
    checks.filter(({ state }) => state === 'failed'),
    [],
  );
});

test('counts are compared; what was not counted there is no difference', () => {
  assert.equal(compare(5, 5), 'equal');
  assert.equal(compare(0, null), 'equal');
  assert.equal(compare(5, null), 'different');
  assert.equal(compare(0, 1), 'different');
  assert.equal(compare(null, 7), 'uncounted');
  const report = reportWithDifferences(NOW_MS);
  assert.deepEqual(countersOf(report), ['events', 'input', 'output', 'reasoning', 'cached', 'total']);
  const old = { ...report.old, reasoning: null };
  assert.ok(!countersOf({ ...report, old }).includes('reasoning'));
  const now = { ...report.now, cacheRead: 3 };
  assert.ok(countersOf({ ...report, now }).includes('cacheRead'), 'it came from nowhere');
});

test('days are chosen by what differs and by model, the newest first', () => {
  const { old } = reportWithDifferences(NOW_MS);
  const day = (name: string, model: string, equal: boolean): TakeoverDay => ({
    model,
    day: name,
    old,
    now: old,
    equal,
  });
  const days = [
    day('2026-01-01', 'a', true),
    day('2026-01-02', 'a', false),
    day('', 'a', false),
    day('2026-01-02', 'b', true),
    day('2026-01-01', 'b', false),
  ];
  const named = (only: 'all' | 'different', model = ''): readonly string[] =>
    chosenDays(days, { only, model }).map((one) => `${one.day} ${one.model}`);
  assert.deepEqual(named('all'), ['2026-01-02 a', '2026-01-02 b', '2026-01-01 a', '2026-01-01 b', ' a']);
  assert.deepEqual(named('different'), ['2026-01-02 a', '2026-01-01 b', ' a']);
  assert.deepEqual(named('all', 'b'), ['2026-01-02 b', '2026-01-01 b']);
  assert.deepEqual(modelsOf(days), ['a', 'b']);
});

test('counts are taken out of the words of a row, and nothing else is', () => {
  assert.deepEqual(countsOf('input_tokens 5 there, 0 here; total_tokens 7 there, 2 here'), [
    { name: 'input_tokens', old: 5, now: 0 },
    { name: 'total_tokens', old: 7, now: 2 },
  ]);
  assert.equal(countsOf('it has no hash'), null);
  assert.equal(countsOf('input_tokens 5 there, 0 here; and more'), null);
});

test('lines that need attention come by kind, in the order of the daemon', () => {
  const { attention } = reportWithDifferences(NOW_MS);
  assert.deepEqual(
    attentionGroups(attention).map(([code, lines]) => [code, lines.length]),
    [
      ['switched_off', 2],
      ['old_file_readable', 1],
      ['a_kind_of_tomorrow', 1],
    ],
  );
});

const source = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('every kind of line, and every table that may be left, has a text', () => {
  const report = source('src/lib/migrate/report.ts');
  const codes = Array.from(report.matchAll(/(?:attention\(\s*|code: )'([a-z_]+)'/g), ([, code = '']) => code);
  const tables = Array.from(report.matchAll(/\['([a-z_]+)', '[^']+'\]/g), ([, table = '']) => table);
  assert.ok(codes.includes('switched_off') && codes.length > 10, codes.join(', '));
  assert.ok(tables.includes('quota_cooldowns') && tables.length > 8, tables.join(', '));
  const without = [
    ...codes.map((code) => `attention_${code}`),
    ...tables.map((table) => `left_${table}`),
  ].filter((key) => !(key in en));
  assert.deepEqual(without, []);
});
