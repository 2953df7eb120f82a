import { css, html, nothing, type TemplateResult } from 'lit';
import type { EventsAnswer } from '../../../../src/lib/contract/api.ts';
import { CpElement } from '../../elements/element.ts';
import { icon } from '../../elements/icon.ts';
import { api } from '../../lib/api.ts';
import { dateTime } from '../../lib/format.ts';
import { closeLayer, openLayer, place, setQuery } from '../../lib/router.ts';
import { scheduler } from '../../lib/scheduler.ts';
import { feed, status } from '../../lib/status.ts';
import { csvOf } from './csv.ts';
import './detail.ts';
import { emptyView, emptyStyles, skeletonView } from './empty.ts';
import { addressOf, filterKey, isNarrowed, parseFilter, NO_FILTER, type Filter } from './filter.ts';
import './filters.ts';
import './list.ts';
import { RequestsModel } from './model.ts';
import { toLocalInput } from './range.ts';
import { requests } from './texts.ts';

/** How often one looks for new rows by asking while the feed is down, in ms. */
const LOOK_MS = 15_000;

/** The list of requests, as they happen, and each one with all that is known of it. The address says what is shown. */
export class RequestsPage extends CpElement {
  static override properties = { paused: { state: true }, stopped: { state: true } };
  declare paused: boolean;
  /** Whether looking further back has been stopped. */
  declare stopped: boolean;
  readonly #model = new RequestsModel({
    ask: (query, signal) => api.get<EventsAnswer>('v0/management/events', { query, signal }),
    now: () => Date.now(),
    after: (ms, then) => {
      const timer = setTimeout(then, ms);
      return () => clearTimeout(timer);
    },
  });
  #filter: Filter | null = null;
  #listHolds = false;

  constructor() {
    super();
    this.paused = false;
    this.stopped = false;
    this.watch(place);
    this.watch(feed.state);
    this.watch(status);
    this.watch(this.#model.state);
    this.during(() => status.use());
    this.during(() => this.#follow());
    this.during(() => this.#listen());
    this.during(() => this.#measureToolbar());
  }

  get #opened(): number | null {
    const id = Number(place.value.query.get('event') ?? Number.NaN);
    return Number.isSafeInteger(id) && id > 0 ? id : null;
  }

  /** Reads the list that the address asks for, and keeps it up to date. */
  #follow(): () => void {
    const { path } = place.value;
    const read = (): void => {
      // On the way to another page its query is not ours.
      if (place.value.path !== path) return;
      const filter = parseFilter(place.value.query);
      if (this.#filter && filterKey(filter) === filterKey(this.#filter)) return;
      this.#filter = filter;
      this.stopped = false;
      if (this.isConnected) scrollTo(0, 0);
      this.#model.start(filter);
    };
    read();
    const looking = scheduler().add({
      pauseMs: () => LOOK_MS,
      run: async () => {
        const { error, updatedAtMs } = this.#model.state.value;
        if (error || (feed.state.value !== 'live' && updatedAtMs !== null)) this.#model.look();
      },
    });
    const ends = [
      place.subscribe(read),
      feed.on('events', (message) => this.#model.onEvents(message)),
      feed.on('reset', () => this.#model.onMissed('list')),
      feed.on('changed', ({ topics }) => {
        if (topics.includes('events')) this.#model.onMissed('list');
        // Costs may have been filled in.
        else if (topics.includes('prices')) this.#model.onMissed('rows');
      }),
      () => looking.stop(),
      () => this.#model.stop(),
    ];
    return () => {
      for (const end of ends) end();
      this.#filter = null;
    };
  }

  #listen(): () => void {
    const onKey = (event: KeyboardEvent): void => this.#onKey(event);
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }

  /** The head of the list sticks below the toolbar, which is as high as its chips make it. */
  #measureToolbar(): () => void {
    const size = new ResizeObserver(([entry]) => {
      const toolbar = entry?.target;
      if (!(toolbar instanceof HTMLElement)) return;
      const top = Number.parseFloat(getComputedStyle(toolbar).top) || 0;
      this.style.setProperty('--list-top', `${top + toolbar.offsetHeight}px`);
    });
    const observe = async (): Promise<void> => {
      await this.updateComplete;
      const toolbar = this.renderRoot.querySelector('.toolbar');
      if (toolbar) size.observe(toolbar);
    };
    void observe();
    return () => size.disconnect();
  }

  override render(): TemplateResult {
    const state = this.#model.state.value;
    const filter = this.#filter ?? NO_FILTER;
    return html`<div class="toolbar">
        <cp-request-filters
          .filter=${filter}
          ?paused=${this.paused}
          .count=${state.rows.length}
          @narrow=${(event: CustomEvent<Partial<Filter>>) => this.#narrow(event.detail)}
          @pause=${this.#pause}
          @save=${this.#save}
          @leave=${() => this.#list?.focus()}
        ></cp-request-filters>
        ${this.#notice()}
      </div>
      <h2 class="unseen">${requests.t('listLabel')}</h2>
      ${this.#body()}
      <cp-request-detail
        .eventId=${this.#opened}
        .row=${state.rows.find(({ id }) => id === this.#opened) ?? null}
        @close=${this.#close}
        @step=${(event: CustomEvent<number>) => this.#step(event.detail)}
        @narrow=${(event: CustomEvent<{ name: string; value: string }>) => this.#only(event.detail)}
      ></cp-request-detail>`;
  }

  get #list(): HTMLElementTagNameMap['cp-request-list'] | null {
    return this.renderRoot.querySelector('cp-request-list');
  }

  #notice(): TemplateResult | typeof nothing {
    const { error, updatedAtMs, rows } = this.#model.state.value;
    if (error && rows.length > 0) {
      return html`<cp-error slim .error=${error} @retry=${() => this.#model.retry()}></cp-error>`;
    }
    if (feed.state.value !== 'lost' || updatedAtMs === null) return nothing;
    return html`<p class="lost small" role="status">
      ${icon('plug')}<span>${requests.t('lost', { time: dateTime(updatedAtMs) })}</span>
    </p>`;
  }

  #body(): TemplateResult {
    const { rows, loading, error, more, waiting, behind } = this.#model.state.value;
    if (rows.length === 0 && loading === 'first') return skeletonView();
    if (rows.length === 0 && error) {
      return html`<cp-error .error=${error} @retry=${() => this.#model.retry()}></cp-error>`;
    }
    if (rows.length === 0 && !more && waiting === 0 && !behind) {
      return emptyView(isNarrowed(this.#filter ?? NO_FILTER), status.value.value, () =>
        this.#narrow(NO_FILTER),
      );
    }
    return html`<cp-request-list
        .rows=${rows}
        .waiting=${waiting}
        ?behind=${behind}
        ?more=${more}
        .opened=${this.#opened}
        @open=${(event: CustomEvent<number>) => this.#open(event.detail)}
        @narrow=${(event: CustomEvent<{ name: string; value: string }>) => this.#only(event.detail)}
        @more=${() => this.#more()}
        @hold=${(event: CustomEvent<boolean>) => this.#hold(event.detail)}
        @newest=${() => this.#model.showNew()}
      ></cp-request-list>
      ${this.#end()}`;
  }

  /** What is below the last row. */
  #end(): TemplateResult {
    const { rows, more, full, loading, scannedToMs } = this.#model.state.value;
    const last = rows.at(-1);
    if (full && last) {
      return html`<div class="end">
        <p>${requests.t('full', { n: rows.length })}</p>
        <button class="btn" @click=${() => this.#narrow({ range: null, toMs: last.timestamp_ms + 1 })}>
          ${requests.t('older')}
        </button>
      </div>`;
    }
    if (!more) return html`<p class="end faint">${requests.t('complete', { n: rows.length })}</p>`;
    if (scannedToMs === null) {
      return html`<p class="end faint">${loading === 'more' ? requests.t('loadingOlder') : html`&nbsp;`}</p>`;
    }
    return html`<div class="end" role="status">
      <p>${requests.t(this.stopped ? 'searchedTo' : 'searching', { time: dateTime(scannedToMs) })}</p>
      <button
        class="btn"
        @click=${() => {
          this.stopped = !this.stopped;
          if (!this.stopped) this.#model.more();
        }}
      >
        ${requests.t(this.stopped ? 'searchOn' : 'searchStop')}
      </button>
    </div>`;
  }

  #more(): void {
    if (this.stopped || document.hidden) return;
    this.#model.more();
  }

  #hold(held: boolean): void {
    this.#listHolds = held;
    this.#model.hold(held || this.paused);
  }

  #pause(): void {
    this.paused = !this.paused;
    this.#model.hold(this.#listHolds || this.paused);
  }

  #narrow(changes: Partial<Filter>): void {
    setQuery({ ...addressOf({ ...(this.#filter ?? NO_FILTER), ...changes }), event: null });
  }

  #only({ name, value }: { readonly name: string; readonly value: string }): void {
    this.#narrow({ [name]: [value] });
  }

  #open(id: number): void {
    if (this.#opened === null) openLayer({ event: id });
    else setQuery({ event: id });
  }

  #close(): void {
    const id = this.#opened;
    closeLayer({ event: null });
    const list = this.#list;
    if (id !== null) list?.activate(id);
    list?.focus();
  }

  /** Opens the event `by` places from the open one, if that is in the list. */
  #step(by: number): void {
    const { rows } = this.#model.state.value;
    const at = rows.findIndex(({ id }) => id === this.#opened);
    const row = rows[at + by];
    if (at < 0 || !row) return;
    this.#list?.activate(row.id);
    this.#open(row.id);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || this.#opened !== null)
      return;
    const [origin] = event.composedPath();
    if (origin instanceof HTMLElement && origin.closest('input, select, textarea, dialog')) return;
    if (event.key === '/') {
      this.renderRoot.querySelector('cp-request-filters')?.focusSearch();
    } else if (event.key === 'j' || event.key === 'k') {
      this.#list?.focus();
      this.#list?.move(event.key === 'j' ? 1 : -1);
    } else return;
    event.preventDefault();
  }

  #save(): void {
    const file = new Blob([csvOf(this.#model.state.value.rows)], { type: 'text/csv;charset=utf-8' });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(file);
    link.download = `requests-${toLocalInput(Date.now()).replaceAll(':', '')}.csv`;
    link.click();
    // Not before the browser has begun to save it.
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  static override styles = [
    CpElement.styles,
    emptyStyles,
    css`
      .toolbar {
        position: sticky;
        top: 56px;
        z-index: 1;
        margin: -24px -24px 0;
        padding: 12px 24px;
        background: var(--ground);
      }
      .lost,
      cp-error[slim] {
        margin-top: 10px;
      }
      .lost {
        display: flex;
        gap: 8px;
        align-items: center;
        color: var(--warn);
      }
      .end {
        display: grid;
        justify-items: center;
        gap: 8px;
        min-height: 32px;
        padding: 16px 16px 8px;
        font-size: var(--size-2);
        text-align: center;
      }
      @media (max-width: 760px) {
        .toolbar {
          top: 52px;
          margin: -16px -16px 0;
          padding: 8px 16px;
        }
        cp-request-list {
          margin-inline: -16px;
        }
      }
    `,
  ];
}

customElements.define('cp-page-requests', RequestsPage);
