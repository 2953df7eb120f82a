import { html, nothing, type TemplateResult } from 'lit';
import type { TakeoverItems, TakeoverReport } from '../../../../src/lib/contract/api.ts';
import { language } from '../../i18n/i18n.ts';
import { count } from '../../lib/format.ts';
import { compare, COUNTERS, type Comparison } from './compare.ts';
import { takeoverTexts as texts } from './texts.ts';

const LOOKS = {
  equal: { tone: 'good', icon: 'check' },
  different: { tone: 'warn', icon: 'alert' },
  uncounted: { tone: 'neutral', icon: 'info' },
} as const;

/** A word and a picture for how two counts compare. */
export function verdict(comparison: Comparison): TemplateResult {
  const look = LOOKS[comparison];
  return html`<cp-pill tone=${look.tone} .icon=${look.icon}>${texts.t(comparison)}</cp-pill>`;
}

interface Line {
  readonly name: TemplateResult | string;
  readonly old: number | null;
  readonly now: number | null;
}

/** Every count of the whole old volume, there and here. */
export function totalsCard({ old, now }: TakeoverReport): TemplateResult {
  const lines = COUNTERS.filter((one) => old[one] !== null || (now[one] ?? 0) > 0).map((one) => ({
    name: texts.t(`counter_${one}`),
    old: old[one],
    now: now[one],
  }));
  return html`<cp-card class="half" flush heading=${texts.t('totals')} note=${texts.t('totalsNote')}>
    ${sideBySide(texts.t('totals'), texts.t('count'), lines)}
  </cp-card>`;
}

const ITEMS = {
  'model prices': 'item_prices',
  'names of client keys': 'item_aliases',
  settings: 'item_settings',
  'records that could not be read': 'item_letters',
} as const;

/** What came along besides events. */
export function itemsCard({ items }: TakeoverReport): TemplateResult | typeof nothing {
  if (items.length === 0) return nothing;
  const lines = items.map((item) => ({ name: named(item), old: item.old, now: item.now }));
  return html`<cp-card class="half" flush heading=${texts.t('besides')}>
    ${sideBySide(texts.t('besides'), texts.t('what'), lines)}
  </cp-card>`;
}

/** With how many of them say something else here: a report of an older daemon does not tell. */
function named(item: TakeoverItems): TemplateResult | string {
  return item.changed > 0
    ? html`${nameOf(item)} <span class="soft small">${texts.t('itemChanged', { n: item.changed })}</span>`
    : nameOf(item);
}

function nameOf({ what }: TakeoverItems): TemplateResult | string {
  const known = Object.entries(ITEMS).find(([name]) => name === what)?.[1];
  if (known) return texts.t(known);
  return html`<span lang=${language.value === 'en' ? nothing : 'en'}>${what}</span>`;
}

function sideBySide(label: string, first: string, lines: readonly Line[]): TemplateResult {
  return html`<div class="scroller" tabindex="0" role="group" aria-label=${label}>
    <table class="table sides">
      <thead>
        <tr>
          <th scope="col">${first}</th>
          <th scope="col" class="num">${texts.t('there')}</th>
          <th scope="col" class="num">${texts.t('here')}</th>
          <th scope="col">${texts.t('result')}</th>
        </tr>
      </thead>
      <tbody>
        ${lines.map(({ name, old, now }) => {
          const comparison = compare(old, now);
          const less = comparison === 'different' ? (now ?? 0) - (old ?? 0) : 0;
          return html`<tr>
            <th scope="row">${name}</th>
            <td class="num">${old === null ? '–' : count(old)}</td>
            <td class="num">${count(now ?? 0)}</td>
            <td class="nowrap">
              ${verdict(comparison)}
              ${less === 0 ? nothing : html`<span class="num warn">${signed(less)}</span>`}
            </td>
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

const signed = (value: number): string => `${value > 0 ? '+' : '−'}${count(Math.abs(value))}`;
