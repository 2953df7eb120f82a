import { Worker } from 'node:worker_threads';
import type { ImportOutcome } from '../../contract/writer.ts';
import { AppError } from '../../errors.ts';
import type { EventBatch } from '../../store/event-batch.ts';
import { NOTHING_IMPORTED } from '../../store/import-outcome.ts';
import { toStoreError } from '../../store/sqlite.ts';
import { workerUrl } from '../../store/worker-url.ts';
import { packError, unpackError } from '../../store/writer-protocol.ts';
import type { ImportMessage, ImportRequest, ImportWorkerData } from './import-worker.ts';
import type { SourceReport } from './run-import.ts';

export interface ImportFileOptions extends ImportWorkerData {
  /** Stores a batch. */
  readonly store: (batch: EventBatch) => Promise<ImportOutcome>;
  /** Ends the import early; what was stored stays. */
  readonly signal: AbortSignal;
}

/** What became of a file. */
export interface FileImport {
  /** Null where the import broke off before the file was read. */
  readonly source: Omit<SourceReport, 'error'> | null;
  readonly outcome: ImportOutcome;
  /** What the file itself is refused for; null when it was read to its end. */
  readonly error: AppError | null;
  /** What storing failed with: importing the same file again can succeed. */
  readonly storeError: AppError | null;
}

/** Imports one file; a worker reads it, so that nobody's event loop stands still. Never rejects. */
export function importFile({ store, signal, ...workerData }: ImportFileOptions): Promise<FileImport> {
  const worker = new Worker(workerUrl('import-worker', import.meta.url), { workerData });
  const tell = (request: ImportRequest): void => worker.postMessage(request, []);
  const onAbort = (): void => tell({ kind: 'stop' });
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  let result: FileImport | null = null;
  let broken: AppError | null = null;
  return new Promise((resolve) => {
    worker.on('message', (message: ImportMessage) => {
      if (message.kind === 'batch') {
        const { seq, batch } = message;
        store(batch).then(
          (stored) => tell({ kind: 'stored', seq, outcome: stored }),
          (error: unknown) => tell({ kind: 'refused', seq, error: packError(toStoreError(error)) }),
        );
        return;
      }
      const { outcome } = message;
      result =
        message.kind === 'done'
          ? {
              source: message.source,
              outcome,
              error: message.error && unpackError(message.error),
              storeError: null,
            }
          : { source: null, outcome, error: null, storeError: unpackError(message.error) };
    });
    worker.on('error', (error) => {
      broken = new AppError('internal', { detail: `the import broke: ${error.message}`, cause: error });
    });
    worker.once('exit', () => {
      signal.removeEventListener('abort', onAbort);
      resolve(
        result ?? {
          source: null,
          outcome: NOTHING_IMPORTED,
          error: null,
          storeError: broken ?? new AppError('internal', { detail: 'the import ended by itself' }),
        },
      );
    });
  });
}
