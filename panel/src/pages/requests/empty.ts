import { css, html, type TemplateResult } from 'lit';
import type { StatusAnswer } from '../../../../src/lib/contract/api.ts';
import { waitingStyles, waitingView } from '../dashboard/waiting.ts';
import { requests } from './texts.ts';

/** Why there is no row, and what to do about it. */
export function emptyView(narrowed: boolean, status: StatusAnswer | null, clear: () => void): TemplateResult {
  if (narrowed) {
    return html`<cp-empty class="blank" icon="filter" heading=${requests.t('emptyFilter')}>
      <p>${requests.t('emptyFilterText')}</p>
      <p class="act"><button class="btn" @click=${clear}>${requests.t('reset')}</button></p>
    </cp-empty>`;
  }
  // Its way step by step, as on the dashboard.
  if (status) return html`<div class="room">${waitingView(status)}</div>`;
  return html`<cp-empty class="blank" icon="requests" heading=${requests.t('empty')}>
    <p>${requests.t('emptyText')}</p>
  </cp-empty>`;
}

const ROWS = Array.from({ length: 12 }, (_, index) => index);

/** The place of the rows while they are read for the first time. */
export function skeletonView(): TemplateResult {
  return html`<div class="skeletons" aria-busy="true">
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
  waitingStyles,
  css`
    .blank,
    .skeletons {
      border: 1px solid var(--line);
      border-radius: var(--radius-3);
      background: var(--surface);
    }
    .room {
      container-type: inline-size;
    }
    .act {
      margin-top: 12px;
    }
    .skeletons {
      margin-top: 0;
    }
    .skeletons > div {
      display: flex;
      align-items: center;
      gap: 32px;
      height: 48px;
      padding: 0 16px;
      overflow: hidden;
    }
    .skeletons > div + div {
      border-top: 1px solid var(--line);
    }
  `,
];
