import { parentPort, workerData } from 'node:worker_threads';
import type { ImportOutcome } from '../../contract/writer.ts';
import { AppError } from '../../errors.ts';
import { buffersOf, type EventBatch } from '../../store/event-batch.ts';
import { NOTHING_IMPORTED } from '../../store/import-outcome.ts';
import { packError, unpackError, type PackedError } from '../../store/writer-protocol.ts';
import { runImport, type SourceReport } from './run-import.ts';
import { fileSource } from './source.ts';

/** What the worker is started with. */
export interface ImportWorkerData {
  readonly path: string;
  /** How the file is called in messages. */
  readonly name: string;
  readonly nowMs: number;
  /** Base URL of the gateway of events whose file does not tell. */
  readonly gateway: string;
}

/** To the worker: what became of a batch, or to stop. */
export type ImportRequest =
  | { readonly kind: 'stored'; readonly seq: number; readonly outcome: ImportOutcome }
  | { readonly kind: 'refused'; readonly seq: number; readonly error: PackedError }
  | { readonly kind: 'stop' };

export type ImportMessage =
  | { readonly kind: 'batch'; readonly seq: number; readonly batch: EventBatch }
  | {
      readonly kind: 'done';
      readonly source: Omit<SourceReport, 'error'>;
      readonly error: PackedError | null;
      readonly outcome: ImportOutcome;
    }
  | { readonly kind: 'failed'; readonly error: PackedError; readonly outcome: ImportOutcome };

/** Small batches: the writer stores live events in between. */
const BATCH_ROWS = 500;

const port = parentPort;
if (port === null) throw new Error('import-worker runs in a worker thread');

const send = (message: ImportMessage, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);
const asAppError = (error: unknown): AppError =>
  error instanceof AppError
    ? error
    : new AppError('internal', { detail: error instanceof Error ? error.message : String(error) });

interface Waiting {
  readonly resolve: (outcome: ImportOutcome) => void;
  readonly reject: (error: AppError) => void;
}

const waiting = new Map<number, Waiting>();
const stop = new AbortController();
let seq = 0;
let outcome: ImportOutcome | null = null;

port.on('message', (request: ImportRequest) => {
  if (request.kind === 'stop') {
    stop.abort();
    return;
  }
  const batch = waiting.get(request.seq);
  waiting.delete(request.seq);
  if (request.kind === 'stored') batch?.resolve(request.outcome);
  else batch?.reject(unpackError(request.error));
});

function store(batch: EventBatch): Promise<ImportOutcome> {
  seq += 1;
  const stored = new Promise<ImportOutcome>((resolve, reject) => {
    waiting.set(seq, { resolve, reject });
  });
  send({ kind: 'batch', seq, batch }, buffersOf(batch));
  return stored;
}

try {
  const { path, name, nowMs, gateway }: ImportWorkerData = workerData;
  const report = await runImport({
    sources: [await fileSource(path, name)],
    context: { nowMs },
    gateway,
    store,
    batchRows: BATCH_ROWS,
    onProgress: (progress) => {
      ({ outcome } = progress);
    },
    signal: stop.signal,
  });
  const [source] = report.sources;
  if (source === undefined) throw new AppError('internal', { detail: 'the import read nothing' });
  const { error, ...rest } = source;
  send({ kind: 'done', source: rest, error: error && packError(error), outcome: report.outcome });
} catch (error) {
  send({ kind: 'failed', error: packError(asAppError(error)), outcome: outcome ?? NOTHING_IMPORTED });
}
port.close();
