import type { RawRecord } from '../../../lib/contract/record.ts';
import type { Sink, SinkAnswer } from '../../../lib/contract/transport.ts';

/**
 * Hands records to the sink for a run that has to go on meanwhile: the gateway throws out a subscriber that has 256
 * records unread. `stop` fires when any answer was `stop`, or the sink failed.
 */
export class Deliveries {
  readonly #sink: Sink;
  readonly #stop = new AbortController();
  /** With the time at which the oldest record of each arrived, in the order of handing over. */
  readonly #open = new Map<Promise<SinkAnswer>, number>();
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
    this.#open.set(delivery, records[0]?.receivedAtMs ?? Number.POSITIVE_INFINITY);
    return delivery;
  };

  /** When the oldest record that is not yet durable arrived, epoch ms; null when all are. */
  get pendingSince(): number | null {
    const oldest = this.#open.values().next();
    return oldest.done ? null : oldest.value;
  }

  /** Resolves when everything handed over is durable; rejects with what the sink rejected with. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open.keys());
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
