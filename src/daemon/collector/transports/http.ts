import type { Sink, Transport, TransportEnd, TransportEvents } from '../../../lib/contract/transport.ts';
import { poll } from './poll.ts';
import { httpPopper } from './popper.ts';
import type { TransportOptions } from './settings.ts';

/** `GET /v0/management/usage-queue?count=N`, from v6.10.8 on. */
export class HttpTransport implements Transport {
  readonly name = 'http';
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  run(sink: Sink, events: TransportEvents, signal: AbortSignal): Promise<TransportEnd> {
    const open = (): Promise<ReturnType<typeof httpPopper>> =>
      Promise.resolve(httpPopper(this.#options.client));
    return poll(open, this.#options, sink, events, signal);
  }
}
