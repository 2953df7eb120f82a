import { css, html, nothing, type TemplateResult } from 'lit';
import type { StatusAnswer } from '../../../src/lib/contract/api.ts';
import type { HealthReason } from '../../../src/lib/contract/health.ts';
import type { Tone } from '../elements/display.ts';
import { CpElement } from '../elements/element.ts';
import '../elements/figures.ts';
import { icon, type IconName } from '../elements/icon.ts';
import { count } from '../lib/format.ts';
import { describeReason, loadDiagnoses } from '../lib/describe-reason.ts';
import { closeNamed, isOpen, openNamed, place } from '../lib/router.ts';
import { feed, status } from '../lib/status.ts';
import { shell } from './texts.ts';

type Shown = 'ok' | 'degraded' | 'down' | 'unreachable' | 'checking';

const LOOKS = {
  ok: { tone: 'good', icon: 'ok', text: 'healthOk' },
  degraded: { tone: 'warn', icon: 'alert', text: 'healthDegraded' },
  down: { tone: 'bad', icon: 'error', text: 'healthDown' },
  unreachable: { tone: 'bad', icon: 'plug', text: 'healthUnreachable' },
  checking: { tone: 'neutral', icon: 'clock', text: 'healthChecking' },
} as const satisfies Record<Shown, { tone: Tone; icon: IconName; text: string }>;

const REASON_LOOKS: Readonly<Record<HealthReason['level'], { tone: Tone; icon: IconName }>> = {
  down: { tone: 'bad', icon: 'error' },
  degraded: { tone: 'warn', icon: 'alert' },
  notice: { tone: 'neutral', icon: 'info' },
};

/** One thing that is wrong, why, and what to do about it. Also for the wizard and the dashboard. */
export function reasonView(
  reason: Omit<HealthReason, 'since'> & { readonly since?: number },
): TemplateResult {
  const { message, fix } = describeReason(reason);
  const look = REASON_LOOKS[reason.level];
  return html`<div class="reason">
    ${icon(look.icon, look.tone)}
    <div class="grow">
      <p class="what">${message}</p>
      ${fix ? html`<p class="soft">${fix}</p>` : nothing}
      ${reason.since ? html`<p class="faint small"><cp-ago .at=${reason.since}></cp-ago></p>` : nothing}
    </div>
  </div>`;
}

export const reasonStyles = css`
  .reason {
    display: flex;
    gap: var(--space-3);
    padding: var(--space-3) 0;
    font-size: var(--size-2);
    overflow-wrap: anywhere;
  }
  .reason + .reason {
    border-top: 1px solid var(--line);
  }
  .reason > .icon {
    margin-top: 2px;
  }
  .reason .what {
    font-weight: 500;
  }
  .reason p + p {
    margin-top: 4px;
  }
`;

/** `<cp-health>`: whether records are being collected, and on a press why not. */
export class HealthButton extends CpElement {
  constructor() {
    super();
    this.watch(place);
    this.watch(status);
    this.watch(feed.state);
    this.during(() => status.use());
    this.during(() => void loadDiagnoses().then(() => this.requestUpdate()));
  }

  get #shown(): Shown {
    const { value, error } = status.value;
    if (error && error.status === 0) return 'unreachable';
    return value?.health.state ?? 'checking';
  }

  override render(): TemplateResult {
    const look = LOOKS[this.#shown];
    const word = shell.t(look.text);
    return html`<button
        class="btn quiet health"
        aria-haspopup="dialog"
        aria-label="${shell.t('health')}: ${word}"
        @click=${() => openNamed('health')}
      >
        <cp-pill tone=${look.tone} .icon=${look.icon}>${word}</cp-pill>
      </button>
      <cp-drawer heading=${shell.t('health')} ?open=${isOpen('health')} @close=${closeNamed}>
        <div class="stack">
          <p><cp-pill tone=${look.tone} .icon=${look.icon}>${word}</cp-pill></p>
          ${this.#reasons()} ${status.value.value ? this.#facts(status.value.value) : nothing}
        </div>
      </cp-drawer>`;
  }

  #reasons(): TemplateResult {
    const { value, error } = status.value;
    const reasons = value?.health.reasons ?? [];
    return html`${
      error ? html`<cp-error slim .error=${error} @retry=${() => status.refresh()}></cp-error>` : nothing
    }
    ${
      reasons.length > 0
        ? html`<div>${reasons.map((reason) => reasonView(reason))}</div>`
        : value
          ? html`<p class="soft">${shell.t('healthOkText')}</p>`
          : nothing
    }`;
  }

  #facts(value: StatusAnswer): TemplateResult {
    const { transport, upstream } = value.collector;
    return html`<dl class="facts">
      ${
        upstream
          ? html`<dt>${shell.t('healthGateway')}</dt>
              <dd>${upstream} ${value.cpa?.version ?? ''}</dd>`
          : nothing
      }
      ${
        transport
          ? html`<dt>${shell.t('healthTransport')}</dt>
              <dd>${shell.t(`transport_${transport}`)}</dd>`
          : nothing
      }
      <dt>${shell.t('healthLast')}</dt>
      <dd>
        ${
          value.lastInsertedAt === null
            ? shell.t('healthNever')
            : html`<cp-ago .at=${value.lastInsertedAt}></cp-ago>`
        }
      </dd>
      <dt>${shell.t('healthStored')}</dt>
      <dd>${count(value.eventCount)}</dd>
    </dl>`;
  }

  static override styles = [
    CpElement.styles,
    reasonStyles,
    css`
      :host {
        display: inline-block;
      }
      .health {
        padding: 0 4px;
      }
    `,
  ];
}

customElements.define('cp-health', HealthButton);
