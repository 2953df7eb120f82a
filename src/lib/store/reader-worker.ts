import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from './open.ts';
import { answer, type Question, type Steps } from './queries/index.ts';
import type { ReaderMessage, ReaderRequest, ReaderWorkerData } from './reader-protocol.ts';
import { toStoreError, type Db } from './sqlite.ts';
import { Turns, type Outcome } from './turns.ts';
import { packError } from './writer-protocol.ts';

/** Longest piece of an answer. */
const CHUNK_BYTES = 256 * 1024;
/** Readers meet a lock only where another process keeps all others out: whoever asks is to know soon. */
const BUSY_TIMEOUT_MS = 250;

const port = parentPort;
if (port === null) throw new Error('reader-worker runs in a worker thread');

const send = (message: ReaderMessage, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

const { dbPath }: ReaderWorkerData = workerData;
let db: Db | null = null;
let closing = false;

const endWhenIdle = (): void => {
  if (!closing || !turns.idle) return;
  db?.close();
  port.close();
};
const turns = new Turns(endWhenIdle);

/** Opened with the first question, and again with the next one where that failed. */
function* answered(question: Question): Steps {
  db ??= openDatabase(dbPath, { mode: 'read', beside: true, busyTimeoutMs: BUSY_TIMEOUT_MS });
  return yield* answer(db, question);
}

function chunksOf(value: unknown): Array<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  if (bytes.length <= CHUNK_BYTES) return [bytes];
  const count = Math.ceil(bytes.length / CHUNK_BYTES);
  return Array.from({ length: count }, (_, n) => bytes.slice(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES));
}

function tell(seq: number, outcome: Outcome<unknown>): void {
  if (outcome.kind === 'left') send({ kind: 'left', seq });
  else if (outcome.kind === 'failed') {
    send({ kind: 'failed', seq, error: packError(toStoreError(outcome.error)) });
  } else {
    const chunks = chunksOf(outcome.value);
    send(
      { kind: 'answer', seq, chunks },
      chunks.map(({ buffer }) => buffer),
    );
  }
}

port.on('message', (request: ReaderRequest) => {
  if (request.kind === 'close') {
    closing = true;
    endWhenIdle();
    return;
  }
  const { seq, question, gone } = request;
  turns.add(
    answered(question),
    () => Atomics.load(gone, 0) !== 0,
    (outcome) => tell(seq, outcome),
  );
});
