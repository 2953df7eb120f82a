import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { valueOf } from '../../elements/controls.ts';
import { CpElement } from '../../elements/element.ts';
import { icon } from '../../elements/icon.ts';
import { closeNamed, isOpen, openNamed, place } from '../../lib/router.ts';
import { chipsOf, type Chip } from './chips.ts';
import { filtersStyles } from './filters-styles.ts';
import { isNarrowed, NO_FILTER, type Filter } from './filter.ts';
import { fromLocalInput, PRESETS, presetFrom, presetOf, toLocalInput } from './range.ts';
import { requests } from './texts.ts';

/** How long typing has to rest before it is searched for, in ms. */
const REST_MS = 300;

/**
 * `<cp-request-filters .filter .paused @narrow @pause @save>`: the line over the list. `narrow` is a CustomEvent with
 * what of the filter changes. Phones have a field and a sheet with the rest.
 */
export class RequestFilters extends CpElement {
  static override properties = {
    filter: { attribute: false },
    paused: { type: Boolean },
    count: { type: Number },
    custom: { state: true },
    wrong: { state: true },
  };
  declare filter: Filter;
  declare paused: boolean;
  /** Rows that a file would have. */
  declare count: number;
  declare custom: boolean;
  declare wrong: boolean;
  #typing: ReturnType<typeof setTimeout> | undefined;
  /** What was chosen in the sheet that is open. */
  #chosen: Partial<Filter> = {};

  constructor() {
    super();
    this.filter = NO_FILTER;
    this.paused = false;
    this.count = 0;
    this.custom = false;
    this.wrong = false;
    this.watch(place);
    this.during(() => () => clearTimeout(this.#typing));
    this.during(() => this.#keepChosen());
  }

  override updated(): void {
    const field = this.renderRoot.querySelector<HTMLInputElement>('input[type="search"]');
    // Not while it only differs by a blank that is being typed.
    if (field && field.value.trim() !== this.filter.search) field.value = this.filter.search;
  }

  focusSearch(): void {
    const field = this.renderRoot.querySelector<HTMLInputElement>('input[type="search"]');
    field?.focus();
    field?.select();
  }

  /** Closing the sheet is a step back in the history, to the filter of before: what was chosen there is set again. */
  #keepChosen(): () => void {
    let open = isOpen('filters');
    return place.subscribe(() => {
      const before = open;
      open = isOpen('filters');
      if (!before || open) return;
      const chosen = this.#chosen;
      this.#chosen = {};
      this.custom = false;
      if (Object.keys(chosen).length > 0) this.#narrow(chosen);
    });
  }

  #narrow(changes: Partial<Filter>): void {
    if (isOpen('filters')) this.#chosen = { ...this.#chosen, ...changes };
    this.dispatchEvent(new CustomEvent('narrow', { detail: changes }));
  }

  override render(): TemplateResult {
    const chips = chipsOf(this.filter, Date.now());
    const pause = requests.t(this.paused ? 'resume' : 'pause');
    const save = requests.t('saveCsv', { n: this.count });
    return html`<div class="line" role="search" aria-label=${requests.t('filters')}>
        ${this.#search()}
        <span class="desk">${this.#status(true)}</span>
        <span class="desk">${this.#range(true)}</span>
        <button class="btn phone" aria-haspopup="dialog" @click=${() => openNamed('filters')}>
          ${icon('filter')}${requests.t('filters')}${
            chips.length > 0 ? html`<span class="count">${chips.length}</span>` : nothing
          }
        </button>
        <span class="push row">
          <button
            class="btn ${this.paused ? '' : 'quiet'}"
            aria-label=${pause}
            aria-pressed=${this.paused ? 'true' : 'false'}
            title=${pause}
            @click=${() => this.dispatchEvent(new Event('pause'))}
          >
            ${icon(this.paused ? 'play' : 'pause')}<span class="word">${pause}</span>
          </button>
          <button
            class="btn quiet"
            aria-label=${save}
            title=${save}
            ?disabled=${this.count === 0}
            @click=${() => this.dispatchEvent(new Event('save'))}
          >
            ${icon('download')}<span class="word">CSV</span>
          </button>
        </span>
      </div>
      ${chips.length > 0 ? this.#chips(chips) : nothing} ${this.#sheet()} ${this.#custom()}`;
  }

  #search(): TemplateResult {
    const label = requests.t('searchLabel');
    return html`<label class="search" title=${label}>
      <span class="unseen">${label}</span>
      ${icon('search')}
      <input
        class="input"
        type="search"
        maxlength="300"
        placeholder=${requests.t('searchHint')}
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        @input=${this.#onType}
        @keydown=${this.#onSearchKey}
      />
      <kbd class="desk" aria-hidden="true">/</kbd>
    </label>`;
  }

