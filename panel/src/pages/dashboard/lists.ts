import { html, nothing, svg, type TemplateResult } from 'lit';
import type { DashboardAnswer, Tone } from '../../../../src/lib/contract/api.ts';
import { icon } from '../../elements/icon.ts';
import { compact, count, duration, percent, usd } from '../../lib/format.ts';
import { failureLine } from '../../lib/failure-line.ts';
import { hrefOf } from '../../lib/location.ts';
import { percentOf } from './time-chart.ts';
import { dashboard } from './texts.ts';
import { FAIR, GOOD } from './verdict.ts';

type Channel = DashboardAnswer['channel_health'][number];
type Failure = DashboardAnswer['recent_failures'][number];

const ROWS = 5;

/** The place of a list that is on its way, as high as the list will be. */
function skeletons(height: number): TemplateResult {
  return html`<div class="coming">
    ${Array.from({ length: ROWS }, () => html`<cp-skeleton height="${height}px"></cp-skeleton>`)}
  </div>`;
}

const empty = (text: string): TemplateResult => html`<p class="nothing soft">${text}</p>`;

function nameOf(one: Omit<Channel, 'tone'> | Failure): string {
  const { auth_label_snapshot: label, account_snapshot: account, source, auth_index: index } = one;
  return account || label || source || (index === '-' ? '' : index);
}

/** A bar that only repeats the number beside it. */
function bar(fraction: number, look = ''): TemplateResult {
  return html`<svg class="bar ${look}" aria-hidden="true">
    ${svg`<rect class="track" width="100%" height="4" rx="2"></rect>
      <rect width=${percentOf(fraction)} height="4" rx="2"></rect>`}
  </svg>`;
}

export function modelList(summary: DashboardAnswer | null): TemplateResult {
  if (!summary) return skeletons(31);
  const { model_cost_rank: models, today, window } = summary;
  if (models.length === 0) return empty(dashboard.t('noModels'));
  const t = dashboard.t;
  return html`<table class="table list">
    <thead>
      <tr>
        <th scope="col">${t('colModel')}</th>
        <th scope="col" class="num">${t('requests')}</th>
        <th scope="col" class="num">${t('success')}</th>
        <th scope="col" class="num">${t('cost')}</th>
      </tr>
    </thead>
    <tbody>
      ${models.map(
        ({ model, calls, cost, cost_share, success_rate }) =>
          html`<tr>
            <th scope="row">
              <a class="cut" href=${hrefOf('/monitoring', { model, from_ms: window.today_start_ms })}
                >${model}</a
              >
              ${bar(cost_share)}
            </th>
            <td class="num soft">${count(calls)}</td>
            <td class="num soft">${percent(success_rate)}</td>
            <td class="num">
              ${usd(cost)}
              <span class="faint small block"
                >${percent(today.total_cost > 0 ? cost / today.total_cost : 0)}</span
              >
            </td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** By the limits of the verdict; the answer's own tone counts failures, which on a busy day are always many. */
function toneOf(failureRate: number): Tone {
  if (1 - failureRate < FAIR) return 'bad';
  return 1 - failureRate < GOOD ? 'warn' : 'good';
}

const CHANNEL_LOOKS = {
  good: { icon: 'ok', tone: 'good', text: 'tone_good' },
  warn: { icon: 'alert', tone: 'warn', text: 'level_minor' },
  bad: { icon: 'error', tone: 'bad', text: 'level_attention' },
} as const satisfies Record<Tone, { icon: string; tone: Tone; text: string }>;

export function channelList(summary: DashboardAnswer | null): TemplateResult {
  if (!summary) return skeletons(31);
  const { channel_health: channels, window } = summary;
  if (channels.length === 0) return empty(dashboard.t('noModels'));
  const t = dashboard.t;
  return html`<table class="table list">
    <thead>
      <tr>
        <th scope="col">${t('colCredential')}</th>
        <th scope="col" class="num">${t('requests')}</th>
        <th scope="col" class="num">${t('colFailed')}</th>
        <th scope="col" class="num">${t('latency')}</th>
      </tr>
    </thead>
    <tbody>
      ${channels.map((channel) => {
        const look = CHANNEL_LOOKS[toneOf(channel.failure_rate)];
        const name = nameOf(channel) || t('noCredential');
        const known = channel.auth_index !== '-';
        const href = hrefOf('/monitoring', {
          auth_index: channel.auth_index,
          from_ms: window.today_start_ms,
        });
        return html`<tr>
          <th scope="row">
            <span class="row">
              ${icon(look.icon, look.tone)}<span class="unseen">${t(look.text)}</span>
              ${known ? html`<a class="cut" href=${href}>${name}</a>` : html`<span class="cut">${name}</span>`}
            </span>
            <span class="faint small cut under">${channel.auth_provider_snapshot ?? ''}</span>
          </th>
          <td class="num soft">${count(channel.calls)}</td>
          <td class="num ${channel.failures > 0 ? '' : 'faint'}">
            ${count(channel.failures)}
            ${
              channel.failures > 0
                ? html`<span class="faint small block">${percent(channel.failure_rate)}</span>`
                : nothing
            }
          </td>
          <td class="num soft">${duration(channel.average_latency_ms)}</td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}

export function failureList(summary: DashboardAnswer | null): TemplateResult {
  if (!summary) return skeletons(35);
  const { recent_failures: failures } = summary;
  if (failures.length === 0)
    return html`<div class="nothing soft">${icon('ok', 'good')}${dashboard.t('noFailures')}</div>`;
  return html`<ul class="failures">
    ${failures.slice(0, ROWS).map(
      (failure) =>
        html`<li>
          <a href=${hrefOf('/monitoring', { event: failure.id })}>
            <span class="row">
              <b class="code num">${failure.fail_status_code ?? dashboard.t('failedCall')}</b>
              <span class="cut grow model">${failure.model}</span>
              <span class="faint small"><cp-ago .at=${failure.timestamp_ms}></cp-ago></span>
            </span>
            <span class="cut small soft"
              >${failureLine(failure.fail_summary ?? '') || dashboard.t('noSummary')}</span
            >
          </a>
        </li>`,
    )}
  </ul>`;
}

const MIX_LOOKS = { cached: 'mix-2', input: 'mix-1', output: 'mix-3', reasoning: 'mix-4' } as const;

export function tokenMix(summary: DashboardAnswer | null): TemplateResult {
  if (!summary) return skeletons(31);
  const t = dashboard.t;
  let from = 0;
  const parts = summary.token_mix.map(({ key, share }) => {
    const x = from;
    from += share;
    return svg`<rect class=${MIX_LOOKS[key]} x=${percentOf(x)} width=${percentOf(share)} height="12"></rect>`;
  });
  return html`<div class="mix">
    <svg class="whole" aria-hidden="true">
      ${svg`<rect class="track" width="100%" height="12"></rect>`}${parts}
    </svg>
    <table class="table list">
      <thead class="unseen">
        <tr>
          <th scope="col">${t('colKind')}</th>
          <th scope="col">${t('tokens')}</th>
          <th scope="col">${t('colShare')}</th>
        </tr>
      </thead>
      <tbody>
        ${summary.token_mix.map(
          ({ key, tokens, share }) =>
            html`<tr>
              <th scope="row">
                <span class="row">
                  <svg class="swatch" aria-hidden="true">
                    ${svg`<rect class=${MIX_LOOKS[key]} width="10" height="10" rx="2"></rect>`}</svg
                  >${t(`mix_${key}`)}</span
                >
              </th>
              <td class="num">${compact(tokens)}</td>
              <td class="num faint share">${percent(share)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
