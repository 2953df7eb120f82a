import type { Writable } from 'node:stream';

/** Where a client's messages go: the response of its request. */
export type FeedStream = Pick<Writable, 'write' | 'writableLength' | 'end' | 'destroy'>;

/** A client with more than this unsent, in bytes, is closed. It comes back by itself and resumes. */
export const MAX_UNSENT = 1024 * 1024;

/** One listener of the feed. Whatever becomes of it is no concern of the others. */
export class FeedClient {
  readonly #stream: FeedStream;
  readonly #onGone: (client: FeedClient) => void;
  #gone = false;

  /** `onGone` is called once, when nothing more can be sent. */
  constructor(stream: FeedStream, onGone: (client: FeedClient) => void) {
    this.#stream = stream;
    this.#onGone = onGone;
  }

  /** Hands the bytes over without waiting for them to be taken. */
  send(bytes: Buffer): void {
    if (this.#gone) return;
    this.#stream.write(bytes);
    if (this.#stream.writableLength <= MAX_UNSENT) return;
    this.#stream.destroy();
    this.leave();
  }

  /** Ends the stream in good order: the login is over, or the daemon. */
  end(): void {
    if (this.#gone) return;
    this.#stream.end();
    this.leave();
  }

  /** The connection is closed. */
  leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#onGone(this);
  }
}
