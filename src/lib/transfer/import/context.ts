import type { UsageEvent } from '../../contract/event.ts';
import type { NamedEntries } from '../../store/event-batch.ts';

/** What a line was worth when another cpamp exported it. */
export interface KeptCost {
  readonly costNano: number;
  /** Hex SHA-256 of the price version. */
  readonly price: string;
}

/** An event that a file told of, ready to be stored. Its `gatewayId` means nothing yet. */
export interface ImportedEvent {
  readonly event: UsageEvent;
  /** Null: the price book decides. */
  readonly kept: KeptCost | null;
  /** Base URL of the gateway that it came from; `''` where the file does not tell. */
  readonly gateway: string;
  /** Its dimensions, where they were at hand; they are made of the event otherwise. */
  readonly named?: NamedEntries;
}

export type Imported =
  | { readonly kind: 'event'; readonly imported: ImportedEvent }
  | { readonly kind: 'rejected'; readonly reason: string };

export interface ImportContext {
  /** Epoch ms: when events were received whose file does not say it. */
  readonly nowMs: number;
}

export const rejected = (reason: string): Imported => ({ kind: 'rejected', reason });

export const HEX64 = /^[0-9a-f]{64}$/;
