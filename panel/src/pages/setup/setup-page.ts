import { html, nothing, type TemplateResult } from 'lit';
import { preferences } from '../../app/preferences.ts';
import '../../app/takeover-strip.ts';
import type { ConfigAnswer } from '../../../../src/lib/contract/api.ts';
import { CpElement } from '../../elements/element.ts';
import '../../elements/feedback.ts';
import '../../elements/figures.ts';
import { icon, mark } from '../../elements/icon.ts';
import { api, type ApiError } from '../../lib/api.ts';
import { asApiError } from '../../lib/loader.ts';
import { go } from '../../lib/router.ts';
import { info, readInfo, session } from '../../lib/session.ts';
import { status } from '../../lib/status.ts';
import { theme } from '../../lib/theme.ts';
import { alone } from '../../styles/alone.ts';
import '../login/login-form.ts';
import './connection-form.ts';
import { setupStyles } from './setup-styles.ts';
import { connection } from './texts.ts';

const STEPS = ['stepAdmin', 'stepGateway'] as const;

/** The first setup: who one is, then where the gateway is. Shown until a gateway is set up. */
export class SetupPage extends CpElement {
  static override properties = { config: { state: true }, error: { state: true } };
  declare config: ConfigAnswer | null;
  declare error: ApiError | null;

  constructor() {
    super();
    this.config = null;
    this.error = null;
    this.watch(theme);
    this.watch(info);
    this.watch(session);
    this.during(() => session.subscribe((state) => state === 'in' && void this.#read()));
    this.during(() => {
      if (session.value === 'in') void this.#read();
    });
  }

  get #step(): number {
    return session.value === 'in' || session.value === 'ended' ? 1 : 0;
  }

  override render(): TemplateResult {
    const step = this.#step;
    return html`<header class="row">${preferences()}</header>
      <main>
        <aside>
          ${mark(40)}
          <h1>${connection.t('setupHeading')}</h1>
          <p class="soft">${connection.t('setupLead')}</p>
          <ol class="steps">
            ${STEPS.map((name, index) => this.#stepItem(name, index))}
          </ol>
        </aside>
        <section class="sheet" aria-labelledby="step">
          <p class="faint small">${connection.t('stepOf', { n: step + 1, of: STEPS.length })}</p>
          ${step === 0 ? this.#admin() : this.#gateway()}
        </section>
        ${keys()}
      </main>
      <footer class="faint small num">
        <span class="cut">${location.host}</span><span>cpamp ${info.value?.version ?? ''}</span>
      </footer>`;
  }

  #stepItem(name: (typeof STEPS)[number], index: number): TemplateResult {
    const done = index < this.#step;
    return html`<li class=${done ? 'done' : ''} aria-current=${index === this.#step ? 'step' : nothing}>
      <span class="number num" aria-hidden="true">${done ? icon('check') : index + 1}</span>
      <span
        ><span class="name">${connection.t(name)}</span>
        <span class="soft small">${connection.t(`${name}Text`)}</span></span
      >
      ${done ? html`<span class="unseen">${connection.t('stepDone')}</span>` : nothing}
    </li>`;
  }

  #admin(): TemplateResult {
    return html`<h2 id="step">${connection.t('adminHeading')}</h2>
      <p class="soft lead">${connection.t('adminText')}</p>
      ${
        info.value?.hasHistoricalData
          ? html`<p class="history">${icon('clock')}<span>${connection.t('history')}</span></p>`
          : nothing
      }
      <cp-login-form explain submit=${connection.t('goOn')}></cp-login-form>`;
  }

  #gateway(): TemplateResult {
    return html`<h2 id="step">${connection.t('gatewayHeading')}</h2>
      <p class="soft lead">${connection.t('gatewayText')}</p>
      <cp-takeover boxed></cp-takeover>
      ${
        this.error
          ? html`<cp-error .error=${this.error} @retry=${this.#read}></cp-error>`
          : this.config
            ? html`<cp-connection-form
                purpose="setup"
                .config=${this.config}
                @saved=${this.#done}
              ></cp-connection-form>`
            : html`<cp-skeleton height="360px"></cp-skeleton>`
      }`;
  }

  async #read(): Promise<void> {
    // What was typed stays when one has to log in again.
    if (this.config) return;
    try {
      this.error = null;
      this.config = await api.get<ConfigAnswer>('usage-service/config');
      await this.updateComplete;
      this.renderRoot.querySelector('cp-connection-form')?.focus();
    } catch (error) {
      this.error = asApiError(error);
    }
  }

  async #done(): Promise<void> {
    try {
      await readInfo();
      status.refresh();
      go('/dashboard', {}, 'replace');
    } catch {
      // It is saved; a start from the beginning finds that out.
      location.reload();
    }
  }

  static override styles = [CpElement.styles, alone, setupStyles];
}

/** What goes wrong most at a setup is one key in place of another. */
function keys(): TemplateResult {
  const key = (name: 'keyAdmin' | 'keyManagement' | 'keyClient'): TemplateResult =>
    html`<dt>${icon('key')}${connection.t(name)}</dt>
      <dd>${connection.t(`${name}Text`)}</dd>`;
  return html`<section class="keys" aria-labelledby="keys">
    <h2 id="keys">${connection.t('keysHeading')}</h2>
    <dl>${key('keyAdmin')} ${key('keyManagement')} ${key('keyClient')}</dl>
  </section>`;
}

customElements.define('cp-page-setup', SetupPage);
