import { html, nothing, type TemplateResult } from 'lit';
import { reasonView } from '../../app/health.ts';
import type { TestConnectionAnswer } from '../../../../src/lib/contract/api.ts';
import { icon } from '../../elements/icon.ts';
import { describeError } from '../../lib/describe-error.ts';
import { duration } from '../../lib/format.ts';
import { type Draft, place, REFUSED, wayIn } from './connection.ts';
import type { Result } from './connection-form.ts';
import { connection } from './texts.ts';

interface Around {
  readonly saving: boolean;
  /** Sends a key that was refused once more. */
  readonly again: () => void;
}

/** What came of asking the gateway. What belongs to a field is told there. */
export function resultView(
  result: Result | null,
  draft: Draft,
  around: Around,
): TemplateResult | typeof nothing {
  if (!result) return nothing;
  if (result.kind === 'answer') return answerView(result.answer, draft, around);
  if (result.kind === 'asking') {
    return html`<p class="asking">
      <span class="spinner"></span>${connection.t('testing', { host: result.host })}
    </p>`;
  }
  const { title, hint } = describeError(result.error);
  return html`<div class="verdict bad">
    ${icon('error')}
    <div>
      <p class="what">${title}</p>
      ${hint ? html`<p class="soft">${hint}</p>` : nothing}
    </div>
  </div>`;
}

function answerView(answer: TestConnectionAnswer, draft: Draft, { saving, again }: Around): TemplateResult {
  const { problems, rest } = place(answer, draft);
  const marked = Object.keys(problems).length > 0;
  if (!answer.ok) {
    return html`<div class="verdict bad">
      ${icon('error')}
      <div class="grow">
        <p class="what">${connection.t('fails')}</p>
        ${marked ? html`<p class="soft">${connection.t('failsAt')}</p>` : nothing}
        ${rest.map((finding) => reasonView(finding))}
        ${
          answer.findings.some(({ code }) => REFUSED.includes(code))
            ? html`<p class="soft again">${connection.t('keyRefusedAgain')}</p>
                <button type="button" class="btn" @click=${again}>
                  ${icon('refresh')}${connection.t('tryAgain')}
                </button>`
            : nothing
        }
      </div>
    </div>`;
  }
  // What saving puts right by itself is a line among the facts, not a complaint.
  const left = rest.filter(({ code }) => code !== 'publishing_off');
  const complaints = marked || left.some(({ level }) => level !== 'notice');
  return html`<div class="verdict ${complaints ? 'warn' : 'good'}">
    ${icon(complaints ? 'alert' : 'ok')}
    <div class="grow">
      <p class="what">
        ${connection.t(complaints ? 'worksBut' : 'works')}
        ${saving ? html`<span class="soft">${connection.t('saving')}</span>` : nothing}
      </p>
      ${answer.gateway ? facts(answer, answer.gateway, draft) : nothing}
      ${left.map((finding) => reasonView(finding))}
    </div>
  </div>`;
}

function facts(
  answer: TestConnectionAnswer,
  gateway: NonNullable<TestConnectionAnswer['gateway']>,
  draft: Draft,
): TemplateResult {
  const publishing = gateway.usageStatisticsEnabled
    ? 'publishingOn'
    : draft.monitoring
      ? 'publishingWillBe'
      : 'publishingOff';
  return html`<dl class="facts">
    ${
      answer.baseUrl === draft.url.trim()
        ? nothing
        : html`<dt>${connection.t('savedAs')}</dt>
            <dd class="mono">${answer.baseUrl}</dd>`
    }
    <dt>${connection.t('version')}</dt>
    <dd>${gateway.version}</dd>
    <dt>${connection.t('publishing')}</dt>
    <dd>${connection.t(publishing)}</dd>
    <dt>${connection.t('retention')}</dt>
    <dd>${duration(gateway.retentionSeconds * 1000)}</dd>
    <dt>${connection.t('way')}</dt>
    <dd>${connection.t(draft.monitoring ? `way_${wayIn(draft, answer)}` : 'way_off')}</dd>
  </dl>`;
}
