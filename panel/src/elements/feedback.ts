import { css, html, nothing, type TemplateResult } from 'lit';
import { common } from '../i18n/common.ts';
import { errors } from '../i18n/errors.ts';
import type { ApiError } from '../lib/api.ts';
import { describeError } from '../lib/describe-error.ts';
import { Store } from '../lib/store.ts';
import type { Tone } from './display.ts';
import { CpElement } from './element.ts';
import { icon, type IconName } from './icon.ts';

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

/** `<cp-copy .text label>`: copies a text and says so. */
export class Copy extends CpElement {
  static override properties = {
    text: { attribute: false },
    label: { type: String },
    done: { state: true },
  };
  declare text: string;
  /** What is copied, for the button's name. */
  declare label: string;
  declare done: boolean;

  constructor() {
    super();
    this.text = '';
    this.label = '';
    this.done = false;
  }

  override render(): TemplateResult {
    const name = this.done ? common.t('copied') : `${common.t('copy')} ${this.label}`.trim();
    return html`<button
        type="button"
        class="btn quiet square"
        aria-label=${name}
        title=${name}
        @click=${this.#copy}
      >
        ${icon(this.done ? 'check' : 'copy', this.done ? 'good' : '')}
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
      .btn {
        min-height: 28px;
        width: 28px;
      }
      @media (pointer: coarse) {
        .btn {
          min-height: 44px;
          width: 44px;
        }
      }
    `,
  ];
}

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: Tone;
}

const TOAST_MS = 5000;
const toasts = new Store<readonly Toast[]>([]);
let lastToast = 0;

/** Says something in passing. A `bad` one interrupts screen readers and stays until it is dismissed. */
export function toast(text: string, tone: Tone = 'neutral'): void {
  lastToast += 1;
  const id = lastToast;
  toasts.set([...toasts.value.slice(-3), { id, text, tone }]);
  if (tone !== 'bad') setTimeout(() => dismiss(id), TOAST_MS);
}

function dismiss(id: number): void {
  toasts.set(toasts.value.filter((one) => one.id !== id));
}

const TOAST_ICONS: Readonly<Record<Tone, IconName>> = {
  good: 'ok',
  warn: 'alert',
  bad: 'error',
  neutral: 'info',
  accent: 'info',
};

/** The one place where toasts appear; the shell has it. */
export class Toasts extends CpElement {
  constructor() {
    super();
    this.watch(toasts);
  }

  override render(): TemplateResult {
    const shown = toasts.value;
    const list = (some: readonly Toast[]): readonly TemplateResult[] => some.map((one) => this.#toast(one));
    return html`<div role="status">${list(shown.filter(({ tone }) => tone !== 'bad'))}</div>
      <div role="alert">${list(shown.filter(({ tone }) => tone === 'bad'))}</div>`;
  }

  #toast({ id, text, tone }: Toast): TemplateResult {
    return html`<div class="toast">
      ${icon(TOAST_ICONS[tone], tone)}<span class="grow">${text}</span>
      <button
        class="btn quiet square"
        aria-label=${common.t('dismiss')}
        title=${common.t('dismiss')}
        @click=${() => dismiss(id)}
      >
        ${icon('close')}
      </button>
    </div>`;
  }

  static override styles = [
    CpElement.styles,
    css`
      :host {
        position: fixed;
        inset: auto 16px calc(16px + env(safe-area-inset-bottom)) auto;
        z-index: 10;
        width: min(380px, calc(100vw - 32px));
        pointer-events: none;
      }
      @media (max-width: 760px) {
        :host {
          bottom: calc(72px + env(safe-area-inset-bottom));
        }
      }
      .toast {
        display: flex;
        align-items: center;
        gap: var(--space-3);
        margin-top: var(--space-2);
        padding: 6px 6px 6px 14px;
        border-radius: var(--radius-3);
        background: var(--raised);
        box-shadow: var(--shadow-layer);
        font-size: var(--size-2);
        pointer-events: auto;
      }
      @media (forced-colors: active) {
        .toast {
          border: 1px solid;
        }
      }
    `,
  ];
}

customElements.define('cp-empty', Empty);
customElements.define('cp-error', ErrorPanel);
customElements.define('cp-copy', Copy);
customElements.define('cp-toasts', Toasts);
declare global {
  interface HTMLElementTagNameMap {
    'cp-empty': Empty;
    'cp-error': ErrorPanel;
    'cp-copy': Copy;
    'cp-toasts': Toasts;
  }
}
