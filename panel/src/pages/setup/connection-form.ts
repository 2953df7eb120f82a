import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { reasonStyles } from '../../app/health.ts';
import type { ConfigAnswer, TestConnectionAnswer } from '../../../../src/lib/contract/api.ts';
import { accountName, checkedOf, valueOf } from '../../elements/controls.ts';
import { CpElement } from '../../elements/element.ts';
import { icon } from '../../elements/icon.ts';
import { api, type ApiError } from '../../lib/api.ts';
import { asApiError } from '../../lib/loader.ts';
import { advancedView } from './advanced-view.ts';
import {
  check,
  configBody,
  type Draft,
  draftOf,
  type FieldName,
  FIELDS,
  place,
  placeError,
  type Problems,
  setupBody,
  testBody,
} from './connection.ts';
import { connectionStyles } from './connection-styles.ts';
import { details } from '../../styles/details.ts';
import { aboutExample, examplesView } from './examples-view.ts';
import { told } from './problem-text.ts';
import { resultView } from './result-view.ts';
import { connection } from './texts.ts';

/** What the form last asked the daemon, and what it said. */
export type Result =
  | { readonly kind: 'asking'; readonly host: string }
  | { readonly kind: 'answer'; readonly answer: TestConnectionAnswer }
  | { readonly kind: 'error'; readonly error: ApiError };

/** A test waits for as long as the daemon does for the gateway, and some more. */
const TEST_TIMEOUT_MS = 30_000;

/**
 * `<cp-connection-form .config purpose=setup|change @saved>`: where the gateway is, its key and how records are taken;
 * tried before it is saved. The key leaves the page once it is saved.
 */
export class ConnectionForm extends CpElement {
  static override properties = {
    config: { attribute: false },
    purpose: { type: String },
    draft: { state: true },
    problems: { state: true },
    result: { state: true },
    saving: { state: true },
    advanced: { state: true },
  };
  declare config: ConfigAnswer;
  declare purpose: 'setup' | 'change';
  declare draft: Draft;
  declare problems: Problems;
  declare result: Result | null;
  declare saving: boolean;
  declare advanced: boolean;
  #asking: AbortController | null = null;

  constructor() {
    super();
    this.purpose = 'setup';
    this.problems = {};
    this.result = null;
    this.saving = false;
    this.advanced = false;
    this.during(() => () => this.#forget());
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has('config')) return;
    this.draft = draftOf(this.config);
    this.problems = {};
  }

  /** To the first field. */
  override focus(): void {
    void this.updateComplete.then(() => this.#focusOn('url'));
  }

  override render(): TemplateResult {
    const { draft, saving, result } = this;
    const busy = saving || result?.kind === 'asking';
    return html`<form novalidate @submit=${this.#submit}>
      ${this.#address()} ${accountName('CLIProxyAPI')} ${this.#key()}
      <cp-switch
        name="monitoring"
        label=${connection.t('monitoring')}
        note=${connection.t('monitoringNote')}
        .checked=${draft.monitoring}
        @change=${(event: Event) => this.#change({ monitoring: checkedOf(event) })}
      ></cp-switch>
      <details class="advanced" .open=${this.advanced} @toggle=${this.#unfold}>
        <summary>
          ${icon('right')}<span>${connection.t('advanced')}</span>
          <span class="faint">${connection.t(`mode_${draft.mode}`)}</span>
        </summary>
        ${advancedView(this.draft, this.problems, (change) => this.#change(change))}
      </details>
      <div class="result ${result ? '' : 'none'}" role="status" tabindex="-1">
        ${resultView(result, draft, { saving, again: () => void this.#again() })}
      </div>
      <div class="actions">
        <button type="button" class="btn" aria-disabled=${busy ? 'true' : nothing} @click=${this.#test}>
          ${icon('plug')}${connection.t('test')}
        </button>
        <button class="btn primary" aria-disabled=${busy ? 'true' : nothing}>
          ${connection.t(saving ? 'saving' : this.purpose === 'setup' ? 'saveSetup' : 'save')}
        </button>
      </div>
    </form>`;
  }

  #address(): TemplateResult {
    const { what, fix } = told(this.problems.url);
    return html`<div class="address">
      ${examplesView(this.draft.url, (url) => this.#pick(url))}
      <cp-field
        name="url"
        type="text"
        code
        required
        label=${connection.t('url')}
        .value=${this.draft.url}
        .error=${what}
        note=${fix}
        @input=${(event: Event) => this.#change({ url: valueOf(event) })}
      ></cp-field>
      ${what ? nothing : aboutExample(this.draft.url)}
    </div>`;
  }

