import { css, html, nothing, svg, type TemplateResult } from 'lit';
import type { DashboardAnswer } from '../../../../src/lib/contract/api.ts';
import type { Tone } from '../../elements/display.ts';
import { icon } from '../../elements/icon.ts';
import { compact, count, duration, percent, usd } from '../../lib/format.ts';
import { hrefOf, type Query } from '../../lib/location.ts';
import { begun, change, curve, lastHour, successRates } from './day.ts';
import { dashboard } from './texts.ts';

interface Figure {
  readonly label: string;
  /** Null: on its way. */
  readonly value: string | null;
  readonly unit?: string;
  /** The most important thing to know besides it. */
  readonly note: string;
  readonly tone?: Tone;
  readonly more: string;
  /** Against yesterday; `''`: nothing to compare with. */
  readonly change?: string;
  readonly spark?: TemplateResult | typeof nothing;
  readonly query?: Query;
}

/** The strip of figures: what today came to, and how that is against yesterday. */
export function figureStrip(summary: DashboardAnswer | null): TemplateResult {
  return html`<section class="figures" aria-label=${dashboard.t('figures')}>
    ${figuresOf(summary).map((figure) => view(figure))}
  </section>`;
}

function view({
  label,
  value,
  unit,
  note,
  tone,
  more,
  change: against,
  spark,
  query,
}: Figure): TemplateResult {
  const figure = html`<span class="value">${value}</span
    >${unit ? html`<span class="unit">${unit}</span>` : nothing}`;
  return html`<dl class="figure">
    <dt>
      <span class="cut">${label}</span>${
        against
          ? html`<span class="change"
              ><span aria-hidden="true">${against}</span
              ><span class="unseen">${dashboard.t('yesterday', { change: against })}</span></span
            >`
          : nothing
      }
    </dt>
    <dd class="main">
      ${
        value === null
          ? html`<cp-skeleton width="72px" height="24px"></cp-skeleton>`
          : query
            ? html`<a href=${hrefOf('/monitoring', query)}>${figure}</a>`
            : html`<span>${figure}</span>`
      }
      ${spark ?? nothing}
    </dd>
    <dd class="small ${tone ?? 'soft'}">
      ${tone ? icon(tone === 'bad' ? 'error' : 'alert') : nothing}${note}
    </dd>
    <dd class="small faint more">${more}</dd>
  </dl>`;
}

function figuresOf(summary: DashboardAnswer | null): readonly Figure[] {
  const t = dashboard.t;
  const names = ['requests', 'tokens', 'cost', 'success', 'latency', 'rate'] as const;
  if (!summary) return names.map((name) => ({ label: t(name), value: null, note: '', more: '' }));
  const { today, yesterday, rolling_30m: rolling, traffic_timeline: hours, window } = summary;
  const nowMs = window.now_ms;
  const all = { from_ms: window.today_start_ms };
  // The hour under way is not over: at its end the curve would always fall.
  const past = begun(hours, nowMs).slice(0, -1);
  const recent = lastHour(summary.today_request_health_timeline.points, nowMs);
  const { total_calls: calls, failure_calls: failed, input_tokens: input } = today;
  return [
    {
      label: t('requests'),
      value: count(calls),
      note: failed > 0 ? t('nFailed', { n: failed }) : t('noneFailed'),
      more: t('byNow', { figure: count(yesterday.total_calls) }),
      change: change(calls, yesterday.total_calls),
      spark: sparkline(past.map((hour) => hour.calls)),
      query: all,
    },
    {
      label: t('tokens'),
      value: compact(today.total_tokens),
      note: t('inOut', { input: compact(input), output: compact(today.output_tokens) }),
      more: t('cachedShare', { share: percent(input > 0 ? today.cache_read_tokens / input : 0) }),
      change: change(today.total_tokens, yesterday.total_tokens),
      spark: sparkline(past.map((hour) => hour.tokens)),
    },
    {
      label: t('cost'),
      value: usd(today.total_cost),
      ...(today.unpriced_calls > 0
        ? { note: t('unpriced', { n: today.unpriced_calls }), tone: 'warn' }
        : { note: calls > 0 ? t('perRequest', { cost: usd(today.total_cost / calls) }) : '' }),
      more: t('byNow', { figure: usd(yesterday.total_cost) }),
      change: change(today.total_cost, yesterday.total_cost),
    },
    {
      label: t('success'),
      value: calls > 0 ? percent(today.success_rate) : '–',
      note: t('succeeded', { n: today.success_calls, all: calls }),
      more:
        recent.calls > 0
          ? t('lastHourRate', { rate: percent(1 - recent.failures / recent.calls) })
          : t('lastHourNone'),
      spark: sparkline(successRates(hours, nowMs), { top: 1 }),
      query: { ...all, status: 'failed' },
    },
    {
      label: t('latency'),
      value: duration(today.average_latency_ms),
      note: t('average'),
      more: today.zero_token_calls > 0 ? t('withoutTokens', { n: today.zero_token_calls }) : '',
    },
    {
      label: t('rate'),
      value: compact(rolling.rpm),
      unit: t('perMinute'),
      note: t('tokensPerMinute', { tokens: compact(rolling.tpm) }),
      more: t('overHalfHour'),
      query: { from_ms: window.rolling_30m_start_ms },
    },
  ];
}

