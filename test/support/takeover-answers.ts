import type {
  TakeoverDay,
  TakeoverDifference,
  TakeoverReport,
  TakeoverStatus,
  TakeoverSums,
} from '../../src/lib/contract/api.ts';

const DAY_MS = 86_400_000;
const OLD_PATH = '/data/pre-cpamp/2026-11-21T20-15-00Z/usage.sqlite';

/** A takeover of CPA-Manager-Plus. */
export const takeoverStatus = (given: Partial<TakeoverStatus>): TakeoverStatus => ({
  state: 'copying',
  program: 'cpa-manager-plus',
  release: '1.12.2',
  done: 0,
  total: 100_000,
  percent: 0,
  startedAtMs: Date.now() - 300_000,
  endedAtMs: null,
  oldPath: OLD_PATH,
  message: 'The words of the daemon.',
  fix: '',
  ...given,
});

const NONE: TakeoverSums = {
  events: 0,
  input: 0,
  output: 0,
  reasoning: 0,
  cached: 0,
  cache: 0,
  cacheRead: 0,
  cacheCreation: 0,
  total: 0,
};

const sums = (n: number, events: number): TakeoverSums => ({
  ...NONE,
  events,
  input: events * 18_341 + n,
  output: events * 902,
  reasoning: events * 411,
  cached: events * 12_004,
  total: events * 19_243 + n,
});

function added(all: readonly TakeoverSums[]): TakeoverSums {
  const of = (name: keyof TakeoverSums): number => all.reduce((sum, one) => sum + (one[name] ?? 0), 0);
  return {
    events: of('events'),
    input: of('input'),
    output: of('output'),
    reasoning: of('reasoning'),
    cached: of('cached'),
    cache: of('cache'),
    cacheRead: of('cacheRead'),
    cacheCreation: of('cacheCreation'),
    total: of('total'),
  };
}

const MODELS = ['claude-sonnet-4-5-20250929', 'gemini-2.5-pro', 'gpt-5'];
const DAYS = 90;

/** A report in which something is to be done, and a few days differ. */
export function reportWithDifferences(nowMs: number): TakeoverReport {
  const days = MODELS.flatMap((model) =>
    Array.from({ length: DAYS }, (_, n): TakeoverDay => {
      const day = new Date(nowMs - (DAYS - n) * DAY_MS).toISOString().slice(0, 10);
      const old = sums(n, 40 + ((n * 17) % 60));
      const lost = (n === 12 || n === 55) && model === 'gpt-5';
      const now = lost ? sums(n, old.events - 2) : old;
      return { model, day, old, now, equal: !lost };
    }),
  );
  const differing = days.filter(({ equal }) => !equal);
  const differences = differing.flatMap(({ model, day }, n): TakeoverDifference[] => [
    {
      reason: 'missing',
      oldId: 4000 + n,
      model,
      day,
      detail: 'it could not be stored, or was deleted here since',
    },
    {
      reason: 'there_before',
      oldId: 5000 + n,
      model,
      day,
      detail: 'input_tokens 18341 there, 0 here; total_tokens 19243 there, 902 here',
    },
  ]);
  const line = (code: string, message: string, dueAtMs: number | null = null) => ({ code, message, dueAtMs });
  return {
    state: 'explained',
    attention: [
      line(
        'switched_off',
        'codex-anna@example.test.json (codex, auth index 3f9c01aa): CPA-Manager-Plus switched it off on 2026-11-21 09:00 UTC ' +
          '(quota cooldown, weekly_limit) to be switched on again at 2026-11-21 18:00 UTC. Switch it on in the gateway: nobody else will.',
        nowMs - 2 * 3_600_000,
      ),
      line(
        'switched_off',
        'codex-team.json (codex): CPA-Manager-Plus switched it off on 2026-11-20 09:00 UTC (quota cooldown, 5h_limit) ' +
          'to be switched on again at 2026-11-23 09:00 UTC. Switch it on in the gateway: nobody else will.',
        nowMs + 37 * 3_600_000,
      ),
      line(
        'old_file_readable',
        `${OLD_PATH} can be read by others, and holds keys in clear: chmod 600 ${OLD_PATH}`,
      ),
      line('a_kind_of_tomorrow', 'Something that this panel has never heard of.'),
    ],
    oldPath: OLD_PATH,
    program: 'cpa-manager-plus',
    comparedAtMs: nowMs - 60_000,
    copy: {
      startedAtMs: nowMs - 300_000,
      endedAtMs: nowMs - 120_000,
      added: 18_400,
      duplicates: 12,
      refused: 2,
      shortened: 3,
    },
    old: added(days.map(({ old }) => old)),
    now: added(days.map(({ now }) => now)),
    days,
    reasons: [
      { reason: 'missing', rows: 2 },
      { reason: 'there_before', rows: 2 },
      { reason: 'lost', rows: 40 },
    ],
    differences,
    lost: [{ fromId: 7001, toId: 7040, events: 40 }],
    items: [
      { what: 'model prices', old: 31, now: 31, changed: 2 },
      { what: 'names of client keys', old: 4, now: 3, changed: 0 },
      { what: 'settings', old: 3, now: 3, changed: 0 },
      { what: 'records that could not be read', old: 0, now: 0, changed: 0 },
    ],
    left: [
      { table: 'quota_cooldowns', what: 'credentials that were switched off for their quota', rows: 2 },
      { table: 'codex_inspection_logs', what: 'log lines of the inspection', rows: 1204 },
      { table: 'a_table_of_tomorrow', what: 'something else', rows: 1 },
    ],
    secrets: `${OLD_PATH} holds keys in clear.`,
  };
}
