import { open, type FileHandle } from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import { createConnection } from 'node:net';
import { basename, dirname, join } from 'node:path';
import type { Health } from './contract/health.ts';
import { AppError } from './errors.ts';
import { systemCode } from './files.ts';

/**
 * How commands and the daemon of a database talk: over a Unix socket beside the database, that only its owner can reach.
 * One line of JSON asks, one line answers, and the connection ends.
 */
export type ControlCommand =
  /** The body of `GET /status`. */
  | 'status'
  /** Settings were saved: read them, and put them to work. */
  | 'reload';

export interface ControlRequest {
  readonly command: ControlCommand;
}

export type ControlAnswer =
  | { readonly ok: true; readonly pid: number; readonly result: unknown }
  | {
      readonly ok: false;
      readonly pid: number;
      readonly code: string;
      readonly error: string;
      readonly hint: string;
      /** How the daemon is, also while it cannot do what was asked. */
      readonly health: Health;
    };

/** The longest line either side reads: a status is some kilobytes. */
export const MAX_LINE = 1024 * 1024;
/**
 * What a socket's address holds, without the zero at its end: 108 bytes on Linux, 104 on other systems. A longer one is
 * not cut by the system but by whoever hands it over, and would then name another file.
 */
const MAX_ADDRESS = process.platform === 'linux' ? 107 : 103;
const ANSWER_MS = 15_000;

/**
 * The socket of the daemon of a database: `cpamp.sock` beside `usage.sqlite`. Another name of a database is in the name of
 * its socket, because two of them may share a folder. Symbolic links are followed first, as they are for the lock.
 */
export function controlSocketPath(dbPath: string): string {
  const real = realPathOf(dbPath);
  const name = basename(real);
  return join(dirname(real), name === 'usage.sqlite' ? 'cpamp.sock' : `${name}.cpamp.sock`);
}

/** A path of a socket that is short enough for its address, until it is closed. */
export interface ShortPath {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Shortens a path that is too long by going through an open handle of its folder, which Linux has names for. `null`
 * elsewhere.
 */
export async function shortPath(path: string): Promise<ShortPath | null> {
  if (Buffer.byteLength(path) <= MAX_ADDRESS) return { path, close: async () => {} };
  if (process.platform !== 'linux') return null;
  const folder: FileHandle = await open(dirname(path), 'r');
  const short = `/proc/self/fd/${folder.fd}/${basename(path)}`;
  if (Buffer.byteLength(short) <= MAX_ADDRESS) return { path: short, close: () => folder.close() };
  await folder.close();
  return null;
}

/**
 * Asks the daemon of a database. `null` when none can be asked: it does not run, or has no socket. Rejects with what the
 * daemon could not do, with `unavailable` when it says nothing within 15 s, and with the reason of `signal`.
 */
export async function askDaemon(
  dbPath: string,
  command: ControlCommand,
  signal?: AbortSignal,
): Promise<ControlAnswer | null> {
  const short = await shortPath(controlSocketPath(dbPath)).catch(() => null);
  if (short === null) return null;
  try {
    const line = await exchange(short.path, { command }, signal);
    return line === null ? null : parseAnswer(line);
  } finally {
    await short.close();
  }
}

/** The line that came back; `null` when nobody listens. */
function exchange(path: string, request: ControlRequest, signal?: AbortSignal): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.timeout(ANSWER_MS);
    const socket = createConnection({ path });
    const ended = AbortSignal.any(signal ? [limit, signal] : [limit]);
    const finish = (settle: () => void): void => {
      ended.removeEventListener('abort', onAbort);
      socket.destroy();
      settle();
    };
    const onAbort = (): void =>
      finish(() =>
        reject(signal?.aborted ? signal.reason : silent(`nothing came for ${ANSWER_MS / 1000} s`)),
      );
    ended.addEventListener('abort', onAbort);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (part: string) => {
      text += part;
      const end = text.indexOf('\n');
      if (end >= 0) finish(() => resolve(text.slice(0, end)));
      else if (text.length > MAX_LINE) finish(() => reject(silent('its answer has no end')));
    });
    // A daemon that is ending closes the connection; one that is gone left its socket behind.
    socket.on('end', () => finish(() => resolve(null)));
    socket.on('error', (error) =>
      finish(() => {
        if (GONE.has(systemCode(error))) resolve(null);
        else reject(silent(systemCode(error) || error.message, error));
      }),
    );
  });
}

const GONE = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTSOCK', 'ENOTDIR']);

function silent(detail: string, cause?: unknown): AppError {
  return new AppError('daemon_silent', { detail, ...(cause === undefined ? {} : { cause }) });
}

function parseAnswer(line: string): ControlAnswer {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw silent('its answer is not JSON', cause);
  }
  if (!isAnswer(value)) throw silent('its answer has another form');
  return value;
}

function isAnswer(value: unknown): value is ControlAnswer {
  if (typeof value !== 'object' || value === null || !('ok' in value)) return false;
  return value.ok === true ? 'result' in value : 'code' in value && 'error' in value && 'health' in value;
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
