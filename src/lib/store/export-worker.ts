import { parentPort, workerData } from 'node:worker_threads';
import { exportLine } from '../transfer/export-jsonl.ts';
import { ExportReader, type ExportFilter, type ExportRow } from './export-reader.ts';
import { openDatabase } from './open.ts';
import { toStoreError } from './sqlite.ts';
import { packError, type PackedError } from './writer-protocol.ts';

/** What the worker is started with. */
export interface ExportWorkerData {
  readonly dbPath: string;
  readonly filter: ExportFilter;
}

/** To the worker: one more chunk, or no more. */
export type ExportRequest = 'more' | 'stop';

export type ExportMessage =
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'end' }
  | { readonly kind: 'failed'; readonly error: PackedError };

/** Chunks are at most this long, unless one single line is longer. */
const CHUNK_BYTES = 256 * 1024;
/** Reading waits this long for a lock: nobody's event loop stands still meanwhile. */
const BUSY_TIMEOUT_MS = 2000;

const port = parentPort;
if (port === null) throw new Error('export-worker runs in a worker thread');

/** Whole lines, as many as fit into a chunk. */
class Chunks {
  readonly #reader: ExportReader;
  #rows: ExportRow[] = [];
  #at = 0;
  /** The line that did not fit into the chunk before. */
  #over: string | null = null;

  constructor(reader: ExportReader) {
    this.#reader = reader;
  }

  /** Empty at the end. */
  next(): Uint8Array<ArrayBuffer> {
    const lines: string[] = [];
    let bytes = 0;
    for (let line = this.#line(); line !== null; line = this.#line()) {
      const length = Buffer.byteLength(line);
      if (bytes > 0 && bytes + length > CHUNK_BYTES) {
        this.#over = line;
        break;
      }
      lines.push(line);
      bytes += length;
    }
    const chunk = new Uint8Array(bytes);
    new TextEncoder().encodeInto(lines.join(''), chunk);
    return chunk;
  }

  #line(): string | null {
    const over = this.#over;
    this.#over = null;
    if (over !== null) return over;
    if (this.#at >= this.#rows.length) {
      this.#rows = this.#reader.next();
      this.#at = 0;
    }
    const row = this.#rows[this.#at];
    this.#at += 1;
    return row === undefined ? null : exportLine(row);
  }
}

const send = (message: ExportMessage, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

try {
  const { dbPath, filter }: ExportWorkerData = workerData;
  const db = openDatabase(dbPath, { mode: 'read', beside: true, busyTimeoutMs: BUSY_TIMEOUT_MS });
  const chunks = new Chunks(new ExportReader(db, filter));
  const end = (message: ExportMessage | null): void => {
    if (message !== null) send(message);
    db.close();
    port.close();
  };
  port.on('message', (request: ExportRequest) => {
    if (request === 'stop') {
      end(null);
      return;
    }
    try {
      const bytes = chunks.next();
      if (bytes.length === 0) end({ kind: 'end' });
      else send({ kind: 'chunk', bytes }, [bytes.buffer]);
    } catch (error) {
      end({ kind: 'failed', error: packError(toStoreError(error)) });
    }
  });
} catch (error) {
  send({ kind: 'failed', error: packError(toStoreError(error)) });
  port.close();
}
