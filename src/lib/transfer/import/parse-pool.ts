import { Worker } from 'node:worker_threads';
import { AppError } from '../../errors.ts';
import { workerUrl } from '../../store/worker-url.ts';
import type { ParsedBlock } from './parse-block.ts';
import type { ParseAnswer, ParseRequest, ParseWorkerData } from './parse-worker.ts';

interface Waiting {
  readonly resolve: (block: ParsedBlock) => void;
  readonly reject: (error: AppError) => void;
}

/** Reads lines in several threads: reading takes more than twice the time of storing. */
export class ParsePool {
  readonly #workers: Worker[];
  readonly #waiting = new Map<number, Waiting>();
  #seq = 0;
  #failure: AppError | null = null;

  constructor(count: number, workerData: ParseWorkerData) {
    this.#workers = Array.from({ length: count }, () => this.#start(workerData));
  }

  /** The block's buffer moves away. */
  parse(bytes: Uint8Array<ArrayBuffer>): Promise<ParsedBlock> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    this.#seq += 1;
    const request: ParseRequest = { seq: this.#seq, bytes };
    const worker = this.#workers[this.#seq % this.#workers.length];
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.seq, { resolve, reject });
      worker?.postMessage(request, [bytes.buffer]);
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #start(workerData: ParseWorkerData): Worker {
    const worker = new Worker(workerUrl('parse-worker', import.meta.url), { workerData });
    worker.on('message', ({ seq, block }: ParseAnswer) => {
      this.#waiting.get(seq)?.resolve(block);
      this.#waiting.delete(seq);
    });
    worker.on('error', (error) => {
      this.#failure = new AppError('internal', {
        detail: `reading lines broke: ${error.message}`,
        cause: error,
      });
      for (const { reject } of this.#waiting.values()) reject(this.#failure);
      this.#waiting.clear();
    });
    return worker;
  }
}
