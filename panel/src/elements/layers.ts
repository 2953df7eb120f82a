import { css, html, nothing, type TemplateResult } from 'lit';
import { common } from '../i18n/common.ts';
import { CpElement, newId } from './element.ts';
import { icon } from './icon.ts';

/**
 * A modal layer on the native dialog, which keeps the focus inside and gives it back. Set `open`; it asks to be closed
 * with a `close` event (Esc, the cross, a press beside it). Give it content only while it is open.
 */
abstract class Layer extends CpElement {
  static override properties = {
    open: { type: Boolean, reflect: true },
    heading: { type: String },
    steady: { type: Boolean },
  };
  declare open: boolean;
  declare heading: string;
  /** Only a button closes it, for what must be answered. */
  declare steady: boolean;
  readonly #titleId = newId('layer');

  constructor() {
    super();
    this.open = false;
    this.heading = '';
    this.steady = false;
  }

  override updated(): void {
    const dialog = this.renderRoot.querySelector('dialog');
    if (!dialog || dialog.open === this.open) return;
    if (this.open) this.#show(dialog);
    else dialog.close();
  }

  #show(dialog: HTMLDialogElement): void {
    const content = dialog.querySelector<HTMLElement>('.content');
    // Where the focus goes. In the template it would be a wish of the whole page, which browsers complain about.
    if (content) content.autofocus = true;
    dialog.showModal();
    if (content) content.autofocus = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.renderRoot.querySelector('dialog')?.close();
  }

  override render(): TemplateResult {
    return html`<dialog
      aria-labelledby=${this.#titleId}
      closedby=${this.steady ? 'none' : nothing}
      @cancel=${this.#onCancel}
      @click=${this.#onClick}
      @close=${this.#onClose}
    >
      <div class="frame">
        <div class="head">
          <h2 id=${this.#titleId} class="grow">${this.heading}</h2>
          <slot name="actions"></slot>
          ${
            this.steady
              ? nothing
              : html`<button
                  class="btn quiet square"
                  aria-label=${common.t('close')}
                  title="${common.t('close')} (Esc)"
                  @click=${this.#ask}
                >
                  ${icon('close')}
                </button>`
          }
        </div>
        <div class="content" tabindex="-1"><slot></slot></div>
        <slot name="foot"></slot>
      </div>
    </dialog>`;
  }

  #ask(): void {
    this.dispatchEvent(new Event('close'));
  }

  #onCancel(event: Event): void {
    if (event.target !== event.currentTarget) return;
    event.preventDefault();
    if (!this.steady) this.#ask();
  }

  /** Chromium closes on a second Esc without asking; where `closedby` is not known, a steady one comes back. */
  #onClose(event: Event): void {
    event.stopPropagation();
    if (!this.open || !this.isConnected) return;
    if (!this.steady) this.#ask();
    else if (event.target instanceof HTMLDialogElement) this.#show(event.target);
  }

  #onClick(event: Event): void {
    if (event.target === event.currentTarget && !this.steady) this.#ask();
  }

  static override styles = [
    CpElement.styles,
    css`
      :host {
        display: contents;
      }
      dialog {
        padding: 0;
        border: 0;
        color: var(--text);
        background: var(--raised);
        box-shadow: var(--shadow-layer);
        overscroll-behavior: contain;
      }
      dialog::backdrop {
        background: var(--veil);
      }
      .frame {
        display: flex;
        flex-direction: column;
        max-height: inherit;
        height: inherit;
      }
      .head {
        display: flex;
        align-items: center;
        gap: var(--space-2);
        min-height: 52px;
        padding: 8px 12px 8px 20px;
        border-bottom: 1px solid var(--line);
      }
      .head h2 {
        display: -webkit-box;
        min-width: 0;
        overflow: hidden;
        overflow-wrap: anywhere;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 2;
        font-size: var(--size-4);
      }
      .content {
        flex: 1;
        min-height: 0;
        padding: 20px;
        overflow: auto;
      }
      ::slotted([slot='foot']) {
        display: flex;
        justify-content: flex-end;
        gap: var(--space-2);
        padding: 12px 20px;
        border-top: 1px solid var(--line);
      }
      @media (forced-colors: active) {
        dialog {
          border: 1px solid;
        }
      }
      @media (prefers-reduced-motion: no-preference) {
        dialog[open] {
          animation: come 160ms ease-out;
        }
      }
      @keyframes come {
        from {
          opacity: 0;
          translate: var(--from, 0 8px);
        }
      }
    `,
  ];
}

/** `<cp-dialog heading ?open @close>` in the middle. Slots: default, `foot` (buttons). */
export class Dialog extends Layer {
  static override styles = [
    Layer.styles,
    css`
      dialog {
        width: min(480px, calc(100vw - 32px));
        max-width: none;
        max-height: calc(100dvh - 48px);
        border-radius: 12px;
      }
    `,
  ];
}

/**
 * `<cp-drawer heading ?open @close>` from the right, on phones a sheet from below. Keep what is open in the address
 * with `openLayer` and `closeLayer`: then the back button closes it too.
 */
export class Drawer extends Layer {
  static override styles = [
    Layer.styles,
    css`
      dialog {
        --from: 24px 0;
        width: min(var(--drawer-width, 560px), 100vw);
        max-width: none;
        height: 100dvh;
        max-height: none;
        margin: 0 0 0 auto;
      }
      @media (max-width: 640px) {
        dialog {
          --from: 0 24px;
          width: 100vw;
          height: fit-content;
          max-height: calc(100dvh - 40px);
          margin: auto 0 0;
          border-radius: 12px 12px 0 0;
        }
        .head {
          padding-inline-start: 16px;
        }
        .content {
          padding: 16px 16px calc(16px + env(safe-area-inset-bottom));
        }
      }
    `,
  ];
}

customElements.define('cp-dialog', Dialog);
customElements.define('cp-drawer', Drawer);
declare global {
  interface HTMLElementTagNameMap {
    'cp-dialog': Dialog;
    'cp-drawer': Drawer;
  }
}
