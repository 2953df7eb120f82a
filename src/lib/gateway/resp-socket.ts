import net from 'node:net';
import tls from 'node:tls';
import type { Clock } from '../contract/clock.ts';
import { GatewayError, type GatewayConnection, type KeyBreaker } from '../contract/gateway.ts';
import {
  explainBytes,
  explainError,
  explainRespError,
  hostOf,
  type Failure,
  type FailureContext,
} from './failures.ts';
import { login } from './login.ts';
import { RespReader, type RespFault, type RespLimits, type RespValue } from './resp-reader.ts';

/** Connecting and logging in may each take this long. CLIProxyAPI spends about 60 ms of bcrypt on a login. */
const ANSWER_MS = 10_000;
const KEEP_ALIVE_MS = 15_000;

export interface RespAddress {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Name for SNI; none for an IP address. */
  readonly servername: string | undefined;
}

/** RESP is spoken on the port of the HTTP API; path and query of the URL do not matter. */
export function respAddress(connection: GatewayConnection): RespAddress {
  const url = new URL(connection.baseUrl);
  const secure = url.protocol === 'https:';
  const host = hostOf(connection.baseUrl);
  return {
    host,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    secure,
    servername: net.isIP(host) === 0 ? host : undefined,
  };
}

/** Why a socket ended: the other side closed it in order, it broke, it stopped speaking RESP, or we closed it. */
export type SocketEnd =
  | { readonly how: 'closed' }
  | { readonly how: 'broken'; readonly error: Error }
  | { readonly how: 'foreign'; readonly fault: RespFault }
  | { readonly how: 'ours' };

/** Told about what comes in: every chunk (with the values it completed, perhaps none), then once the end. */
export interface RespListener {
  values(values: readonly RespValue[]): void;
  end(end: SocketEnd): void;
}

/** A connection that speaks RESP, over TLS without ALPN: CLIProxyAPI takes one with ALPN for HTTP. */
export class RespSocket {
  /** What no text of ours may repeat. */
  readonly key: string;
  readonly #socket: net.Socket;
  readonly #reader: RespReader;
  #listener: RespListener | null = null;
  /** Values that nobody has taken yet. */
  #waiting: RespValue[] = [];
  #wake: (() => void) | null = null;
  #end: SocketEnd | null = null;
  #broken: Error | null = null;

