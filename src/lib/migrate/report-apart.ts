import { Worker } from 'node:worker_threads';
import type { TakeoverReport } from '../contract/api/takeover.ts';
import { workerUrl } from '../store/worker-url.ts';
import { unpackError } from '../store/writer-protocol.ts';
import type { CopyProgress } from './copy.ts';
import type { ReportMessage, ReportWorkerData } from './report-worker.ts';
import { untilDone } from './until-done.ts';

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
  return untilDone<ReportMessage, TakeoverReport>(worker, {
    what: 'report',
    signal,
    stop: () => void Atomics.store(stop, 0, 1),
    onMessage: (message, { resolve, reject }) => {
      if (message.kind === 'progress') onProgress?.(message.progress);
      else if (message.kind === 'done') resolve(message.report);
      else reject(signal.aborted ? signal.reason : unpackError(message.error));
    },
  });
}
