import { GatewayError } from '../../../lib/contract/gateway.ts';
import type { Sink, TransportEnd, TransportEvents } from '../../../lib/contract/transport.ts';
import { endOf } from '../../../lib/gateway/failures.ts';
import { popOnce } from './drain.ts';
import { DRAIN_COUNT, memoryOf } from './memory.ts';
import { openUnlessAborted, type Popper } from './popper.ts';
import type { TransportOptions } from './settings.ts';

const STOPPED: TransportEnd = { kind: 'stopped' };

/**
 * Pops until it has to end: the backlog in large bites at first, then `batchSize` records every `pollIntervalMs`, and
 * at once again while there are any. One pop at a time, and the next only when the records of the last are durable.
 */
export async function poll(
  openPopper: () => Promise<Popper>,
  options: TransportOptions,
  sink: Sink,
  events: TransportEvents,
  signal: AbortSignal,
): Promise<TransportEnd> {
  const { batchSize, pollIntervalMs } = options.settings;
  const memory = memoryOf(options);
  let popper: Popper | null = null;
  let isReady = false;
  let count = Math.max(DRAIN_COUNT, batchSize);
  try {
    while (!signal.aborted) {
      popper ??= await openUnlessAborted(openPopper(), signal);
      if (popper === null) break;
      const askedMs = options.clock.now();
      const result = await popOnce(popper, count, options, sink, events, signal);
      memory.reached();
      if (!isReady) events.ready();
      isReady = true;
      if (result.answer === 'stop') return STOPPED;
      if (result.damage) throw result.damage;
      if (!result.full) events.complete(askedMs);
      if (result.count > 0) continue;
      count = batchSize;
      await options.clock.sleep(pollIntervalMs, signal);
    }
    return STOPPED;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    memory.ended(error, events);
    return signal.aborted ? STOPPED : endOf({ diagnosis: error.diagnosis, detail: error.message });
  } finally {
    popper?.close();
  }
}
