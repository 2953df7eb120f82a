import { fstatSync, write } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { AtomicFile } from '../../lib/atomic-file.ts';
import { AppError } from '../../lib/errors.ts';
import { systemCode } from '../../lib/files.ts';
import type { CliContext } from '../shared/context.ts';
import { outputFailure } from '../shared/output-failure.ts';
import { openPipe, writePipe } from './pipe.ts';

/** Where an export goes. */
export interface ExportTarget {
  /** How it is called in messages. */
  readonly name: string;
  /** Waits while it is slow. */
  write(chunk: Uint8Array): Promise<void>;
  /** All was written. */
  finish(): Promise<void>;
  /** Leaves nothing behind of what was written, where that is possible. Never rejects. */
  discard(): Promise<void>;
}

/** Its number. */
export const STDOUT = 1;
const writeSome = promisify(write);

/** `path` is absolute; null: standard output. Rejects with `output_failed` and `disk_full`, as the target's methods do. */
export async function openTarget(path: string | null, context: CliContext): Promise<ExportTarget> {
  if (path === null) return stdoutTarget(context);
  const found = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    throw outputFailure(path, error);
  });
  if (found?.isDirectory()) throw new AppError('output_failed', { detail: `${path} is a directory` });
  if (found?.isFIFO()) return pipeTarget(path, await openedPipe(path, context), context);
  // A device or a pipe cannot be replaced by a file: that would end it for everybody.
  if (found !== null && !found.isFile()) return handleTarget(path, await trying(path, () => open(path, 'w')));
  return fileTarget(found === null ? path : await realpath(path));
}

/** Failures of the system, in words. */
async function trying<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw outputFailure(name, error);
  }
}

async function fileTarget(path: string): Promise<ExportTarget> {
  const file = await trying(path, () => AtomicFile.create(path));
  // A second signal ends the process at once.
  const atExit = (): void => file.discardNow();
  process.once('exit', atExit);
  const end = (): void => void process.off('exit', atExit);
  return {
    name: path,
    write: (chunk) => trying(path, () => file.write(chunk)),
    finish: async () => {
      await trying(path, () => file.publish());
      end();
    },
    discard: async () => {
      await file.discard().catch(() => {});
      end();
    },
  };
}

async function openedPipe(path: string, context: CliContext): Promise<Socket> {
  try {
    return await openPipe(path, context);
  } catch (error) {
    context.signal.throwIfAborted();
    throw outputFailure(path, error);
  }
}

function pipeTarget(name: string, pipe: Socket, { signal }: CliContext): ExportTarget {
  return {
    name,
    write: (chunk) =>
      trying(name, () => writePipe(pipe, chunk)).catch((error: unknown) => {
        signal.throwIfAborted();
        throw error;
      }),
    finish: async () => {
      pipe.destroy();
    },
    discard: async () => {
      pipe.destroy();
    },
  };
}

function handleTarget(name: string, handle: FileHandle): ExportTarget {
  return {
    name,
    write: (chunk) => trying(name, () => handle.writeFile(chunk)),
    finish: () => trying(name, () => handle.close()),
    discard: () => handle.close().catch(() => {}),
  };
}

/**
 * Standard output. Where that is a file, Node's stream takes what a nearly full disk has written of a chunk for all of it:
 * then it is written to by another way. For pipes and terminals the stream knows how to wait.
 */
function stdoutTarget(context: CliContext): ExportTarget {
  const name = 'standard output';
  const found = fstatSync(STDOUT);
  if (context.isTty.stdout || found.isFIFO() || found.isSocket()) return streamTarget(name, context);
  return {
    name,
    write: (chunk) => trying(name, () => writeAll(STDOUT, chunk)),
    finish: async () => {},
    discard: async () => {},
  };
}

function streamTarget(name: string, context: CliContext): ExportTarget {
  const { output, signal } = context;
  const stopped = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  stopped.catch(() => {});
  let isWaiting = false;
  return {
    name,
    write: async (chunk) => {
      isWaiting = true;
      await Promise.race([output.write(chunk), stopped]);
      isWaiting = false;
    },
    finish: async () => {},
    discard: async () => {
      // A reader that stands still would keep the process as long as it pleases.
      if (isWaiting && context.endedBy?.cause !== 'pipe' && signal.aborted) process.exit(context.exitCode);
    },
  };
}

async function writeAll(fd: number, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await writeSome(fd, chunk.subarray(at))).bytesWritten;
}
