import { Worker } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import type { ExportFormat } from '../transfer/export/encoder.ts';
import type { ExportSelection } from './export-reader.ts';
import type { ExportMessage, ExportProgress, ExportRequest, ExportWorkerData } from './export-worker.ts';
import { workerUrl } from './worker-url.ts';
import { unpackError } from './writer-protocol.ts';

export interface ExportOptions extends ExportSelection {
  /** JSONL when it is left out. */
  readonly format?: ExportFormat;
  /** Ends the iteration early, without an error: look at it before what came is taken for whole. */
  readonly signal?: AbortSignal;
  /** What was read when a chunk is handed over, in between where chunks are rare, and at the end. */
  readonly onProgress?: (progress: ExportProgress) => void;
}

/** Chunks that the worker may be ahead of the reader: one is being sent while the next is made. */
const AHEAD = 2;

/**
 * The events that are there now, oldest first, in chunks of at most 256 KiB (of whole lines in formats of lines). A worker
 * reads and writes them, and makes the next chunk only when one was taken: memory stays constant, and between two chunks
 * no transaction is open, so that a slow reader holds nothing. The caller owns the database file: the daemon, or a
 * command that opened it. Throws AppError.
 */
export async function* openExport(
  dbPath: string,
  { signal, onProgress, format = 'jsonl', filter = {}, after = null, limit = null }: ExportOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (signal?.aborted) return;
  const workerData: ExportWorkerData = { dbPath, format, selection: { filter, after, limit } };
  const worker = new Worker(workerUrl('export-worker', import.meta.url), { workerData });
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const inbox = new Arrivals(worker, signal);
  const ask = (request: ExportRequest): void => worker.postMessage(request, []);
  try {
    for (let ahead = 0; ahead < AHEAD; ahead += 1) ask('more');
    for (;;) {
      const message = await inbox.next();
      if (message === null) {
        if (signal?.aborted) return;
        throw new AppError('database_failed', { detail: 'the export broke off' });
      }
      if (message.kind === 'failed') throw unpackError(message.error);
      onProgress?.(message.progress);
      if (message.kind === 'end') return;
      if (message.kind === 'chunk') {
        yield message.bytes;
        ask('more');
      }
    }
  } finally {
    ask('stop');
    inbox.close();
    await exited;
  }
}

/** What the worker sent, in order; null when it ended or the signal aborted. */
class Arrivals {
  readonly #signal: AbortSignal | undefined;
  readonly #messages: ExportMessage[] = [];
  #over = false;
  #wake: () => void = () => {};

  constructor(worker: Worker, signal: AbortSignal | undefined) {
    this.#signal = signal;
    worker.on('message', (message: ExportMessage) => {
      this.#messages.push(message);
      this.#wake();
    });
    worker.on('error', (error) => {
      this.#messages.push({
        kind: 'failed',
        error: { code: 'database_failed', detail: `the export broke: ${error.message}` },
      });
      this.#wake();
    });
    worker.on('exit', this.#end);
    signal?.addEventListener('abort', this.#end, { once: true });
  }

  async next(): Promise<ExportMessage | null> {
    while (this.#messages.length === 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#signal?.aborted ? null : (this.#messages.shift() ?? null);
  }

  close(): void {
    this.#signal?.removeEventListener('abort', this.#end);
  }

  readonly #end = (): void => {
    this.#over = true;
    this.#wake();
  };
}
