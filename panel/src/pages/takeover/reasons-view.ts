import { html, nothing, type TemplateResult } from 'lit';
import type { TakeoverDifference, TakeoverReason, TakeoverReport } from '../../../../src/lib/contract/api.ts';
import { language } from '../../i18n/i18n.ts';
import { count } from '../../lib/format.ts';
import { countsOf } from './compare.ts';
import { takeoverTexts as texts } from './texts.ts';

/** How many rows come with a press of the button for more. */
export const ROWS_STEP = 50;

/** Why rows of the old volume are not here as they were there: by reason, then row by row. */
export function reasonsCard(
  { reasons, differences, lost }: TakeoverReport,
  most: number,
  onMore: () => void,
): TemplateResult | typeof nothing {
  if (reasons.length === 0) return nothing;
  const all = reasons.reduce((sum, { rows }) => sum + rows, 0);
  const shown = differences.slice(0, most);
  return html`<cp-card class="whole" flush heading=${texts.t('reasons')}>
    <ul class="reasons">
      ${reasons.map(
        ({ reason, rows }) =>
          html`<li>
            <b class="num">${count(rows)}</b>
            <span
              ><span class="name">${texts.t(`reason_${reason}`)}</span>
              <span class="soft">${texts.t(`reason_${reason}_text`)}</span></span
            >
          </li>`,
      )}
      ${lost.map(
        ({ fromId, toId }) =>
          html`<li>
            <b></b>
            <span class="soft num"
              >${
                fromId === toId
                  ? texts.t('lostRow', { from: String(fromId) })
                  : texts.t('lostRange', { from: String(fromId), to: String(toId) })
              }</span
            >
          </li>`,
      )}
    </ul>
    ${shown.length === 0 ? nothing : table(shown)}
    ${
      all > shown.length
        ? html`<p class="more" slot="foot">
            <span class="soft num">${texts.t('firstOf', { shown: shown.length, n: all })}</span>
            ${
              differences.length > shown.length
                ? html`<button class="btn" @click=${onMore}>
                    ${texts.t('more', { n: Math.min(ROWS_STEP, differences.length - shown.length) })}
                  </button>`
                : nothing
            }
          </p>`
        : nothing
    }
  </cp-card>`;
}

function table(rows: readonly TakeoverDifference[]): TemplateResult {
  return html`<div class="scroller" tabindex="0" role="group" aria-label=${texts.t('reasons')}>
    <table class="table differences">
      <thead>
        <tr>
          <th scope="col">${texts.t('row')}</th>
          <th scope="col">${texts.t('reason')}</th>
          <th scope="col">${texts.t('model')}, ${texts.t('day')}</th>
          <th scope="col">${texts.t('detail')}</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ oldId, reason, model, day, detail }) =>
            html`<tr>
              <th scope="row">${oldId}</th>
              <td class="nowrap">${texts.t(`reason_${reason}`)}</td>
              <td>
                <span class="mono cut" title=${model}>${model}</span>
                <span class="faint small">${day || texts.t('noTime')}</span>
              </td>
              <td class="detail">${detailOf(reason, detail)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Of these there is nothing more to say of a row than its reason. */
const SAYS_IT_ALL: ReadonlySet<TakeoverReason> = new Set(['not_copied', 'duplicate', 'missing']);

function detailOf(
  reason: TakeoverReason,
  detail: string,
): TemplateResult | readonly TemplateResult[] | string {
  if (SAYS_IT_ALL.has(reason)) return texts.t(`reason_${reason}_text`);
  const counts = countsOf(detail);
  if (counts) return counts.map((one) => html`<p>${texts.t('countsThere', one)}</p>`);
  return html`<span lang=${language.value === 'en' ? nothing : 'en'}>${detail}</span>`;
}
