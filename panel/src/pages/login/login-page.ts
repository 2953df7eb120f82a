import { css, html, type TemplateResult } from 'lit';
import { preferences } from '../../app/preferences.ts';
import { CpElement } from '../../elements/element.ts';
import { mark } from '../../elements/icon.ts';
import { info } from '../../lib/session.ts';
import { theme } from '../../lib/theme.ts';
import { alone } from '../../styles/alone.ts';
import './login-form.ts';
import { login } from './texts.ts';

export class LoginPage extends CpElement {
  constructor() {
    super();
    this.watch(theme);
    this.watch(info);
  }

  override render(): TemplateResult {
    return html`<header class="row">${preferences()}</header>
      <main>
        <div class="sheet">
          ${mark(40)}
          <h1>${login.t('heading')}</h1>
          <p class="soft">${login.t('intro')}</p>
          <cp-login-form></cp-login-form>
        </div>
      </main>
      <footer class="faint small num">
        <span class="cut">${location.host}</span><span>cpamp ${info.value?.version ?? ''}</span>
      </footer>`;
  }

  static override styles = [
    CpElement.styles,
    alone,
    css`
      main {
        flex: 1;
        display: grid;
        justify-items: center;
        align-items: start;
        padding: clamp(8px, 9vh, 104px) 16px 24px;
      }
      .sheet {
        width: min(400px, 100%);
        padding: 32px;
        border: 1px solid var(--line);
        border-radius: 12px;
        background: var(--surface);
        box-shadow: var(--shadow);
      }
      h1 {
        margin-top: 20px;
        font-size: var(--size-5);
        line-height: 28px;
        font-weight: 600;
        letter-spacing: -0.015em;
      }
      .sheet > .soft {
        margin: 6px 0 24px;
      }
      footer {
        display: flex;
        justify-content: center;
        gap: 16px;
        padding: 16px;
      }
      @media (max-width: 520px) {
        .sheet {
          padding: 8px 4px;
          border: 0;
          background: none;
          box-shadow: none;
        }
      }
    `,
  ];
}

customElements.define('cp-page-login', LoginPage);
