import { css, html, nothing, type TemplateResult } from 'lit';
import { reasonStyles, reasonView } from '../../app/health.ts';
import { TAKEOVER, takeoverTitle } from '../../app/takeover-strip.ts';
import { shell } from '../../app/texts.ts';
import type { ConfigAnswer } from '../../../../src/lib/contract/api.ts';
import '../../elements/display.ts';
import { CpElement } from '../../elements/element.ts';
import '../../elements/feedback.ts';
import { toast } from '../../elements/toasts.ts';
import '../../elements/figures.ts';
import { icon } from '../../elements/icon.ts';
import { api, type ApiError } from '../../lib/api.ts';
import { describeError } from '../../lib/describe-error.ts';
import { duration } from '../../lib/format.ts';
import { asApiError } from '../../lib/loader.ts';
import { hrefOf } from '../../lib/location.ts';
import { onReturn } from '../../lib/session.ts';
import { status } from '../../lib/status.ts';
import { isAboutTakeover } from '../../lib/takeover.ts';
import '../setup/connection-form.ts';
import { REFUSED } from '../setup/connection.ts';
import { connection } from '../setup/texts.ts';

/** The connection to the gateway as it is, and its change: for a gateway that moved, or a key that is another one. */
export class ConfigPage extends CpElement {
  static override properties = {
    config: { state: true },
    error: { state: true },
    trying: { state: true },
  };
  declare config: ConfigAnswer | null;
  declare error: ApiError | null;
  declare trying: boolean;

  constructor() {
    super();
    this.config = null;
    this.error = null;
    this.trying = false;
    this.watch(status);
    this.during(() => status.use());
    this.during(() => void this.#read());
    this.during(() => onReturn(() => this.error && void this.#read()));
  }

  override render(): TemplateResult {
    const { config, error } = this;
    if (error) return html`<cp-error .error=${error} @retry=${this.#read}></cp-error>`;
    if (!config) return html`<cp-skeleton height="420px"></cp-skeleton>`;
    const managed = config.source === 'env';
    return html`<div class="columns">
      <cp-card heading=${connection.t(managed ? 'managed' : 'change')}>
        ${managed ? this.#managed(config) : this.#form(config)}
      </cp-card>
      <div class="stack">
        <cp-card heading=${connection.t('current')}>
          <div class="stack">${this.#facts(config)} ${this.#reasons()}</div>
        </cp-card>
        ${this.#takeover()}
      </div>
    </div>`;
  }

  #form(config: ConfigAnswer): TemplateResult {
    return html`<cp-connection-form
      purpose="change"
      .config=${config}
      @saved=${({ detail }: CustomEvent<{ monitoring: boolean }>) => {
        toast(connection.t(detail.monitoring ? 'saved' : 'savedOff'), 'good');
        status.refresh();
        void this.#read();
      }}
    ></cp-connection-form>`;
  }

  #managed({ config }: ConfigAnswer): TemplateResult {
    const { collector } = config;
    return html`<div class="stack">
      <p class="soft">${connection.t('managedText')}</p>
      <dl class="facts">
        <dt>${connection.t('managedMode')}</dt>
        <dd>${connection.t(`mode_${collector.collectorMode}`)}</dd>
        <dt>${connection.t('poll')}</dt>
        <dd>${collector.pollIntervalMs}</dd>
      </dl>
    </div>`;
  }

  #facts({ config, source, cpaUsage }: ConfigAnswer): TemplateResult {
    const { cpaBaseUrl, managementKeySet } = config.cpaConnection;
    const now = status.value.value;
    const key = !managementKeySet ? 'keyStateNone' : source === 'env' ? 'keyStateEnv' : 'keyStateSet';
    const line = (name: string, value: string): TemplateResult =>
      html`<dt>${name}</dt>
        <dd>${value}</dd>`;
    return html`<dl class="facts">
      <dt>${connection.t('url')}</dt>
      <dd class="mono">${cpaBaseUrl || connection.t('unset')}</dd>
      ${line(connection.t('keyState'), connection.t(key))}
      ${now?.cpa?.version ? line(connection.t('version'), now.cpa.version) : nothing}
      ${
        cpaUsage
          ? html`${line(
              connection.t('publishing'),
              connection.t(cpaUsage.usageStatisticsEnabled ? 'publishingOn' : 'publishingOff'),
            )}
            ${line(connection.t('retention'), duration(cpaUsage.redisUsageQueueRetentionSeconds * 1000))}`
          : nothing
      }
      ${
        now?.collector.transport
          ? line(connection.t('way'), connection.t(`way_${now.collector.transport}`))
          : nothing
      }
    </dl>`;
  }

  #reasons(): TemplateResult | typeof nothing {
    const all = status.value.value?.health.reasons ?? [];
    const reasons = all.filter((reason) => !isAboutTakeover(reason));
    if (reasons.length === 0) return nothing;
    const refused = reasons.some(({ code }) => REFUSED.includes(code));
    return html`<div class="reasons">
      ${reasons.map((reason) => reasonView(reason))}
      ${
        refused
          ? html`<div class="again">
              <p class="soft">${connection.t('tryAgainText')}</p>
              <button class="btn" aria-disabled=${this.trying ? 'true' : nothing} @click=${this.#tryAgain}>
                ${icon('refresh')}${connection.t(this.trying ? 'tryingAgain' : 'tryAgain')}
              </button>
            </div>`
          : nothing
      }
    </div>`;
  }

  /** Where the report is to be found again once the frame no longer speaks of it. */
  #takeover(): TemplateResult | typeof nothing {
    const takeover = status.value.value?.takeover;
    if (!takeover) return nothing;
    return html`<cp-card heading=${shell.t('takeover')}>
      <div class="again">
        <p class="soft">${takeoverTitle(takeover)}</p>
        <a class="btn" href=${hrefOf(TAKEOVER)}
          >${shell.t(takeover.state === 'done' ? 'takeoverReport' : 'takeoverDetails')}</a
        >
      </div>
    </cp-card>`;
  }

  async #read(): Promise<void> {
    try {
      this.config = await api.get<ConfigAnswer>('usage-service/config');
      this.error = null;
    } catch (error) {
      this.error = asApiError(error);
    }
  }

  async #tryAgain(): Promise<void> {
    if (this.trying) return;
    this.trying = true;
    try {
      await api.post('usage-service/retry');
      toast(connection.t('triedAgain'));
      status.refresh();
    } catch (error) {
      toast(describeError(asApiError(error)).title, 'bad');
    } finally {
      this.trying = false;
    }
  }

  static override styles = [
    CpElement.styles,
    reasonStyles,
    css`
      .columns {
        display: grid;
        grid-template-columns: minmax(0, 680px) minmax(280px, 400px);
        align-items: start;
        gap: 16px;
      }
      .reasons {
        border-top: 1px solid var(--line);
      }
      .again {
        display: grid;
        justify-items: start;
        gap: 10px;
        font-size: var(--size-2);
      }
      .reasons .again {
        padding-top: var(--space-3);
        border-top: 1px solid var(--line);
      }
      @media (max-width: 1080px) {
        .columns {
          grid-template-columns: minmax(0, 680px);
        }
        .columns > :last-child {
          order: -1;
        }
      }
    `,
  ];
}

customElements.define('cp-page-config', ConfigPage);
