import { html, nothing, type TemplateResult } from 'lit';
import { CpElement } from '../elements/element.ts';
import { toast } from '../elements/toasts.ts';
import { icon, mark } from '../elements/icon.ts';
import { asApiError } from '../lib/loader.ts';
import { describeError } from '../lib/describe-error.ts';
import { hrefOf } from '../lib/location.ts';
import { closeNamed, go, isOpen, openNamed, place } from '../lib/router.ts';
import { info, logOut } from '../lib/session.ts';
import { feed } from '../lib/status.ts';
import { readChoice, writeChoice } from '../lib/storage.ts';
import { theme } from '../lib/theme.ts';
import { frameStyles } from './frame-styles.ts';
import './health.ts';
import { preferenceFields, preferences } from './preferences.ts';
import { menuRoutes, type Route } from './routes.ts';
import './takeover-strip.ts';
import { shell } from './texts.ts';

const LIVE_TEXTS = {
  off: 'liveOff',
  connecting: 'liveConnecting',
  live: 'live',
  lost: 'liveLost',
} as const;

/** How long `g` waits for the letter of a page, in ms. */
const SEQUENCE_MS = 1500;

/** The frame around a page: menu, title, health, choices. On phones the menu is a bar at the bottom. */
export class Frame extends CpElement {
  static override properties = {
    route: { attribute: false },
    folded: { type: Boolean, reflect: true },
  };
  declare route: Route | null;
  declare folded: boolean;
  #goUntilMs = 0;

  constructor() {
    super();
    this.route = null;
    this.folded = readChoice('menu') === 'folded';
    this.watch(place);
    this.watch(feed.state);
    this.watch(theme);
    this.watch(info);
    this.during(() => {
      const onKey = (event: KeyboardEvent): void => this.#onKey(event);
      addEventListener('keydown', onKey);
      return () => removeEventListener('keydown', onKey);
    });
  }

  /** For those who hear the page: after a change of page they are told its name. */
  focusTitle(): void {
    this.renderRoot.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  override render(): TemplateResult {
    const title = this.route?.title() ?? '';
    return html`${this.#side()}
      <div class="main">
        <header class="top">
          <span class="phone">${mark(26)}</span>
          <h1 tabindex="-1" class="cut">${title}</h1>
          <div class="tools">
            ${this.#live()}
            <cp-health></cp-health>
            <span class="desk row">
              <span class="rule"></span>
              ${preferences()}
              <button
                class="btn quiet square"
                aria-label=${shell.t('help')}
                title="${shell.t('help')} (?)"
                @click=${() => openNamed('help')}
              >
                ${icon('help')}
              </button>
              <button
                class="btn quiet square"
                aria-label=${shell.t('logout')}
                title=${shell.t('logout')}
                @click=${this.#leave}
              >
                ${icon('logout')}
              </button>
            </span>
          </div>
        </header>
        <cp-takeover></cp-takeover>
        <main id="content" tabindex="-1"><slot></slot></main>
      </div>
      ${this.#bottom()} ${this.#sheet()} ${this.#help()}`;
  }

  #side(): TemplateResult {
    const fold = shell.t(this.folded ? 'unfoldMenu' : 'foldMenu');
    return html`<nav class="side desk" aria-label=${shell.t('pages')}>
      <a class="skip btn" href="#content" @click=${this.#skip}>${shell.t('skip')}</a>
      <a class="brand" href=${hrefOf('/')} aria-label="cpamp">${mark(26)}<span class="name">cpamp</span></a>
      <ul>
        ${menuRoutes().map(({ path, aliases, menu, title }) => {
          const here = this.route?.path === path;
          return html`<li>
            <a
              class="item"
              href=${hrefOf(aliases.includes('/') ? '/' : path)}
              aria-current=${here ? 'page' : nothing}
              aria-label=${this.folded ? title() : nothing}
              title=${this.folded ? title() : nothing}
              >${icon(menu.icon)}<span class="name cut">${title()}</span
              ><span class="name keys" aria-hidden="true"
                ><kbd>G</kbd><kbd>${menu.key.toUpperCase()}</kbd></span
              ></a
            >
          </li>`;
        })}
      </ul>
      <div class="foot">
        <span class="name small faint cut"
          >${shell.t('version', { version: info.value?.version ?? '' })}</span
        >
        <button
          class="btn quiet square"
          aria-label=${fold}
          title=${fold}
          aria-expanded=${this.folded ? 'false' : 'true'}
          @click=${this.#fold}
        >
          ${icon('fold')}
        </button>
      </div>
    </nav>`;
  }

