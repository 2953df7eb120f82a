import { css, html, nothing, type TemplateResult } from 'lit';
import type { StatusAnswer } from '../../../../src/lib/contract/api.ts';
import { reasonStyles, reasonView } from '../../app/health.ts';
import { icon } from '../../elements/icon.ts';
import { describeReason } from '../../lib/describe-reason.ts';
import { duration } from '../../lib/format.ts';
import { hrefOf } from '../../lib/location.ts';
import { remediesOf } from './alerts.ts';
import { checksOf, type Check } from './checks.ts';
import { dashboard } from './texts.ts';

const LOOKS = {
  done: { icon: 'ok', tone: 'good', text: 'check_done' },
  failed: { icon: 'error', tone: 'bad', text: 'check_failed' },
  waiting: { icon: 'clock', tone: 'faint', text: 'check_waiting' },
} as const;

/** Instead of figures, before there is anything to count: what has to hold for the first request to appear. */
export function waitingView(status: StatusAnswer): TemplateResult {
  const checks = checksOf(status);
  const current = checks.find(({ state }) => state === 'waiting');
  const stuck = checks.some(({ state }) => state === 'failed');
  return html`<section class="first-request">
    <h2>${dashboard.t('waitHeading')}</h2>
    <p class="soft">${dashboard.t('waitIntro')}</p>
    <ol>
      ${checks.map((check) => row(check, status, !stuck && check === current))}
    </ol>
    ${noHistory(status)}
  </section>`;
}

/** Somebody who had history may have started with another folder than that where it is. */
function noHistory({ health }: StatusAnswer): TemplateResult | typeof nothing {
  const reason = health.reasons.find(({ code }) => code === 'no_history');
  return reason ? reasonView(reason) : nothing;
}

function row(check: Check, status: StatusAnswer, current: boolean): TemplateResult {
  const look = LOOKS[check.state];
  return html`<li class="${check.state} ${current ? 'current' : ''}">
    <span class="tick"
      >${icon(look.icon, look.tone)}<span class="unseen">${dashboard.t(look.text)}</span></span
    >
    <div class="grow">
      <p class="name">${dashboard.t(`check_${check.name}`)}</p>
      ${more(check, status, current)}
    </div>
  </li>`;
}

function more(
  { name, state, reason }: Check,
  status: StatusAnswer,
  current: boolean,
): TemplateResult | typeof nothing {
  const { cpa, collector } = status;
  const line = (text: string): TemplateResult => html`<p class="small faint">${text}</p>`;
  if (reason) {
    const { message, fix } = describeReason(reason);
    return html`<p class="small">${message}</p>
      <p class="small soft">${fix}</p>
      ${
        remediesOf(reason.code).length > 0
          ? html`<p class="do">
              <a class="btn" href=${hrefOf('/config')}>${dashboard.t('openSettings')}</a>
            </p>`
          : nothing
      }`;
  }
  if (name === 'request' && current) return line(dashboard.t('sendOne', { url: collector.upstream }));
  if (state !== 'done' || !cpa) return nothing;
  if (name === 'connected') return line(`CLIProxyAPI ${cpa.version} · ${collector.upstream}`);
  if (name === 'retention')
    return line(dashboard.t('keeps', { time: duration(cpa.retentionSeconds * 1000) }));
  return nothing;
}

export const waitingStyles = [
  reasonStyles,
  css`
    .first-request {
      display: grid;
      gap: 4px;
      max-width: 640px;
      width: 100%;
      margin: 24px auto;
      padding: 28px 32px;
      border: 1px solid var(--line);
      border-radius: 12px;
      background: var(--surface);
    }
    .first-request h2 {
      font-size: var(--size-5);
      line-height: 28px;
    }
    .first-request ol {
      margin-top: 16px;
    }
    .first-request li {
      display: flex;
      gap: 12px;
      padding: 11px 0;
      border-top: 1px solid var(--line);
      font-size: var(--size-2);
      overflow-wrap: anywhere;
    }
    .first-request .tick {
      position: relative;
      height: 20px;
      display: grid;
      place-items: center;
      border-radius: 50%;
    }
    .first-request .name {
      font-weight: 500;
      font-size: var(--size-3);
      line-height: 20px;
    }
    .first-request li.waiting .name {
      color: var(--text-soft);
      font-weight: 400;
    }
    .first-request li.current .name {
      color: var(--text);
      font-weight: 500;
    }
    .first-request li.current .tick .icon {
      color: var(--accent);
    }
    @media (prefers-reduced-motion: no-preference) {
      .first-request li.current .tick .icon {
        animation: breathe 1.8s ease-in-out infinite;
      }
      @keyframes breathe {
        50% {
          opacity: 0.35;
        }
      }
    }
    .first-request .do {
      margin-top: 8px;
    }
    @container (width < 560px) {
      .first-request {
        margin: 0;
        padding: 20px 16px;
      }
    }
  `,
];
