import type { EventRow, EventsAnswer } from '../../../../src/lib/contract/api.ts';

/** Rows kept in memory. Past it the oldest go, and older ones are a matter of another time range. */
export const MOST_ROWS = 5000;

/** The order of the list: below 0 when `a` stands before `b`. Newest first, of one moment the higher id. */
export function inOrder(a: Place, b: Place): number {
  return b.timestamp_ms - a.timestamp_ms || b.id - a.id;
}

type Place = Pick<EventRow, 'timestamp_ms' | 'id'>;

/**
 * Both lists as one: sorted, each id once. Where both have a row, that of `news` counts. Each list is in order already,
 * or nearly so.
 */
export function merge(rows: readonly EventRow[], news: readonly EventRow[]): EventRow[] {
  const fresh = new Set(news.map(({ id }) => id));
  const sorted = [...new Map(news.map((row) => [row.id, row])).values()].sort(inOrder);
  const merged: EventRow[] = [];
  let next = 0;
  for (const row of rows) {
    if (fresh.has(row.id)) continue;
    for (let one = sorted[next]; one && inOrder(one, row) < 0; one = sorted[next]) {
      merged.push(one);
      next += 1;
    }
    merged.push(row);
  }
  merged.push(...sorted.slice(next));
  return merged;
}

/**
 * The rows that are shown, and those that wait. What is shown is without holes: every matching event from the newest
 * down to `#floor`. A row that belongs below it waits for the page that reaches it.
 */
export class Rows {
  #shown: readonly EventRow[] = [];
  #waiting: readonly EventRow[] = [];
  #below: readonly EventRow[] = [];
  #ids: ReadonlySet<number> = new Set();
  /** The oldest place that was read; null: everything was. */
  #floor: Place | null = null;
  #next: string | null = null;
  #full = false;

  get shown(): readonly EventRow[] {
    return this.#shown;
  }

  /** Where the next page begins; null: there is none. */
  get next(): string | null {
    return this.#full ? null : this.#next;
  }

  /** There are older ones, which do not fit in. */
  get full(): boolean {
    return this.#full;
  }

  /** New ones that are not shown yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The first page. Live rows that came while it was on its way are handed in as `early`. */
  begin(page: EventsAnswer, early: readonly EventRow[]): void {
    this.#waiting = [];
    this.#below = [];
    this.#full = false;
    this.#next = page.next;
    this.#floor = floorOf(page);
    this.#show(page.items);
    this.add(early, false);
  }

  /** A page behind what is shown. */
  append(page: EventsAnswer): void {
    this.#next = page.next;
    this.#floor = floorOf(page);
    const stray = this.#below;
    this.#below = [];
    this.#show(merge(this.#shown, page.items));
    this.add(stray, false);
  }

  /** The first page once more: its rows count. False when it does not reach what is shown: then begin anew. */
  head(page: EventsAnswer, hold: boolean): boolean {
    const oldest = page.items.at(-1);
    const newest = this.#shown[0];
    const reaches = page.next === null || (oldest && newest ? inOrder(newest, oldest) <= 0 : false);
    if (!reaches) return false;
    this.add(page.items, hold);
    return true;
  }

  /** Rows from the feed. With `hold` new ones wait; those that are shown already are renewed all the same. */
  add(rows: readonly EventRow[], hold: boolean): void {
    const isInside = (row: EventRow): boolean => this.#floor === null || inOrder(row, this.#floor) <= 0;
    const inside = rows.filter(isInside);
    // Nothing is read below a full list.
    if (inside.length < rows.length && !this.#full) {
      const outside = rows.filter((row) => !isInside(row));
      this.#below = merge(this.#below, outside).slice(0, MOST_ROWS);
    }
    if (inside.length === 0) return;
    const known = inside.filter(({ id }) => this.#ids.has(id));
    const news = inside.filter(({ id }) => !this.#ids.has(id));
    if (hold) {
      if (known.length > 0) this.#show(merge(this.#shown, known));
      if (news.length > 0) this.#waiting = merge(this.#waiting, news).slice(0, MOST_ROWS);
    } else this.#show(merge(this.#shown, inside));
  }

  /** Shows what waits. */
  release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0) this.add(waiting, false);
  }

  #show(rows: readonly EventRow[]): void {
    const last = rows.length > MOST_ROWS ? rows[MOST_ROWS - 1] : undefined;
    if (last) {
      this.#full = true;
      this.#floor = last;
    }
    this.#shown = last ? rows.slice(0, MOST_ROWS) : rows;
    this.#ids = new Set(this.#shown.map(({ id }) => id));
  }
}

/** A page was looked for down to its last row, or, where it is short, down to `scanned_to_ms`. */
function floorOf(page: EventsAnswer): Place | null {
  if (page.next === null) return null;
  const last = page.items.at(-1);
  return last && last.timestamp_ms === page.scanned_to_ms
    ? last
    : { timestamp_ms: page.scanned_to_ms, id: 0 };
}
