import type { ExportRow } from '../../store/export-reader.ts';

export const EXPORT_FORMATS = ['jsonl', 'csv', 'parquet'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Bytes that own their memory, so that a thread can hand them over. */
export type Piece = Uint8Array<ArrayBuffer>;

/** Turns events into the bytes of a file, in pieces of at most 256 KiB, or of one line that is longer. */
export interface Encoder {
  /** What stands before the first event. */
  begin(): Piece[];
  /** What is finished with these events; formats that need many of them at once keep some back. */
  encode(rows: readonly ExportRow[]): Piece[];
  /** What was kept back, and what stands behind the last event. */
  end(): Piece[];
}

export const PIECE_BYTES = 256 * 1024;

const ENCODERS: Readonly<Record<ExportFormat, () => Promise<Encoder>>> = {
  jsonl: async () => {
    const { exportLine } = await import('./jsonl.ts');
    return linesEncoder('', exportLine);
  },
  csv: async () => {
    const { CSV_HEADER, csvLine } = await import('./csv.ts');
    return linesEncoder(CSV_HEADER, csvLine);
  },
  parquet: async () => {
    const { ParquetEncoder } = await import('./parquet.ts');
    return new ParquetEncoder();
  },
};

/** Loads what the format needs, which is much for Parquet. */
export function createEncoder(format: ExportFormat): Promise<Encoder> {
  return ENCODERS[format]();
}

function linesEncoder(header: string, lineOf: (row: ExportRow) => string): Encoder {
  return {
    begin: () => (header === '' ? [] : pack([header])),
    encode: (rows) => pack(rows.map(lineOf)),
    end: () => [],
  };
}

/** Lines are put together in here, so that no long text is made of them first. */
const scratch = Buffer.alloc(PIECE_BYTES);

/** Whole lines, as many as fit into a piece. */
function pack(lines: readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  let filled = 0;
  const close = (): void => {
    if (filled > 0) pieces.push(Uint8Array.prototype.slice.call(scratch, 0, filled));
    filled = 0;
  };
  for (const line of lines) {
    const length = Buffer.byteLength(line);
    if (filled + length > PIECE_BYTES) close();
    if (length > PIECE_BYTES) pieces.push(new TextEncoder().encode(line));
    else filled += scratch.write(line, filled);
  }
  close();
  return pieces;
}
