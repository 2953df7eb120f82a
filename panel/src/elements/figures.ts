import { css, html, type TemplateResult } from 'lit';
import { common } from '../i18n/common.ts';
import { ago, dateTime } from '../lib/format.ts';
import { everySecond } from '../lib/ticker.ts';
import { CpElement } from './element.ts';

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

customElements.define('cp-skeleton', Skeleton);
customElements.define('cp-ago', Ago);
declare global {
  interface HTMLElementTagNameMap {
    'cp-skeleton': Skeleton;
    'cp-ago': Ago;
  }
}
