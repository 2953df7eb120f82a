import { css, html, type TemplateResult } from 'lit';
import { common } from '../i18n/common.ts';
import { Store } from '../lib/store.ts';
import type { Tone } from './display.ts';
import { CpElement } from './element.ts';
import { icon, type IconName } from './icon.ts';

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
  #newest = 0;

  constructor() {
    super();
    this.watch(toasts);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.popover = 'manual';
  }

  /** A layer that was opened since the last one would be over it. */
  override updated(): void {
    const newest = toasts.value.at(-1)?.id ?? 0;
    if (newest > this.#newest) {
      this.hidePopover();
      this.showPopover();
    }
    this.#newest = Math.max(newest, this.#newest);
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
        width: min(380px, calc(100vw - 32px));
        margin: 0;
        padding: 0;
        border: 0;
        background: none;
        color: var(--text);
        overflow: visible;
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

customElements.define('cp-toasts', Toasts);
declare global {
  interface HTMLElementTagNameMap {
    'cp-toasts': Toasts;
  }
}
