/**
 * What became of a published record.
 * - `queued`: waits in the gateway's queue.
 * - `buffered`: is on its way: in a subscriber's buffer, or in an answer that is being written.
 * - `delivered`: at least one consumer's socket took all of its bytes. The consumer may still not have read them.
 * - `dropped`: no consumer can get it any more, see `reason`.
 * - `expired`: grew older than the retention before anybody popped it.
 * - `unpublished`: the gateway never made it, since publishing or management was off.
 */
export type Fate = 'queued' | 'buffered' | 'delivered' | 'dropped' | 'expired' | 'unpublished';

/**
 * `overflow`: the subscriber's buffer was full. `unsubscribed`: was buffered when the subscription was ended in order.
 * `connection`: the connection broke while it was buffered or being written. `cleared`: restart, or management
 * switched off. `fault`: an answer that a test asked to spoil.
 */
export type DropReason = 'overflow' | 'unsubscribed' | 'connection' | 'cleared' | 'fault';

export interface PublishedRecord {
  /** Counts from 1 in the order of publishing, also over a restart. */
  readonly seq: number;
  readonly publishedAtMs: number;
  /** Empty when the stand-in was told not to keep records. */
  readonly payload: Buffer;
  readonly fate: Fate;
  readonly reason: DropReason | null;
  /** How many consumers got it: with several subscribers each gets every record. */
  readonly deliveries: number;
}

/** A record while the gateway still holds it. */
export interface LiveRecord extends PublishedRecord {
  payload: Buffer;
  fate: Fate;
  reason: DropReason | null;
  deliveries: number;
  /** Buffers and answers it still sits in. */
  pending: number;
}

export type FateCounts = Record<Fate, number> & { published: number };

/** Remembers the fate of every record. `changed` is called whenever one changes. */
export class FateLedger {
  readonly #kept: LiveRecord[] = [];
  readonly #keep: boolean;
  readonly #changed: () => void;
  readonly #counts: FateCounts = {
    published: 0,
    queued: 0,
    buffered: 0,
    delivered: 0,
    dropped: 0,
    expired: 0,
    unpublished: 0,
  };

  constructor(keep: boolean, changed: () => void) {
    this.#keep = keep;
    this.#changed = changed;
  }

  create(payload: Buffer, nowMs: number, fate: Fate): LiveRecord {
    this.#counts.published += 1;
    this.#counts[fate] += 1;
    const record: LiveRecord = {
      seq: this.#counts.published,
      publishedAtMs: nowMs,
      payload,
      fate,
      reason: null,
      deliveries: 0,
      pending: 0,
    };
    if (this.#keep) this.#kept.push(record);
    return record;
  }

  /** Sits in `pending` buffers or answers from now on; in none: lost to `reason`. */
  handedTo(record: LiveRecord, pending: number, reason: DropReason): void {
    record.pending = pending;
    if (pending > 0) this.#move(record, 'buffered', null);
    else this.#move(record, 'dropped', reason);
  }

  delivered(record: LiveRecord): void {
    record.pending -= 1;
    record.deliveries += 1;
    this.#move(record, 'delivered', null);
  }

  /** One consumer will not get it. */
  lost(record: LiveRecord, reason: DropReason): void {
    record.pending -= 1;
    if (record.pending <= 0 && record.deliveries === 0) this.#move(record, 'dropped', reason);
  }

  expired(record: LiveRecord): void {
    this.#move(record, 'expired', null);
  }

  cleared(record: LiveRecord): void {
    this.#move(record, 'dropped', 'cleared');
  }

  records(): readonly PublishedRecord[] {
    return this.#kept;
  }

  counts(): FateCounts {
    return { ...this.#counts };
  }

  #move(record: LiveRecord, fate: Fate, reason: DropReason | null): void {
    if (record.fate !== fate) {
      this.#counts[record.fate] -= 1;
      this.#counts[fate] += 1;
      record.fate = fate;
    }
    record.reason = reason;
    this.#changed();
  }
}
