import { Worker } from 'node:worker_threads';
import type { ExportFilter } from './export-reader.ts';
import type { ExportMessage, ExportRequest, ExportWorkerData } from './export-worker.ts';
import { workerUrl } from './worker-url.ts';
import { unpackError } from './writer-protocol.ts';

export interface ExportOptions {
  readonly filter?: ExportFilter;
  /** Ends the iteration early. */
  readonly signal?: AbortSignal;
}

/** Chunks that the worker may be ahead of the reader: one is being sent while the next is made. */
const AHEAD = 2;

/**
 * The events as JSONL, oldest first, in chunks of whole lines of at most 256 KiB; none for an empty database. A
 * worker reads and writes them, and makes the next chunk only when one was taken, so memory stays constant. The
 * caller owns the database file: the daemon, or a command that opened it. Throws AppError.
 */
export async function* openExport(
  dbPath: string,
  { filter = {}, signal }: ExportOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (signal?.aborted) return;
  const workerData: ExportWorkerData = { dbPath, filter };
  const worker = new Worker(workerUrl('export-worker', import.meta.url), { workerData });
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const inbox = new Arrivals(worker, signal);
  const ask = (request: ExportRequest): void => worker.postMessage(request, []);
  try {
    for (let ahead = 0; ahead < AHEAD; ahead += 1) ask('more');
    for (;;) {
      const message = await inbox.next();
      if (message === null || message.kind === 'end') return;
      if (message.kind === 'failed') throw unpackError(message.error);
      yield message.bytes;
      ask('more');
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
