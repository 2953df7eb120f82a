import type { EventRow, EventsAnswer, FeedMessages } from '../../../../src/lib/contract/api.ts';
import type { ApiError } from '../../lib/api.ts';
import { asApiError } from '../../lib/loader.ts';
import type { Query } from '../../lib/location.ts';
import { Store } from '../../lib/store.ts';
import { NO_FILTER, questionOf, type Filter } from './filter.ts';
import { matches } from './matches.ts';
import { presetFrom } from './range.ts';
import { MOST_ROWS, Rows } from './rows.ts';

/** What the model needs of the world; tests bring their own. */
export interface Surroundings {
  ask(query: Query, signal: AbortSignal): Promise<EventsAnswer>;
  now(): number;
  after(ms: number, then: () => void): () => void;
}

export interface ListState {
  readonly rows: readonly EventRow[];
  /** What is being read: `first` has nothing to show meanwhile. */
  readonly loading: 'first' | 'more' | 'head' | null;
  readonly error: ApiError | null;
  /** New rows that wait to be shown. */
  readonly waiting: number;
  /** More has happened than is known here: what waits can only be read anew. */
  readonly behind: boolean;
  readonly more: boolean;
  /** There are older ones, which the list does not take. */
  readonly full: boolean;
  /** How far back a page was looked for that found little, epoch ms. */
  readonly scannedToMs: number | null;
  /** When it was last known to be whole, epoch ms. */
  readonly updatedAtMs: number | null;
}

const FIRST_PAGE = 100;
const NEXT_PAGE = 250;
/** As the daemon allows. */
const LONGEST_PAGE = 1000;
/** Between two readings of the head: a busy gateway must not make this page one that only reads. */
const HEAD_PAUSE_MS = 1500;

const NOTHING: ListState = {
  rows: [],
  loading: 'first',
  error: null,
  waiting: 0,
  behind: false,
  more: false,
  full: false,
  scannedToMs: null,
  updatedAtMs: null,
};

/**
 * The list of events: read page by page, and kept whole by the feed. Where the feed tells only that something happened,
 * or a row does not tell whether it meets the filter, the head of the list is read anew.
 */
export class RequestsModel {
  readonly state = new Store<ListState>(NOTHING);
  readonly #around: Surroundings;
  #rows = new Rows();
  #filter: Filter = NO_FILTER;
  /** A preset's beginning stays the same while its list is shown. */
  #fromMs: number | null = null;
  #question: Query = {};
  #held = false;
  #begun = false;
  #run = new AbortController();
  #busy: 'first' | 'more' | 'head' | null = null;
  #headWanted = false;
  /** The head that is read next replaces the list. */
  #anew = false;
  #headAtMs = 0;
  #cancelHead: (() => void) | null = null;
  /**
   * What the feed brought since the question on its way was asked, and since rows were missed: those behind a hole are not
   * put into the list, since then nobody would see the hole.
   */
  #early: EventRow[] = [];
  /** Rows have been missed, and how often. */
  #hole = false;
  #holes = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Reads the list of a filter from the beginning. */
  start(filter: Filter): void {
    this.stop();
    const now = this.#around.now();
    this.#filter = filter;
    this.#fromMs = filter.range ? presetFrom(filter.range, now) : filter.fromMs;
    this.#question = questionOf(filter, now);
    this.#begun = false;
    this.#rows = new Rows();
    this.state.set(NOTHING);
    void this.#first();
  }

  /** Reads it again and shows what there is meanwhile. */
  reload(): void {
    this.stop();
    void this.#first();
  }

  stop(): void {
    this.#run.abort();
    this.#run = new AbortController();
    this.#cancelHead?.();
    this.#cancelHead = null;
    this.#headWanted = false;
    this.#anew = false;
    this.#hole = false;
    this.#busy = null;
  }

