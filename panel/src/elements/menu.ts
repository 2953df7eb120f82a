import { css, html, nothing, type TemplateResult } from 'lit';
import { CpElement, newId } from './element.ts';
import { icon, type IconName } from './icon.ts';

export interface MenuItem {
  readonly value: string;
  readonly label: string;
  readonly icon?: IconName;
  /** Of a choice among several. */
  readonly checked?: boolean;
}

/** `<cp-menu label icon .items @pick>`: a button with a list. `pick` is a CustomEvent with the value. */
export class Menu extends CpElement {
  static override properties = {
    label: { type: String },
    icon: { type: String },
    text: { type: String },
    items: { attribute: false },
    open: { state: true },
  };
  declare label: string;
  declare icon: IconName;
  /** Beside the icon; without it the button is only the icon. */
  declare text: string;
  declare items: readonly MenuItem[];
  declare open: boolean;
  readonly #id = newId('menu');

  constructor() {
    super();
    this.label = '';
    this.icon = 'more';
    this.text = '';
    this.items = [];
    this.open = false;
  }

  override render(): TemplateResult {
    return html`<button
        class="btn quiet ${this.text ? '' : 'square'}"
        aria-label=${this.label}
        title=${this.label}
        aria-haspopup="menu"
        aria-expanded=${this.open ? 'true' : 'false'}
        aria-controls=${this.#id}
        @click=${this.#toggle}
      >
        ${icon(this.icon)}${this.text}
      </button>
      <div
        id=${this.#id}
        class="list"
        popover="auto"
        role="menu"
        aria-label=${this.label}
        @toggle=${this.#onToggle}
        @keydown=${this.#onKey}
      >
        ${this.items.map((item) => this.#item(item))}
      </div>`;
  }

  #item(item: MenuItem): TemplateResult {
    const choice = item.checked !== undefined;
    return html`<button
      role=${choice ? 'menuitemradio' : 'menuitem'}
      aria-checked=${choice ? String(item.checked) : nothing}
      tabindex="-1"
      @click=${() => this.#pick(item.value)}
    >
      ${item.icon ? icon(item.icon) : nothing}<span class="grow">${item.label}</span>
      ${item.checked ? icon('check') : nothing}
    </button>`;
  }

  get #list(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>('.list');
  }

  #toggle(): void {
    const list = this.#list;
    if (!list?.togglePopover()) return;
    this.#place(list);
    const checked = list.querySelector<HTMLElement>('[aria-checked="true"]');
    (checked ?? list.querySelector<HTMLElement>('button'))?.focus();
  }

  #place(list: HTMLElement): void {
    const at = this.renderRoot.querySelector('button')?.getBoundingClientRect();
    if (!at) return;
    const size = list.getBoundingClientRect();
    const below = at.bottom + 4 + size.height <= innerHeight;
    list.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - 4 - size.height)}px`;
    list.style.left = `${Math.max(8, Math.min(at.right - size.width, innerWidth - size.width - 8))}px`;
  }

  #pick(value: string): void {
    this.#list?.hidePopover();
    this.renderRoot.querySelector('button')?.focus();
    this.dispatchEvent(new CustomEvent('pick', { detail: value }));
  }

  #onToggle(event: ToggleEvent): void {
    this.open = event.newState === 'open';
  }

  #onKey(event: KeyboardEvent): void {
    const items = [...(this.#list?.querySelectorAll<HTMLElement>('button') ?? [])];
    const at = items.findIndex((one) => one.matches(':focus'));
    const last = items.length - 1;
    const to =
      event.key === 'ArrowDown'
        ? (at + 1) % items.length
        : event.key === 'ArrowUp'
          ? (at + last) % items.length
          : event.key === 'Home'
            ? 0
            : event.key === 'End'
              ? last
              : null;
    if (event.key === 'Tab') this.#list?.hidePopover();
    if (to === null) return;
    event.preventDefault();
    items[to]?.focus();
  }

  static override styles = [
    CpElement.styles,
    css`
      :host {
        display: inline-block;
      }
      .list {
        position: fixed;
        inset: auto;
        min-width: 180px;
        margin: 0;
        padding: 4px;
        border: 0;
        border-radius: var(--radius-3);
        background: var(--raised);
        color: var(--text);
        box-shadow: var(--shadow-layer);
      }
      .list button {
        appearance: none;
        display: flex;
        align-items: center;
        gap: var(--space-2);
        width: 100%;
        min-height: var(--control);
        padding: 0 10px;
        border: 0;
        border-radius: var(--radius-1);
        background: transparent;
        color: inherit;
        font: var(--size-2) / 20px var(--font);
        text-align: start;
        cursor: pointer;
      }
      .list button:hover,
      .list button:focus-visible {
        background: var(--hover);
      }
      .list .icon {
        color: var(--text-faint);
      }
      @media (forced-colors: active) {
        .list {
          border: 1px solid;
        }
      }
    `,
  ];
}

customElements.define('cp-menu', Menu);
declare global {
  interface HTMLElementTagNameMap {
    'cp-menu': Menu;
  }
}
