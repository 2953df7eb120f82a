import { parentPort, workerData } from 'node:worker_threads';
import type { TakeoverMark } from '../contract/takeover.ts';
import type { ImportOutcome } from '../contract/writer.ts';
import { AppError } from '../errors.ts';
import { buffersOf, type EventBatch } from '../store/event-batch.ts';
import { OldEvents } from '../store/old/events.ts';
import { openOld } from '../store/old/open.ts';
import { OldLetters } from '../store/old/tables.ts';
import { openDatabase } from '../store/open.ts';
import { toStoreError } from '../store/sqlite.ts';
import { readTakeover, type TakeoverState } from '../store/takeover-state.ts';
import { packError, unpackError, type PackedError } from '../store/writer-protocol.ts';
import { oldSchemaOf } from './carry.ts';
import { copyVolume, type CarriedLetter, type CopyProgress, type CopyResult } from './copy.ts';

/** What the worker is started with. */
export interface CopyWorkerData {
  readonly oldPath: string;
  /** Ours, to which this process has a connection already; null: nothing is there, and nothing will be stored. */
  readonly dbPath: string | null;
  /** What the old volume is called: its position is kept under this name. */
  readonly source: string;
  /** Base URL of the gateway that its events came from; `''`: unknown. */
  readonly gateway: string;
  /** Epoch ms: when events were received whose row does not say it. */
  readonly nowMs: number;
  readonly batchRows: number;
}

/** To the worker: what became of what it handed over, or to stop. */
export type CopyRequest =
  | { readonly kind: 'stored'; readonly outcome: ImportOutcome | null }
  | { readonly kind: 'refused'; readonly error: PackedError }
  | { readonly kind: 'stop' };

export type CopyMessage =
  | { readonly kind: 'batch'; readonly batch: EventBatch; readonly mark: TakeoverMark }
  | { readonly kind: 'letters'; readonly letters: readonly CarriedLetter[] }
  | { readonly kind: 'progress'; readonly progress: CopyProgress }
  | { readonly kind: 'done'; readonly result: CopyResult }
  | { readonly kind: 'failed'; readonly error: PackedError };

/** Progress is told so often at most. */
const TELL_EVERY_MS = 100;

const port = parentPort;
if (port === null) throw new Error('copy-worker runs in a worker thread');

const send = (message: CopyMessage, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);
const stop = new AbortController();
let waiting: PromiseWithResolvers<ImportOutcome | null> | null = null;
let toldAt = Number.NEGATIVE_INFINITY;

port.on('message', (request: CopyRequest) => {
  if (request.kind === 'stop') stop.abort();
  else if (request.kind === 'stored') waiting?.resolve(request.outcome);
  else waiting?.reject(unpackError(request.error));
});

/** One thing at a time is handed over. */
async function handOver(message: CopyMessage, transfer: ArrayBuffer[] = []): Promise<ImportOutcome | null> {
  waiting = Promise.withResolvers();
  send(message, transfer);
  return waiting.promise;
}

async function store(batch: EventBatch, mark: TakeoverMark): Promise<ImportOutcome> {
  const outcome = await handOver({ kind: 'batch', batch, mark }, buffersOf(batch));
  if (outcome === null) throw new AppError('internal', { detail: 'a batch was answered as letters' });
  return outcome;
}

function tell(progress: CopyProgress): void {
  const now = performance.now();
  if (now - toldAt < TELL_EVERY_MS && progress.done < progress.total) return;
  toldAt = now;
  send({ kind: 'progress', progress });
}

function stateOf({ dbPath, source }: CopyWorkerData): TakeoverState | null {
  if (dbPath === null) return null;
  const db = openDatabase(dbPath, { mode: 'read', beside: true, busyTimeoutMs: 5000 });
  try {
    return readTakeover(db, source);
  } finally {
    db.close();
  }
}

async function copy(data: CopyWorkerData): Promise<CopyResult> {
  const state = stateOf(data);
  const db = openOld(data.oldPath);
  try {
    const schema = oldSchemaOf(db, data.oldPath);
    return await copyVolume({
      ...data,
      state,
      events: new OldEvents(db, schema),
      letters: new OldLetters(db, schema),
      store,
      storeLetters: async (letters) => {
        await handOver({ kind: 'letters', letters });
      },
      onProgress: tell,
      signal: stop.signal,
    });
  } finally {
    db.close();
  }
}

try {
  const data: CopyWorkerData = workerData;
  send({ kind: 'done', result: await copy(data) });
} catch (error) {
  send({ kind: 'failed', error: packError(toStoreError(error)) });
}
port.close();