  #bottom(): TemplateResult {
    return html`<nav class="bottom phone" aria-label=${shell.t('pages')}>
      ${menuRoutes().map(
        ({ path, aliases, menu, title }) =>
          html`<a
            href=${hrefOf(aliases.includes('/') ? '/' : path)}
            aria-current=${this.route?.path === path ? 'page' : nothing}
            >${icon(menu.icon)}<span>${title()}</span></a
          >`,
      )}
      <button aria-haspopup="dialog" @click=${() => openNamed('more')}>
        ${icon('more')}<span>${shell.t('more')}</span>
      </button>
    </nav>`;
  }

  #sheet(): TemplateResult {
    return html`<cp-drawer heading=${shell.t('more')} ?open=${isOpen('more')} @close=${closeNamed}>
      <div class="stack">
        ${preferenceFields()}
        <button class="btn" @click=${this.#leave}>${icon('logout')}${shell.t('logout')}</button>
        <p class="small faint">${shell.t('version', { version: info.value?.version ?? '' })}</p>
      </div>
    </cp-drawer>`;
  }

  #live(): TemplateResult {
    const text = shell.t(LIVE_TEXTS[feed.state.value]);
    return html`<span class="live is-${feed.state.value}" role="status" title=${text}>
      <span class="dot"></span><span class="small">${text}</span>
    </span>`;
  }

  #help(): TemplateResult {
    const line = (keys: TemplateResult, text: string): TemplateResult =>
      html`<dt class="keys">${keys}</dt>
        <dd>${text}</dd>`;
    return html`<cp-dialog heading=${shell.t('help')} ?open=${isOpen('help')} @close=${closeNamed}>
      <dl class="facts shortcuts">
        ${menuRoutes().map(({ menu, title }) =>
          line(
            html`<kbd>G</kbd> ${shell.t('keyThen')} <kbd>${menu.key.toUpperCase()}</kbd>`,
            shell.t('helpGo', { page: title() }),
          ),
        )}
        ${(this.route?.keys?.() ?? []).map(([keys, text]) => line(kbds(keys), text))}
        ${line(html`<kbd>?</kbd>`, shell.t('helpHelp'))} ${line(html`<kbd>Esc</kbd>`, shell.t('helpClose'))}
      </dl>
    </cp-dialog>`;
  }

  #fold(): void {
    this.folded = !this.folded;
    writeChoice('menu', this.folded ? 'folded' : null);
  }

  /** A link to `#content` would be a place of the router. */
  #skip(event: Event): void {
    event.preventDefault();
    this.renderRoot.querySelector<HTMLElement>('main')?.focus();
  }

  async #leave(): Promise<void> {
    try {
      await logOut();
    } catch (error) {
      if (isOpen('more')) closeNamed();
      toast(shell.t('logoutFailed', { why: describeError(asApiError(error)).title }), 'bad');
    }
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const [origin] = event.composedPath();
    if (origin instanceof HTMLElement && origin.matches('input, select, textarea, [contenteditable]')) return;
    if (origin instanceof HTMLElement && origin.closest('dialog')) return;
    if (event.key === '?') openNamed('help');
    const target =
      performance.now() < this.#goUntilMs && menuRoutes().find(({ menu }) => menu.key === event.key);
    this.#goUntilMs = event.key === 'g' ? performance.now() + SEQUENCE_MS : 0;
    if (!target) return;
    event.preventDefault();
    go(target.aliases.includes('/') ? '/' : target.path);
  }

  static override styles = [CpElement.styles, frameStyles];
}

/** `J K` as keys side by side. */
function kbds(keys: string): TemplateResult {
  return html`${keys.split(' ').map((key) => html`<kbd>${key}</kbd> `)}`;
}

customElements.define('cp-frame', Frame);
declare global {
  interface HTMLElementTagNameMap {
    'cp-frame': Frame;
  }
}
