import { parentPort, workerData } from 'node:worker_threads';
import type { TakeoverReport } from '../contract/api/takeover.ts';
import { AppError } from '../errors.ts';
import { createSecretBox } from '../secrets/secret-box.ts';
import { toStoreError } from '../store/sqlite.ts';
import { packError, type PackedError } from '../store/writer-protocol.ts';
import type { CopyProgress } from './copy.ts';
import { takeoverReport, type ReportOptions } from './report.ts';

/** What the worker is started with. */
export interface ReportWorkerData extends Pick<
  ReportOptions,
  'oldPath' | 'dbPath' | 'beside' | 'source' | 'nowMs'
> {
  /** The 32 bytes of the data key of the old volume, and of ours; null where it is not there. */
  readonly oldDataKey: Uint8Array | null;
  readonly dataKey: Uint8Array | null;
  /** Not 0: nobody waits for the report any more. In shared memory, because the work is one long run. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}

export type ReportMessage =
  | { readonly kind: 'progress'; readonly progress: CopyProgress }
  | { readonly kind: 'done'; readonly report: TakeoverReport }
  | { readonly kind: 'failed'; readonly error: PackedError };

const TELL_EVERY_MS = 100;

const port = parentPort;
if (port === null) throw new Error('report-worker runs in a worker thread');

const send = (message: ReportMessage): void => port.postMessage(message);
const boxOf = (key: Uint8Array | null): ReportOptions['box'] => (key === null ? null : createSecretBox(key));
let toldAt = Number.NEGATIVE_INFINITY;

try {
  const { oldDataKey, dataKey, stop, ...rest }: ReportWorkerData = workerData;
  const report = takeoverReport({
    ...rest,
    oldBox: boxOf(oldDataKey),
    box: boxOf(dataKey),
    onProgress: (done, total) => {
      if (Atomics.load(stop, 0) !== 0) throw new AppError('internal', { detail: 'it was stopped' });
      const now = performance.now();
      if (now - toldAt < TELL_EVERY_MS) return;
      toldAt = now;
      send({ kind: 'progress', progress: { done, total } });
    },
  });
  send({ kind: 'done', report });
} catch (error) {
  send({ kind: 'failed', error: packError(toStoreError(error)) });
}
port.close();
