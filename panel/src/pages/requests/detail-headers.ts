import { html, nothing, type TemplateResult } from 'lit';
import type { EventDetail } from '../../../../src/lib/contract/api.ts';
import { setStyle } from '../../elements/set-style.ts';
import { count, dateTime, duration, percent } from '../../lib/format.ts';
import { fact } from './detail-facts.ts';
import { groupOf, numberAt, scalarsOf, type Group } from './metadata.ts';
import { requests } from './texts.ts';

/** Groups that are listed as they are, in this order. Ids have a section of their own. */
const PLAIN = ['errors', 'routing', 'response', 'providers', 'data_policy', 'provider_usage'] as const;

/** A window that is this full is worth a look, and that full is bad; percent. */
const NEARLY_FULL = 80;
const FULL = 95;

/** What the upstream's headers told about limits, and where the answer came from. */
export function headersView(detail: EventDetail): TemplateResult | typeof nothing {
  const { response_metadata: metadata } = detail;
  if (metadata === null) return nothing;
  const quota = groupOf(metadata, 'quota');
  const limits = groupOf(metadata, 'rate_limit');
  // The same header may stand in several groups.
  const seen = new Set([...scalarsOf(groupOf(metadata, 'trace'))].map(([, , value]) => value));
  return html`${quotaView(detail, quota)} ${limitsView(limits)}
  ${PLAIN.map((name) => {
    const all = [...scalarsOf(groupOf(metadata, name))];
    const facts = all.filter(([, , value]) => typeof value !== 'string' || !seen.has(value));
    for (const [, , value] of facts) seen.add(value);
    if (facts.length === 0) return nothing;
    return html`<section>
      <h3>${requests.t(`group_${name}`)}</h3>
      <dl class="facts">${facts.map(([field, label, value]) => fact(label, shown(field, value)))}</dl>
    </section>`;
  })}`;
}

function quotaView(detail: EventDetail, quota: Group): TemplateResult | typeof nothing {
  const rest = [...scalarsOf(quota, ['primary', 'secondary', 'plan_type', 'used_percent', 'recover_at_ms'])];
  const windows = (['primary', 'secondary'] as const).map((name) => windowView(groupOf(quota, name), detail));
  const plan = detail.quota_plan_type;
  const known = Object.keys(quota).length > 0 || plan !== '' || detail.quota_used_percent !== null;
  if (!known) return nothing;
  return html`<section>
    <h3>${requests.t('group_quota')}${plan ? html` <cp-pill icon="key">${plan}</cp-pill>` : nothing}</h3>
    ${windows}
    ${
      windows.every((one) => one === nothing) && detail.quota_used_percent !== null
        ? gauge(requests.t('used'), detail.quota_used_percent, '')
        : nothing
    }
    <dl class="facts">
      ${fact(requests.t('recoversAt'), detail.quota_recover_at_ms === null ? '' : dateTime(detail.quota_recover_at_ms))}
      ${rest.map(([field, label, value]) => fact(label, shown(field, value)))}
    </dl>
  </section>`;
}

/** One of Codex's two windows, as full as it was at the time of the event. */
function windowView(window: Group, detail: EventDetail): TemplateResult | typeof nothing {
  const used = numberAt(window, 'used_percent');
  if (used === null) return nothing;
  const minutes = numberAt(window, 'window_minutes');
  const name =
    minutes === null ? requests.t('window') : requests.t('windowOf', { time: duration(minutes * 60_000) });
  const resetAt = numberAt(window, 'reset_at_ms');
  const reset =
    resetAt === null || resetAt <= detail.timestamp_ms
      ? ''
      : requests.t('resetsIn', { time: duration(resetAt - detail.timestamp_ms) });
  return gauge(name, used, reset);
}

/** A share that is used, with its figure. `used` in percent. */
function gauge(name: string, used: number, note: string): TemplateResult {
  const tone = used >= FULL ? 'bad' : used >= NEARLY_FULL ? 'warn' : 'fine';
  return html`<div class="gauge">
    <div class="row"><span class="grow">${name}</span><span class="num">${percent(used / 100)}</span></div>
    <div class="track ${tone}"><i ${setStyle({ width: `${Math.min(100, Math.max(0, used))}%` })}></i></div>
    ${note ? html`<p class="note">${note}</p>` : nothing}
  </div>`;
}

function limitsView(limits: Group): TemplateResult | typeof nothing {
  const parts = (['requests', 'tokens'] as const).map((name) => {
    const group = groupOf(limits, name);
    const limit = numberAt(group, 'limit');
    const left = numberAt(group, 'remaining');
    if (left === null && limit === null) return nothing;
    if (left === null || limit === null || limit <= 0) {
      return html`<p class="small num">${requests.t(`limit_${name}`)}: ${count(left ?? limit ?? 0)}</p>`;
    }
    const note = requests.t('limitLeft', { left: count(left), limit: count(limit) });
    return gauge(requests.t(`limit_${name}`), (100 * (limit - left)) / limit, note);
  });
  if (parts.every((one) => one === nothing)) return nothing;
  return html`<section>
    <h3>${requests.t('group_rate_limit')}</h3>
    ${parts}
  </section>`;
}

function shown(field: string, value: string | number | boolean): string {
  if (typeof value === 'boolean') return requests.t(value ? 'yes' : 'no');
  if (typeof value === 'string') return value;
  if (field.endsWith('_at_ms')) return dateTime(value);
  if (field.endsWith('_ms')) return duration(value);
  if (field.endsWith('_seconds')) return duration(value * 1000);
  return field.endsWith('_percent') ? percent(value / 100) : count(value);
}

/** Ids to look a request up elsewhere, each to be copied. */
export function idsView(detail: EventDetail): TemplateResult {
  const trace = groupOf(detail.response_metadata, 'trace');
  const ids: ReadonlyArray<readonly [string, string]> = [
    [requests.t('requestId'), detail.request_id],
    [requests.t('traceId'), detail.trace_id],
    ...[...scalarsOf(trace, ['primary_trace_id'])].map(([, label, value]) => [label, String(value)] as const),
    [requests.t('eventId'), String(detail.id)],
    [requests.t('eventHash'), detail.event_hash],
    [requests.t('keyHash'), detail.api_key_hash],
  ];
  const seen = new Set<string>();
  return html`<section>
    <h3>${requests.t('ids')}</h3>
    <dl class="facts ids">
      ${ids
        .filter(([, id]) => id !== '' && !seen.has(id) && seen.add(id))
        .map(
          ([name, id]) =>
            html`<dt>${name}</dt>
              <dd class="row">
                <span class="mono grow">${id}</span><cp-copy .text=${id} label=${name}></cp-copy>
              </dd>`,
        )}
      ${fact(requests.t('time'), detail.timestamp)}
      ${fact(requests.t('received'), dateTime(detail.received_at_ms))}
    </dl>
  </section>`;
}
