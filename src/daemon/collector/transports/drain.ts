import { GatewayError } from '../../../lib/contract/gateway.ts';
import type { Sink, SinkAnswer, TransportEvents } from '../../../lib/contract/transport.ts';
import { DRAIN_COUNT, memoryOf } from './memory.ts';
import { tookRecords, type Popper } from './popper.ts';
import { graceAfter, rawRecords, type TransportOptions } from './settings.ts';

/** What a pop needs to know. */
export type PopOptions = Pick<TransportOptions, 'clock' | 'client' | 'gatewayId'>;

/** One pop and what became of it. */
export interface PopResult {
  readonly count: number;
  /** As many came as were asked for, so there may be more. */
  readonly full: boolean;
  readonly answer: SinkAnswer;
  /** The answer broke off or was not what it should be; the rest of it is reported as lost. */
  readonly damage: GatewayError | null;
}

/**
 * Pops up to `wanted` records, fewer where an answer was lost before, and resolves when they are durable. Records that are gone with a broken answer are reported.
 * An answer that is under way when `signal` aborts is waited for, since the gateway has already forgotten it.
 * Throws GatewayError.
 */
export async function popOnce(
  popper: Popper,
  wanted: number,
  options: PopOptions,
  sink: Sink,
  events: TransportEvents,
  signal: AbortSignal,
): Promise<PopResult> {
  const memory = memoryOf(options);
  const asked = memory.bite(wanted);
  const askedAt = options.clock.monotonic();
  const lost = (detail: string): void => {
    memory.broke(asked);
    events.lost({ cause: 'truncated_answer', estimate: null, detail });
  };
  const done = new AbortController();
  try {
    const popped = await popper.pop(asked, graceAfter(signal, options.clock, done.signal));
    events.contact();
    const records = rawRecords(options, popper.transport, popped);
    const full = records.length >= asked;
    if (popped.damage) lost(popped.damage.detail);
    else if (full) memory.came(asked, options.clock.monotonic() - askedAt);
    const answer = records.length === 0 ? 'more' : await sink(records);
    const damage = popped.damage
      ? new GatewayError(popped.damage.diagnosis ?? 'unexpected_answer', popped.damage.detail)
      : null;
    return { count: records.length, full, answer, damage };
  } catch (error) {
    if (error instanceof GatewayError && tookRecords(error)) lost(error.message);
    throw error;
  } finally {
    done.abort();
  }
}

/** Pops until the queue is empty, the sink says stop, or `signal` aborts. Throws GatewayError. */
export async function drain(
  popper: Popper,
  options: PopOptions,
  sink: Sink,
  events: TransportEvents,
  signal: AbortSignal,
): Promise<SinkAnswer> {
  while (!signal.aborted) {
    const { count, answer, damage } = await popOnce(popper, DRAIN_COUNT, options, sink, events, signal);
    if (answer === 'stop') return 'stop';
    if (damage) throw damage;
    if (count === 0) break;
  }
  return 'more';
}