  #key(): TemplateResult {
    const { draft, problems, config } = this;
    const { what, fix } = told(problems.key);
    const kept = config.config.cpaConnection.managementKeySet;
    const note = connection.t('keyNote');
    return html`<cp-field
      name="management-key"
      type="password"
      autocomplete="new-password"
      ?required=${!kept}
      label=${connection.t('key')}
      placeholder=${kept ? connection.t('keySaved') : ''}
      .value=${draft.key}
      .error=${what}
      note=${what ? fix : kept ? connection.t('keyNoteKept', { note }) : note}
      @input=${(event: Event) => this.#change({ key: valueOf(event) })}
    ></cp-field>`;
  }

  #unfold(event: Event): void {
    if (event.currentTarget instanceof HTMLDetailsElement) this.advanced = event.currentTarget.open;
  }

  #pick(url: string): void {
    this.#change({ url });
    void this.#showPicked(url);
  }

  async #showPicked(url: string): Promise<void> {
    await this.updateComplete;
    const field = this.renderRoot.querySelector<HTMLInputElement>('[name="url"] input');
    field?.focus();
    // An example to be written over.
    if (url.includes('example.')) field?.setSelectionRange('https://'.length, url.length);
  }

  /** What was said of the old values says nothing of the new ones. */
  #change(change: Partial<Draft>): void {
    this.#asking?.abort();
    this.draft = { ...this.draft, ...change };
    this.problems = {};
    this.result = null;
  }

  #submit(event: Event): void {
    event.preventDefault();
    void this.#save();
  }

  async #test(): Promise<void> {
    if (this.#asking || this.saving || !(await this.#checked())) return;
    await this.#ask();
    if (Object.keys(this.problems).length > 0) await this.#focusFirst();
  }

  /** A person says that the refused key was put right over there: then it may be sent again. */
  async #again(): Promise<void> {
    if (this.#asking || this.saving) return;
    try {
      await api.post('usage-service/retry');
    } catch (error) {
      this.#fail(asApiError(error));
      return;
    }
    await this.#test();
  }

  /** Whether there is anything to ask the gateway about. */
  async #checked(): Promise<boolean> {
    this.problems = check(this.draft, this.config);
    if (Object.keys(this.problems).length === 0) return true;
    this.result = null;
    await this.#focusFirst();
    return false;
  }

  /** Asks the daemon to try the connection: whether it may be saved; null when one went on typing meanwhile. */
  async #ask(): Promise<boolean | null> {
    const asking = new AbortController();
    this.#asking = asking;
    const { draft } = this;
    this.result = { kind: 'asking', host: draft.url.trim().replace(/^[a-z]+:\/\//i, '') };
    try {
      const answer = await api.post<TestConnectionAnswer>('usage-service/test-connection', {
        body: testBody(draft),
        signal: asking.signal,
        timeoutMs: TEST_TIMEOUT_MS,
      });
      if (asking.signal.aborted) return null;
      this.problems = place(answer, draft).problems;
      this.result = { kind: 'answer', answer };
      return answer.ok && Object.keys(this.problems).length === 0;
    } catch (error) {
      if (asking.signal.aborted) return null;
      this.#fail(asApiError(error));
      return false;
    } finally {
      if (this.#asking === asking) this.#asking = null;
    }
  }

  #fail(error: ApiError): void {
    this.problems = placeError(error, this.config) ?? {};
    this.result = Object.keys(this.problems).length > 0 ? null : { kind: 'error', error };
  }

  /** Tries first: what is wrong is told at its field, and in the reader's language. */
  async #save(): Promise<void> {
    if (this.#asking || this.saving || !(await this.#checked())) return;
    this.saving = true;
    try {
      // Who has read what speaks against one way in, and saves all the same, may: the gateway may yet be updated.
      const known = this.result?.kind === 'answer' && this.result.answer.ok;
      const good = known || (await this.#ask());
      if (good === false) await this.#focusFirst();
      if (!good) return;
      const { draft } = this;
      if (this.purpose === 'setup') await api.post('usage-service/setup', { body: setupBody(draft) });
      else await api.put('usage-service/config', { body: configBody(draft) });
      this.#forget();
      this.dispatchEvent(new CustomEvent('saved', { detail: { monitoring: draft.monitoring } }));
    } catch (error) {
      this.#fail(asApiError(error));
      await this.#focusFirst();
    } finally {
      this.saving = false;
    }
  }

  /** To the first field with a problem, else to the result. */
  async #focusFirst(): Promise<void> {
    const field = FIELDS.find((one) => this.problems[one]);
    if (field === 'mode' || field === 'poll') this.advanced = true;
    await this.updateComplete;
    if (field) this.#focusOn(field);
    else this.renderRoot.querySelector<HTMLElement>('.result')?.focus();
  }

  #focusOn(field: FieldName): void {
    const selector = { url: 'cp-field[name="url"]', key: 'cp-field[name="management-key"]', poll: '.poll' };
    const at = field === 'mode' ? 'input[name="mode"]:checked' : selector[field];
    this.renderRoot.querySelector<HTMLElement>(at)?.focus();
  }

  #forget(): void {
    this.#asking?.abort();
    if (this.draft) this.draft = { ...this.draft, key: '' };
    this.result = null;
    const input = this.renderRoot.querySelector<HTMLInputElement>('[name="management-key"] input');
    if (input) input.value = '';
  }

  static override styles = [CpElement.styles, details, reasonStyles, connectionStyles];
}

customElements.define('cp-connection-form', ConnectionForm);
declare global {
  interface HTMLElementTagNameMap {
    'cp-connection-form': ConnectionForm;
  }
}