/** Hours of today as a curve. One value is no curve. From 0, or from the lowest where there is a `top`. */
function sparkline(
  values: ReadonlyArray<number | null>,
  { top }: { readonly top?: number } = {},
): TemplateResult | typeof nothing {
  const known = values.filter((value) => value !== null);
  if (known.length < 2 || Math.max(...known) === 0) return nothing;
  const from = top === undefined ? 0 : Math.min(...known, top - 0.05);
  const path = curve(values, from, top ?? Math.max(...known));
  return html`<svg class="spark" viewBox="0 -6 100 112" preserveAspectRatio="none" aria-hidden="true">
    ${svg`<path d=${path}></path>`}
  </svg>`;
}

export const figureStyles = css`
  .figures {
    display: grid;
    grid-template-columns: repeat(6, minmax(0, 1fr));
    border: 1px solid var(--line);
    border-radius: var(--radius-3);
    background: var(--surface);
    overflow: hidden;
  }
  .figure {
    min-width: 0;
    padding: 12px 16px;
    box-shadow: -1px 0 var(--line);
  }
  .figure dt {
    display: flex;
    align-items: baseline;
    justify-content: space-between;
    gap: 8px;
    font-size: var(--size-2);
    line-height: 18px;
    color: var(--text-soft);
  }
  .figure .change {
    flex: none;
    position: relative;
    color: var(--text-faint);
    font-size: var(--size-1);
    font-variant-numeric: tabular-nums;
  }
  .figure .main {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 12px;
    height: 36px;
    white-space: nowrap;
    font-variant-numeric: tabular-nums;
  }
  .figure .value {
    font-size: var(--size-6);
    font-weight: 600;
    letter-spacing: -0.02em;
  }
  .figure .unit {
    margin-inline-start: 4px;
    font-size: var(--size-2);
    color: var(--text-faint);
  }
  .figure a {
    color: inherit;
    text-decoration: none;
  }
  .figure a:hover .value {
    color: var(--accent);
  }
  .figure .small {
    display: flex;
    align-items: center;
    gap: 4px;
    min-height: 16px;
    font-variant-numeric: tabular-nums;
  }
  .figure .small .icon {
    width: 13px;
    height: 13px;
  }
  .figure .more {
    margin-top: 1px;
  }
  .spark {
    flex: 0 1 72px;
    min-width: 0;
    height: 24px;
    overflow: visible;
  }
  .spark path {
    fill: none;
    stroke: var(--series-1);
    stroke-width: 1.5;
    stroke-linejoin: round;
    stroke-linecap: round;
    vector-effect: non-scaling-stroke;
  }
  @container (width < 900px) {
    .figures {
      grid-template-columns: repeat(3, minmax(0, 1fr));
    }
    .figure {
      box-shadow:
        -1px 0 var(--line),
        0 -1px var(--line);
    }
  }
  @container (width < 560px) {
    .figures {
      grid-template-columns: repeat(2, minmax(0, 1fr));
    }
    .figure {
      padding: 8px 12px;
    }
    .figure .main {
      height: 30px;
    }
    .figure .value {
      font-size: 22px;
    }
    .figure .more {
      display: none;
    }
    .spark {
      flex-basis: 48px;
      height: 18px;
    }
  }
`;
