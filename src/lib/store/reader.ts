import { Worker } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import type { Question } from './queries/index.ts';
import type { ReaderMessage, ReaderRequest, ReaderWorkerData } from './reader-protocol.ts';
import { workerUrl } from './worker-url.ts';
import { unpackError } from './writer-protocol.ts';

export interface ReaderOptions {
  readonly dbPath: string;
  /** How long the worker stays without a question, since it takes memory. 90 s: a panel asks every minute. */
  readonly idleMs?: number;
  /** Starts the worker. */
  readonly startWorker?: (workerData: ReaderWorkerData) => Worker;
}

/** The JSON of an answer: pieces of at most 256 KiB, to be put one behind the other. */
export type AnswerChunks = ReadonlyArray<Uint8Array<ArrayBuffer>>;

const IDLE_MS = 90_000;
/** A step is short, but a disk may not answer. */
const CLOSE_MS = 5_000;

const startReaderWorker = (workerData: ReaderWorkerData): Worker =>
  new Worker(workerUrl('reader-worker', import.meta.url), { workerData });

/**
 * Answers questions that are too long for the main thread, in a worker with a read-only connection of its own. It is
 * started by the first question, ended when none came for a while, and started again after it died. The caller owns
 * the database file and has it open.
 */
export class Reader {
  readonly #options: ReaderOptions;
  /** Who takes questions. */
  #crew: Crew | null = null;
  /** All that have not ended. */
  readonly #crews = new Set<Crew>();
  #closed = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** A worker is there. */
  get running(): boolean {
    return this.#crews.size > 0;
  }

  /**
   * Rejects with an AppError (`database_locked`, `database_failed`, what the question itself throws), or with the
   * signal's reason when it aborts: the work ends with its next step then.
   */
  async ask(question: Question, signal?: AbortSignal): Promise<AnswerChunks> {
    signal?.throwIfAborted();
    if (this.#closed) throw new AppError('database_failed', { detail: 'the reader is closed' });
    this.#crew ??= this.#hire();
    return this.#crew.ask(question, signal);
  }

  /** Gives up what is asked; resolves when no worker has the database open any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(Array.from(this.#crews, (crew) => crew.dismiss()));
  }

  #hire(): Crew {
    const { dbPath, idleMs = IDLE_MS, startWorker = startReaderWorker } = this.#options;
    const crew: Crew = new Crew(startWorker({ dbPath }), idleMs, () => {
      if (this.#crew === crew) this.#crew = null;
    });
    this.#crews.add(crew);
    void crew.exited.then(() => this.#crews.delete(crew));
    return crew;
  }
}

interface Pending {
  readonly resolve: (chunks: AnswerChunks) => void;
  readonly reject: (error: unknown) => void;
  /** Tells the worker that nobody waits. */
  readonly leave: () => void;
}

/** One worker, from its start to its end. */
class Crew {
  readonly exited: Promise<void>;
  readonly #worker: Worker;
  readonly #idleMs: number;
  readonly #onUnfit: () => void;
  /** Ends the waiting for its exit. */
  readonly #leave: () => void;
  readonly #pending = new Map<number, Pending>();
  #seq = 0;
  #idle: NodeJS.Timeout | null = null;

  /** `onUnfit`: it takes no more questions. */
  constructor(worker: Worker, idleMs: number, onUnfit: () => void) {
    this.#worker = worker;
    this.#idleMs = idleMs;
    this.#onUnfit = onUnfit;
    let cause = 'the reader ended by itself';
    worker.on('message', (message: ReaderMessage) => this.#settle(message));
    worker.on('error', (error) => {
      cause = `the reader broke: ${error instanceof Error ? error.message : String(error)}`;
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.exited = promise;
    this.#leave = resolve;
    worker.once('exit', () => {
      this.#stopIdling();
      onUnfit();
      const error = new AppError('database_failed', { detail: cause });
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
      resolve();
    });
  }

  ask(question: Question, signal: AbortSignal | undefined): Promise<AnswerChunks> {
    this.#stopIdling();
    this.#seq += 1;
    const seq = this.#seq;
    const gone = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const { promise, resolve, reject } = Promise.withResolvers<AnswerChunks>();
    const leave = (): void => {
      Atomics.store(gone, 0, 1);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    this.#pending.set(seq, { resolve, reject, leave });
    this.#send({ kind: 'ask', seq, question, gone });
    return promise.finally(() => signal?.removeEventListener('abort', leave));
  }

  async dismiss(): Promise<void> {
    this.#stopIdling();
    const error = new AppError('database_failed', { detail: 'the reader is closed' });
    for (const { reject, leave } of this.#pending.values()) {
      reject(error);
      leave();
    }
    this.#send({ kind: 'close' });
    const giveUp = setTimeout(() => {
      this.#worker.unref();
      void this.#worker.terminate();
      this.#leave();
    }, CLOSE_MS);
    await this.exited;
    clearTimeout(giveUp);
  }

  #send(request: ReaderRequest): void {
    this.#worker.postMessage(request, []);
  }

  #settle(message: ReaderMessage): void {
    const pending = this.#pending.get(message.seq);
    this.#pending.delete(message.seq);
    if (message.kind === 'answer') pending?.resolve(message.chunks);
    else if (message.kind === 'failed') pending?.reject(unpackError(message.error));
    if (this.#pending.size === 0) this.#startIdling();
  }

  #startIdling(): void {
    this.#idle = setTimeout(() => {
      this.#onUnfit();
      void this.dismiss();
    }, this.#idleMs);
    this.#idle.unref();
  }

  #stopIdling(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
  }
}
