import { css, html, nothing, type TemplateResult } from 'lit';
import { common } from '../i18n/common.ts';
import { ago, dateTime } from '../lib/format.ts';
import { everySecond } from '../lib/ticker.ts';
import type { Tone } from './display.ts';
import { CpElement } from './element.ts';

/**
 * `<cp-stat label="Requests" value="1,234" note="3 failed" tone="bad">`: one figure. Slot `chart` under it. Without a
 * value it is still to come.
 */
export class Stat extends CpElement {
  static override properties = {
    label: { type: String },
    value: { type: String },
    unit: { type: String },
    note: { type: String },
    tone: { type: String, reflect: true },
    href: { type: String },
  };
  declare label: string;
  declare value: string | null;
  declare unit: string;
  declare note: string;
  declare tone: Tone;
  declare href: string;

  constructor() {
    super();
    this.label = '';
    this.value = null;
    this.unit = '';
    this.note = '';
    this.tone = 'neutral';
    this.href = '';
  }

  override render(): TemplateResult {
    const figure = html`<span class="value">${this.value}</span
      >${this.unit ? html`<span class="unit">${this.unit}</span>` : nothing}`;
    return html`<dl>
      <dt>${this.label}</dt>
      ${
        this.value === null
          ? html`<dd><cp-skeleton width="72px" height="24px"></cp-skeleton></dd>`
          : html`<dd>${this.href ? html`<a href=${this.href}>${figure}</a>` : figure}</dd>`
      }
      <dd class="note">${this.note || html`&nbsp;`}<slot name="note"></slot></dd>
      <slot name="chart"></slot>
    </dl>`;
  }

  static override styles = [
    CpElement.styles,
    css`
      :host {
        min-width: 0;
      }
      dt {
        font-size: var(--size-2);
        line-height: 18px;
        color: var(--text-soft);
      }
      dd {
        min-height: 32px;
        display: flex;
        align-items: baseline;
        gap: 4px;
        margin-top: 4px;
        white-space: nowrap;
        font-variant-numeric: tabular-nums;
      }
      .value {
        font-size: var(--size-6);
        line-height: 32px;
        font-weight: 600;
        letter-spacing: -0.02em;
      }
      .unit {
        font-size: var(--size-2);
        color: var(--text-faint);
      }
      .note {
        min-height: 16px;
        margin: 2px 0 0;
        white-space: normal;
      }
      :host([tone='good']) .note {
        color: var(--good);
      }
      :host([tone='warn']) .note {
        color: var(--warn);
      }
      :host([tone='bad']) .note {
        color: var(--bad);
      }
      a {
        color: inherit;
        text-decoration: none;
      }
      a:hover {
        color: var(--accent);
      }
      cp-skeleton {
        align-self: center;
      }
    `,
  ];
}

/** `<cp-skeleton width height>`: the place of something that is on its way. */
export class Skeleton extends CpElement {
  static override properties = { width: { type: String }, height: { type: String } };
  declare width: string;
  declare height: string;

  constructor() {
    super();
    this.width = '100%';
    this.height = '16px';
  }

  override updated(): void {
    this.style.width = this.width;
    this.style.height = this.height;
  }

  override render(): TemplateResult {
    return html`<span class="unseen">${common.t('loading')}</span>`;
  }

  static override styles = [
    CpElement.styles,
    css`
      :host {
        position: relative;
        max-width: 100%;
        border-radius: var(--radius-1);
        background: var(--press);
        animation: breathe 1.6s ease-in-out infinite;
      }
      @keyframes breathe {
        50% {
          opacity: 0.5;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        :host {
          animation: none;
        }
      }
    `,
  ];
}

/** `<cp-ago .at=${ms}>`: how long ago, counting on by itself; the exact time on hover. */
export class Ago extends CpElement {
  static override properties = { at: { type: Number } };
  declare at: number;

  constructor() {
    super();
    this.at = 0;
    this.during(() => everySecond(() => this.requestUpdate()));
  }

  override render(): TemplateResult {
    // A clock that is a little behind the daemon's would make it the future.
    const now = Math.max(Date.now(), this.at);
    return html`<time datetime=${new Date(this.at).toISOString()} title=${dateTime(this.at)}
      >${ago(this.at, now)}</time
    >`;
  }

  static override styles = [
    CpElement.styles,
    css`
      :host {
        display: inline;
        font-variant-numeric: tabular-nums;
      }
    `,
  ];
}

customElements.define('cp-stat', Stat);
customElements.define('cp-skeleton', Skeleton);
customElements.define('cp-ago', Ago);
declare global {
  interface HTMLElementTagNameMap {
    'cp-stat': Stat;
    'cp-skeleton': Skeleton;
    'cp-ago': Ago;
  }
}
