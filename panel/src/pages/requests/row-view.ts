import { html, nothing, type TemplateResult } from 'lit';
import type { EventRow } from '../../../../src/lib/contract/api.ts';
import { icon } from '../../elements/icon.ts';
import { setStyle } from '../../elements/set-style.ts';
import type { ValueFilter } from './filter.ts';
import { credentialFilter } from './only.ts';
import { rowText } from './row-text.ts';
import { requests } from './texts.ts';

/** Heights of a row in px. The window counts on them, so the styles set the same. */
export const ROW_HEIGHT = 48;
export const CARD_HEIGHT = 66;

/** The head of the columns; cards have none, but the grid keeps its place under the toolbar. */
export function headView(cards: boolean): TemplateResult {
  if (cards) return html`<div class="head" role="presentation"></div>`;
  const head = (text: string, extra = ''): TemplateResult =>
    html`<span role="columnheader" class=${extra}>${text}</span>`;
  return html`<div class="head" role="rowgroup">
    <div class="r" role="row" aria-rowindex="1">
      ${head(requests.t('time'))} ${head(requests.t('status'))} ${head(requests.t('model'))}
      ${head(requests.t('clientKey'), 'key')} ${head(requests.t('credential'))}
      ${head(requests.t('tokens'), 'end')} ${head(requests.t('cost'), 'end')}
      ${head(requests.t('latency'), 'end')}
    </div>
  </div>`;
}

/** A value, and the button that narrows the list to it. */
function value(text: string, name: ValueFilter, wanted: string, extra = ''): TemplateResult {
  const only = requests.t('only', { what: text });
  return html`<span class="top"
    ><span class="cut ${extra}">${text}</span>${
      wanted === ''
        ? nothing
        : html`<button
            class="narrow"
            tabindex="-1"
            data-name=${name}
            data-value=${wanted}
            aria-label=${only}
            title=${only}
          >
            ${icon('filter')}
          </button>`
    }</span
  >`;
}

function tokenBar([plain, cached, written]: readonly [number, number, number, number]): TemplateResult {
  const [a, b, c] = [plain, plain + cached, plain + cached + written];
  return html`<span class="bar" ${setStyle({ '--a': `${a}%`, '--b': `${b}%`, '--c': `${c}%` })}></span>`;
}

/** A row of columns. `index` counts from 1, the head included. */
export function rowView(row: EventRow, index: number, state: string, nowMs: number): TemplateResult {
  const text = rowText(row, nowMs);
  const [name, wanted] = credentialFilter(row);
  return html`<div
    class="r row-${text.status.tone}${state}"
    role="row"
    id="row-${row.id}"
    data-id=${row.id}
    aria-rowindex=${index}
    aria-label=${text.name}
  >
    <span role="gridcell" class="num"
      >${text.time}${text.day ? html`<small>${text.day}</small>` : nothing}</span
    >
    <span role="gridcell"
      ><span class="word ${text.status.tone}">${icon(text.status.icon)}${text.status.word}</span>${
        text.status.more ? html`<small class="cut">${text.status.more}</small>` : nothing
      }</span
    >
    <span role="gridcell">${value(text.model, 'model', row.model, 'strong')}${underModel(text)}</span>
    <span role="gridcell" class="key">${value(text.key, 'api_key_hash', row.api_key_hash, 'mono')}</span>
    <span role="gridcell"
      >${value(text.credential, name, wanted)}<small class="cut">${text.provider}</small></span
    >
    <span role="gridcell" class="num end" title=${text.tokensTitle}
      >${text.tokens}${row.total_tokens > 0 ? tokenBar(text.shares) : nothing}</span
    >
    <span role="gridcell" class="num end ${row.cost_nano_usd === null ? 'faint' : ''}">${text.cost}</span>
    <span role="gridcell" class="num end"
      ><span class=${text.latencyTone}>${text.latency}</span>${
        text.ttft ? html`<small>${requests.t('firstAfter', { time: text.ttft })}</small>` : nothing
      }</span
    >
  </div>`;
}

function underModel({
  failure,
  resolved,
  tags,
}: ReturnType<typeof rowText>): TemplateResult | typeof nothing {
  if (failure) return html`<small class="cut">${failure}</small>`;
  if (resolved === '' && tags.length === 0) return nothing;
  return html`<small class="cut"
    >${resolved ? `→ ${resolved} ` : ''}${tags.map((tag) => html`<span class="tag">${tag}</span>`)}</small
  >`;
}

/** A row as a card of two lines. */
export function cardView(row: EventRow, index: number, state: string, nowMs: number): TemplateResult {
  const text = rowText(row, nowMs);
  const facts = row.failed ? [text.status.more || text.status.word, text.failure] : [text.credential];
  return html`<div
    class="r row-${text.status.tone}${state}"
    role="row"
    id="row-${row.id}"
    data-id=${row.id}
    aria-rowindex=${index}
    aria-label=${text.name}
  >
    <span role="gridcell" class="line"
      ><span class=${text.status.tone}>${icon(text.status.icon)}</span
      ><span class="cut strong">${text.model}</span><span class="push num">${text.tokens}</span
      ><span class="num sum ${row.cost_nano_usd === null ? 'faint' : ''}">${text.cost}</span></span
    >
    <span role="gridcell" class="line under"
      ><span class="num">${text.day} ${text.time}</span
      ><span class="cut ${row.failed ? text.status.tone : ''}">${facts.filter(Boolean).join(' · ')}</span
      ><span class="push num ${text.latencyTone}">${text.latency}</span></span
    >
  </div>`;
}
