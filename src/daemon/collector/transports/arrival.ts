/** Records that CLIProxyAPI buffers for a subscriber; one more, and it is thrown out. */
export const GATEWAY_BUFFER = 256;

/** A PING that was sent. */
export interface Ping {
  readonly sentMs: number;
  /** How many pongs had come before it was sent. */
  readonly pongsBefore: number;
}

interface Answered {
  readonly sentMs: number;
  /** Which pong it is, the first one being 1, and how many messages had come before it. */
  readonly pong: number;
  readonly messages: number;
}

/**
 * Finds out up to when everything that was published has arrived on a subscription. That something arrives proves
 * little: after a stall, of ours or of the network, what comes first is old, and more waits behind it.
 *
 * CLIProxyAPI publishes into a buffer of 256 messages and writes those in order, but tosses a coin between the next
 * message and a waiting PING. So once the pong is here, of what was published before the PING was sent only messages of
 * that buffer can be missing: they have come when 256 more messages have, or when the next PING, sent after that pong,
 * is answered with no message in between.
 */
export class ArrivalProof {
  #messages = 0;
  #pongs = 0;
  #answered: Answered[] = [];
  #provedMs: number | null = null;

  /** What is proved: epoch ms; null: nothing yet. */
  get provedMs(): number | null {
    return this.#provedMs;
  }

  message(): void {
    this.#messages += 1;
    const oldest = this.#answered[0];
    if (!oldest || this.#messages - oldest.messages < GATEWAY_BUFFER) return;
    this.#provedMs = oldest.sentMs;
    this.#answered.shift();
  }

  /** Makes note of a PING that is sent now, at `sentMs`. */
  ping(sentMs: number): Ping {
    return { sentMs, pongsBefore: this.#pongs };
  }

  /** The pong of that PING came. Pongs come in the order of the PINGs. */
  pong({ sentMs, pongsBefore }: Ping): void {
    this.#pongs += 1;
    const last = this.#answered.at(-1);
    if (last?.messages === this.#messages && pongsBefore >= last.pong) {
      this.#provedMs = last.sentMs;
      this.#answered = [];
    }
    this.#answered.push({ sentMs, pong: this.#pongs, messages: this.#messages });
  }
}
