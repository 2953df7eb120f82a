import { css, html, nothing, type TemplateResult } from 'lit';
import { accountName, type Field, valueOf } from '../../elements/controls.ts';
import { CpElement } from '../../elements/element.ts';
import { icon } from '../../elements/icon.ts';
import type { ApiError } from '../../lib/api.ts';
import { describeError } from '../../lib/describe-error.ts';
import { asApiError } from '../../lib/loader.ts';
import { logIn } from '../../lib/session.ts';
import { everySecond } from '../../lib/ticker.ts';
import { details } from '../../styles/details.ts';
import { login } from './texts.ts';

/** Failures that end by themselves: the form tries again until they do. */
const PASSING = ['starting', 'database_locked'];
const AGAIN_MS = 2000;
/** Failures that are about the key and not about the daemon. */
const ABOUT_KEY = ['invalid_admin_key', 'cpa_key_given', 'too_many_attempts'];

/**
 * `<cp-login-form>`: trades the admin key for a session. The key is gone from the page as soon as it was taken. `submit`
 * is the word on its button where that is not "Log in"; `explain` shows where the key is found without being asked.
 */
export class LoginForm extends CpElement {
  static override properties = {
    submit: { type: String },
    explain: { type: Boolean },
    key: { state: true },
    busy: { state: true },
    error: { state: true },
    missing: { state: true },
    where: { state: true },
  };
  declare submit: string;
  declare explain: boolean;
  declare key: string;
  declare busy: boolean;
  declare error: ApiError | null;
  declare missing: boolean;
  declare where: 'docker' | 'systemd' | 'terminal';
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.submit = '';
    this.explain = false;
    this.key = '';
    this.busy = false;
    this.error = null;
    this.missing = false;
    this.where = 'docker';
    this.during(() => everySecond(() => this.#waitSeconds > -2 && this.requestUpdate()));
    this.during(() => () => this.#forget());
  }

  override firstUpdated(): void {
    void this.updateComplete.then(() => this.#field?.focus());
  }

  get #field(): Field | null {
    return this.renderRoot.querySelector('cp-field');
  }

  /** Until the throttle lets one try again; 0 or less: now. */
  get #waitSeconds(): number {
    const until = this.error?.retryAtMs;
    return until == null ? -Infinity : Math.ceil((until - Date.now()) / 1000);
  }

  override render(): TemplateResult {
    const wait = this.#waitSeconds;
    const { error } = this;
    const passing = error !== null && PASSING.includes(error.code);
    const atField = error !== null && ABOUT_KEY.includes(error.code);
    return html`<form novalidate @submit=${this.#submit}>
        ${accountName('admin')}
        <cp-field
          label=${login.t('adminKey')}
          name="admin-key"
          type="password"
          autocomplete="current-password"
          placeholder=${login.t('placeholder')}
          required
          ?disabled=${this.busy && passing}
          note=${atField || this.missing ? '' : login.t('whichKey')}
          .value=${this.key}
          .error=${this.missing ? login.t('empty') : atField ? this.#text(error) : ''}
          @input=${this.#type}
        ></cp-field>
        ${error && !atField ? this.#trouble(error, passing) : nothing}
        <button class="btn primary" ?disabled=${wait > 0} aria-disabled=${this.busy ? 'true' : nothing}>
          ${wait > 0 ? login.t('wait', { seconds: wait }) : this.busy ? login.t('busy') : this.submit || login.t('submit')}
        </button>
        <span class="unseen" role="alert">${error ? this.#text(error) : ''}</span>
      </form>
      ${this.#help()}`;
  }

  #text(error: ApiError): string {
    const { title, hint } = describeError(error);
    return hint ? `${title} ${hint}` : title;
  }

  #trouble(error: ApiError, passing: boolean): TemplateResult {
    const { title, hint } = describeError(error);
    return html`<div class="trouble">
      ${icon(passing ? 'clock' : 'plug', passing ? 'warn' : 'bad')}
      <div>
        <p class="what">${title}</p>
        <p class="soft">${passing && error.code === 'starting' ? login.t('startingAgain') : hint}</p>
      </div>
    </div>`;
  }

  #help(): TemplateResult {
    const command = this.where === 'docker' ? 'docker compose logs cpamp' : 'journalctl -u cpamp';
    return html`<details class="help" ?open=${this.explain}>
      <summary>${icon('right')}<span>${login.t('where')}</span></summary>
      <div class="stack">
        <p>${login.t('whereText')}</p>
        <cp-segmented
          plain
          label=${login.t('where')}
          .value=${this.where}
          .options=${[
            { value: 'docker', label: login.t('whereDocker') },
            { value: 'systemd', label: login.t('whereSystemd') },
            { value: 'terminal', label: login.t('whereTerminal') },
          ]}
          @change=${(event: Event) => {
            const value = valueOf(event);
            if (value === 'docker' || value === 'systemd' || value === 'terminal') this.where = value;
          }}
        ></cp-segmented>
        ${
          this.where === 'terminal'
            ? html`<p>${coded(login.t('whereTerminalText', { command: '`cpamp serve`' }))}</p>`
            : html`<div class="command">
                <code>${command}</code><cp-copy .text=${command} label=${command}></cp-copy>
              </div>`
        }
        <p>${coded(login.t('whereLost', { variable: '`CPA_MANAGER_ADMIN_KEY`' }))}</p>
      </div>
    </details>`;
  }

  #type(event: Event): void {
    this.key = valueOf(event);
    this.missing = false;
    if (this.error && ABOUT_KEY.includes(this.error.code) && this.#waitSeconds <= 0) this.error = null;
  }

  #submit(event: Event): void {
    event.preventDefault();
    if (!this.busy) void this.#try();
  }

  async #try(): Promise<void> {
    const key = this.key.trim();
    if (key === '') {
      this.missing = true;
      this.#field?.focus();
      return;
    }
    clearTimeout(this.#again);
    this.busy = true;
    try {
      await logIn(key);
      this.#forget();
      this.busy = false;
    } catch (error) {
      this.error = asApiError(error);
      if (PASSING.includes(this.error.code) && this.isConnected) {
        this.#again = setTimeout(() => void this.#try(), AGAIN_MS);
        return;
      }
      this.busy = false;
      await this.updateComplete;
      this.#field?.focus();
    }
  }

  #forget(): void {
    clearTimeout(this.#again);
    this.key = '';
    this.error = null;
    const input = this.renderRoot.querySelector<HTMLInputElement>('cp-field input');
    if (input) input.value = '';
  }

  static override styles = [
    CpElement.styles,
    details,
    css`
      form {
        display: grid;
        gap: 16px;
      }
      .btn.primary {
        min-height: max(40px, var(--control));
        font-size: var(--size-3);
      }
      .trouble {
        display: flex;
        gap: 10px;
        font-size: var(--size-2);
      }
      .trouble .icon {
        margin-top: 2px;
      }
      .what {
        font-weight: 500;
      }
      .help {
        margin-top: 20px;
        padding-top: 12px;
        border-top: 1px solid var(--line);
        font-size: var(--size-2);
        color: var(--text-soft);
      }
      .help .stack {
        gap: 12px;
        padding-top: 8px;
      }
    `,
  ];
}

/** Text with \`code\` in it. */
function coded(text: string): readonly (string | TemplateResult)[] {
  return text.split('`').map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece));
}

customElements.define('cp-login-form', LoginForm);
