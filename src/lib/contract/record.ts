/** How a record left the gateway: pushed to a subscriber, over HTTP, or popped over RESP. */
export type TransportName = 'subscribe' | 'http' | 'resp';

/** What `USAGE_COLLECTOR_MODE` may say. `auto` steps through the transports. */
export type CollectorMode = 'auto' | TransportName;

/**
 * One usage record as the gateway handed it over, before anything looked inside. From the moment it exists we are
 * its only owner: the gateway has already forgotten it.
 */
export interface RawRecord {
  /** The bytes of the record, usually one JSON object in UTF-8. They hold client and provider keys in clear. */
  readonly payload: Uint8Array;
  /** Epoch ms at which the bytes arrived here. The only clock the normaliser knows, so that a replay is the same. */
  readonly receivedAtMs: number;
  readonly transport: TransportName;
  readonly gatewayId: number;
  /**
   * Set when the record was longer than we keep (8 MiB): the full length in bytes. `payload` then holds the first
   * 64 KiB, and the record becomes a dead letter.
   */
  readonly truncatedFrom?: number;
}
