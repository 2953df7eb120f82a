import { html, nothing, type TemplateResult } from 'lit';
import type { EventDetail, EventRow } from '../../../../src/lib/contract/api.ts';
import { CpElement } from '../../elements/element.ts';
import '../../elements/feedback.ts';
import { icon } from '../../elements/icon.ts';
import type { ApiError } from '../../lib/api.ts';
import { api } from '../../lib/api.ts';
import { dateTime } from '../../lib/format.ts';
import { asApiError } from '../../lib/loader.ts';
import { onReturn } from '../../lib/session.ts';
import { costView } from './detail-cost.ts';
import { detailStyles } from './detail-styles.ts';
import { headersView, idsView } from './detail-headers.ts';
import { failureView, timingView, whoView } from './detail-facts.ts';
import { flagsOf } from './flags.ts';
import { statusOf } from './row-text.ts';
import { requests } from './texts.ts';

/**
 * `<cp-request-detail .eventId .row @close @step @narrow>`: all that is known of one event, in a drawer. It is open while
 * there is an id. `row` is what the list knows already; `step` is a CustomEvent with 1 or -1 for the next or the one before.
 */
export class RequestDetail extends CpElement {
  static override properties = {
    eventId: { attribute: false },
    row: { attribute: false },
    detail: { state: true },
    error: { state: true },
  };
  declare eventId: number | null;
  declare row: EventRow | null;
  declare detail: EventDetail | null;
  declare error: ApiError | null;
  #asked = new AbortController();

  constructor() {
    super();
    this.eventId = null;
    this.row = null;
    this.detail = null;
    this.error = null;
    this.during(() => () => this.#asked.abort());
    this.during(() => onReturn(() => this.error && this.#retry()));
  }

  override willUpdate(changes: Map<PropertyKey, unknown>): void {
    if (!changes.has('eventId')) return;
    this.#asked.abort();
    this.error = null;
    if (this.eventId === null || this.detail?.id !== this.eventId) this.detail = null;
    if (this.eventId !== null) void this.#read(this.eventId);
  }

  async #read(id: number): Promise<void> {
    const asked = new AbortController();
    this.#asked = asked;
    try {
      const detail = await api.get<EventDetail>(`v0/management/events/${id}`, { signal: asked.signal });
      if (!asked.signal.aborted) this.detail = detail;
    } catch (error) {
      if (!asked.signal.aborted) this.error = asApiError(error);
    }
  }

  #retry(): void {
    this.error = null;
    if (this.eventId !== null) void this.#read(this.eventId);
  }

  override render(): TemplateResult {
    const shown = this.detail ?? this.row;
    const open = this.eventId !== null;
    const heading = shown ? `${statusOf(shown).word} · ${shown.model}` : requests.t('request');
    return html`<cp-drawer
      heading=${heading}
      ?open=${open}
      @close=${() => this.dispatchEvent(new Event('close'))}
      @keydown=${this.#onKey}
    >
      ${open ? this.#actions() : nothing} ${open ? this.#content(shown) : nothing}
    </cp-drawer>`;
  }

  #actions(): TemplateResult {
    const step = (by: number, text: string, key: string): TemplateResult =>
      html`<button
        class="btn quiet square"
        aria-label=${text}
        title="${text} (${key})"
        @click=${() => this.dispatchEvent(new CustomEvent('step', { detail: by }))}
      >
        ${icon('down', by < 0 ? 'turned' : '')}
      </button>`;
    return html`<span slot="actions" class="row steps">
      ${step(-1, requests.t('newerOne'), 'K')} ${step(1, requests.t('olderOne'), 'J')}
    </span>`;
  }

  #content(shown: EventDetail | EventRow | null): TemplateResult {
    const { detail, error } = this;
    const lead = shown ? this.#lead(shown) : nothing;
    if (error) {
      const gone = error.status === 404;
      return html`<div class="parts">
        ${lead}
        ${
          gone
            ? html`<cp-empty icon="requests" heading=${requests.t('gone')}
                >${requests.t('goneText')}</cp-empty
              >`
            : html`<cp-error .error=${error} @retry=${this.#retry}></cp-error>`
        }
      </div>`;
    }
    if (!detail) {
      return html`<div class="parts" aria-busy="true">
        ${lead}<cp-skeleton height="96px"></cp-skeleton><cp-skeleton height="140px"></cp-skeleton
        ><cp-skeleton height="72px"></cp-skeleton>
      </div>`;
    }
    return html`<div class="parts" @click=${this.#onClick}>
      ${lead} ${failureView(detail)} ${this.#flags(detail.flags)} ${costView(detail)} ${timingView(detail)}
      ${whoView(detail)} ${headersView(detail)} ${idsView(detail)}
      <div class="row">
        <cp-copy named .text=${JSON.stringify(detail, null, 2)} label=${requests.t('copyJson')}></cp-copy>
      </div>
    </div>`;
  }

  #lead(shown: EventDetail | EventRow): TemplateResult {
    const status = statusOf(shown);
    return html`<p class="row wrap lead">
      <cp-pill tone=${status.tone} .icon=${status.icon}>${status.word} ${status.more}</cp-pill>
      <span class="soft num">${dateTime(shown.timestamp_ms)}</span>
    </p>`;
  }

  #flags(flags: number): TemplateResult | typeof nothing {
    const names = flagsOf(flags);
    if (names.length === 0) return nothing;
    return html`<ul class="flags">
      ${names.map((name) => html`<li>${icon('info')}<span>${requests.t(`flag_${name}`)}</span></li>`)}
    </ul>`;
  }

  #onClick(event: Event): void {
    const origin = event.target instanceof Element ? event.target : null;
    const { name, value } = origin?.closest<HTMLElement>('[data-name]')?.dataset ?? {};
    if (name === undefined || value === undefined) return;
    this.dispatchEvent(new CustomEvent('narrow', { detail: { name, value } }));
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const by =
      event.key === 'ArrowDown' || event.key === 'j'
        ? 1
        : event.key === 'ArrowUp' || event.key === 'k'
          ? -1
          : 0;
    if (by === 0) return;
    event.preventDefault();
    this.dispatchEvent(new CustomEvent('step', { detail: by }));
  }

  static override styles = [CpElement.styles, detailStyles];
}

customElements.define('cp-request-detail', RequestDetail);
declare global {
  interface HTMLElementTagNameMap {
    'cp-request-detail': RequestDetail;
  }
}
