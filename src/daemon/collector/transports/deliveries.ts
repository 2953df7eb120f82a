import type { RawRecord } from '../../../lib/contract/record.ts';
import type { Sink, SinkAnswer } from '../../../lib/contract/transport.ts';

/**
 * Hands records to the sink for a run that has to go on meanwhile: the gateway throws out a subscriber that has 256
 * records unread. `stop` fires when any answer was `stop`, or the sink failed.
 */
export class Deliveries {
  readonly #sink: Sink;
  readonly #stop = new AbortController();
  readonly #open = new Set<Promise<SinkAnswer>>();
  #failure: { readonly error: unknown } | null = null;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** As the sink itself, but never rejects: a failure is `stop` here and comes out of `settled`. */
  readonly hand: Sink = (records) => {
    const delivery = this.#deliver(records).finally(() => this.#open.delete(delivery));
    this.#open.add(delivery);
    return delivery;
  };

  /** Waits for what was handed over so far, not for what comes meanwhile, and tells whether all of it is durable. */
  async durable(): Promise<boolean> {
    await Promise.all(this.#open);
    return this.#failure === null;
  }

  /** Resolves when everything handed over is durable; rejects with what the sink rejected with. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
    if (this.#failure) throw this.#failure.error;
  }

  async #deliver(records: readonly RawRecord[]): Promise<SinkAnswer> {
    try {
      const answer = await this.#sink(records);
      if (answer === 'stop') this.#stop.abort();
      return answer;
    } catch (error) {
      this.#failure ??= { error };
      this.#stop.abort();
      return 'stop';
    }
  }
}
