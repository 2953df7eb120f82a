import { html, nothing, type TemplateResult } from 'lit';
import type { CostPart, EventDetail } from '../../../../src/lib/contract/api.ts';
import { setStyle } from '../../elements/set-style.ts';
import { count, usd } from '../../lib/format.ts';
import { exactUsd, digitsFor } from './exact-usd.ts';
import { requests } from './texts.ts';

interface Line {
  readonly part: CostPart['part'];
  readonly tokens: number;
  readonly cost: CostPart | null;
}

const COLORS: Readonly<Record<CostPart['part'], string>> = {
  input: 'var(--series-1)',
  cache_read: 'var(--series-rest)',
  cache_write_5m: 'var(--series-3)',
  cache_write_1h: 'var(--series-4)',
  output: 'var(--series-2)',
};

/** What there is to pay for. Without a price the parts are there all the same. */
function linesOf(detail: EventDetail): readonly Line[] {
  if (detail.cost_parts.length > 0) {
    return detail.cost_parts
      .filter(({ part, tokens }) => tokens > 0 || part === 'input' || part === 'output')
      .map((cost) => ({ part: cost.part, tokens: cost.tokens, cost }));
  }
  const lines: readonly Line[] = [
    { part: 'input', tokens: detail.uncached_input_tokens, cost: null },
    { part: 'cache_read', tokens: detail.cache_read_tokens, cost: null },
    { part: 'cache_write_5m', tokens: detail.cache_write_5m_tokens, cost: null },
    { part: 'cache_write_1h', tokens: detail.cache_write_1h_tokens, cost: null },
    { part: 'output', tokens: detail.output_tokens, cost: null },
  ];
  return lines.filter(({ part, tokens }) => tokens > 0 || part === 'input' || part === 'output');
}

/** Tokens by part, what each cost at which rate, and the price that was used. */
export function costView(detail: EventDetail): TemplateResult {
  const lines = linesOf(detail);
  const total = Math.max(1, detail.total_tokens);
  const priced = detail.cost_parts.length > 0;
  const digits = digitsFor(detail.cost_parts.map(({ cost_nano_usd: nano }) => nano));
  return html`<section>
    <h3>${requests.t('tokensAndCost')}</h3>
    ${
      detail.total_tokens > 0
        ? html`<div class="split" aria-hidden="true">
            ${lines
              .filter(({ tokens }) => tokens > 0)
              .map(
                ({ part, tokens }) =>
                  html`<i
                    ${setStyle({ width: `${(100 * tokens) / total}%`, background: COLORS[part] })}
                  ></i>`,
              )}
          </div>`
        : nothing
    }
    <table class="table cost">
      <thead>
        <tr>
          <th>${requests.t('part')}</th>
          <th class="num">${requests.t('tokens')}</th>
          ${priced ? html`<th class="num">${requests.t('rate')}</th>` : nothing}
          ${priced ? html`<th class="num">${requests.t('cost')}</th>` : nothing}
        </tr>
      </thead>
      <tbody>
        ${lines.map((line) => lineView(line, priced, digits))}
      </tbody>
      <tfoot>
        <tr>
          <th>${requests.t('total')}</th>
          <td class="num">${count(detail.total_tokens)}</td>
          ${priced ? html`<td></td>` : nothing}
          ${priced ? html`<td class="num">${exactUsd(detail.cost_nano_usd ?? 0, digits)}</td>` : nothing}
        </tr>
      </tfoot>
    </table>
    ${
      detail.reasoning_tokens > 0
        ? html`<p class="note">${requests.t('reasoning', { tokens: count(detail.reasoning_tokens) })}</p>`
        : nothing
    }
    ${priceView(detail)}
  </section>`;
}

function lineView({ part, tokens, cost }: Line, priced: boolean, digits: number): TemplateResult {
  return html`<tr>
    <th scope="row">
      <i class="dot" ${setStyle({ background: COLORS[part] })}></i>${requests.t(`part_${part}`)}
    </th>
    <td class="num">${count(tokens)}</td>
    ${priced ? html`<td class="num soft">${cost ? rateText(cost) : ''}</td>` : nothing}
    ${priced ? html`<td class="num">${cost ? exactUsd(cost.cost_nano_usd, digits) : ''}</td>` : nothing}
  </tr>`;
}

/** Prices are told by the million tokens: a pico-USD a token is a micro-USD a million. */
function rateText({ rate_pico_usd: rate }: CostPart): string {
  return rate === null ? requests.t('noRate') : requests.t('perMillion', { price: usd(Number(rate) / 1e6) });
}

function priceView({ price, cost_nano_usd: cost, total_tokens: tokens }: EventDetail): TemplateResult {
  if (!price) {
    const text = cost !== null || tokens === 0 ? requests.t('nothingToPay') : requests.t('noPriceHow');
    return html`<p class="note">${text}</p>`;
  }
  const facts = [
    requests.t(`price_${price.source}`),
    price.origin,
    price.context_threshold === null
      ? ''
      : requests.t('contextTier', { tokens: count(price.context_threshold) }),
    price.service_tier === '' ? '' : requests.t('serviceTier', { tier: price.service_tier }),
  ];
  return html`<p class="note">
    ${requests.t('priceOf', { model: price.model })} · ${facts.filter(Boolean).join(' · ')}
  </p>`;
}
