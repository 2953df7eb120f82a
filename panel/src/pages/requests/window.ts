/** Rows that are in the page at most, whatever the height of the screen. */
export const MOST_IN_PAGE = 60;
/** Beyond each edge, so that a quick scroll finds them painted. */
const BEYOND = 8;
/** The window moves by this many rows at a time: less to do for each frame. */
const STEP = 4;

export interface Slice {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/**
 * The rows to have in the page. `top` and `bottom` are the visible part of the list in px from the top of its first
 * row; every row is `rowHeight` px high.
 */
export function sliceOf(count: number, rowHeight: number, top: number, bottom: number): Slice {
  const first = Math.floor(Math.max(0, top) / rowHeight) - BEYOND;
  const last = Math.ceil(Math.max(0, bottom) / rowHeight) + BEYOND;
  const room = Math.max(0, count - 1);
  const from = Math.min(Math.max(0, Math.floor(first / STEP) * STEP), Math.floor(room / STEP) * STEP);
  const to = Math.min(count, from + MOST_IN_PAGE, Math.max(from, Math.ceil(last / STEP) * STEP));
  return { from, to };
}

/** How far to scroll, in px, to have the row within the visible part; 0: it is. */
export function scrollFor(index: number, rowHeight: number, top: number, bottom: number): number {
  const at = index * rowHeight;
  if (at < top) return at - top;
  return at + rowHeight > bottom ? at + rowHeight - bottom : 0;
}

/**
 * Which element of the page each row has. A row keeps its element while it is in the page, and new rows take over those
 * of rows that left: lit-html 3.3.1 to 3.3.3 leave a node behind for each key that goes out of a `repeat`, and in a
 * list that lives for days these never end.
 */
export class Slots {
  #taken: ReadonlyMap<number, number> = new Map();
  #count = 0;

  /** A number for each id and, at the end, those that no row has now. No number ever goes. */
  assign(ids: readonly number[]): readonly number[] {
    const kept = new Set(ids.map((id) => this.#taken.get(id)));
    this.#count = Math.max(this.#count, ids.length);
    const free = Array.from({ length: this.#count }, (_, slot) => slot).filter((slot) => !kept.has(slot));
    this.#taken = new Map(ids.map((id) => [id, this.#taken.get(id) ?? free.shift() ?? 0]));
    return [...this.#taken.values(), ...free];
  }
}
