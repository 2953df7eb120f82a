import { Worker } from 'node:worker_threads';
import type { TakeoverReport } from '../contract/api/takeover.ts';
import { AppError } from '../errors.ts';
import { workerUrl } from '../store/worker-url.ts';
import { unpackError } from '../store/writer-protocol.ts';
import type { CopyProgress } from './copy.ts';
import type { ReportMessage, ReportWorkerData } from './report-worker.ts';

export interface ReportApartOptions extends Omit<ReportWorkerData, 'stop'> {
  readonly onProgress?: (progress: CopyProgress) => void;
  readonly signal: AbortSignal;
}

/** Makes the report in a worker: it reads the whole old volume. Rejects with an AppError, or what the signal
 * says. */
export async function reportApart(options: ReportApartOptions): Promise<TakeoverReport> {
  const { onProgress, signal, ...rest } = options;
  const { oldPath, dbPath, beside, source, nowMs, oldDataKey, dataKey } = rest;
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ReportWorkerData = { oldPath, dbPath, beside, source, nowMs, oldDataKey, dataKey, stop };
  const worker = new Worker(workerUrl('report-worker', import.meta.url), { workerData });
  const onAbort = (): void => void Atomics.store(stop, 0, 1);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const { promise, resolve, reject } = Promise.withResolvers<TakeoverReport>();
  worker.on('message', (message: ReportMessage) => {
    if (message.kind === 'progress') onProgress?.(message.progress);
    else if (message.kind === 'done') resolve(message.report);
    else reject(signal.aborted ? signal.reason : unpackError(message.error));
  });
  worker.on('error', (error) =>
    reject(new AppError('internal', { detail: `the report broke: ${error.message}`, cause: error })),
  );
  const exited = Promise.withResolvers<void>();
  worker.once('exit', () => {
    reject(new AppError('internal', { detail: 'the report ended by itself' }));
    exited.resolve();
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await exited.promise;
  }
}
