import type { Sink, Transport, TransportEnd, TransportEvents } from '../../../lib/contract/transport.ts';
import { poll } from './poll.ts';
import { respPopper } from './popper.ts';
import type { TransportOptions } from './settings.ts';

/** `LPOP usage N`, from v6.9.38 on. CLIProxyAPI pops the oldest first, whichever end is named. */
export class RespTransport implements Transport {
  readonly name = 'resp';
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  run(sink: Sink, events: TransportEvents, signal: AbortSignal): Promise<TransportEnd> {
    const { connection } = this.#options;
    const open = (): ReturnType<typeof respPopper> =>
      respPopper({ ...this.#options, url: connection.baseUrl });
    return poll(open, this.#options, sink, events, signal);
  }
}
