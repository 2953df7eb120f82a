import { GatewayError } from '../../../lib/contract/gateway.ts';
import type { RawRecord } from '../../../lib/contract/record.ts';
import type { Sink, Transport, TransportEnd, TransportEvents } from '../../../lib/contract/transport.ts';
import { endOf, type FailureContext } from '../../../lib/gateway/failures.ts';
import type { RespBulk } from '../../../lib/gateway/resp-reader.ts';
import { ask, openRespSocket, type RespSocket } from '../../../lib/gateway/resp-socket.ts';
import { Backlog } from './backlog.ts';
import { Deliveries } from './deliveries.ts';
import { memoryOf } from './memory.ts';
import { rawRecord, type TransportOptions } from './settings.ts';
import { Subscription, type SubscriptionEnd } from './subscription.ts';

const STOPPED: TransportEnd = { kind: 'stopped' };

/**
 * `SUBSCRIBE usage`, from v7.0.7 on. The gateway queues nothing while there is a subscriber, and replays nothing, so
 * we subscribe first and then take what was queued before.
 */
export class SubscribeTransport implements Transport {
  readonly name = 'subscribe';
  readonly #options: TransportOptions;
  readonly #context: FailureContext;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#context = { url: options.connection.baseUrl, inContainer: options.inContainer };
  }

  async run(sink: Sink, events: TransportEvents, signal: AbortSignal): Promise<TransportEnd> {
    const deliveries = new Deliveries(sink);
    const stop = AbortSignal.any([signal, deliveries.stop]);
    let end: TransportEnd;
    try {
      const socket = await openRespSocket(
        this.#options.connection,
        { ...this.#options, ...this.#context },
        stop,
      );
      end = await this.#subscribe(socket, deliveries, events, stop);
    } catch (error) {
      if (!(error instanceof GatewayError)) {
        await deliveries.settled();
        throw error;
      }
      memoryOf(this.#options).ended(error, events);
      end = stop.aborted ? STOPPED : endOf({ diagnosis: error.diagnosis, detail: error.message });
    }
    await deliveries.settled();
    return end;
  }

  async #subscribe(
    socket: RespSocket,
    deliveries: Deliveries,
    events: TransportEvents,
    stop: AbortSignal,
  ): Promise<TransportEnd> {
    events.contact();
    try {
      // Without the signal: once this is sent the gateway may have a buffer for us, and we have to leave in order.
      const reply = await ask(socket, ['SUBSCRIBE', 'usage'], { ...this.#options, ...this.#context });
      if (reply.kind !== 'array') throw new GatewayError('unexpected_answer', 'it did not answer SUBSCRIBE');
    } catch (error) {
      socket.destroy();
      if (error instanceof GatewayError && !answered(error)) {
        events.lost({ cause: 'subscription_cut', estimate: null, detail: error.message });
      }
      throw error;
    }
    events.ready();
    const memory = memoryOf(this.#options);
    memory.reached();
    const done = new AbortController();
    let provedMs: number | null = null;
    // Until the backlog is taken there may be older records than those that arrive live.
    let live = false;
    const complete = async (): Promise<void> => {
      const atMs = provedMs;
      if (live && atMs !== null && (await deliveries.durable())) events.complete(atMs);
    };
    const draining = new Backlog(this.#options, this.#context).run(
      deliveries.hand,
      events,
      () => {
        live = true;
        void complete();
      },
      AbortSignal.any([stop, done.signal]),
    );
    // Whatever it fails with comes out at the end: the subscription goes on without it, because it takes more.
    draining.catch(() => {});
    const end = await new Subscription(socket, this.#options.clock, this.#context, {
      contact: () => events.contact(),
      records: (payloads) => void deliveries.hand(this.#records(payloads)),
      proved: (atMs) => {
        provedMs = atMs;
        void complete();
      },
    }).run(stop);
    done.abort();
    const result = report(end, events);
    if (result.kind !== 'stopped') memory.told();
    await draining;
    return result;
  }

  #records(payloads: readonly RespBulk[]): RawRecord[] {
    const now = this.#options.clock.now();
    return payloads.map(({ bytes, truncatedFrom }) =>
      rawRecord(this.#options, 'subscribe', now, bytes ?? Buffer.alloc(0), truncatedFrom),
    );
  }
}

/** Whether the gateway said no, in RESP; otherwise it may have subscribed us before the connection broke. */
function answered(error: GatewayError): boolean {
  return error.diagnosis !== 'connection_lost' && error.diagnosis !== 'timed_out';
}

/** The end of the run; what is gone with the subscription is reported. */
function report(end: SubscriptionEnd, events: TransportEvents): TransportEnd {
  if (end.how === 'left') {
    const detail = 'records were under way when we unsubscribed';
    if (!end.clean) events.lost({ cause: 'subscription_cut', estimate: null, detail });
    return STOPPED;
  }
  if (end.how === 'overflow') {
    const detail = 'the gateway closed the subscription after a backlog of records';
    events.lost({ cause: 'overflow', estimate: 1, detail });
    return endOf({ diagnosis: 'overflow', detail });
  }
  events.lost({ cause: 'subscription_cut', estimate: null, detail: end.failure.detail });
  return endOf(end.failure);
}
