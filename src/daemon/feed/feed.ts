import type { EventRow } from '../../lib/contract/api/events.ts';
import type { FeedTopic } from '../../lib/contract/api/feed.ts';
import type { Clock } from '../../lib/contract/clock.ts';
import type { CommitResult } from '../../lib/contract/writer.ts';
import { AppError } from '../../lib/errors.ts';
import type { ReadStore } from '../../lib/store/read-store.ts';
import type { DatabaseWatch } from '../database-watch.ts';
import type { HealthBoard } from '../health-board.ts';
import { ChangeWatch, type ChangeStore } from './change-watch.ts';
import { FeedClient, MAX_UNSENT, type FeedStream } from './feed-client.ts';
import type { LiveCommits } from './live-commits.ts';
import { KEEP_ALIVE, message, RETRY } from './messages.ts';

export interface FeedOptions {
  readonly clock: Clock;
  readonly store: ChangeStore & Pick<ReadStore, 'eventsAfter' | 'lastEventId'>;
  readonly commits: LiveCommits;
  readonly board: Pick<HealthBoard, 'health' | 'watch'>;
  readonly watch: Pick<DatabaseWatch, 'each'>;
  readonly onError: (error: unknown, what: string) => void;
}

/** Between two messages of what happens: at most four a second. */
const TICK_MS = 250;
const KEEP_ALIVE_MS = 15_000;
/** Rows of a message of live events. */
const LIVE_ROWS = 50;
/** Rows that a client which comes back is sent; where it missed more it reads the list anew. */
const RESUME_ROWS = 500;
/** Each is a socket, and up to {@link MAX_UNSENT} of memory. */
const MOST_CLIENTS = 100;
const TRY_AGAIN_S = 30;

/** Ids of events that one or more commits stored with nobody else's between them, both inclusive. */
interface IdRange {
  readonly from: number;
  to: number;
}

/**
 * Tells every client what happens, from one tick for all of them: each message is made once, and the same bytes go to
 * everybody. Without clients it does nothing at all.
 */
