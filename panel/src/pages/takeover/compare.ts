import type {
  TakeoverAttention,
  TakeoverDay,
  TakeoverReport,
  TakeoverSums,
} from '../../../../src/lib/contract/api.ts';

export const COUNTERS = [
  'events',
  'input',
  'output',
  'reasoning',
  'cached',
  'cache',
  'cacheRead',
  'cacheCreation',
  'total',
] as const satisfies ReadonlyArray<keyof TakeoverSums>;
export type Counter = (typeof COUNTERS)[number];

/** `uncounted`: the old program kept no such counter, so there is nothing to compare with. */
export type Comparison = 'equal' | 'different' | 'uncounted';

export function compare(old: number | null, now: number | null): Comparison {
  if (old === null) return 'uncounted';
  return old === (now ?? 0) ? 'equal' : 'different';
}

/** The counters that say something: those that the old program kept, and of which there was ever one or is one now. */
export function countersOf({ old, now }: Pick<TakeoverReport, 'old' | 'now'>): readonly Counter[] {
  return COUNTERS.filter(
    (one) => one === 'events' || (old[one] !== null && (old[one] !== 0 || now[one] !== 0)),
  );
}

export interface DayChoice {
  readonly only: 'different' | 'all';
  /** `''`: every model. */
  readonly model: string;
}

/** The chosen days, the newest first, then by model; those without a time at the end. */
export function chosenDays(days: readonly TakeoverDay[], { only, model }: DayChoice): readonly TakeoverDay[] {
  return days
    .filter((day) => (only === 'all' || !day.equal) && (model === '' || day.model === model))
    .toSorted((a, b) => compareTexts(b.day, a.day) || compareTexts(a.model, b.model));
}

export function modelsOf(days: readonly TakeoverDay[]): readonly string[] {
  return [...new Set(days.map(({ model }) => model))].toSorted(compareTexts);
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Lines of one kind together, in the order of the daemon. */
export function attentionGroups(
  lines: readonly TakeoverAttention[],
): ReadonlyArray<readonly [code: string, lines: readonly TakeoverAttention[]]> {
  const groups = new Map<string, TakeoverAttention[]>();
  for (const line of lines) groups.set(line.code, [...(groups.get(line.code) ?? []), line]);
  return [...groups];
}

const COUNTS = /^(?:[a-z_]+ \d+ there, \d+ here(?:; |$))+$/;
const COUNT = /(?<name>[a-z_]+) (?<old>\d+) there, (?<now>\d+) here/g;

/** Counts that differ, out of the words of a row; null: it says something else. */
export function countsOf(
  detail: string,
): ReadonlyArray<{ readonly name: string; readonly old: number; readonly now: number }> | null {
  if (!COUNTS.test(detail)) return null;
  return Array.from(detail.matchAll(COUNT), ({ groups = {} }) => ({
    name: groups['name'] ?? '',
    old: Number(groups['old']),
    now: Number(groups['now']),
  }));
}

/** The report as it goes into a file: by itself, so that it can be compared with what the command line prints. */
export function reportFile(report: TakeoverReport): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