  #onType(event: Event): void {
    const search = valueOf(event).trim();
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#narrow({ search }), REST_MS);
  }

  #onSearchKey(event: KeyboardEvent): void {
    if (event.key === 'Enter') {
      clearTimeout(this.#typing);
      this.#narrow({ search: valueOf(event).trim() });
    } else if (event.key === 'Escape' && valueOf(event) === '') {
      this.dispatchEvent(new Event('leave'));
    }
  }

  #status(plain: boolean): TemplateResult {
    return html`<cp-segmented
      ?plain=${plain}
      label=${requests.t('status')}
      .options=${[
        { value: '', label: requests.t('all') },
        { value: 'success', label: requests.t('success') },
        { value: 'failed', label: requests.t('failed') },
      ]}
      .value=${live(this.filter.status ?? '')}
      @change=${(event: Event) => {
        const value = valueOf(event);
        this.#narrow({ status: value === 'success' || value === 'failed' ? value : null });
      }}
    ></cp-segmented>`;
  }

  #range(plain: boolean): TemplateResult {
    const { range, fromMs, toMs } = this.filter;
    const isCustom = fromMs !== null || toMs !== null;
    return html`<cp-select
      ?plain=${plain}
      label=${requests.t('range')}
      .options=${[
        { value: '', label: requests.t('range_all') },
        ...PRESETS.map((value) => ({ value, label: requests.t(`range_${value}`) })),
        { value: 'custom', label: requests.t('range_custom') },
      ]}
      .value=${live(isCustom ? 'custom' : (range ?? ''))}
      @change=${(event: Event) => {
        const value = valueOf(event);
        if (value === 'custom') {
          this.wrong = false;
          this.custom = true;
        } else this.#narrow({ range: presetOf(value), fromMs: null, toMs: null });
        // Until the bounds are given the old choice holds.
        this.requestUpdate();
      }}
    ></cp-select>`;
  }

  #chips(chips: readonly Chip[]): TemplateResult {
    return html`<div class="chips" role="group" aria-label=${requests.t('activeFilters')}>
      ${chips.map(({ label, value, without }) => {
        const remove = requests.t('removeFilter', { what: `${label} ${value}` });
        return html`<button
          class="chip"
          aria-label=${remove}
          title=${remove}
          @click=${() => this.#narrow(without)}
        >
          <span class="faint">${label}</span> <span class="cut">${value}</span>${icon('close')}
        </button>`;
      })}
      <button class="btn quiet reset" @click=${() => this.#narrow(NO_FILTER)}>${requests.t('reset')}</button>
    </div>`;
  }

  #sheet(): TemplateResult {
    return html`<cp-drawer heading=${requests.t('filters')} ?open=${isOpen('filters')} @close=${closeNamed}>
      <div class="stack">
        ${this.#status(false)} ${this.#range(false)}
        <p class="note">${requests.t('narrowHint')}</p>
        <div class="row">
          <button class="btn primary grow" @click=${closeNamed}>${requests.t('showList')}</button>
          <button
            class="btn"
            ?disabled=${!isNarrowed(this.filter)}
            @click=${() => {
              this.#narrow(NO_FILTER);
              closeNamed();
            }}
          >
            ${requests.t('reset')}
          </button>
        </div>
      </div>
    </cp-drawer>`;
  }

  #custom(): TemplateResult {
    const { fromMs, toMs, range } = this.filter;
    const now = Date.now();
    const from = fromMs ?? presetFrom(range ?? 'today', now);
    const field = (name: string, label: string, ms: number | null): TemplateResult =>
      html`<label class="time"
        ><span class="label">${label}</span
        ><input
          class="input"
          type="datetime-local"
          step="1"
          name=${name}
          max=${toLocalInput(now)}
          aria-invalid=${this.wrong ? 'true' : 'false'}
          .value=${live(ms === null ? '' : toLocalInput(ms))}
      /></label>`;
    return html`<cp-dialog
      heading=${requests.t('customRange')}
      ?open=${this.custom}
      @close=${() => (this.custom = false)}
    >
      <form class="stack" novalidate @submit=${this.#onCustom}>
        ${field('from', requests.t('from'), from)} ${field('to', requests.t('until'), toMs)}
        ${
          this.wrong
            ? html`<p class="wrong" role="alert">${icon('error')}<span>${requests.t('rangeWrong')}</span></p>`
            : nothing
        }
        <p class="note">
          ${requests.t('rangeNote', { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}
        </p>
        <div class="row"><button class="btn primary grow">${requests.t('apply')}</button></div>
      </form>
    </cp-dialog>`;
  }

  #onCustom(event: SubmitEvent): void {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const given = new FormData(event.currentTarget);
    const ms = (name: string): number | null => {
      const text = given.get(name);
      return typeof text === 'string' ? fromLocalInput(text) : null;
    };
    const [fromMs, toMs] = [ms('from'), ms('to')];
    this.wrong = (fromMs === null && toMs === null) || (fromMs !== null && toMs !== null && toMs <= fromMs);
    if (this.wrong) return;
    this.custom = false;
    this.#narrow({ range: null, fromMs, toMs });
    if (isOpen('filters')) closeNamed();
  }

  static override styles = [CpElement.styles, filtersStyles];
}

customElements.define('cp-request-filters', RequestFilters);
declare global {
  interface HTMLElementTagNameMap {
    'cp-request-filters': RequestFilters;
  }
}
