import { css, html, nothing, type TemplateResult } from 'lit';
import type { StatusAnswer } from '../../../../src/lib/contract/api.ts';
import type { HealthReason } from '../../../../src/lib/contract/health.ts';
import { icon } from '../../elements/icon.ts';
import { describeReason } from '../../lib/describe-reason.ts';
import { bytes, count, duration } from '../../lib/format.ts';
import { isAboutTakeover } from '../../lib/takeover.ts';
import { dashboard } from './texts.ts';

type Fact = readonly [name: string, value: TemplateResult | string, look?: string];

const SECOND_MS = 1000;

/** How the records come in, and what waits or went wrong on the way. */
export function collectorFacts(status: StatusAnswer | null): TemplateResult {
  return html`<dl class="collector">
      ${factsOf(status).map(
        ([name, value, look]) =>
          html`<div>
            <dt class="small faint">${name}</dt>
            <dd class="num ${look ?? ''}">
              ${status ? value : html`<cp-skeleton width="64px"></cp-skeleton>`}
            </dd>
          </div>`,
      )}
    </dl>
    ${status ? notes(status) : nothing}`;
}

function factsOf(status: StatusAnswer | null): readonly Fact[] {
  const t = dashboard.t;
  const { collector, cpa = null, spool = null } = status ?? {};
  const when = (ms: number | null): TemplateResult | string =>
    ms === null ? t('never') : html`<cp-ago .at=${ms}></cp-ago>`;
  const dead = status?.deadLetters ?? 0;
  const waiting = spool?.records ?? 0;
  const state = collector?.collector ?? 'stopped';
  return [
    [t('state'), t(`state_${state}`), state === 'error' ? 'bad' : ''],
    [t('mode'), collector?.mode === 'auto' ? t('automatic') : (collector?.mode ?? '')],
    [t('transport'), t(`transport_${collector?.transport ?? ''}`)],
    [t('lastRead'), when(status?.lastConsumedAt ?? null)],
    [t('lastWritten'), when(status?.lastInsertedAt ?? null)],
    [t('stored'), count(status?.eventCount ?? 0)],
    [t('database'), bytes(status?.database.totalBytes ?? 0)],
    [
      t('backlog'),
      waiting > 0 ? t('backlogValue', { n: waiting, size: bytes(spool?.bytes ?? 0) }) : t('none'),
    ],
    [t('deadLetters'), dead > 0 ? count(dead) : t('none'), dead > 0 ? 'warn' : ''],
    [t('gateway'), cpa ? `CLIProxyAPI ${cpa.version}` : '–'],
    [t('upstream'), collector?.upstream || '–', 'address'],
    [t('retention'), cpa ? duration(cpa.retentionSeconds * SECOND_MS) : '–'],
  ];
}

/** By the frame, or where nothing has come by yet. */
function isToldAbove(reason: HealthReason): boolean {
  return isAboutTakeover(reason) || reason.code === 'no_history';
}

function notes(status: StatusAnswer): TemplateResult | typeof nothing {
  const { lastError } = status.collector;
  const notices = status.health.reasons.filter((reason) => reason.level === 'notice' && !isToldAbove(reason));
  if (!lastError && notices.length === 0) return nothing;
  return html`<ul class="notes small">
    ${
      lastError
        ? html`<li>
            ${icon('error', 'faint')}
            <p>${dashboard.t('lastError')}: ${lastError}</p>
          </li>`
        : nothing
    }
    ${notices.map((reason) => {
      const { message, fix } = describeReason(reason);
      return html`<li>
        ${icon('info', 'faint')}
        <p>${message} <span class="faint">${fix}</span></p>
      </li>`;
    })}
  </ul>`;
}

export const collectorStyles = css`
  .collector {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(150px, 1fr));
    gap: 12px 16px;
    padding: 14px 16px;
    font-size: var(--size-2);
    line-height: 20px;
  }
  .collector > div {
    min-width: 0;
  }
  .collector dd {
    min-height: 20px;
    overflow-wrap: anywhere;
  }
  .notes {
    display: grid;
    gap: 6px;
    padding: 10px 16px 12px;
    border-top: 1px solid var(--line);
    color: var(--text-soft);
  }
  .notes li {
    display: flex;
    gap: 8px;
    overflow-wrap: anywhere;
  }
  @container (width < 560px) {
    .collector {
      grid-template-columns: 1fr 1fr;
    }
  }
`;
