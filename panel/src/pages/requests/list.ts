import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { EventRow } from '../../../../src/lib/contract/api.ts';
import { CpElement } from '../../elements/element.ts';
import { icon } from '../../elements/icon.ts';
import { setStyle } from '../../elements/set-style.ts';
import { listStyles } from './list-styles.ts';
import { cardView, headView, rowView, CARD_HEIGHT, ROW_HEIGHT } from './row-view.ts';
import { scrollFor, sliceOf, Slots, type Slice } from './window.ts';
import { requests } from './texts.ts';

/** Narrower than this a row is a card of two lines; the columns need as much. */
const CARDS_BELOW_PX = 736;
/** How near its end the next page is asked for, in rows. */
const NEAR_END = 25;
/** As near to the top as counts as there, in px. */
const TOP_PX = 16;
/** As long as the light on a new row lasts. */
const FRESH_MS = 1600;
const MOST_LIT = 8;

/**
 * `<cp-request-list .rows .waiting ...>`: the rows, of which only those near the screen are in the page. It scrolls with
 * the page. The grid has the focus and names the active row. Events: `open` and `narrow` (CustomEvents), `more` near
 * the end, `hold` (CustomEvent<boolean>) when new rows should wait, `newest` for the pill.
 */
export class RequestList extends CpElement {
  static override properties = {
    rows: { attribute: false },
    waiting: { type: Number },
    behind: { type: Boolean },
    more: { type: Boolean },
    opened: { type: Number },
    slice: { state: true },
    cards: { state: true },
    active: { state: true },
  };
  declare rows: readonly EventRow[];
  declare waiting: number;
  declare behind: boolean;
  /** There are older ones to be read. */
  declare more: boolean;
  /** The event whose details are open. */
  declare opened: number | null;
  declare slice: Slice;
  declare cards: boolean;
  declare active: number | null;
  readonly #slots = new Slots();
  #held = false;
  #frame = 0;
  #fresh = new Set<number>();
  #before: readonly EventRow[] = [];

  constructor() {
    super();
    this.rows = [];
    this.waiting = 0;
    this.behind = false;
    this.more = false;
    this.opened = null;
    this.slice = { from: 0, to: 0 };
    this.cards = false;
    this.active = null;
    this.during(() => this.#listen());
  }

  get #rowHeight(): number {
    return this.cards ? CARD_HEIGHT : ROW_HEIGHT;
  }

