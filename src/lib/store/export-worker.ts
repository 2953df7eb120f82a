import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { createEncoder, type Encoder, type ExportFormat, type Piece } from '../transfer/export/encoder.ts';
import { exportCursorText } from './export-cursor.ts';
import { ExportReader, type ExportSelection } from './export-reader.ts';
import { openDatabase } from './open.ts';
import { toStoreError, type Db } from './sqlite.ts';
import { packError, type PackedError } from './writer-protocol.ts';

/** What the worker is started with. */
export interface ExportWorkerData {
  readonly dbPath: string;
  readonly selection: ExportSelection;
  readonly format: ExportFormat;
}

/** To the worker: one more chunk, or no more. */
export type ExportRequest = 'more' | 'stop';

export interface ExportProgress {
  /** Events read. */
  readonly events: number;
  /** How much of the time that there are events of is behind, 0 to 1. */
  readonly fraction: number;
  /** Where another export goes on, once this one is whole. */
  readonly cursor: string;
}

export type ExportMessage =
  | { readonly kind: 'chunk'; readonly bytes: Piece; readonly progress: ExportProgress }
  | { readonly kind: 'progress'; readonly progress: ExportProgress }
  | { readonly kind: 'end'; readonly progress: ExportProgress }
  | { readonly kind: 'failed'; readonly error: PackedError };

/** Reading waits this long for a lock: nobody's event loop stands still meanwhile. */
const BUSY_TIMEOUT_MS = 2000;
const TELL_EVERY_MS = 100;

const port = parentPort;
if (port === null) throw new Error('export-worker runs in a worker thread');

const send = (message: ExportMessage, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

/** Reads only as far as chunks are asked for. */
class Export {
  readonly #db: Db;
  readonly #reader: ExportReader;
  readonly #encoder: Encoder;
  readonly #pieces: Piece[];
  #wanted = 0;
  #running = false;
  #stopped = false;
  #isRead = false;
  #events = 0;
  #toldAt = performance.now();

  constructor(db: Db, reader: ExportReader, encoder: Encoder) {
    this.#db = db;
    this.#reader = reader;
    this.#encoder = encoder;
    this.#pieces = encoder.begin();
  }

  take(request: ExportRequest): void {
    if (request === 'stop') this.#stopped = true;
    else this.#wanted += 1;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#wanted > 0 && !this.#stopped) {
        const piece = this.#pieces.shift();
        if (piece !== undefined) {
          this.#wanted -= 1;
          this.#toldAt = performance.now();
          send({ kind: 'chunk', bytes: piece, progress: this.#progress() }, [piece.buffer]);
        } else if (this.#isRead) {
          this.#stopped = true;
          send({ kind: 'end', progress: this.#progress() });
        } else {
          this.#step();
          // A stop may have come meanwhile.
          await turn();
        }
      }
    } catch (error) {
      this.#stopped = true;
      send({ kind: 'failed', error: packError(toStoreError(error)) });
    }
    this.#running = false;
    if (this.#stopped) this.#close();
  }

  #step(): void {
    const rows = this.#reader.step();
    this.#isRead = rows === null;
    this.#events += rows?.length ?? 0;
    this.#pieces.push(...(rows === null ? this.#encoder.end() : this.#encoder.encode(rows)));
    if (this.#pieces.length > 0 || performance.now() - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = performance.now();
    send({ kind: 'progress', progress: this.#progress() });
  }

  #progress(): ExportProgress {
    const { cursor, fraction } = this.#reader;
    return { events: this.#events, fraction, cursor: exportCursorText(cursor) };
  }

  #close(): void {
    this.#db.close();
    port?.close();
  }
}

try {
  const { dbPath, selection, format }: ExportWorkerData = workerData;
  const encoder = await createEncoder(format);
  const db = openDatabase(dbPath, { mode: 'read', beside: true, busyTimeoutMs: BUSY_TIMEOUT_MS });
  const running = new Export(db, new ExportReader(db, selection), encoder);
  port.on('message', (request: ExportRequest) => running.take(request));
} catch (error) {
  send({ kind: 'failed', error: packError(toStoreError(error)) });
  port.close();
}
