import { html, nothing, type TemplateResult } from 'lit';
import type { TakeoverDay, TakeoverReport } from '../../../../src/lib/contract/api.ts';
import { valueOf } from '../../elements/controls.ts';
import { count } from '../../lib/format.ts';
import { chosenDays, compare, countersOf, modelsOf, type Counter, type DayChoice } from './compare.ts';
import { verdict } from './totals.ts';
import { takeoverTexts as texts } from './texts.ts';

export interface DaysInput {
  readonly report: TakeoverReport;
  readonly choice: DayChoice;
  /** How many rows are shown at most. */
  readonly most: number;
  readonly onChoice: (choice: Partial<DayChoice>) => void;
  readonly onMore: () => void;
}

/** How many rows come with a press of the button for more. */
export const DAYS_STEP = 100;

/** Events and tokens of every model on every day, there against here. */
export function daysCard({ report, choice, most, onChoice, onMore }: DaysInput): TemplateResult {
  const { days } = report;
  const chosen = chosenDays(days, choice);
  const shown = chosen.slice(0, most);
  return html`<cp-card class="whole" flush heading=${texts.t('days')} note=${texts.t('daysNote')}>
    ${days.length === 0 ? nothing : filters(days, choice, onChoice)}
    ${shown.length === 0 ? none(days.length === 0) : table(shown, countersOf(report))}
    ${
      chosen.length > shown.length
        ? html`<p class="more" slot="foot">
            <span class="soft num">${texts.t('ofRows', { shown: shown.length, n: chosen.length })}</span>
            <button class="btn" @click=${onMore}>
              ${texts.t('more', { n: Math.min(DAYS_STEP, chosen.length - shown.length) })}
            </button>
          </p>`
        : nothing
    }
  </cp-card>`;
}

function filters(
  days: readonly TakeoverDay[],
  { only, model }: DayChoice,
  onChoice: DaysInput['onChoice'],
): TemplateResult {
  const models = modelsOf(days);
  const different = days.filter(({ equal }) => !equal).length;
  return html`<div class="filters">
    <cp-segmented
      plain
      label=${texts.t('show')}
      name="days"
      .options=${[
        { value: 'different', label: texts.t('onlyDifferent', { n: different }) },
        { value: 'all', label: texts.t('allDays', { n: days.length }) },
      ]}
      .value=${only}
      @change=${(event: Event) => onChoice({ only: valueOf(event) === 'all' ? 'all' : 'different' })}
    ></cp-segmented>
    ${
      models.length < 2
        ? nothing
        : html`<cp-select
            plain
            label=${texts.t('model')}
            .options=${[
              { value: '', label: texts.t('everyModel') },
              ...models.map((one) => ({ value: one, label: one })),
            ]}
            .value=${model}
            @change=${(event: Event) => onChoice({ model: valueOf(event) })}
          ></cp-select>`
    }
    <p class="faint small">${texts.t('daysText')}</p>
  </div>`;
}

function none(empty: boolean): TemplateResult {
  return html`<cp-empty icon=${empty ? 'info' : 'ok'} heading=${texts.t(empty ? 'noDays' : 'noDifferent')}
    >${texts.t(empty ? 'noDaysText' : 'noDifferentText')}</cp-empty
  >`;
}

function table(days: readonly TakeoverDay[], counters: readonly Counter[]): TemplateResult {
  return html`<div class="scroller" tabindex="0" role="group" aria-label=${texts.t('days')}>
    <table class="table days">
      <thead>
        <tr>
          <th scope="col">${texts.t('model')}, ${texts.t('day')}</th>
          <th scope="col">${texts.t('result')}</th>
          ${counters.map((one) => html`<th scope="col" class="num">${texts.t(`counter_${one}`)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${days.map(
          (day) =>
            html`<tr>
              <th scope="row">
                <span class="mono cut" title=${day.model}>${day.model}</span>
                <span class="faint small">${day.day || texts.t('noTime')}</span>
              </th>
              <td>${verdict(day.equal ? 'equal' : 'different')}</td>
              ${counters.map((one) => html`<td class="num">${cell(day.old[one], day.now[one])}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** One figure where there is nothing to tell apart. */
function cell(old: number | null, now: number | null): TemplateResult | string {
  const comparison = compare(old, now);
  if (comparison === 'uncounted') return count(now ?? 0);
  if (comparison === 'equal')
    return html`${count(old ?? 0)}<span class="faint mark" aria-hidden="true">=</span>`;
  return html`<span class="pair"
      ><span class="faint small">${texts.t('there')}</span> ${count(old ?? 0)}</span
    >
    <span class="pair warn"
      ><span class="small">${texts.t('here')}</span> ${count(now ?? 0)}<span class="mark" aria-hidden="true"
        >≠</span
      ></span
    >`;
}
