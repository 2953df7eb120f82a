import { once } from 'node:events';
import { connect as tcpConnect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';

import { bulks } from './resp-wire.ts';

/** A RESP client that shows the bytes as they come, for tests that look at the wire. */
export class RespClient {
  readonly socket: Socket;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #taken = 0;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        resolve();
        this.#wake();
      });
    });
  }

  static async connect(port: number, options: { tls?: boolean } = {}): Promise<RespClient> {
    const client = new RespClient(
      options.tls
        ? tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false })
        : tcpConnect(port, '127.0.0.1'),
    );
    await once(client.socket, options.tls ? 'secureConnect' : 'connect');
    return client;
  }

  /** Everything that came in so far. */
  get received(): Buffer {
    return this.#received;
  }

  send(...args: string[]): void {
    this.socket.write(bulks(args.map((arg) => Buffer.from(arg))));
  }

  raw(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** The next `count` bytes; fewer when the connection ended before. */
  async bytes(count: number): Promise<string> {
    while (this.#received.length - this.#taken < count && !this.socket.destroyed) await this.#more();
    return this.#take(this.#taken + count);
  }

  /** Up to and with the next occurrence of `end`; fewer when the connection ended before. */
  async until(end: string): Promise<string> {
    for (;;) {
      const at = this.#received.indexOf(end, this.#taken);
      if (at >= 0) return this.#take(at + end.length);
      if (this.socket.destroyed) return this.#take(this.#received.length);
      await this.#more();
    }
  }

  /** The next line, without its end. */
  async line(): Promise<string> {
    return (await this.until('\r\n')).trimEnd();
  }

  /** Everything until the other side closes. */
  async rest(): Promise<string> {
    await this.closed;
    return this.#take(this.#received.length);
  }

  close(): void {
    this.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #take(to: number): string {
    const bytes = this.#received.subarray(this.#taken, to);
    this.#taken = Math.min(to, this.#received.length);
    return bytes.toString('utf8');
  }
}
