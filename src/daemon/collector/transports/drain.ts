import { GatewayError } from '../../../lib/contract/gateway.ts';
import type { Sink, SinkAnswer, TransportEvents } from '../../../lib/contract/transport.ts';
import { tookRecords, type Popper } from './popper.ts';
import { DRAIN_COUNT, graceAfter, rawRecords, type TransportOptions } from './settings.ts';

/** One pop and what became of it. */
export interface PopResult {
  readonly count: number;
  readonly answer: SinkAnswer;
  /** The answer broke off or was not what it should be; the rest of it is reported as lost. */
  readonly damage: GatewayError | null;
}

/**
 * Pops once and resolves when the records are durable. Records that are gone with a broken answer are reported.
 * An answer that is under way when `signal` aborts is waited for, since the gateway has already forgotten it.
 * Throws GatewayError.
 */
export async function popOnce(
  popper: Popper,
  count: number,
  options: Pick<TransportOptions, 'clock' | 'gatewayId'>,
  sink: Sink,
  events: TransportEvents,
  signal: AbortSignal,
): Promise<PopResult> {
  const lost = (detail: string): void => events.lost({ cause: 'truncated_answer', estimate: null, detail });
  const done = new AbortController();
  try {
    const popped = await popper.pop(count, graceAfter(signal, options.clock, done.signal));
    events.contact();
    const records = rawRecords(options, popper.transport, popped);
    if (popped.damage) lost(popped.damage.detail);
    const answer = records.length === 0 ? 'more' : await sink(records);
    const damage = popped.damage
      ? new GatewayError(popped.damage.diagnosis ?? 'unexpected_answer', popped.damage.detail)
      : null;
    return { count: records.length, answer, damage };
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
  options: Pick<TransportOptions, 'clock' | 'gatewayId'>,
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
