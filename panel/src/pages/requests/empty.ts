import { css, html, nothing, type TemplateResult } from 'lit';
import type { StatusAnswer } from '../../../../src/lib/contract/api.ts';
import { reasonStyles, reasonView } from '../../app/health.ts';
import { hrefOf } from '../../lib/location.ts';
import { requests } from './texts.ts';

/** Why there is no row, and what to do about it. */
export function emptyView(narrowed: boolean, status: StatusAnswer | null, clear: () => void): TemplateResult {
  if (narrowed) {
    return html`<cp-empty class="blank" icon="filter" heading=${requests.t('emptyFilter')}>
      <p>${requests.t('emptyFilterText')}</p>
      <p class="act"><button class="btn" @click=${clear}>${requests.t('reset')}</button></p>
    </cp-empty>`;
  }
  const reasons = status?.health.reasons ?? [];
  return html`<cp-empty class="blank" icon="requests" heading=${requests.t('empty')}>
    <p>${requests.t(reasons.length > 0 ? 'emptyWhy' : 'emptyText')}</p>
    ${reasons.length > 0 ? html`<div class="reasons">${reasons.map((one) => reasonView(one))}</div>` : nothing}
    <p class="act"><a href=${hrefOf('/')}>${requests.t('emptyChecks')}</a></p>
  </cp-empty>`;
}

const ROWS = Array.from({ length: 12 }, (_, index) => index);

/** The place of the rows while they are read for the first time. */
export function skeletonView(): TemplateResult {
  return html`<div class="waiting" aria-busy="true">
    ${ROWS.map(
      (index) =>
        html`<div>
          <cp-skeleton width="56px"></cp-skeleton><cp-skeleton width="72px"></cp-skeleton
          ><cp-skeleton width="${90 + ((index * 37) % 80)}px"></cp-skeleton
          ><cp-skeleton width="${60 + ((index * 53) % 60)}px"></cp-skeleton>
        </div>`,
    )}
  </div>`;
}

export const emptyStyles = [
  reasonStyles,
  css`
    .blank,
    .waiting {
      border: 1px solid var(--line);
      border-radius: var(--radius-3);
      background: var(--surface);
    }
    .reasons {
      margin-top: 12px;
      text-align: start;
    }
    .act {
      margin-top: 12px;
    }
    .waiting {
      margin-top: 0;
    }
    .waiting > div {
      display: flex;
      align-items: center;
      gap: 32px;
      height: 48px;
      padding: 0 16px;
      overflow: hidden;
    }
    .waiting > div + div {
      border-top: 1px solid var(--line);
    }
  `,
];
