import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppError } from '../errors.ts';
import type { Proof, SnapshotAnswer, SnapshotTask } from './snapshot-protocol.ts';
import { workerUrl } from './worker-url.ts';
import { unpackError } from './writer-protocol.ts';

/**
 * Writes the database as it is at one moment into the new file `to`, while others write to it: nothing is locked, but a
 * read transaction is open meanwhile, so that the log cannot start anew. The file is not synced. Rejects with AppError
 * (`database_foreign`, `database_newer`, `database_locked`, `disk_full`, `database_failed`, and `backup_damaged` where it
 * cannot be read) and the reason of `signal`; `to` may lie there half written then.
 */
export async function copyDatabase(from: string, to: string, signal: AbortSignal): Promise<void> {
  const answer = await ask({ kind: 'copy', from, to }, signal);
  if (answer.kind !== 'copied') throw damaged(answer);
}

/**
 * Looks through a whole database that nobody else has open. With `settle` its log or journal is brought into it first.
 * Rejects as `copyDatabase`, saying what is wrong.
 */
export async function proveDatabase(path: string, settle: boolean, signal: AbortSignal): Promise<Proof> {
  const answer = await ask({ kind: 'prove', path, settle }, signal);
  if (answer.kind === 'proven') return answer.proof;
  throw damaged(answer);
}

/** Ends every login that a database remembers which nobody else has open. Rejects as `copyDatabase`. */
export async function endSessions(path: string, signal: AbortSignal): Promise<void> {
  const answer = await ask({ kind: 'end-sessions', path }, signal);
  if (answer.kind !== 'ended') throw damaged(answer);
}

function damaged(answer: SnapshotAnswer): AppError {
  const detail = answer.kind === 'damaged' ? answer.detail : `it was ${answer.kind}`;
  return new AppError('backup_damaged', { detail: `the database is not whole (${detail})` });
}

/**
 * In a process of its own: a statement over the whole file runs for long and cannot be interrupted, and a thread that is
 * in one cannot be ended either.
 */
function ask(task: SnapshotTask, signal: AbortSignal): Promise<Exclude<SnapshotAnswer, { kind: 'failed' }>> {
  const { promise, resolve, reject } = Promise.withResolvers<Exclude<SnapshotAnswer, { kind: 'failed' }>>();
  signal.throwIfAborted();
  const child = fork(fileURLToPath(workerUrl('snapshot-process', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  let answer: SnapshotAnswer | null = null;
  const end = (): void => {
    child.kill('SIGKILL');
  };
  signal.addEventListener('abort', end, { once: true });
  child.once('message', (message: SnapshotAnswer) => {
    answer = message;
  });
  child.once('error', reject);
  // Only when it is gone: its files can be removed then.
  child.once('exit', (code, by) => {
    signal.removeEventListener('abort', end);
    if (signal.aborted) reject(signal.reason);
    else if (answer === null) {
      const how = by ?? `code ${code}`;
      reject(new AppError('database_failed', { detail: `the process beside ended early (${how})` }));
    } else if (answer.kind === 'failed') reject(unpackError(answer.error));
    else resolve(answer);
  });
  child.send(task, (error) => {
    if (error) end();
  });
  return promise;
}
