import { randomBytes } from 'node:crypto';
import { chmod, rename, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { once } from 'node:events';
import type { Logger } from 'pino';
import type { Health } from '../lib/contract/health.ts';
import {
  controlSocketPath,
  MAX_LINE,
  shortPath,
  type ControlAnswer,
  type ControlCommand,
  type ShortPath,
} from '../lib/control.ts';
import { AppError } from '../lib/errors.ts';
import { systemCode } from '../lib/files.ts';

export interface ControlOptions {
  readonly dbPath: string;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  readonly health: () => Health;
  /** What each command does. What it throws is answered. */
  readonly commands: Readonly<Record<ControlCommand, () => unknown>>;
}

/** Nobody needs longer to ask a question of one line. */
const QUESTION_MS = 5_000;

/**
 * Listens for the commands of this database, until it is closed. The caller holds the lock of the daemon, so that a
 * socket which is there already is one that was left behind. Where there can be none it says so in the log, and commands
 * do without: the daemon notices on its own what they write.
 */
export async function listenForCommands(options: ControlOptions): Promise<ControlSocket | null> {
  const path = controlSocketPath(options.dbPath);
  // Under a name that nobody knows until its mode is right, and then in one step in the place of an old one.
  const hidden = join(dirname(path), `.${randomBytes(4).toString('hex')}.sock`);
  let short: ShortPath | null = null;
  try {
    short = await shortPath(hidden);
    if (short === null) throw new Error('its path is too long for a socket');
    const server = createServer();
    const socket = new ControlSocket(options, server, path, short);
    server.listen({ path: short.path });
    await once(server, 'listening');
    await chmod(hidden, 0o600);
    await rename(hidden, path);
    return socket;
  } catch (error) {
    await rm(hidden, { force: true }).catch(() => {});
    await short?.close();
    options.log.warn(
      { path, reason: systemCode(error) || String(error) },
      'commands cannot ask this daemon, because its socket cannot be made',
    );
    return null;
  }
}

export class ControlSocket {
  readonly #options: ControlOptions;
  readonly #server: Server;
  readonly #path: string;
  readonly #short: ShortPath;
  readonly #open = new Set<Socket>();

  constructor(options: ControlOptions, server: Server, path: string, short: ShortPath) {
    this.#options = options;
    this.#server = server;
    this.#path = path;
    this.#short = short;
    server.on('connection', (socket) => this.#serve(socket));
  }

  async close(): Promise<void> {
    await rm(this.#path, { force: true }).catch(() => {});
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#open) socket.destroy();
    await closed;
    await this.#short.close();
  }

  #serve(socket: Socket): void {
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setEncoding('utf8').setTimeout(QUESTION_MS, () => socket.destroy());
    let text = '';
    const onData = (part: string): void => {
      text += part;
      const end = text.indexOf('\n');
      if (end < 0 && text.length <= MAX_LINE) return;
      socket.off('data', onData).setTimeout(0).resume();
      void this.#answer(text.slice(0, Math.max(end, 0))).then((answer) =>
        socket.end(`${JSON.stringify(answer)}\n`),
      );
    };
    socket.on('data', onData);
  }

  async #answer(line: string): Promise<ControlAnswer> {
    const { commands, health, log } = this.#options;
    try {
      const result: unknown = await commands[commandOf(line)]();
      return { ok: true, pid: process.pid, result: result ?? null };
    } catch (error) {
      if (!(error instanceof AppError)) log.error({ err: error }, 'a command of the socket failed');
      const known = error instanceof AppError ? error : new AppError('internal');
      const { code, message, hint } = known;
      return { ok: false, pid: process.pid, code, error: message, hint, health: health() };
    }
  }
}

function commandOf(line: string): ControlCommand {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && 'command' in value) {
      const { command } = value;
      if (command === 'status' || command === 'reload') return command;
    }
  } catch {
    // Answered like any other that is none of ours.
  }
  throw new AppError('invalid_request', { detail: 'the socket knows status and reload' });
}
