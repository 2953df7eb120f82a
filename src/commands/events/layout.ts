import { displayWidth } from '../shared/display-width.ts';
import type { EventCells } from './row-cells.ts';

type Name = keyof EventCells;

interface ColumnKind {
  readonly name: Name;
  readonly title: string;
  readonly align: 'left' | 'right';
  /** What it needs to say anything, and the most that it is given. */
  readonly least: number;
  readonly most: number;
  /** What it needs where lines are not short. */
  readonly rather?: number;
}

/** A column of the table as it is printed. */
export interface PlacedColumn {
  readonly name: Name;
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly width: number;
}

const GAP = 2;
/** From here on there is room for the year. */
const YEAR_WIDTH = 100;
/** And here for names and reasons, before less important columns. Rows that are known take less than those to come. */
const ROOMY = { known: 80, coming: 100 } as const;

/** Lines of any length still end somewhere: a failure text may have 300 characters. */
const MOST_SPARE = 2000;

const left = { align: 'left' } as const;
const right = { align: 'right' } as const;

/** From left to right. */
const COLUMNS: readonly ColumnKind[] = [
  { name: 'day', title: 'TIME', ...left, least: 19, most: 19 },
  { name: 'time', title: 'TIME', ...left, least: 14, most: 14 },
  { name: 'model', title: 'MODEL', ...left, least: 12, rather: 18, most: 32 },
  { name: 'provider', title: 'PROVIDER', ...left, least: 8, most: 14 },
  { name: 'credential', title: 'CREDENTIAL', ...left, least: 12, most: 28 },
  { name: 'key', title: 'KEY', ...left, least: 8, most: 20 },
  { name: 'input', title: 'IN', ...right, least: 6, most: 6 },
  { name: 'output', title: 'OUT', ...right, least: 6, most: 6 },
  { name: 'cached', title: 'CACHED', ...right, least: 6, most: 6 },
  { name: 'cost', title: 'COST', ...right, least: 9, most: 9 },
  { name: 'latency', title: 'LATENCY', ...right, least: 7, most: 7 },
  { name: 'status', title: 'STATUS', ...left, least: 10, rather: 18, most: 60 },
];

/** Who is asked first when there is not enough room for all. */
const IMPORTANCE: readonly Name[] = [
  'model',
  'status',
  'cost',
  'key',
  'input',
  'output',
  'credential',
  'latency',
  'provider',
  'cached',
];

/**
 * The columns for lines of `width`, `null` where lines may be of any length. With `rows` each column is as wide as they
 * need; without, lines that are still to come stand under each other too.
 */
export function layout(width: number | null, rows: readonly EventCells[] | null): readonly PlacedColumn[] {
  const time = width === null || width >= YEAR_WIDTH ? 'day' : 'time';
  const wanted = new Map<Name, number>();
  const least = new Map<Name, number>();
  const room = width ?? Number.POSITIVE_INFINITY;
  const roomy = room >= (rows === null ? ROOMY.coming : ROOMY.known);
  for (const { name, title, least: few, rather = few, most } of COLUMNS) {
    const longest = rows === null ? most : longestOf(name, title, rows);
    wanted.set(
      name,
      rows === null || width !== null ? Math.min(longest, Math.max(most, title.length)) : longest,
    );
    const needed = roomy ? rather : few;
    least.set(name, Math.min(needed, wanted.get(name) ?? needed));
  }
  const given = new Map<Name, number>([[time, least.get(time) ?? 0]]);
  let used = least.get(time) ?? 0;
  for (const name of IMPORTANCE) {
    const needed = GAP + (least.get(name) ?? 0);
    if (used + needed > room) break;
    given.set(name, needed - GAP);
    used += needed;
  }
  // What is left over goes to those that are cut, one column after the other, the more important first.
  for (let spare = Math.min(room - used, MOST_SPARE); spare > 0;) {
    const cut = IMPORTANCE.filter((name) => (given.get(name) ?? Infinity) < (wanted.get(name) ?? 0));
    if (cut.length === 0) break;
    for (const name of cut.slice(0, spare)) given.set(name, (given.get(name) ?? 0) + 1);
    spare -= cut.length;
  }
  return COLUMNS.flatMap(({ name, title, align }) => {
    const columnWidth = given.get(name);
    return columnWidth === undefined ? [] : [{ name, title, align, width: columnWidth }];
  });
}

function longestOf(name: Name, title: string, rows: readonly EventCells[]): number {
  return rows.reduce((longest, cells) => Math.max(longest, displayWidth(cells[name])), title.length);
}
