import { html, nothing, type TemplateResult } from 'lit';
import '../../elements/feedback.ts';
import { EXAMPLES } from './connection.ts';
import { connection } from './texts.ts';

/** What makes the name of the host known in a container on Linux, where Docker does not do it by itself. */
const EXTRA_HOSTS = 'extra_hosts: ["host.docker.internal:host-gateway"]';

/** The usual places of a gateway, each of which fills in the address. */
export function examplesView(url: string, pick: (url: string) => void): TemplateResult {
  return html`<div class="examples" role="group" aria-label=${connection.t('where')}>
    <p class="label" aria-hidden="true">${connection.t('where')}</p>
    ${EXAMPLES.map(
      (one) =>
        html`<button
          type="button"
          class="example"
          aria-pressed=${one.url === url ? 'true' : 'false'}
          @click=${() => pick(one.url)}
        >
          <span>${connection.t(`example_${one.name}`)}</span><span class="mono">${one.url}</span>
        </button>`,
    )}
  </div>`;
}

/** What has to be known of the example in the field, if one is there. */
export function aboutExample(url: string): TemplateResult | typeof nothing {
  const example = EXAMPLES.find((one) => one.url === url);
  if (!example) return nothing;
  return html`<div class="about">
    <p>${coded(connection.t(`about_${example.name}`))}</p>
    ${
      example.name === 'host'
        ? html`<div class="command">
            <code>${EXTRA_HOSTS}</code><cp-copy .text=${EXTRA_HOSTS} label=${EXTRA_HOSTS}></cp-copy>
          </div>`
        : nothing
    }
  </div>`;
}

/** Text with \`code\` in it. */
function coded(text: string): readonly (string | TemplateResult)[] {
  return text.split('`').map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece));
}
