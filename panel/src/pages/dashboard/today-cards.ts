import { html, nothing, svg, type TemplateResult } from 'lit';
import type { DashboardAnswer } from '../../../../src/lib/contract/api.ts';
import { icon } from '../../elements/icon.ts';
import { common } from '../../i18n/common.ts';
import { clockTime, compact, count, percent } from '../../lib/format.ts';
import { hrefOf } from '../../lib/location.ts';
import { begun, gapSpans, HOUR_MS, type Gap, type Metric, type Point } from './day.ts';
import './health-matrix.ts';
import { cellMark } from './health-matrix.ts';
import './hour-bars.ts';
import { dashboard } from './texts.ts';

export interface TodayView {
  readonly summary: DashboardAnswer | null;
  readonly gaps: readonly Gap[];
  readonly nowMs: number;
  readonly metric: Metric;
  readonly tables: ReadonlySet<string>;
  readonly onMetric: (event: Event) => void;
  readonly onTable: (name: string) => void;
}

const TEN_MINUTES_MS = 600_000;
const SHOWN_TONES = ['good', 'warn', 'bad', 'empty'] as const;

/** The day from midnight to midnight: what each hour brought, and below it, on the same scale, how it went. */
export function todayCards(view: TodayView): TemplateResult {
  const { summary, metric } = view;
  const t = dashboard.t;
  return html`<cp-card class="two" flush heading=${t('byHour')}>
    <div slot="actions" class="row">
      <cp-segmented
        plain
        label=${t('metric')}
        .options=${[
          { value: 'calls', label: t('requests') },
          { value: 'tokens', label: t('tokens') },
        ]}
        .value=${metric}
        @change=${view.onMetric}
      ></cp-segmented>
      ${tableButton(view, 'hours', t(metric === 'calls' ? 'chartCalls' : 'chartTokens'))}
    </div>
    <div class="day">
      ${
        summary
          ? view.tables.has('hours')
            ? hoursTable(summary, view.nowMs)
            : html`<dash-hours
                .hours=${summary.traffic_timeline}
                .startMs=${summary.window.today_start_ms}
                .nowMs=${view.nowMs}
                .gaps=${view.gaps}
                metric=${metric}
              ></dash-hours>`
          : html`<cp-skeleton height="162px"></cp-skeleton>`
      }
      <div class="sub">
        <h3>${t('health')}</h3>
        <span class="push">${tableButton(view, 'health', t('chartHealth'))}</span>
        ${legend(view)}
      </div>
      ${
        summary
          ? view.tables.has('health')
            ? healthTable(summary)
            : html`<dash-health
                .points=${summary.today_request_health_timeline.points}
                .startMs=${summary.window.today_start_ms}
                .nowMs=${view.nowMs}
                .gaps=${view.gaps}
              ></dash-health>`
          : html`<cp-skeleton height="87px"></cp-skeleton>`
      }
    </div>
  </cp-card>`;
}

function tableButton({ tables, onTable }: TodayView, name: string, chart: string): TemplateResult {
  const shown = tables.has(name);
  return html`<button
    class="btn quiet square"
    aria-pressed=${shown ? 'true' : 'false'}
    aria-label=${dashboard.t('tableOf', { chart })}
    title=${common.t(shown ? 'asChart' : 'asTable')}
    @click=${() => onTable(name)}
  >
    ${icon(shown ? 'bars' : 'table')}
  </button>`;
}

function legend({ gaps, nowMs, summary }: TodayView): TemplateResult {
  const startMs = summary?.window.today_start_ms ?? 0;
  const missing = summary !== null && gapSpans(gaps, startMs, nowMs).length > 0;
  const swatch = (look: string, tone: Point['tone']): TemplateResult =>
    html`<svg viewBox="-6 -6 12 12" aria-hidden="true">
      ${svg`<rect class=${look} x="-6" y="-6" width="12" height="12" rx="2"></rect>${cellMark(tone)}`}
    </svg>`;
  return html`<ul class="legend small">
    ${SHOWN_TONES.map((tone) => html`<li>${swatch(`cell ${tone} much`, tone)}${dashboard.t(`tone_${tone}`)}</li>`)}
    ${missing ? html`<li>${swatch('hatched', 'good')}${dashboard.t('gapLegend')}</li>` : nothing}
  </ul>`;
}

const timeLink = (fromMs: number, lengthMs: number): TemplateResult =>
  html`<a href=${hrefOf('/monitoring', { from_ms: fromMs, to_ms: fromMs + lengthMs })}
    >${clockTime(fromMs)} – ${clockTime(fromMs + lengthMs)}</a
  >`;

function hoursTable({ traffic_timeline: hours }: DashboardAnswer, nowMs: number): TemplateResult {
  const t = dashboard.t;
  return html`<div class="scroller twin" tabindex="0" role="region" aria-label=${t('chartCalls')}>
    <table class="table">
      <thead>
        <tr>
          <th scope="col">${t('colTime')}</th>
          <th scope="col" class="num">${t('requests')}</th>
          <th scope="col" class="num">${t('colFailed')}</th>
          <th scope="col" class="num">${t('tokens')}</th>
        </tr>
      </thead>
      <tbody>
        ${begun(hours, nowMs).map(
          ({ bucket_ms, calls, failure, tokens }) =>
            html`<tr>
              <th scope="row">${timeLink(bucket_ms, HOUR_MS)}</th>
              <td class="num">${count(calls)}</td>
              <td class="num">${count(failure)}</td>
              <td class="num">${compact(tokens)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Ten minutes without a request say no more than that they are not in it. */
function healthTable({ today_request_health_timeline: health }: DashboardAnswer): TemplateResult {
  const t = dashboard.t;
  const points = health.points.filter(({ calls }) => calls > 0);
  return html`<div class="scroller twin" tabindex="0" role="region" aria-label=${t('chartHealth')}>
    <table class="table">
      <thead>
        <tr>
          <th scope="col">${t('colTime')}</th>
          <th scope="col" class="num">${t('requests')}</th>
          <th scope="col" class="num">${t('colFailed')}</th>
          <th scope="col" class="num">${t('success')}</th>
          <th scope="col">${t('colState')}</th>
        </tr>
      </thead>
      <tbody>
        ${points.map(
          ({ bucket_ms, calls, failure, success_rate, tone }) =>
            html`<tr>
              <th scope="row">${timeLink(bucket_ms, TEN_MINUTES_MS)}</th>
              <td class="num">${count(calls)}</td>
              <td class="num">${count(failure)}</td>
              <td class="num">${percent(success_rate)}</td>
              <td>${tone === 'future' ? t('ahead') : t(`tone_${tone}`)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
