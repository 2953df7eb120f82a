import { GatewayError } from '../../../lib/contract/gateway.ts';
import type { Sink, SinkAnswer, TransportEvents } from '../../../lib/contract/transport.ts';
import { endOf, type FailureContext } from '../../../lib/gateway/failures.ts';
import { drain } from './drain.ts';
import { httpPopper, openUnlessAborted, respPopper, tookRecords, type Popper } from './popper.ts';
import type { TransportOptions } from './settings.ts';

const FIRST_RETRY_MS = 1_000;

/**
 * Takes what the gateway queued while nobody was subscribed: once at the start and again every third of its retention,
 * because another subscriber's coming and going can leave records there. By RESP on a connection of its own, or by HTTP
 * where RESP does not work; each time on a new connection, so that no pop goes into one that died unnoticed.
 */
export class Backlog {
  readonly #options: TransportOptions;
  readonly #context: FailureContext;
  #useHttp = false;

  constructor(options: TransportOptions, context: FailureContext) {
    this.#options = options;
    this.#context = context;
  }

  /**
   * Runs until `signal` aborts or the sink says stop. A drain that fails is tried again, before the records expire.
   * `onEmpty` is called whenever the queue was seen empty.
   */
  async run(sink: Sink, events: TransportEvents, onEmpty: () => void, signal: AbortSignal): Promise<void> {
    let retry = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const regular = Math.max(FIRST_RETRY_MS, (this.#options.retentionSeconds() * 1000) / 3);
      let pause = regular;
      try {
        if ((await this.#drain(sink, events, signal)) === 'stop') return;
        if (!signal.aborted) onEmpty();
        retry = FIRST_RETRY_MS;
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        const { kind } = endOf({ diagnosis: error.diagnosis, detail: error.message });
        if (kind === 'unsupported') this.#useHttp = !this.#useHttp;
        // An answer in RESP is all or nothing; of one over HTTP everything is kept that came whole.
        else if (tookRecords(error)) this.#useHttp = true;
        pause = Math.min(regular, retry);
        retry *= 2;
      }
      await this.#options.clock.sleep(pause, signal);
    }
  }

  async #drain(sink: Sink, events: TransportEvents, signal: AbortSignal): Promise<SinkAnswer> {
    const popper = await openUnlessAborted(this.#open(), signal);
    if (popper === null) return 'more';
    try {
      return await drain(popper, this.#options, sink, events, signal);
    } finally {
      popper.close();
    }
  }

  #open(): Promise<Popper> {
    if (this.#useHttp) return Promise.resolve(httpPopper(this.#options.client));
    return respPopper({ ...this.#options, ...this.#context });
  }
}