export class Feed {
  readonly #options: FeedOptions;
  readonly #watch: ChangeWatch;
  readonly #clients = new Set<FeedClient>();
  #running: AbortController | null = null;
  #closed = false;
  /** Everybody here has been told of the live events up to this id. */
  #toldId = 0;
  /** Who comes back and knows no more than this id may have missed a change of events that are no new rows. */
  #unsureId = -1;
  /** Revisions of `events` that were not made by live events, when the feed last began; null: not in this process. */
  #foreign: number | null = null;
  #ranges: IdRange[] = [];
  #count = 0;
  #topics = new Set<FeedTopic>();
  #healthChanged = false;
  #ticking = false;
  readonly #failing = new Set<string>();

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#watch = new ChangeWatch(options.store, options.commits);
  }

  /**
   * Lets a client in. `since` is the id that it has already (Last-Event-ID), null on its first visit; `begin` is called
   * once it is certain that there will be a stream. Throws `too_many_streams`, `starting` (at the end of the daemon) and
   * what the store throws.
   */
  join(since: string | null, begin: () => FeedStream): FeedClient {
    if (this.#closed) throw new AppError('starting');
    if (this.#clients.size >= MOST_CLIENTS) {
      throw new AppError('too_many_streams', { headers: { 'retry-after': String(TRY_AGAIN_S) } });
    }
    if (this.#running === null) this.#start();
    let client: FeedClient | null = null;
    try {
      const greeting = this.#greeting(since);
      client = new FeedClient(begin(), (gone) => this.#leave(gone));
      this.#clients.add(client);
      client.send(greeting);
      return client;
    } finally {
      if (this.#clients.size === 0) this.#stop();
    }
  }

  /** Tells everybody that this changed, where the database does not show it. */
  announce(topic: FeedTopic): void {
    if (this.#running === null) return;
    this.#topics.add(topic);
    this.#touch();
  }

  /** Ends all streams, and lets nobody in any more. */
  close(): void {
    this.#closed = true;
    for (const client of this.#clients) client.end();
  }

  #leave(client: FeedClient): void {
    this.#clients.delete(client);
    if (this.#clients.size === 0) this.#stop();
  }

  #start(): void {
    const { board, commits, store, watch } = this.#options;
    this.#watch.begin();
    this.#toldId = store.lastEventId();
    const foreign = store.revision('events') - commits.made;
    if (foreign !== this.#foreign) this.#unsureId = this.#toldId;
    this.#foreign = foreign;
    const running = new AbortController();
    this.#running = running;
    commits.watch((result) => this.#onCommit(result));
    running.signal.addEventListener(
      'abort',
      board.watch(() => this.#onHealth()),
    );
    running.signal.addEventListener(
      'abort',
      watch.each(() => this.#attempt('looking for changes', () => this.#look())),
    );
    void this.#every(KEEP_ALIVE_MS, running.signal, 'keeping streams open', () => this.#send(KEEP_ALIVE));
  }

  #stop(): void {
    this.#running?.abort();
    this.#running = null;
    this.#options.commits.unwatch();
    this.#forget();
  }

  #forget(): void {
    this.#ranges = [];
    this.#count = 0;
    this.#topics.clear();
    this.#healthChanged = false;
  }

  #greeting(since: string | null): Buffer {
    const parts = [RETRY, message('status', this.#options.board.health())];
    if (since === null) {
      const nothing = { last_id: this.#toldId, count: 0, rows: [] };
      return Buffer.concat([...parts, message('events', nothing, this.#toldId)]);
    }
    const from = /^\d{1,15}$/.test(since) ? Number(since) : Number.POSITIVE_INFINITY;
    // What else changed while the client was away nobody knows.
    const topics: FeedTopic[] = ['prices', 'settings', 'gaps', 'dead_letters', 'aliases', 'takeover'];
    if (from <= this.#unsureId) topics.unshift('events');
    return Buffer.concat([...parts, message('changed', { topics }), this.#missedBy(from)]);
  }

  /** What a client that knows everything up to `from` has to be told to know what all others know. */
  #missedBy(from: number): Buffer {
    const upTo = this.#toldId;
    const reset = message('reset', { last_id: upTo }, upTo);
    if (from > upTo) return reset;
    const rows = this.#options.store.eventsAfter(from, RESUME_ROWS + 1, upTo);
    if (rows.length > RESUME_ROWS) return reset;
    const missed = message('events', { last_id: upTo, count: rows.length, rows }, upTo);
    // It must not be what closes the stream again.
    return missed.length > MAX_UNSENT / 2 ? reset : missed;
  }

  #onCommit({ firstId, lastId, inserted }: CommitResult): void {
    // The reader may have seen a commit before its answer came: then it was told of already.
    if (lastId <= this.#toldId) return;
    const last = this.#ranges.at(-1);
    if (last?.to === firstId - 1) last.to = lastId;
    else this.#ranges.push({ from: firstId, to: lastId });
    this.#count += inserted;
    this.#touch();
  }

  #onHealth(): void {
    this.#healthChanged = true;
    this.#touch();
  }

  #look(): void {
    const topics = this.#watch.look();
    if (topics.length === 0) return;
    for (const topic of topics) this.#topics.add(topic);
    this.#touch();
    if (topics.includes('events')) this.#unsureId = this.#options.store.lastEventId();
  }

  /** There is something to tell. */
  #touch(): void {
    if (this.#ticking || this.#running === null) return;
    this.#ticking = true;
    void this.#tick(this.#running.signal);
  }

  /** Tells at once what there is, and from then on every {@link TICK_MS} what has come since, while something does. */
  async #tick(signal: AbortSignal): Promise<void> {
    // What happens in the same moment goes out together, and not on the stack of whoever made it happen.
    await Promise.resolve();
    while (!signal.aborted && this.#hasNews()) {
      this.#attempt('telling what happens', () => this.#tell());
      await this.#options.clock.sleep(TICK_MS, signal);
    }
    this.#ticking = false;
    // Others may have come after the last one went, and something have happened since.
    if (signal.aborted && this.#hasNews()) this.#touch();
  }

  #hasNews(): boolean {
    return this.#count > 0 || this.#topics.size > 0 || this.#healthChanged;
  }

  #tell(): void {
    if (this.#healthChanged) {
      // First and apart: that the database cannot be read is told as well.
      this.#healthChanged = false;
      this.#send(message('status', this.#options.board.health()));
    }
    const parts: Buffer[] = [];
    if (this.#topics.size > 0) parts.push(message('changed', { topics: [...this.#topics] }));
    const upTo = this.#ranges.at(-1)?.to ?? this.#toldId;
    if (this.#count > 0) {
      parts.push(message('events', { last_id: upTo, count: this.#count, rows: this.#newest() }, upTo));
    }
    this.#toldId = upTo;
    this.#forget();
    if (parts.length > 0) this.#send(Buffer.concat(parts));
  }

  /** The newest of the events that are to be told of; what others stored between them is left out. */
  #newest(): EventRow[] {
    const rows: EventRow[] = [];
    for (const { from, to } of this.#ranges.toReversed()) {
      if (rows.length >= LIVE_ROWS) break;
      rows.push(...this.#options.store.eventsAfter(from - 1, LIVE_ROWS - rows.length, to));
    }
    return rows;
  }

  #send(bytes: Buffer): void {
    for (const client of this.#clients) client.send(bytes);
  }

  async #every(ms: number, signal: AbortSignal, what: string, work: () => void): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(ms, signal);
      if (signal.aborted) return;
      this.#attempt(what, work);
    }
  }

  /** What fails here is tried again with the next tick, and keeps nobody from storing. A row of failures is told once. */
  #attempt(what: string, work: () => void): void {
    try {
      work();
      this.#failing.delete(what);
    } catch (error) {
      if (!this.#failing.has(what)) this.#options.onError(error, what);
      this.#failing.add(what);
    }
  }
}
