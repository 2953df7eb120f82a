import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { AppError } from '../../errors.ts';
import { workerUrl } from '../../store/worker-url.ts';
import { unpackError } from '../../store/writer-protocol.ts';
import type { SyncReport } from './sync-prices.ts';
import type { SyncWorkerData, SyncWorkerMessage } from './sync-worker.ts';

/**
 * `syncPrices` in a thread of its own, which ends with it: reading megabytes of JSON and comparing thousands of names
 * would keep everybody else waiting, and its memory goes with it. Rejects with an AppError, or the signal's reason.
 */
export async function syncApart(data: SyncWorkerData, signal: AbortSignal): Promise<SyncReport> {
  signal.throwIfAborted();
  const worker = new Worker(workerUrl('sync-worker', import.meta.url), { workerData: data });
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  try {
    const [message]: SyncWorkerMessage[] = await once(worker, 'message', { signal });
    if (message?.kind === 'report') return message.report;
    throw message
      ? unpackError(message.error)
      : new AppError('internal', { detail: 'the sync did not answer' });
  } finally {
    await worker.terminate();
    await exited;
  }
}
