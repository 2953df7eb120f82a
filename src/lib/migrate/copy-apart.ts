import { Worker } from 'node:worker_threads';
import type { TakeoverMark } from '../contract/takeover.ts';
import type { ImportOutcome, Writer } from '../contract/writer.ts';
import type { EventBatch } from '../store/event-batch.ts';
import { toStoreError } from '../store/sqlite.ts';
import { workerUrl } from '../store/worker-url.ts';
import { packError, unpackError } from '../store/writer-protocol.ts';
import type { CarriedLetter, CopyProgress, CopyResult } from './copy.ts';
import type { CopyMessage, CopyRequest, CopyWorkerData } from './copy-worker.ts';
import { untilDone } from './until-done.ts';

export interface CopyApartOptions extends CopyWorkerData {
  readonly store: (batch: EventBatch, mark: TakeoverMark) => Promise<ImportOutcome>;
  readonly storeLetters: (letters: readonly CarriedLetter[]) => Promise<void>;
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Ends the copy early; it can be taken up again. */
  readonly signal: AbortSignal;
}

/**
 * Copies an old volume; a worker reads it, so that nobody's event loop stands still. Rejects with an AppError, also what
 * `store` rejects with; what was stored until then stays, and the same copy again goes on there.
 */
export async function copyApart(options: CopyApartOptions): Promise<CopyResult> {
  const { store, storeLetters, onProgress, signal, ...rest } = options;
  const { oldPath, dbPath, source, gateway, nowMs, batchRows } = rest;
  const workerData: CopyWorkerData = { oldPath, dbPath, source, gateway, nowMs, batchRows };
  const worker = new Worker(workerUrl('copy-worker', import.meta.url), { workerData });
  const tell = (request: CopyRequest): void => worker.postMessage(request, []);
  const answer = (done: Promise<ImportOutcome | null>): void => {
    done.then(
      (outcome) => tell({ kind: 'stored', outcome }),
      (error: unknown) => tell({ kind: 'refused', error: packError(toStoreError(error)) }),
    );
  };
  return untilDone<CopyMessage, CopyResult>(worker, {
    what: 'copy',
    signal,
    stop: () => tell({ kind: 'stop' }),
    onMessage: (message, { resolve, reject }) => {
      if (message.kind === 'batch') answer(store(message.batch, message.mark));
      else if (message.kind === 'letters') answer(storeLetters(message.letters).then(() => null));
      else if (message.kind === 'progress') onProgress?.(message.progress);
      else if (message.kind === 'done') resolve(message.result);
      else reject(unpackError(message.error));
    },
  });
}

/**
 * Stores letters through the writer, which looks at each again: what it understands by now becomes an event, anything else
 * is kept encrypted. A second time changes nothing.
 */
export async function storeLetters(
  writer: Pick<Writer, 'commit'>,
  gatewayId: number,
  letters: readonly CarriedLetter[],
): Promise<void> {
  const records = letters.map(({ payload, receivedAtMs, truncatedFrom }) => ({
    payload,
    receivedAtMs,
    transport: 'http' as const,
    gatewayId,
    ...(truncatedFrom === null ? {} : { truncatedFrom }),
  }));
  await writer.commit(records, null);
}
