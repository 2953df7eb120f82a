import type { ExportRow } from '../../store/export-reader.ts';
import { COLUMNS, exportRecord, type ColumnValue } from './columns.ts';

/**
 * What makes a spreadsheet take a text for a formula when it stands first, in its wide forms too. A lone `-`, which stands
 * for what a record does not tell, is none.
 */
const FORMULA = /^(?:[=+@\t\r\n＝＋－＠]|-.)/s;
const SPECIAL = /[",;\t\r\n]/;

/** Names of the columns: those of the lines of JSON, all of them, in their order. */
export const CSV_HEADER = `${COLUMNS.map(({ name }) => name).join(',')}\n`;

/** One event as a line; what is empty is empty. Texts that would be formulas get a `'` before them, numbers stay numbers. */
export function csvLine(row: ExportRow): string {
  const record = exportRecord(row);
  return `${COLUMNS.map((column) => cell(column.of(record))).join(',')}\n`;
}

function cell(value: ColumnValue): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'object') return quoted(JSON.stringify(value));
  if (typeof value !== 'string') return String(value);
  return quoted(FORMULA.test(value) ? `'${value}` : value);
}

function quoted(text: string): string {
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
