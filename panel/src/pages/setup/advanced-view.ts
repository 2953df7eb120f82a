import { html, nothing, type TemplateResult } from 'lit';
import { checkedOf, valueOf } from '../../elements/controls.ts';
import { icon } from '../../elements/icon.ts';
import { type Draft, MODES, type Problems } from './connection.ts';
import { told } from './problem-text.ts';
import { connection } from './texts.ts';

/** How records are taken; the values that are there are right for nearly everybody. */
export function advancedView(
  draft: Draft,
  problems: Problems,
  change: (change: Partial<Draft>) => void,
): TemplateResult {
  const mode = told(problems.mode);
  const poll = told(problems.poll);
  return html`<div class="inner">
    <fieldset aria-describedby=${mode.what ? 'mode-wrong' : nothing}>
      <legend class="label">${connection.t('mode')}</legend>
      ${MODES.map(
        (one) =>
          html`<label class="mode">
            <input
              type="radio"
              name="mode"
              value=${one}
              .checked=${one === draft.mode}
              @change=${() => change({ mode: one })}
            />
            <span
              ><span class="name">${connection.t(`mode_${one}`)}</span
              ><span class="soft">${connection.t(`mode_${one}_text`)}</span></span
            >
          </label>`,
      )}
      ${
        mode.what
          ? html`<p class="wrong" id="mode-wrong">${icon('error')}<span>${mode.what} ${mode.fix}</span></p>`
          : nothing
      }
    </fieldset>
    <cp-field
      class="poll"
      name="poll"
      type="number"
      label=${connection.t('poll')}
      .value=${draft.pollMs}
      .error=${poll.what}
      note=${poll.what ? poll.fix : connection.t('pollNote')}
      @input=${(event: Event) => change({ pollMs: valueOf(event) })}
    ></cp-field>
    ${
      draft.tlsSkipVerify || /^https:/i.test(draft.url.trim())
        ? html`<cp-switch
            name="tls"
            label=${connection.t('tls')}
            note=${connection.t('tlsNote')}
            .checked=${draft.tlsSkipVerify}
            @change=${(event: Event) => change({ tlsSkipVerify: checkedOf(event) })}
          ></cp-switch>`
        : nothing
    }
  </div>`;
}
