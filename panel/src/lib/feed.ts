import type { FeedMessages } from '../../../src/lib/contract/api.ts';
import { Store } from './store.ts';

/** `connecting` at first, `live` while messages can come, `lost` after a break until they can again. */
export type FeedState = 'off' | 'connecting' | 'live' | 'lost';

/** The part of EventSource that is used; tests bring their own. */
export interface Source {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: Event) => void): void;
  close(): void;
}

export interface FeedSurroundings {
  open(url: string): Source;
  after(ms: number, then: () => void): () => void;
  random(): number;
  /** Asked after the daemon refused the stream; a login that is over ends the feed. */
  stillLoggedIn(): Promise<boolean>;
}

type Name = keyof FeedMessages;
const NAMES: readonly Name[] = ['events', 'changed', 'status', 'reset'];
const URL = 'v0/management/events/stream';
const CLOSED = 2;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * The live stream. A break is mended by the browser, which tells the daemon where it was; what the daemon refused is
 * opened anew from here with growing pauses. A stream that was opened anew cannot say where it was: when events came
 * meanwhile, listeners get a `reset`.
 */
export class Feed {
  readonly state = new Store<FeedState>('off');
  readonly #around: FeedSurroundings;
  readonly #listeners: { readonly [K in Name]: Set<(message: FeedMessages[K]) => void> } = {
    events: new Set(),
    changed: new Set(),
    status: new Set(),
    reset: new Set(),
  };
  #source: Source | null = null;
  #cancelTimer: (() => void) | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #lastId: number | null = null;
  #fresh = true;

  constructor(around: FeedSurroundings) {
    this.#around = around;
  }

  /** Calls `listener` for each message of that kind; the answer ends it. */
  on<K extends Name>(name: K, listener: (message: FeedMessages[K]) => void): () => void {
    const listeners = this.#listeners[name];
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  start(): void {
    if (this.#source || this.#cancelTimer) return;
    this.#open('connecting');
  }

  stop(): void {
    this.#drop();
    this.#pauseMs = FIRST_PAUSE_MS;
    this.state.set('off');
  }

  #drop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#source?.close();
    this.#source = null;
  }

  #open(state: FeedState): void {
    this.#drop();
    this.state.set(state);
    const source = this.#around.open(URL);
    this.#source = source;
    this.#fresh = true;
    source.addEventListener('open', () => {
      if (source !== this.#source) return;
      this.#pauseMs = FIRST_PAUSE_MS;
      this.state.set('live');
    });
    source.addEventListener('error', () => {
      if (source !== this.#source) return;
      this.state.set('lost');
      if (source.readyState === CLOSED) void this.#again();
    });
    for (const name of NAMES) {
      source.addEventListener(name, (event) => {
        if (source === this.#source && 'data' in event) this.#receive(name, String(event.data));
      });
    }
  }

  async #again(): Promise<void> {
    const source = this.#source;
    const loggedIn = await this.#around.stillLoggedIn();
    if (source !== this.#source) return;
    if (!loggedIn) {
      this.stop();
      return;
    }
    const pause = this.#pauseMs * (0.5 + this.#around.random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#cancelTimer = this.#around.after(pause, () => this.#open('lost'));
  }

  #receive(name: Name, data: string): void {
    switch (name) {
      case 'events': {
        const message: FeedMessages['events'] = JSON.parse(data);
        const missed = this.#fresh && this.#lastId !== null && message.last_id - message.count > this.#lastId;
        this.#fresh = false;
        this.#lastId = message.last_id;
        if (missed) this.#emit('reset', { last_id: message.last_id });
        this.#emit('events', message);
        return;
      }
      case 'reset': {
        const message: FeedMessages['reset'] = JSON.parse(data);
        this.#fresh = false;
        this.#lastId = message.last_id;
        this.#emit('reset', message);
        return;
      }
      case 'changed':
        this.#emit('changed', JSON.parse(data));
        return;
      case 'status':
        this.#emit('status', JSON.parse(data));
    }
  }

  #emit<K extends Name>(name: K, message: FeedMessages[K]): void {
    for (const listener of this.#listeners[name]) listener(message);
  }
}
