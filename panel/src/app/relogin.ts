import { html, nothing, type TemplateResult } from 'lit';
import { CpElement } from '../elements/element.ts';
import { session } from '../lib/session.ts';
import { login } from '../pages/login/texts.ts';

/** Asks for the key again over the page when the session ended during work; what was typed there stays. */
export class Relogin extends CpElement {
  static override properties = { ready: { state: true } };
  declare ready: boolean;

  constructor() {
    super();
    this.ready = false;
    this.watch(session);
    this.during(() => session.subscribe((state) => state === 'ended' && void this.#prepare()));
  }

  async #prepare(): Promise<void> {
    await Promise.all([login.load(), import('../pages/login/login-form.ts')]);
    this.ready = true;
  }

  override render(): TemplateResult | typeof nothing {
    const open = this.ready && session.value === 'ended';
    if (!open) return nothing;
    return html`<cp-dialog steady open heading=${login.t('again')}>
      <div class="stack">
        <p class="soft">${login.t('againWhy')}</p>
        <cp-login-form></cp-login-form>
      </div>
    </cp-dialog>`;
  }
}

customElements.define('cp-relogin', Relogin);