  /** New rows wait from now on, or are shown as they come. */
  hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    if (!held) this.showNew();
  }

  /** Shows what waits. */
  showNew(): void {
    if (this.state.value.behind) {
      this.#set({ behind: false });
      this.reload();
    }
    this.#rows.release();
    this.#set({});
  }

  /** Reads the next page, unless one is on its way or the last one failed. */
  more(): void {
    if (this.#busy || this.state.value.error || this.#rows.next === null) return;
    void this.#more(this.#rows.next);
  }

  /** Does again what failed. */
  retry(): void {
    if (!this.#begun) void this.#first();
    else {
      this.#set({ error: null });
      this.#wantHead(0);
    }
  }

  /** Looks whether there is anything new, for when the feed cannot tell. */
  look(): void {
    if (this.#begun) this.#wantHead(0);
    else if (!this.#busy) void this.#first();
  }

  /** New events from the feed. */
  onEvents({ count, rows }: FeedMessages['events']): void {
    const judged = rows.map((row) => ({ row, match: matches(this.#filter, this.#fromMs, row) }));
    const mine = judged.filter(({ match }) => match === 'yes').map(({ row }) => row);
    // A stream that begins, and says so by a count of 0, cannot know what happened before.
    if (count > rows.length || count === 0) {
      this.#hole = true;
      this.#holes += 1;
      this.onMissed('rows');
    } else if (judged.some(({ match }) => match === 'unknown')) this.#wantHead(HEAD_PAUSE_MS);
    if (this.#busy || this.#hole) this.#early = [...this.#early, ...mine].slice(-MOST_ROWS);
    if (!this.#begun || this.#hole || mine.length === 0) return;
    this.#rows.add(mine, this.#held);
    this.#set(this.#held ? {} : { updatedAtMs: this.#around.now() });
  }

  /**
   * Something happened that the feed does not tell row by row: `rows` are new or renewed ones at the head of the list, with
   * `list` any part of it may be different.
   */
  onMissed(what: 'rows' | 'list'): void {
    // What is known to be behind is read anew as a whole.
    if (this.#held && this.state.value.behind) return;
    if (this.#begun && this.#held && what === 'list') {
      this.#set({ behind: true });
      return;
    }
    this.#anew ||= what === 'list';
    this.#wantHead(HEAD_PAUSE_MS);
  }

  #wantHead(pauseMs: number): void {
    this.#headWanted = true;
    if (this.#busy || this.#cancelHead || !this.#begun) return;
    const wait = this.#headAtMs + pauseMs - this.#around.now();
    if (wait <= 0) void this.#head();
    else {
      this.#cancelHead = this.#around.after(wait, () => {
        this.#cancelHead = null;
        if (this.#busy === null) void this.#head();
      });
    }
  }

  async #first(): Promise<void> {
    this.#headWanted = false;
    await this.#read('first', { limit: FIRST_PAGE }, (page, early) => {
      this.#rows.begin(page, this.#hole ? [] : early);
      this.#begun = true;
      return { behind: false };
    });
  }

  async #more(before: string): Promise<void> {
    await this.#read('more', { limit: NEXT_PAGE, before }, (page) => {
      this.#rows.append(page);
      return {};
    });
  }

  async #head(): Promise<void> {
    this.#headWanted = false;
    const anew = this.#anew;
    this.#anew = false;
    this.#headAtMs = this.#around.now();
    const holes = this.#holes;
    const limit = Math.min(Math.max(FIRST_PAGE, this.#rows.shown.length), LONGEST_PAGE);
    await this.#read('head', { limit }, (page, early) => {
      // Without a hole since the question, what came meanwhile follows on what was read.
      this.#hole = holes !== this.#holes;
      if (!anew && this.#rows.head(page, this.#held)) {
        if (!this.#hole) this.#rows.add(early, this.#held);
        return null;
      }
      if (this.#held) return { behind: true };
      this.#rows.begin(page, this.#hole ? [] : early);
      return { behind: false };
    });
  }

  /** `take` answers what else is new; null: no page has moved, only rows have come. */
  async #read(
    what: 'first' | 'more' | 'head',
    query: Query,
    take: (page: EventsAnswer, early: readonly EventRow[]) => Partial<ListState> | null,
  ): Promise<void> {
    const { signal } = this.#run;
    this.#busy = what;
    if (!this.#hole) this.#early = [];
    this.#set({ loading: what });
    try {
      const page = await this.#around.ask({ ...this.#question, ...query }, signal);
      if (signal.aborted) return;
      this.#busy = null;
      const changes = take(page, this.#early);
      const found = page.items.length >= Number(query['limit']) || page.next === null;
      const scannedToMs = changes ? { scannedToMs: found ? null : page.scanned_to_ms } : {};
      const updated = what === 'more' ? {} : { updatedAtMs: this.#around.now() };
      this.#set({ ...changes, ...scannedToMs, ...updated, loading: null, error: null });
    } catch (error) {
      if (signal.aborted) return;
      this.#busy = null;
      this.#set({ loading: null, error: asApiError(error) });
    } finally {
      if (!signal.aborted && !this.#hole) this.#early = [];
    }
    if (!signal.aborted && this.#headWanted && !this.state.value.error) this.#wantHead(HEAD_PAUSE_MS);
  }

  #set(changes: Partial<ListState>): void {
    this.state.set({
      ...this.state.value,
      ...changes,
      rows: this.#rows.shown,
      waiting: this.#rows.waiting,
      more: this.#rows.next !== null,
      full: this.#rows.full,
    });
  }
}