  constructor(connection: GatewayConnection, limits: Partial<RespLimits> = {}) {
    const { host, port, secure, servername } = respAddress(connection);
    this.key = connection.managementKey;
    this.#reader = new RespReader(limits);
    this.#socket = secure
      ? tls.connect({
          host,
          port,
          rejectUnauthorized: !connection.tlsSkipVerify,
          ...(servername === undefined ? {} : { servername }),
        })
      : net.connect({ host, port });
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('error', (error) => {
      this.#broken = error;
    });
    this.#socket.on('close', () => {
      this.#finish(this.#broken ? { how: 'broken', error: this.#broken } : { how: 'closed' });
    });
  }

  /** Sends one command. What is sent before the connection stands goes out the moment it does. */
  send(...command: readonly string[]): void {
    const parts = command.map((text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`);
    this.#socket.write(`*${command.length}\r\n${parts.join('')}`);
  }

  /** The next value, or the end. What comes after it is kept for the next caller. One caller at a time. */
  async next(): Promise<RespValue | SocketEnd> {
    while (this.#waiting.length === 0 && this.#end === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#waiting.shift() ?? this.#end ?? { how: 'ours' };
  }

  /** Hands everything that nobody has taken yet, and all that comes from now on, to `listener`. */
  listen(listener: RespListener): void {
    this.#listener = listener;
    if (this.#waiting.length > 0) listener.values(this.#waiting.splice(0));
    if (this.#end) listener.end(this.#end);
  }

  /** Closes at once. The listener hears of it as `ours`. */
  destroy(): void {
    this.#finish({ how: 'ours' });
    this.#socket.destroy();
  }

  /** In the middle of a value: its beginning came, and its end may never come. */
  get unfinished(): boolean {
    return this.#reader.unfinished;
  }

  #read(chunk: Buffer): void {
    if (this.#end) return;
    const values = this.#reader.push(chunk);
    if (this.#listener) this.#listener.values(values);
    else {
      this.#waiting.push(...values);
      this.#wake?.();
    }
    const { fault } = this.#reader;
    if (fault === null) return;
    this.#finish({ how: 'foreign', fault });
    this.#socket.destroy();
  }

  #finish(end: SocketEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#listener?.end(end);
    this.#wake?.();
  }
}

export interface RespLoginOptions extends FailureContext {
  readonly breaker: KeyBreaker;
  readonly clock: Clock;
  readonly limits?: Partial<RespLimits>;
}

/**
 * Opens a connection and logs in: the first bytes are AUTH, sent as soon as the connection stands, since before v7.0.3
 * one silent connection keeps CLIProxyAPI from accepting others. Throws GatewayError.
 */
export function openRespSocket(
  connection: GatewayConnection,
  options: RespLoginOptions,
  signal?: AbortSignal,
): Promise<RespSocket> {
  const attempt = async (): Promise<RespSocket> => {
    const socket = new RespSocket(connection, options.limits);
    try {
      const reply = await ask(socket, ['AUTH', connection.managementKey], options, signal);
      if (reply.kind !== 'simple') throw new GatewayError('unexpected_answer', 'it did not answer AUTH');
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  };
  return login(options.breaker, connection, attempt, signal);
}

/**
 * Sends a command and waits for its answer; only for the time before a subscription. An error reply, an end of the
 * connection and an answer that does not come within 10 s are thrown as GatewayError.
 */
export async function ask(
  socket: RespSocket,
  command: readonly string[],
  options: FailureContext & { readonly clock: Clock },
  signal?: AbortSignal,
): Promise<RespValue> {
  const failed = Promise.withResolvers<never>();
  // It may fail after the answer came, when nobody looks any more.
  failed.promise.catch(() => {});
  const done = new AbortController();
  const name = command[0] ?? '';
  const abort = (): void => failed.reject(new GatewayError('connection_lost', 'we ended it'));
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  void expire(options.clock, done.signal, () =>
    failed.reject(new GatewayError('timed_out', `no answer to ${name} within ${ANSWER_MS / 1000} s`)),
  );
  socket.send(...command);
  try {
    const reply = await Promise.race([socket.next(), failed.promise]);
    if ('how' in reply) throw explainEnd(reply, name, options);
    if (reply.kind !== 'error') return reply;
    const { diagnosis, detail } = explainRespError(reply.text, socket.key);
    throw new GatewayError(diagnosis, detail);
  } finally {
    done.abort();
    signal?.removeEventListener('abort', abort);
  }
}

async function expire(clock: Clock, done: AbortSignal, late: () => void): Promise<void> {
  await clock.sleep(ANSWER_MS, done);
  if (!done.aborted) late();
}

/** What it means that the connection ended where the answer to `command` was awaited. */
function explainEnd(end: SocketEnd, command: string, context: FailureContext): GatewayError {
  const failure =
    end.how === 'foreign'
      ? explainBytes(end.fault.bytes, context)
      : end.how === 'broken'
        ? explainError(end.error, context)
        : explainSilentClose(command, context);
  const options = end.how === 'broken' ? { cause: end.error } : {};
  return new GatewayError(failure.diagnosis, failure.detail, options);
}

/**
 * CLIProxyAPI closes without a word while its management is switched off; so do proxies that insist on HTTP inside TLS.
 */
export function explainSilentClose(command: string, context: FailureContext): Failure {
  const detail = `it closed the connection instead of answering ${command}`;
  return { diagnosis: /^https:/i.test(context.url) ? 'resp_behind_proxy' : 'connection_lost', detail };
}
