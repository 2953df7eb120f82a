import { css, html, type TemplateResult } from 'lit';
import type { InfoAnswer } from '../../../src/lib/contract/api.ts';
import { icon, mark } from '../elements/icon.ts';
import { coded } from './takeover-strip.ts';
import { shell } from './texts.ts';

/** Before anybody can log in: the keys are in the old files, too. What those are called is not told to everybody. */
export function takeoverWait({ state }: NonNullable<InfoAnswer['takeover']>): TemplateResult {
  const held = state === 'waiting';
  return html`<main class="wait">
    ${mark(40)}
    <h1>${shell.t(held ? 'takeoverHeld' : 'takeoverBefore')}</h1>
    <p>${coded(shell.t(held ? 'takeoverHeldText' : 'takeoverBeforeText'))}</p>
    ${held ? html`<p>${coded(shell.t('takeoverHeldMore'))}</p>` : ''}
    <p class="row soft" role="status">${icon(held ? 'pause' : 'clock')}${shell.t('takeoverGoesOn')}</p>
  </main>`;
}

export const takeoverWaitStyles = css`
  .wait {
    display: grid;
    gap: 12px;
    line-height: 22px;
  }
  .wait code {
    white-space: nowrap;
  }
  .wait h1 {
    margin-top: 8px;
    font-size: var(--size-5);
    line-height: 28px;
  }
`;
