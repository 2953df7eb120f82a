import { html, nothing, type TemplateResult } from 'lit';
import type { EventDetail } from '../../../../src/lib/contract/api.ts';
import { icon } from '../../elements/icon.ts';
import { dateTime, duration } from '../../lib/format.ts';
import { groupOf, numberAt } from './metadata.ts';
import { credentialFilter, type OnlyFilter } from './only.ts';
import { credentialOf, shortHash, slowness } from './row-text.ts';
import { requests } from './texts.ts';

/** A fact, left out where nothing is known. */
export function fact(
  name: string,
  text: string | TemplateResult,
  only: OnlyFilter | null = null,
): TemplateResult | typeof nothing {
  if (text === '') return nothing;
  return html`<dt>${name}</dt>
    <dd>
      ${text}${only && only[1] !== '' ? onlyButton(only, typeof text === 'string' ? text : name) : nothing}
    </dd>`;
}

function onlyButton([name, value]: OnlyFilter, what: string): TemplateResult {
  const text = requests.t('only', { what });
  return html`<button
    class="btn quiet only"
    data-name=${name}
    data-value=${value}
    aria-label=${text}
    title=${text}
  >
    ${icon('filter')}
  </button>`;
}

/** What went wrong comes first, whole. */
export function failureView(detail: EventDetail): TemplateResult | typeof nothing {
  if (!detail.failed) return nothing;
  const errors = groupOf(detail.response_metadata, 'errors');
  const retrySeconds = numberAt(errors, 'retry_after_seconds');
  const retryAt = numberAt(errors, 'retry_after_recover_at_ms');
  const retry =
    retrySeconds === null && retryAt === null
      ? ''
      : requests.t('retryAfter', {
          when: retrySeconds === null ? dateTime(retryAt ?? 0) : duration(retrySeconds * 1000),
        });
  return html`<section class="failure">
    <div class="row">
      <h3 class="grow">${requests.t('failure')}</h3>
      ${
        detail.fail_summary
          ? html`<cp-copy .text=${detail.fail_summary} label=${requests.t('failure')}></cp-copy>`
          : nothing
      }
    </div>
    <pre tabindex="0" aria-label=${requests.t('failure')}>
${pretty(detail.fail_summary) || requests.t('noFailureText')}</pre>
    <dl class="facts">
      ${fact(requests.t('httpCode'), detail.fail_status_code === null ? '' : String(detail.fail_status_code))}
      ${fact(requests.t('errorKind'), detail.error_kind)} ${fact(requests.t('errorCode'), detail.error_code)}
      ${fact(requests.t('retry'), retry)} ${fact(requests.t('traceId'), detail.trace_id)}
    </dl>
  </section>`;
}

/** JSON on lines of its own; anything else as it is. */
function pretty(text: string): string {
  if (!/^\s*[{[]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export function timingView(detail: EventDetail): TemplateResult {
  const { latency_ms: latency, ttft_ms: ttft, output_tokens: output } = detail;
  const writing = latency === null ? 0 : latency - (ttft ?? 0);
  const speed =
    output > 0 && writing > 0 ? requests.t('perSecond', { n: Math.round((output * 1000) / writing) }) : '';
  const figure = (name: string, text: string, tone = ''): TemplateResult =>
    html`<div>
      <dt>${name}</dt>
      <dd class=${tone}>${text || '–'}</dd>
    </div>`;
  return html`<section>
    <h3>${requests.t('timing')}</h3>
    <dl class="figures">
      ${figure(requests.t('latency'), duration(latency), slowness(latency))}
      ${figure(requests.t('ttft'), duration(ttft), slowness(ttft))} ${figure(requests.t('speed'), speed)}
    </dl>
  </section>`;
}

export function whoView(detail: EventDetail): TemplateResult {
  const models = [detail.requested_model, detail.resolved_model].filter(
    (one) => one !== '' && one !== detail.model,
  );
  const key = detail.api_key_hash;
  const others = [detail.auth_label_snapshot, detail.source, detail.auth_file_snapshot];
  const account = credentialOf(detail);
  return html`<section>
    <h3>${requests.t('who')}</h3>
    <dl class="facts">
      ${fact(requests.t('model'), detail.model, ['model', detail.model])}
      ${fact(requests.t('otherModels'), [...new Set(models)].join(' → '))}
      ${fact(requests.t('effort'), detail.reasoning_effort)} ${fact(requests.t('tier'), tiers(detail))}
      ${fact(requests.t('clientKey'), shortHash(key) || requests.t('noKey'), key === '' ? null : ['api_key_hash', key])}
      ${fact(requests.t('credential'), account || requests.t('noCredential'), credentialFilter(detail))}
      ${fact(requests.t('credentialMore'), [...new Set(others)].filter((one) => one !== '' && one !== account).join(' · '))}
      ${fact(requests.t('authIndex'), detail.auth_index)} ${fact(requests.t('authType'), detail.auth_type)}
      ${fact(requests.t('project'), detail.auth_project_id_snapshot)}
      ${fact(requests.t('provider'), detail.provider || detail.auth_provider_snapshot, [
        'provider',
        detail.provider || detail.auth_provider_snapshot,
      ])}
      ${fact(requests.t('executor'), detail.executor_type)} ${fact(requests.t('endpoint'), detail.endpoint)}
      ${fact(requests.t('clientIp'), detail.client_ip)}
      ${fact(requests.t('forwardedFor'), detail.x_forwarded_for)}
      ${fact(requests.t('userAgent'), detail.user_agent)} ${fact(requests.t('gateway'), detail.gateway)}
    </dl>
  </section>`;
}

/** The one that decides the price, and what was asked and answered where that is another. */
function tiers(detail: EventDetail): string {
  const { service_tier: tier, request_service_tier: asked, response_service_tier: answered } = detail;
  if (asked === answered || asked === '' || answered === '') return tier;
  return requests.t('tierAsked', { tier, asked, answered });
}
