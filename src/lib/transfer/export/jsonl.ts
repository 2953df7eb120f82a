import type { ExportRow } from '../../store/export-reader.ts';
import { exportRecord } from './columns.ts';

/** One event as a line of JSON with its line feed. What is empty is left out. */
export function exportLine(row: ExportRow): string {
  return `${JSON.stringify(exportRecord(row))}\n`;
}
