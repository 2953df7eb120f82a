import type { Worker } from 'node:worker_threads';
import { AppError } from '../errors.ts';

export interface UntilDoneOptions<Message, Result> {
  /** What the worker does, for an error: `the ${what} broke`. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** Asks the worker to stop, once. */
  readonly stop: () => void;
  /** Called for each message, and settles the work with the last one. */
  readonly onMessage: (message: Message, settle: Settle<Result>) => void;
}

export interface Settle<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * What a worker came to, after its end: until then it has the old file open, which may be about to be moved. Rejects with
 * what `onMessage` rejects with, or an AppError where the worker broke.
 */
export async function untilDone<Message, Result>(
  worker: Worker,
  { what, signal, stop, onMessage }: UntilDoneOptions<Message, Result>,
): Promise<Result> {
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  worker.on('message', (message: Message) => onMessage(message, { resolve, reject }));
  worker.on('error', (error) =>
    reject(new AppError('internal', { detail: `the ${what} broke: ${error.message}`, cause: error })),
  );
  const exited = Promise.withResolvers<void>();
  worker.once('exit', () => {
    reject(new AppError('internal', { detail: `the ${what} ended by itself` }));
    exited.resolve();
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', stop);
    await exited.promise;
  }
}
