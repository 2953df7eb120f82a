import type {
  TakeoverDay,
  TakeoverItems,
  TakeoverReason,
  TakeoverReport,
  TakeoverSums,
} from '../contract/api/takeover.ts';
import { minute } from './switched-off.ts';

export interface ReportLinesOptions {
  /** Also the models and days in which nothing differs. */
  readonly all?: boolean;
  /** Rows that differ which are named one by one. 20. */
  readonly rows?: number;
}

const STATES = {
  equal: 'Everything is here as it was there: every event and every count.',
  explained: 'Everything that could be read is here; what differs is named below, with its reason.',
  copying: 'Not everything has been copied yet.',
  different: 'Events are missing here for which the old volume gives no reason.',
} as const satisfies Record<TakeoverReport['state'], string>;

const REASONS = {
  not_copied: 'not copied yet',
  lost: 'on damaged pages',
  unreadable: 'without a hash or a time',
  duplicate: 'the same event once more',
  clamped: 'counts outside of what an event can carry',
  total_added: 'no total there: added up from the parts',
  from_record: 'no count in the row, but in the record it keeps',
  there_before: 'was here before, with other counts',
  missing: 'not here',
} as const satisfies Record<TakeoverReason, string>;

const PROGRAMS = { 'cpa-manager': 'CPA-Manager', 'cpa-manager-plus': 'CPA-Manager-Plus' } as const;
const COUNTERS = [
  ['input', 'input'],
  ['output', 'output'],
  ['reasoning', 'reasoning'],
  ['cached', 'cached'],
  ['cache', 'cache'],
  ['cacheRead', 'cache read'],
  ['cacheCreation', 'cache write'],
  ['total', 'total'],
] as const satisfies ReadonlyArray<readonly [keyof TakeoverSums, string]>;

/** The report as people read it. Days are in UTC. */
export function reportLines(report: TakeoverReport, options: ReportLinesOptions = {}): string[] {
  return [
    ...attentionLines(report),
    `${PROGRAMS[report.program]}, ${report.oldPath}`,
    STATES[report.state],
    ...sumLines(report),
    ...copyLines(report),
    ...dayLines(report, options.all ?? false),
    ...differenceLines(report, options.rows ?? 20),
    ...report.items.map(itemLine),
    ...leftLines(report),
    report.secrets,
  ];
}

function attentionLines({ attention }: TakeoverReport): string[] {
  if (attention.length === 0) return [];
  return ['Needs attention:', ...attention.map(({ message }) => `  ! ${message}`), ''];
}

function sumLines({ old, now }: TakeoverReport): string[] {
  return [
    line('events', old.events, now.events),
    ...COUNTERS.map(([key, name]) => line(`${name} tokens`, old[key], now[key])),
  ];
}

function line(name: string, old: number | null, now: number | null): string {
  if (old === null) return `  ${name}: ${count(now ?? 0)} (that program did not count them)`;
  if (old === now) return `  ${name}: ${count(old)}, equal`;
  const more = (now ?? 0) - old;
  return `  ${name}: ${count(old)} there, ${count(now ?? 0)} here (${more > 0 ? '+' : '-'}${count(Math.abs(more))})`;
}

function copyLines({ copy }: TakeoverReport): string[] {
  if (copy === null) return ['Nothing has been copied.'];
  const { added, duplicates, refused, shortened, startedAtMs, endedAtMs } = copy;
  const end = endedAtMs === null ? 'not finished' : `finished ${minute(endedAtMs)}`;
  const before = duplicates === 0 ? '' : `, ${count(duplicates)} were here before`;
  const no = refused === 0 ? '' : `, ${count(refused)} refused`;
  const short = shortened === 0 ? '' : `, ${count(shortened)} without a text on damaged pages`;
  return [`Copied since ${minute(startedAtMs)}, ${end}: ${count(added)} added${before}${no}${short}`];
}

function dayLines({ days }: TakeoverReport, all: boolean): string[] {
  const shown = all ? days : days.filter(({ equal }) => !equal);
  const equal = days.length - shown.length;
  const lines = shown.map(
    (day) =>
      `  ${day.day || 'no time'}  ${day.model}  ${count(day.old.events)} events  ${dayDifference(day)}`,
  );
  const others = equal === 0 ? [] : [`  ${count(equal)} days of a model in which every count is equal`];
  return ['By model and day (UTC):', ...lines, ...others];
}

function dayDifference({ old, now, equal }: TakeoverDay): string {
  if (equal) return 'equal';
  const parts = [['events', 'events'] as const, ...COUNTERS].flatMap(([key, name]) => {
    const before = old[key];
    return before === null || before === now[key]
      ? []
      : [`${name} ${count(before)} there, ${count(now[key] ?? 0)} here`];
  });
  return parts.join('; ');
}

function differenceLines({ reasons, differences }: TakeoverReport, most: number): string[] {
  if (reasons.length === 0) return [];
  const rows = reasons.reduce((sum, reason) => sum + reason.rows, 0);
  const shown = differences.slice(0, most);
  const more = rows - shown.length;
  return [
    'Rows that differ:',
    ...reasons.map((reason) => `  ${count(reason.rows)}: ${REASONS[reason.reason]}`),
    ...shown.map(
      ({ oldId, day, model, detail }) => `  row ${oldId} (${day || 'no time'}, ${model}): ${detail}`,
    ),
    ...(more > 0 ? [`  and ${count(more)} more`] : []),
  ];
}

function itemLine({ what, old, now, changed }: TakeoverItems): string {
  const others =
    changed === 0 ? '' : `, ${count(changed)} of them another one, which was here before or came since`;
  return `${what}: ${count(old)} there, ${count(now)} here${others}`;
}

function leftLines({ left }: TakeoverReport): string[] {
  if (left.length === 0) return [];
  return [
    'Left in the old file, which has no place here:',
    ...left.map(({ what, rows }) => `  ${what}: ${count(rows)}`),
  ];
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}
