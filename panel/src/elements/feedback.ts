import { css, html, nothing, type TemplateResult } from 'lit';
import { common } from '../i18n/common.ts';
import { errors } from '../i18n/errors.ts';
import type { ApiError } from '../lib/api.ts';
import { describeError } from '../lib/describe-error.ts';
import { CpElement } from './element.ts';
import { icon, type IconName } from './icon.ts';
import { toast } from './toasts.ts';

/** `<cp-empty heading icon>`: nothing is here; the slot says how something gets here. */
export class Empty extends CpElement {
  static override properties = { heading: { type: String }, icon: { type: String } };
  declare heading: string;
  declare icon: IconName;

  constructor() {
    super();
    this.heading = '';
    this.icon = 'info';
  }

  override render(): TemplateResult {
    return html`<div class="sign">${icon(this.icon)}</div>
      <h3>${this.heading}</h3>
      <div class="soft"><slot></slot></div>`;
  }

  static override styles = [
    CpElement.styles,
    css`
      :host {
        display: grid;
        justify-items: center;
        gap: var(--space-2);
        padding: 32px 24px;
        text-align: center;
        font-size: var(--size-2);
      }
      .sign {
        display: grid;
        place-items: center;
        width: 36px;
        height: 36px;
        margin-bottom: 4px;
        border-radius: var(--radius-3);
        border: 1px solid var(--line);
        background: var(--sunken);
        color: var(--text-faint);
      }
      h3 {
        font-size: var(--size-3);
      }
      .soft {
        max-width: 52ch;
      }
    `,
  ];
}

/**
 * `<cp-error .error @retry>`: what failed, what to do, and the details to copy. `slim` is one line, for above data that
 * is still shown.
 */
export class ErrorPanel extends CpElement {
  static override properties = {
    error: { attribute: false },
    slim: { type: Boolean, reflect: true },
  };
  declare error: ApiError | null;
  declare slim: boolean;

  constructor() {
    super();
    this.error = null;
    this.slim = false;
    this.during(() => void errors.load().then(() => this.requestUpdate()));
  }

  override render(): TemplateResult | typeof nothing {
    const { error } = this;
    if (!error) return nothing;
    const { title, hint } = describeError(error);
    return html`<div class="frame" role="alert">
      ${icon('error')}
      <div class="grow">
        <p class="title">${title}</p>
        ${hint ? html`<p class="soft">${hint}</p>` : nothing} ${this.slim ? nothing : this.#details(error)}
      </div>
      <button class="btn" @click=${() => this.dispatchEvent(new Event('retry'))}>
        ${icon('refresh')}${common.t('retry')}
      </button>
    </div>`;
  }

  #details(error: ApiError): TemplateResult {
    const facts: ReadonlyArray<readonly [string, string]> = [
      [common.t('errorCode'), error.code],
      ...(error.status > 0 ? [[common.t('httpStatus'), String(error.status)] as const] : []),
      [common.t('message'), error.message],
    ];
    return html`<details>
      <summary>${common.t('details')}</summary>
      <dl class="facts">
        ${facts.map(
          ([name, value]) =>
            html`<dt>${name}</dt>
              <dd class="mono">${value}</dd>`,
        )}
      </dl>
    </details>`;
  }

  static override styles = [
    CpElement.styles,
    css`
      .frame {
        display: flex;
        flex-wrap: wrap;
        gap: 10px 12px;
        align-items: flex-start;
        padding: 12px 12px 12px 16px;
        border: 1px solid color-mix(in srgb, var(--bad) 35%, var(--line));
        border-radius: var(--radius-3);
        background: var(--surface);
        font-size: var(--size-2);
      }
      .frame > .icon {
        margin-top: 2px;
        color: var(--bad);
      }
      .grow {
        flex-basis: 200px;
      }
      .title {
        font-weight: 600;
      }
      details {
        margin-top: 8px;
      }
      summary {
        min-height: 24px;
        width: fit-content;
        color: var(--text-soft);
        cursor: pointer;
      }
      :host([slim]) .frame {
        padding-block: 6px;
        align-items: center;
      }
      :host([slim]) .frame > .icon {
        margin-top: 0;
      }
    `,
  ];
}

/** `<cp-copy .text label>`: copies a text and says so. With `named` the label, which then tells all, stands beside. */
export class Copy extends CpElement {
  static override properties = {
    text: { attribute: false },
    label: { type: String },
    named: { type: Boolean },
    done: { state: true },
  };
  declare text: string;
  /** What is copied, for the button's name. */
  declare label: string;
  declare named: boolean;
  declare done: boolean;

  constructor() {
    super();
    this.text = '';
    this.label = '';
    this.named = false;
    this.done = false;
  }

  override render(): TemplateResult {
    const { named, done, label } = this;
    const name = done ? common.t('copied') : named ? label : `${common.t('copy')} ${label}`.trim();
    return html`<button
        type="button"
        class="btn ${named ? '' : 'quiet square'}"
        aria-label=${name}
        title=${named ? nothing : name}
        @click=${this.#copy}
      >
        ${icon(done ? 'check' : 'copy', done ? 'good' : '')}${named ? name : nothing}
      </button>
      <span class="unseen" role="status">${this.done ? common.t('copied') : ''}</span>`;
  }

  async #copy(): Promise<void> {
    try {
      // Missing on pages that came without https from elsewhere than this machine.
      await navigator.clipboard.writeText(this.text);
    } catch {
      toast(common.t('copyFailed'), 'warn');
      return;
    }
    this.done = true;
    setTimeout(() => (this.done = false), 1500);
  }

  static override styles = [
    CpElement.styles,
    css`
      :host {
        display: inline-block;
        position: relative;
      }
      .square {
        min-height: 28px;
        width: 28px;
      }
      @media (pointer: coarse) {
        .square {
          min-height: 44px;
          width: 44px;
        }
      }
    `,
  ];
}

customElements.define('cp-empty', Empty);
customElements.define('cp-error', ErrorPanel);
customElements.define('cp-copy', Copy);
declare global {
  interface HTMLElementTagNameMap {
    'cp-empty': Empty;
    'cp-error': ErrorPanel;
    'cp-copy': Copy;
  }
}
