import type { Socket } from 'node:net';

/** Bytes of one connection that are remembered; enough for every command a collector sends in a test. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** What came in over one connection. */
export class Connection {
  readonly id: number;
  readonly socket: Socket;
  /** Address of the peer, IPv4 in dotted form. */
  readonly address: string;
  protocol: 'undecided' | 'resp' | 'http' = 'undecided';
  /** RESP commands in order, as they were read. */
  readonly commands: (readonly string[])[] = [];
  /** Channel of the subscription, while there is one. */
  subscribedTo: string | null = null;
  closed = false;
  /** Below TLS: the TCP socket. */
  readonly tcp: Socket;
  #chunks: Buffer[] = [];
  #kept = 0;

  constructor(id: number, socket: Socket, tcp: Socket) {
    this.id = id;
    this.socket = socket;
    this.tcp = tcp;
    this.address = (socket.remoteAddress ?? '').replace(/^::ffff:/u, '');
  }

  /** Every byte the client sent (in TLS: after decryption), up to 4 MiB. */
  get received(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  remember(chunk: Buffer): void {
    if (this.#kept >= KEPT_BYTES) return;
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
  }

  /** Closes in order after what was written; the peer sees FIN. */
  finish(): void {
    this.socket.destroySoon();
  }

  /** The peer sees RST; bytes it has not read yet are lost. */
  reset(): void {
    this.tcp.resetAndDestroy();
    this.socket.destroy();
  }
}
