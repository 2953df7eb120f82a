import type { Connection } from './connection.ts';

/** Where in a RESP conversation: `pop` is the answer to LPOP or RPOP, `message` a message of a subscription. */
export type RespStage = 'auth' | 'subscribe' | 'pop' | 'message' | 'other';

/**
 * `garbage`: bytes that are no RESP, the connection stays open. `half-frame`: the first half of the answer, then FIN.
 * `http-400`: what an HTTP server says to RESP, then FIN. `close`: FIN and no answer. `reset`: RST and no answer.
 * `hang`: no answer, the connection stays open. `{error}`: `-` and that text.
 */
export type RespMisbehaviour =
  | 'garbage'
  | 'half-frame'
  | 'http-400'
  | 'close'
  | 'reset'
  | 'hang'
  | { readonly error: string };

/** The answer of CLIProxyAPI to bytes that are neither RESP nor HTTP. */
export const HTTP_BAD_REQUEST =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request';

/** Misbehaviours that wait for their occasion, oldest first. */
export class Misbehaviours {
  #waiting: { readonly stage: RespStage | 'any'; readonly how: RespMisbehaviour }[] = [];

  add(how: RespMisbehaviour, stage: RespStage | 'any'): void {
    this.#waiting.push({ stage, how });
  }

  take(stage: RespStage): RespMisbehaviour | null {
    if (this.#waiting.length === 0) return null;
    const at = this.#waiting.findIndex((entry) => entry.stage === 'any' || entry.stage === stage);
    if (at < 0) return null;
    return this.#waiting.splice(at, 1)[0]?.how ?? null;
  }

  clear(): void {
    this.#waiting = [];
  }
}

/** How a write ended: `written` = the kernel has all of it. */
export type SendResult = 'written' | 'connection' | 'fault';

/** Writes answers to one client, or spoils them when a test asked for that. */
export class Wire {
  readonly #connection: Connection;
  readonly #misbehaviours: Misbehaviours;

  constructor(connection: Connection, misbehaviours: Misbehaviours) {
    this.#connection = connection;
    this.#misbehaviours = misbehaviours;
  }

  /** Calls back, never before it returns, once the kernel took all bytes or it is certain that it never will. */
  send(stage: RespStage, bytes: Buffer, done: (result: SendResult) => void): void {
    const how = this.#misbehaviours.take(stage);
    if (how === null) this.#write(bytes, done);
    else this.#spoil(how, bytes, done);
  }

  answer(stage: RespStage, bytes: Buffer): Promise<SendResult> {
    return new Promise((resolve) => this.send(stage, bytes, resolve));
  }

  #write(bytes: Buffer | string, done: (result: SendResult) => void): void {
    const { socket } = this.#connection;
    if (socket.destroyed || socket.writableEnded) {
      process.nextTick(done, 'connection');
      return;
    }
    socket.write(bytes, (error) => done(error ? 'connection' : 'written'));
  }

  #spoil(how: RespMisbehaviour, bytes: Buffer, done: (result: SendResult) => void): void {
    const close = (): void => {
      this.#connection.finish();
      done('fault');
    };
    if (typeof how === 'object') return this.#write(`-${how.error}\r\n`, () => done('fault'));
    switch (how) {
      case 'garbage':
        return this.#write(Buffer.from([0x25, 0xff, 0x00, 0x13, 0x37, 0x0d, 0x0a]), () => done('fault'));
      case 'half-frame':
        return this.#write(bytes.subarray(0, Math.floor(bytes.length / 2)), close);
      case 'http-400':
        return this.#write(HTTP_BAD_REQUEST, close);
      case 'close':
        process.nextTick(close);
        return undefined;
      case 'reset':
        this.#connection.reset();
        process.nextTick(done, 'fault');
        return undefined;
      case 'hang':
        process.nextTick(done, 'fault');
        return undefined;
    }
  }
}
