import { fork } from 'node:child_process';
import { workerUrl } from './worker-url.ts';
import { unpackError, type PackedError } from './writer-protocol.ts';

/** What the process of a check answers. */
export type IntegrityAnswer = { readonly problems: readonly string[] } | { readonly error: PackedError };

export interface IntegrityOptions {
  /** Compares indexes with their tables as well, which takes several times as long. */
  readonly full: boolean;
  /** When to give up, in ms; null: never. */
  readonly limitMs: number | null;
  readonly signal: AbortSignal;
}

export type Integrity =
  | { readonly kind: 'sound' }
  | { readonly kind: 'damaged'; readonly problems: readonly string[] }
  /** The time was over before it was through; nothing was found so far. */
  | { readonly kind: 'unfinished' };

/**
 * Lets SQLite go through the whole file, reading only. It does so in a process of its own, because a running statement
 * can be ended in no other way; the system takes that one's locks back. Rejects with an AppError where the file cannot be
 * opened, and with the signal's reason.
 */
export async function checkIntegrity(path: string, options: IntegrityOptions): Promise<Integrity> {
  const { full, limitMs, signal } = options;
  signal.throwIfAborted();
  const child = fork(workerUrl('integrity-check', import.meta.url), [path, full ? 'full' : 'quick'], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<IntegrityAnswer | null>();
  const timer = limitMs === null ? null : setTimeout(() => resolve(null), limitMs);
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  child.once('message', (answer: IntegrityAnswer) => resolve(answer));
  child.once('error', reject);
  // A page that cannot be read from the disk at all ends the process itself (SIGBUS), which says enough.
  child.once('exit', (code, name) =>
    resolve({ problems: [`the check ended early (${name ?? `code ${code ?? '?'}`})`] }),
  );
  try {
    const answer = await promise;
    if (answer === null) return { kind: 'unfinished' };
    if ('error' in answer) throw unpackError(answer.error);
    return answer.problems.length === 0 ? { kind: 'sound' } : { kind: 'damaged', problems: answer.problems };
  } finally {
    if (timer) clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    child.kill('SIGKILL');
  }
}