  #listen(): () => void {
    const soon = (): void => {
      this.#frame ||= requestAnimationFrame(() => {
        this.#frame = 0;
        this.#measure();
      });
    };
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon);
    const size = new ResizeObserver(([entry]) => {
      if (entry) this.cards = entry.contentRect.width < CARDS_BELOW_PX;
      soon();
    });
    size.observe(this);
    return () => {
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
      size.disconnect();
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
      this.#setHold(false);
    };
  }

  /** The visible part of the list, in px from its first row. */
  #view(): { readonly top: number; readonly bottom: number } {
    const body = this.renderRoot.querySelector('.rows')?.getBoundingClientRect();
    const head = this.renderRoot.querySelector('.head')?.getBoundingClientRect();
    if (!body || !head) return { top: 0, bottom: innerHeight };
    // On phones the menu lies over the end of the page.
    const below = this.cards ? 60 : 0;
    return { top: Math.max(0, head.bottom - body.top), bottom: innerHeight - below - body.top };
  }

  #measure(): void {
    const { top, bottom } = this.#view();
    const slice = sliceOf(this.rows.length, this.#rowHeight, top, bottom);
    if (slice.from !== this.slice.from || slice.to !== this.slice.to) this.slice = slice;
    this.#judgeHold(top);
    const end = Math.floor(bottom / this.#rowHeight);
    if (this.more && end + NEAR_END >= this.rows.length) this.dispatchEvent(new Event('more'));
  }

  #judgeHold(top: number): void {
    const grid = this.renderRoot.querySelector('.grid');
    const walking = this.active !== null && grid?.matches(':focus-visible') === true;
    this.#setHold(top > TOP_PX || walking);
  }

  #setHold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    this.dispatchEvent(new CustomEvent('hold', { detail: held }));
  }

  override willUpdate(changes: Map<PropertyKey, unknown>): void {
    if (!changes.has('rows')) return;
    const known = new Set(this.#before.slice(0, 200).map(({ id }) => id));
    const news = this.rows.slice(0, 60).filter(({ id }) => known.size > 0 && !known.has(id));
    // Many at once are a flood, or another list: lights all over say nothing and cost much.
    if (news.length > 0 && news.length <= MOST_LIT) this.#light(news);
    this.#before = this.rows;
    const { top, bottom } = this.#view();
    this.slice = sliceOf(this.rows.length, this.#rowHeight, top, bottom);
  }

  #light(rows: readonly EventRow[]): void {
    const ids = rows.map(({ id }) => id);
    for (const id of ids) this.#fresh.add(id);
    setTimeout(() => {
      for (const id of ids) this.#fresh.delete(id);
    }, FRESH_MS);
  }

  override updated(changes: Map<PropertyKey, unknown>): void {
    if (changes.has('rows') || changes.has('more') || changes.has('cards')) this.#measure();
  }

  override render(): TemplateResult {
    const { rows, slice, cards } = this;
    const height = rows.length * this.#rowHeight;
    const shown = rows.slice(slice.from, slice.to);
    const now = Date.now();
    return html`${this.#pill()}
      <div
        class="grid ${cards ? 'cards' : 'wide'}"
        role="grid"
        tabindex="0"
        aria-label=${requests.t('listLabel')}
        aria-rowcount=${this.more ? -1 : rows.length + 1}
        aria-readonly="true"
        aria-activedescendant=${shown.some(({ id }) => id === this.active) ? `row-${this.active}` : nothing}
        @keydown=${this.#onKey}
        @click=${this.#onClick}
        @focus=${() => this.#judgeHold(this.#view().top)}
        @blur=${() => this.#judgeHold(this.#view().top)}
      >
        ${headView(cards)}
        <div class="rows" role="rowgroup" ${setStyle({ height: `${height}px` })}>
          <div
            class="window"
            role="presentation"
            ${setStyle({ transform: `translateY(${slice.from * this.#rowHeight}px)` })}
          >
            ${repeat(
              this.#slots.assign(shown.map(({ id }) => id)),
              (slot) => slot,
              (_slot, index) => {
                const row = shown[index];
                if (!row) return nothing;
                const state =
                  (row.id === this.active || row.id === this.opened ? ' active' : '') +
                  (this.#fresh.has(row.id) ? ' fresh' : '');
                return (cards ? cardView : rowView)(row, slice.from + index + 2, state, now);
              },
            )}
          </div>
        </div>
      </div>`;
  }

  #pill(): TemplateResult {
    const { waiting, behind } = this;
    const text = behind ? requests.t('newerAnew') : requests.t('newer', { n: waiting });
    const shown = waiting > 0 || behind;
    return html`<div class="above">
        ${
          shown
            ? html`<button class="btn primary newer" @click=${() => this.toNewest()}>
                ${icon('up')}${text}
              </button>`
            : nothing
        }
      </div>
      <span class="unseen" role="status">${shown ? requests.t('newerSaid') : ''}</span>`;
  }

  /** Shows what waits, and goes up to it. */
  toNewest(): void {
    this.active = null;
    scrollTo(0, 0);
    this.dispatchEvent(new Event('newest'));
    this.#judgeHold(0);
  }

  /** Makes a row the active one and shows it. */
  activate(id: number): void {
    this.active = id;
    const index = this.rows.findIndex((row) => row.id === id);
    if (index < 0) return;
    const { top, bottom } = this.#view();
    const by = scrollFor(index, this.#rowHeight, top, bottom);
    if (by !== 0) scrollBy(0, by);
    this.#measure();
  }

  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector<HTMLElement>('.grid')?.focus({ preventScroll: true, ...options });
  }

  /** Moves the active row by so many; from none to the first one in view. */
  move(by: number): void {
    const at = this.rows.findIndex(({ id }) => id === this.active);
    const { top } = this.#view();
    const first = Math.ceil(top / this.#rowHeight);
    const to = at < 0 ? first : Math.min(Math.max(at + by, 0), this.rows.length - 1);
    const row = this.rows[to];
    if (row) this.activate(row.id);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    const { top, bottom } = this.#view();
    const page = Math.max(1, Math.floor((bottom - top) / this.#rowHeight) - 1);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      j: 1,
      ArrowUp: -1,
      k: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.rows.length,
      End: this.rows.length,
    };
    const by = moves[event.key];
    if (by !== undefined) {
      if (event.key === 'Home' && (this.waiting > 0 || this.behind)) this.toNewest();
      const ends = event.key === 'Home' ? this.rows[0] : event.key === 'End' ? this.rows.at(-1) : undefined;
      if (ends) this.activate(ends.id);
      else this.move(by);
    } else if ((event.key === 'Enter' || event.key === ' ') && this.active !== null) this.#open(this.active);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #onClick(event: MouseEvent): void {
    const origin = event.target instanceof Element ? event.target : null;
    const row = origin?.closest<HTMLElement>('[data-id]');
    if (!row) return;
    const button = origin?.closest<HTMLElement>('[data-name]');
    const { name, value } = button?.dataset ?? {};
    if (name !== undefined && value !== undefined) {
      this.dispatchEvent(new CustomEvent('narrow', { detail: { name, value } }));
      return;
    }
    // Who marks text does not want to leave it.
    if (getSelection()?.isCollapsed === false) return;
    this.#open(Number(row.dataset['id']));
  }

  #open(id: number): void {
    this.active = id;
    this.dispatchEvent(new CustomEvent('open', { detail: id }));
  }

  static override styles = [CpElement.styles, listStyles];
}

customElements.define('cp-request-list', RequestList);
declare global {
  interface HTMLElementTagNameMap {
    'cp-request-list': RequestList;
  }
}
