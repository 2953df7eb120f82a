import { parentPort, workerData } from 'node:worker_threads';
import { toStoreError } from '../../store/sqlite.ts';
import { packError, type PackedError } from '../../store/writer-protocol.ts';
import { syncPrices, type SyncOptions, type SyncReport } from './sync-prices.ts';

/** What the worker is started with. */
export type SyncWorkerData = Pick<SyncOptions, 'models' | 'origins' | 'catalogs' | 'mirrors' | 'nowMs'>;

export type SyncWorkerMessage =
  | { readonly kind: 'report'; readonly report: SyncReport }
  | { readonly kind: 'failed'; readonly error: PackedError };

const port = parentPort;
if (port === null) throw new Error('sync-worker runs in a worker thread');

const send = (message: SyncWorkerMessage): void => port.postMessage(message, []);
const data: SyncWorkerData = workerData;
try {
  send({ kind: 'report', report: await syncPrices(data) });
} catch (error) {
  send({ kind: 'failed', error: packError(toStoreError(error)) });
}
