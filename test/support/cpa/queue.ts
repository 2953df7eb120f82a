import type { Clock } from '../../../src/lib/contract/clock.ts';
import type { DropReason, FateLedger, LiveRecord, PublishedRecord } from './fates.ts';

/** What CLIProxyAPI gives a subscriber as buffer, in messages. */
export const SUBSCRIBER_BUFFER = 256;

export interface ChannelItem {
  readonly payload: Buffer;
  /** Null for control messages. */
  readonly record: LiveRecord | null;
}

/** The bounded buffer between the publisher and one subscriber's writer. */
export class Channel {
  /** No more will come; what is buffered can still be taken. */
  closed = false;
  /** Called when there is something to take, or the channel closed. */
  ready: () => void = () => {};
  readonly #items: ChannelItem[] = [];
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#items.length;
  }

  /** False when the buffer is full or closed: the item was not taken. */
  offer(item: ChannelItem): boolean {
    if (this.closed || this.#items.length >= this.#capacity) return false;
    this.#items.push(item);
    return true;
  }

  take(): ChannelItem | undefined {
    return this.#items.shift();
  }

  close(): void {
    this.closed = true;
    this.ready();
  }
}

/**
 * The in-memory queue of CLIProxyAPI: records go to the subscribers when there are any and into the queue when there
 * are none, oldest first out, and what is older than the retention is thrown away when somebody next touches the queue.
 */
export class UsageQueue {
  enabled = true;
  readonly #ledger: FateLedger;
  readonly #clock: Clock;
  readonly #buffer: number;
  #retentionSeconds = 60;
  #items: LiveRecord[] = [];
  #head = 0;
  #subscribers = new Set<Channel>();

  constructor(ledger: FateLedger, clock: Clock, retentionSeconds: number, buffer = SUBSCRIBER_BUFFER) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#buffer = buffer;
    this.retentionSeconds = retentionSeconds;
  }

  /** As CLIProxyAPI clamps it: 60 when not positive, at most 3600. */
  get retentionSeconds(): number {
    return this.#retentionSeconds;
  }

  set retentionSeconds(value: number) {
    this.#retentionSeconds = value <= 0 ? 60 : Math.min(value, 3600);
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** `published` false: the gateway does not make records at all at the moment. */
  publish(payload: Buffer, published: boolean): PublishedRecord {
    const now = this.#clock.now();
    if (!published || !this.enabled || payload.length === 0) {
      return this.#ledger.create(payload, now, 'unpublished');
    }
    if (this.#subscribers.size > 0) {
      const record = this.#ledger.create(payload, now, 'buffered');
      this.#toSubscribers({ payload, record });
      return record;
    }
    this.#prune(now);
    const record = this.#ledger.create(payload, now, 'queued');
    this.#items.push(record);
    return record;
  }

  /** A control message: to live subscribers only, and it too overflows a full buffer. */
  notify(payload: Buffer): void {
    this.#toSubscribers({ payload, record: null });
  }

  /** Removes up to `count` of the oldest. They are `buffered` until the caller settles them with the ledger. */
  pop(count: number): LiveRecord[] {
    if (!this.enabled) return [];
    this.#prune(this.#clock.now());
    const taken = this.#items.slice(this.#head, this.#head + count);
    this.#head += taken.length;
    this.#compact();
    for (const record of taken) this.#ledger.handedTo(record, 1, 'connection');
    return taken;
  }

  subscribe(first: Buffer | null): Channel {
    const channel = new Channel(this.#buffer);
    if (first) channel.offer({ payload: first, record: null });
    this.#subscribers.add(channel);
    return channel;
  }

  /** Ends a subscription. What is still buffered is lost for it. */
  unsubscribe(channel: Channel, reason: DropReason): void {
    this.#subscribers.delete(channel);
    channel.closed = true;
    for (let item = channel.take(); item; item = channel.take()) {
      if (item.record) this.#ledger.lost(item.record, reason);
    }
  }

  /** Management went off, or the process ended: the queue is gone, subscribers get what they have and are closed. */
  clear(): void {
    for (const record of this.#items.slice(this.#head)) this.#ledger.cleared(record);
    this.#items = [];
    this.#head = 0;
    const subscribers = [...this.#subscribers];
    this.#subscribers.clear();
    for (const channel of subscribers) channel.close();
  }

  #toSubscribers(item: ChannelItem): void {
    const overflowed: Channel[] = [];
    const reached: Channel[] = [];
    for (const channel of this.#subscribers) {
      if (channel.offer(item)) reached.push(channel);
      else overflowed.push(channel);
    }
    if (item.record) this.#ledger.handedTo(item.record, reached.length, 'overflow');
    for (const channel of overflowed) {
      this.#subscribers.delete(channel);
      channel.close();
    }
    for (const channel of reached) channel.ready();
  }

  #prune(now: number): void {
    const cutoff = now - this.#retentionSeconds * 1000;
    for (let item = this.#items[this.#head]; item && item.publishedAtMs < cutoff;) {
      this.#ledger.expired(item);
      this.#head += 1;
      item = this.#items[this.#head];
    }
    this.#compact();
  }

  #compact(): void {
    if (this.#head >= this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }
}
