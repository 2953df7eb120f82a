import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { common } from '../i18n/common.ts';
import { CpElement, newId } from './element.ts';
import { icon } from './icon.ts';

/** The value of the input, select or radio that an `input` or `change` event comes from. */
export function valueOf(event: Event): string {
  const { target } = event;
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement ? target.value : '';
}

/** Whether the switch that an event comes from is on. */
export function checkedOf(event: Event): boolean {
  return event.target instanceof HTMLInputElement && event.target.checked;
}

/** Renders into the parent's shadow root: see `styles/forms.ts`. */
abstract class Control extends CpElement {
  static override properties: PropertyDeclarations = {
    label: { type: String },
    note: { type: String },
    error: { type: String },
    name: { type: String },
    disabled: { type: Boolean },
  };
  declare label: string;
  /** What to know before filling it in. */
  declare note: string;
  /** What is wrong with the value; `''`: nothing. */
  declare error: string;
  declare name: string;
  declare disabled: boolean;
  protected readonly ids = newId('control');

  constructor() {
    super();
    this.label = '';
    this.note = '';
    this.error = '';
    this.name = '';
    this.disabled = false;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected get describedBy(): string | typeof nothing {
    const ids = [this.error ? `${this.ids}-e` : '', this.note ? `${this.ids}-n` : ''].filter(Boolean);
    return ids.length > 0 ? ids.join(' ') : nothing;
  }

  protected below(): TemplateResult {
    return html`${
      this.error
        ? html`<p class="wrong" id="${this.ids}-e">${icon('error')}<span>${this.error}</span></p>`
        : nothing
    }
    ${this.note ? html`<p class="note" id="${this.ids}-n">${this.note}</p>` : nothing}`;
  }
}

/**
 * Whose password a form has, for password managers: they tell entries of one address apart by it. Nobody sees it.
 */
export function accountName(name: string): TemplateResult {
  return html`<input type="text" name="username" autocomplete="username" value=${name} readonly hidden />`;
}

/** `<cp-field label type=text|password|number|url|search .value .error note @input>`; passwords can be shown. */
export class Field extends Control {
  static override properties = {
    value: { type: String },
    type: { type: String },
    placeholder: { type: String },
    autocomplete: { type: String },
    required: { type: Boolean },
    code: { type: Boolean },
    shown: { state: true },
  };
  declare value: string;
  declare type: 'text' | 'password' | 'number' | 'url' | 'search';
  declare placeholder: string;
  declare autocomplete: AutoFill;
  declare required: boolean;
  /** Shown in the fixed-width font. */
  declare code: boolean;
  declare shown: boolean;

  constructor() {
    super();
    this.value = '';
    this.type = 'text';
    this.placeholder = '';
    this.autocomplete = 'off';
    this.required = false;
    this.code = false;
    this.shown = false;
  }

  override focus(options?: FocusOptions): void {
    this.querySelector('input')?.focus(options);
  }

  override render(): TemplateResult {
    const secret = this.type === 'password';
    const type = secret && this.shown ? 'text' : this.type;
    return html`<label class="label" for=${this.ids}>${this.label}</label>
      <div class="box">
        <input
          class="input ${this.code || secret ? 'code' : ''}"
          id=${this.ids}
          name=${this.name || nothing}
          type=${type}
          .value=${live(this.value)}
          placeholder=${this.placeholder || nothing}
          autocomplete=${this.autocomplete}
          inputmode=${this.type === 'number' ? 'numeric' : nothing}
          autocapitalize="none"
          spellcheck="false"
          ?required=${this.required}
          ?disabled=${this.disabled}
          aria-invalid=${this.error ? 'true' : 'false'}
          aria-describedby=${this.describedBy}
          @input=${this.#take}
        />
        ${secret ? this.#peek() : nothing}
      </div>
      ${this.below()}`;
  }

  #peek(): TemplateResult {
    const text = common.t(this.shown ? 'hideValue' : 'showValue', { what: this.label });
    return html`<button
      type="button"
      class="btn quiet square peek"
      aria-label=${text}
      title=${text}
      ?disabled=${this.disabled}
      @click=${() => (this.shown = !this.shown)}
    >
      ${icon(this.shown ? 'eye-off' : 'eye')}
    </button>`;
  }

  #take(event: Event): void {
    this.value = valueOf(event);
  }
}

export interface Option {
  readonly value: string;
  readonly label: string;
}

/** One of a few. `plain` shows no label above, but says it. */
abstract class Choice extends Control {
  static override properties = {
    value: { type: String },
    options: { attribute: false },
    plain: { type: Boolean },
  };
  declare value: string;
  declare options: readonly Option[];
  declare plain: boolean;

  constructor() {
    super();
    this.value = '';
    this.options = [];
    this.plain = false;
  }
}

/** `<cp-select label .options .value @change>`: a native select. */
export class Select extends Choice {
  override render(): TemplateResult {
    return html`<label class=${this.plain ? 'unseen' : 'label'} for=${this.ids}>${this.label}</label>
      <div class="box select ${this.plain ? 'small' : ''}">
        <select
          class="input"
          id=${this.ids}
          name=${this.name || nothing}
          ?disabled=${this.disabled}
          aria-invalid=${this.error ? 'true' : 'false'}
          aria-describedby=${this.describedBy}
          @change=${this.#take}
        >
          ${this.options.map(
            ({ value, label }) =>
              html`<option value=${value} .selected=${live(value === this.value)}>${label}</option>`,
          )}
        </select>
        ${icon('down')}
      </div>
      ${this.below()}`;
  }

  #take(event: Event): void {
    this.value = valueOf(event);
  }
}

/** `<cp-segmented label .options .value @change>`: a few choices side by side; radio buttons underneath. */
export class Segmented extends Choice {
  override render(): TemplateResult {
    return html`<fieldset ?disabled=${this.disabled} aria-describedby=${this.describedBy}>
      <legend class=${this.plain ? 'unseen' : 'label'}>${this.label}</legend>
      <div class="segments">
        ${this.options.map(
          ({ value, label }) =>
            html`<label class="segment">
              <input
                type="radio"
                name=${this.ids}
                value=${value}
                .checked=${live(value === this.value)}
                @change=${this.#take}
              /><span>${label}</span>
            </label>`,
        )}
      </div>
      ${this.below()}
    </fieldset>`;
  }

  #take(event: Event): void {
    this.value = valueOf(event);
  }
}

/** `<cp-switch label note .checked @change>`. */
export class Switch extends Control {
  static override properties = { checked: { type: Boolean } };
  declare checked: boolean;

  constructor() {
    super();
    this.checked = false;
  }

  override render(): TemplateResult {
    return html`<label class="switch">
        <input
          type="checkbox"
          role="switch"
          name=${this.name || nothing}
          .checked=${live(this.checked)}
          ?disabled=${this.disabled}
          aria-describedby=${this.describedBy}
          @change=${this.#take}
        />
        <span class="label">${this.label}</span>
      </label>
      ${this.below()}`;
  }

  #take(event: Event): void {
    this.checked = checkedOf(event);
  }
}

customElements.define('cp-field', Field);
customElements.define('cp-select', Select);
customElements.define('cp-segmented', Segmented);
customElements.define('cp-switch', Switch);
declare global {
  interface HTMLElementTagNameMap {
    'cp-field': Field;
    'cp-select': Select;
    'cp-segmented': Segmented;
    'cp-switch': Switch;
  }
}
