import type { GatewayClient, GatewayError } from '../../../lib/contract/gateway.ts';
import type { TransportEvents } from '../../../lib/contract/transport.ts';
import { nobodyListens } from '../../../lib/gateway/failures.ts';

/** Records asked for at a time while a backlog is taken. */
export const DRAIN_COUNT = 1_000;
/** With so few, an answer comes through on any link over which records come at all. */
const FEWEST = 10;
/** An answer that took longer says that more of them at once might be given up before they are here. */
const QUICK_MS = 10_000;

/**
 * What the runs of one session (all transports to one gateway with one key) learn for the next ones: a run ends with
 * every failure, and a link is as slow after it as before.
 */
export class QueueMemory {
  #most = DRAIN_COUNT;
  #reached = false;

  /** How many records to ask for where `wanted` would be taken. An answer is all or nothing over RESP. */
  bite(wanted: number): number {
    return this.#most < DRAIN_COUNT ? Math.min(wanted, this.#most) : wanted;
  }

  /** An answer with all the `count` records that were asked for came in `tookMs`. */
  came(count: number, tookMs: number): void {
    if (tookMs < QUICK_MS) this.#most = Math.max(this.#most, Math.min(DRAIN_COUNT, count * 2));
  }

  /** An answer was lost, or a part of it. */
  broke(count: number): void {
    this.#most = Math.max(FEWEST, Math.min(count, this.#most) >> 2);
  }

  /** Records are being taken from the gateway, and it queues for us whenever they are not. */
  reached(): void {
    this.#reached = true;
  }

  /** What may be lost since the last contact was reported. */
  told(): void {
    this.#reached = false;
  }

  /**
   * Looks at what ended a run. Where nobody listens although there was contact, CLIProxyAPI has ended, and what it had
   * queued since is gone with it. That is reported once.
   */
  ended(error: GatewayError, events: TransportEvents): void {
    if (!this.#reached || !nobodyListens(error)) return;
    this.#reached = false;
    const detail = 'its port was closed, so it was ended or restarted, and its queue with it';
    events.lost({ cause: 'gateway_restart', estimate: null, detail });
  }
}

const memories = new WeakMap<GatewayClient, QueueMemory>();

/** The memory of the session that `client` was made for. */
export function memoryOf({ client }: { readonly client: GatewayClient }): QueueMemory {
  let memory = memories.get(client);
  if (!memory) {
    memory = new QueueMemory();
    memories.set(client, memory);
  }
  return memory;
}
