import { createServer as createHttpServer } from 'node:http';
import type { RequestListener, Server as HttpServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';

import { Connection } from './connection.ts';
import { HTTP_BAD_REQUEST } from './misbehaviour.ts';

const RESP_PREFIXES = new Set(Buffer.from('*$+-:'));

export interface FrontOptions {
  readonly port: number;
  readonly tls: { readonly key: string | Buffer; readonly cert: string | Buffer } | null;
  /** Whether a silent connection keeps later ones waiting; asked for each connection. */
  readonly acceptsOneByOne: () => boolean;
  /** ms after which a silent connection is closed; asked for each connection. */
  readonly sniffDeadlineMs: () => number | null;
  readonly http: RequestListener;
  readonly resp: (connection: Connection) => void;
  readonly changed: () => void;
}

/** One TCP port that speaks HTTP and RESP: the first byte of a connection decides. */
export class Front {
  readonly connections: Connection[] = [];
  readonly #options: FrontOptions;
  readonly #server: Server;
  readonly #http: HttpServer;
  readonly #raw = new Map<string, Socket>();
  #waiting: Connection[] = [];
  #port: number;

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#http = createHttpServer(
      { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, connectionsCheckingInterval: 2 ** 30 },
      options.http,
    );
    this.#http.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end(HTTP_BAD_REQUEST);
      else socket.destroy();
    });
    if (options.tls) {
      const server = createTlsServer({
        ...options.tls,
        ALPNProtocols: ['http/1.1'],
        allowHalfOpen: true,
        noDelay: true,
      });
      server.on('connection', (socket: Socket) => this.#rememberRaw(socket));
      server.on('secureConnection', (socket) => this.#accept(socket));
      server.on('tlsClientError', (_error, socket) => socket.destroy());
      this.#server = server;
    } else {
      this.#server = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        this.#accept(socket),
      );
    }
  }

  get port(): number {
    return this.#port;
  }

  get listening(): boolean {
    return this.#server.listening;
  }

  /** Listens on 127.0.0.1; again on the same port after `stop`. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        const address = this.#server.address();
        if (typeof address === 'object' && address) this.#port = address.port;
        resolve();
      });
    });
  }

  /** Stops listening and breaks every connection. */
  stop(how: 'fin' | 'rst'): Promise<void> {
    this.#waiting = [];
    const stopped = new Promise<void>((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
    for (const connection of this.connections) {
      if (connection.closed) continue;
      if (how === 'rst') connection.reset();
      else connection.socket.destroy();
    }
    for (const socket of this.#raw.values()) socket.destroy();
    return stopped;
  }

  #rememberRaw(socket: Socket): void {
    const key = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#raw.set(key, socket);
    socket.on('close', () => this.#raw.delete(key));
  }

  #accept(socket: Socket): void {
    const tcp =
      socket instanceof TLSSocket
        ? (this.#raw.get(`${socket.remoteAddress}:${socket.remotePort}`) ?? socket)
        : socket;
    const connection = new Connection(this.connections.length, socket, tcp);
    this.connections.push(connection);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      connection.closed = true;
      this.#options.changed();
    });
    this.#options.changed();
    if (socket instanceof TLSSocket && socket.alpnProtocol === 'http/1.1') return this.#toHttp(connection);
    if (!this.#options.acceptsOneByOne()) return this.#sniff(connection, () => {});
    this.#waiting.push(connection);
    if (this.#waiting.length === 1) this.#sniffNext();
    return undefined;
  }

  /** One connection at a time: the next is looked at when this one sent a byte or went away. */
  #sniffNext(): void {
    const connection = this.#waiting[0];
    if (!connection) return;
    this.#sniff(connection, () => {
      this.#waiting.shift();
      this.#sniffNext();
    });
  }

  #sniff(connection: Connection, decided: () => void): void {
    const { socket } = connection;
    const deadline = this.#options.sniffDeadlineMs();
    const timer = deadline === null ? null : setTimeout(() => socket.destroy(), deadline).unref();
    const stop = (): void => {
      if (timer) clearTimeout(timer);
      socket.off('data', first);
      socket.off('end', silent);
      socket.off('close', silent);
      decided();
    };
    const silent = (): void => {
      stop();
      socket.destroy();
    };
    const first = (chunk: Buffer): void => {
      stop();
      socket.pause();
      socket.unshift(chunk);
      if (RESP_PREFIXES.has(chunk[0] ?? 0)) {
        connection.protocol = 'resp';
        this.#options.resp(connection);
      } else {
        this.#toHttp(connection);
      }
      socket.resume();
    };
    if (socket.destroyed) return silent();
    socket.on('data', first);
    socket.on('end', silent);
    socket.on('close', silent);
    return undefined;
  }

  #toHttp(connection: Connection): void {
    connection.protocol = 'http';
    const { socket } = connection;
    this.#http.emit('connection', socket);
    // After the HTTP server took the socket: a listener from before would never see its bytes.
    socket.on('data', (chunk: Buffer) => connection.remember(chunk));
  }
}
