import { css, html, nothing, type TemplateResult } from 'lit';
import { CpElement } from './element.ts';
import { icon, type IconName } from './icon.ts';

/**
 * `<cp-card heading="...">` with slots: default, `actions` (right of the heading), `foot`. `flush` leaves out the
 * padding, for tables.
 */
export class Card extends CpElement {
  static override properties = {
    heading: { type: String },
    note: { type: String },
    flush: { type: Boolean, reflect: true },
  };
  declare heading: string;
  declare note: string;
  declare flush: boolean;

  constructor() {
    super();
    this.heading = '';
    this.note = '';
    this.flush = false;
  }

  override render(): TemplateResult {
    return html`<section aria-label=${this.heading || nothing}>
      ${
        this.heading
          ? html`<header>
              <h2 class="cut">${this.heading}</h2>
              ${this.note ? html`<span class="note cut">${this.note}</span>` : nothing}
              <slot name="actions"></slot>
            </header>`
          : nothing
      }
      <div class="body"><slot></slot></div>
      <slot name="foot"></slot>
    </section>`;
  }

  static override styles = [
    CpElement.styles,
    css`
      :host {
        min-width: 0;
        display: flex;
        flex-direction: column;
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: var(--radius-3);
      }
      section {
        display: contents;
      }
      header {
        display: flex;
        align-items: center;
        gap: var(--space-2);
        min-height: 44px;
        padding: 6px 8px 6px 16px;
        border-bottom: 1px solid var(--line);
      }
      header .note {
        margin: 0;
      }
      slot[name='actions'] {
        display: flex;
        align-items: center;
        gap: var(--space-2);
        margin-inline-start: auto;
      }
      .body {
        flex: 1;
        min-width: 0;
        padding: 16px;
      }
      :host([flush]) .body {
        padding: 0;
      }
    `,
  ];
}

export type Tone = 'good' | 'warn' | 'bad' | 'neutral' | 'accent';
const TONE_ICONS: Readonly<Record<Tone, IconName>> = {
  good: 'ok',
  warn: 'alert',
  bad: 'error',
  neutral: 'info',
  accent: 'pulse',
};

/** `<cp-pill tone="bad">Failed</cp-pill>`: picture, word and colour together, never colour alone. */
export class Pill extends CpElement {
  static override properties = { tone: { type: String, reflect: true }, icon: { type: String } };
  declare tone: Tone;
  declare icon: IconName | '';

  constructor() {
    super();
    this.tone = 'neutral';
    this.icon = '';
  }

  override render(): TemplateResult {
    return html`${icon(this.icon || TONE_ICONS[this.tone])}<span class="cut"><slot></slot></span>`;
  }

  static override styles = [
    CpElement.styles,
    css`
      :host {
        display: inline-flex;
        align-items: center;
        gap: 5px;
        max-width: 100%;
        height: 22px;
        padding: 0 8px 0 6px;
        border-radius: 11px;
        font-size: var(--size-1);
        font-weight: 500;
        line-height: 16px;
        background: var(--sunken);
        color: var(--text-soft);
        white-space: nowrap;
        vertical-align: middle;
      }
      .icon {
        width: 14px;
        height: 14px;
      }
      :host([tone='good']) {
        background: var(--good-soft);
        color: var(--good);
      }
      :host([tone='warn']) {
        background: var(--warn-soft);
        color: var(--warn);
      }
      :host([tone='bad']) {
        background: var(--bad-soft);
        color: var(--bad);
      }
      :host([tone='accent']) {
        background: var(--accent-soft);
        color: var(--accent);
      }
      @media (forced-colors: active) {
        :host {
          border: 1px solid;
        }
      }
    `,
  ];
}

customElements.define('cp-card', Card);
customElements.define('cp-pill', Pill);
declare global {
  interface HTMLElementTagNameMap {
    'cp-card': Card;
    'cp-pill': Pill;
  }
}
