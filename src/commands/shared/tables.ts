import Table from 'cli-table3';
import { inertLines } from './inert.ts';

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly align?: 'left' | 'right';
  /** Exactly so many columns of the terminal; without it as many as the longest cell. */
  readonly width?: number;
}

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};
/** Its own colours, which it would print into pipes and against NO_COLOR, are off: colour the cells instead. */
const PLAIN = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };

/** Rows under titles, without lines: as easy to read as to cut apart. Wide characters keep the columns straight. */
export function formatTable(columns: readonly Column[], rows: ReadonlyArray<readonly string[]>): string {
  return formatRows(columns, [columns.map(({ title }) => title), ...rows]);
}

/** The same without titles: with widths the lines of several calls stand under each other. */
export function formatRows(columns: readonly Column[], rows: ReadonlyArray<readonly string[]>): string {
  const table = new Table({
    colAligns: columns.map(({ align }) => align ?? 'left'),
    colWidths: columns.map(({ width }) => width ?? null),
    chars: NO_LINES,
    style: PLAIN,
  });
  for (const row of rows) table.push(row.map(oneLine));
  return trimEnds(table.toString());
}

/** Names and what they are, one a line; `undefined` values are left out. */
export function formatFacts(
  facts: ReadonlyArray<readonly [name: string, value: string | undefined]>,
): string {
  const table = new Table({ chars: NO_LINES, style: PLAIN });
  for (const [name, value] of facts) if (value !== undefined) table.push([name, oneLine(value)]);
  return trimEnds(table.toString());
}

/**
 * Texts from outside may hold line ends and control codes, which would move the cursor of a terminal or turn the reading
 * direction; they become blanks. Our own colours stay.
 */
export function oneLine(text: string): string {
  return inertLines(text).replaceAll(/[\n\t]/g, ' ');
}

function trimEnds(text: string): string {
  return text.replaceAll(/[ \t]+$/gm, '');
}
