import { css, html, nothing, type TemplateResult } from 'lit';
import '../elements/controls.ts';
import '../elements/display.ts';
import { CpElement } from '../elements/element.ts';
import '../elements/feedback.ts';
import '../elements/layers.ts';
import '../elements/toasts.ts';
import { common } from '../i18n/common.ts';
import { errors } from '../i18n/errors.ts';
import { startLanguage } from '../i18n/i18n.ts';
import { ApiError } from '../lib/api.ts';
import { asApiError } from '../lib/loader.ts';
import { changed, hrefOf, parsePlace } from '../lib/location.ts';
import { go, place, startRouter } from '../lib/router.ts';
import { checkSession, info, session, startSession } from '../lib/session.ts';
import { startLive, status, statusKnown } from '../lib/status.ts';
import { startTheme } from '../lib/theme.ts';
import { LOGIN, menuRoutes, routeOf, SETUP, type Route } from './routes.ts';
import './frame.ts';
import './relogin.ts';
import { TAKEOVER } from './takeover-strip.ts';
import { takeoverWait, takeoverWaitStyles } from './takeover-wait.ts';
import { shell } from './texts.ts';

/** How long a start waits before it asks a daemon that did not answer again, in ms. */
const ASK_AGAIN_MS = 3000;

/** Decides what is shown: the page of the address, the login, or the setup; and gets it. */
export class App extends CpElement {
  static override properties = {
    ready: { state: true },
    error: { state: true },
    page: { state: true },
    pageError: { state: true },
  };
  declare ready: boolean;
  declare error: ApiError | null;
  declare page: { readonly route: Route; readonly element: HTMLElement } | null;
  declare pageError: ApiError | null;
  #wanted: Route | null = null;

  constructor() {
    super();
    this.ready = false;
    this.error = null;
    this.page = null;
    this.pageError = null;
    this.watch(session);
    this.watch(info);
    this.during(() => place.subscribe(() => this.#follow()));
    this.during(() => session.subscribe(() => this.#follow()));
    this.during(() => info.subscribe(() => this.#follow()));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#start();
  }

  async #start(): Promise<void> {
    startTheme();
    startRouter();
    startSession();
    const texts = startLanguage().then(() => Promise.all([common.load(), shell.load(), errors.load()]));
    const asked = this.#ask();
    await texts;
    await asked;
    this.ready = true;
    startLive();
    this.#follow();
  }

  /** Asks until the daemon answers: it may be starting just now. */
  async #ask(): Promise<void> {
    try {
      await checkSession();
      this.error = null;
    } catch (error) {
      this.error = asApiError(error);
      setTimeout(() => void this.#ask(), ASK_AGAIN_MS);
    }
  }

  /** Brings the page in line with the address and the session. */
  #follow(): void {
    if (!this.ready || session.value === 'checking') return;
    const target = this.#target();
    if (target) {
      go(target.path, target.query, 'replace');
      return;
    }
    const route = routeOf(place.value.path);
    if (!route) return;
    // Back again before the other page was loaded: it is not to come up when it is.
    if (route === this.page?.route) this.#wanted = route;
    // What is on its way is not asked for again: the page would be made twice, and lose what was typed into the first.
    else if (route !== this.#wanted || this.pageError) void this.#show(route);
  }

  /** Where one has to go instead of where one is; null: stay. */
  #target(): { readonly path: string; readonly query: URLSearchParams } | null {
    const { path, query } = place.value;
    const none = new URLSearchParams();
    const to = (wanted: string, with_ = none) => (path === wanted ? null : { path: wanted, query: with_ });
    // What became of the history can be looked at before there is a gateway.
    const looking = path === TAKEOVER && session.value !== 'out';
    if (info.value?.setupRequired && routeOf(SETUP) && !looking) return to(SETUP);
    if (session.value === 'out') {
      const here = hrefOf(path, changed(query, { layer: null }));
      const next = here === '#/' || path === SETUP ? none : new URLSearchParams({ next: here.slice(1) });
      return to(LOGIN, next);
    }
    if (path === LOGIN) {
      // Only places within the panel; the address may come from anywhere.
      const next = parsePlace(query.get('next') ?? '/');
      return next.path === LOGIN ? { path: '/', query: none } : next;
    }
    const route = routeOf(path);
    if (route && path !== SETUP) return null;
    const home = menuRoutes()[0];
    return home && path !== '/' ? { path: '/', query: none } : null;
  }

  async #show(route: Route): Promise<void> {
    this.#wanted = route;
    this.pageError = null;
    const release = route.bare ? null : status.use();
    try {
      await Promise.all([route.load(), route.bare ? null : statusKnown()]);
      if (this.#wanted !== route) return;
      const first = this.page === null;
      this.page = { route, element: document.createElement(route.tag) };
      await this.updateComplete;
      if (!first) this.renderRoot.querySelector('cp-frame')?.focusTitle();
    } catch (error) {
      if (this.#wanted === route) this.pageError = pageFailure(error);
    } finally {
      release?.();
    }
  }

  override updated(): void {
    const title = this.page?.route.title();
    document.title = title ? `${title} · cpamp` : 'cpamp';
  }

  override render(): TemplateResult | typeof nothing {
    if (!this.ready) return nothing;
    const { error, page } = this;
    return html`${error && !page ? html`<div class="alone">${this.#unanswered(error)}</div>` : nothing}
      ${this.#content()}
      <cp-relogin></cp-relogin>
      <cp-toasts></cp-toasts>`;
  }

  /** What is shown for as long as there is nothing to log in to. */
  #unanswered(error: ApiError): TemplateResult {
    const { takeover } = info.value ?? {};
    if (error.code === 'taking_over' && takeover) return takeoverWait(takeover);
    return html`<cp-error .error=${error} @retry=${this.#ask}></cp-error>`;
  }

  /** The page, or that it could not be had; in the frame, unless it has none. */
  #content(): TemplateResult | HTMLElement | typeof nothing {
    const { page, pageError } = this;
    const route = pageError ? this.#wanted : (page?.route ?? null);
    if (!route) return nothing;
    const content = pageError
      ? html`<cp-error .error=${pageError} @retry=${() => location.reload()}></cp-error>`
      : page?.element;
    if (!route.bare) return html`<cp-frame .route=${route}>${content}</cp-frame>`;
    return pageError ? html`<div class="alone">${content}</div>` : (page?.element ?? nothing);
  }

  static override styles = [
    CpElement.styles,
    takeoverWaitStyles,
    css`
      .alone {
        max-width: 560px;
        margin: 12vh auto;
        padding: 0 16px;
      }
    `,
  ];
}

/** The files of a page are gone after an update of the daemon, and cannot be had while it is away. */
function pageFailure(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  return new ApiError('page_failed', String(cause), { cause });
}

customElements.define('cp-app', App);
