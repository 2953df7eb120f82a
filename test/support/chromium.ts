import assert from 'node:assert/strict';
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

/** How a page is looked at. */
export interface Look {
  readonly screen: 'desktop' | 'phone';
  readonly theme: 'light' | 'dark';
  readonly language: 'en' | 'zh-CN';
}

export const DESKTOP: Look = { screen: 'desktop', theme: 'light', language: 'en' };

/** Every screen, theme and language at least once with each of the others. */
export const LOOKS: readonly Look[] = [
  DESKTOP,
  { screen: 'desktop', theme: 'dark', language: 'zh-CN' },
  { screen: 'phone', theme: 'light', language: 'zh-CN' },
  { screen: 'phone', theme: 'dark', language: 'en' },
];

const SCREENS = {
  desktop: { viewport: { width: 1440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
} as const;

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
];
const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** For the slowest machine that runs these; a page that is well takes a fraction of it. */
const PATIENCE_MS = 60_000;

/** CHROMIUM_PATH, else where systems put it. A path that was given and is not there is an error, not a reason to skip. */
function findChromium(): string | null {
  const given = process.env['CHROMIUM_PATH'];
  if (given) return given;
  return PLACES.find(executable) ?? null;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The one browser of a test file, which ends with it. To be called at the top of the file:
 *
 *     const chromium = useChromium();
 *     test('...', chromium.options, async (t) => {
 *       const panel = await chromium.open(t, `${daemon.url}/management.html`, { screen: 'phone' });
 *       await panel.page.getByLabel('Admin key').fill(ADMIN_KEY);
 *     });
 */
export function useChromium(): Chromium {
  const used = new Chromium(findChromium());
  after(() => used.close());
  return used;
}

class Chromium {
  /** For `test()`: skips where there is no browser. */
  readonly options: { readonly skip: string | false };
  readonly #path: string | null;
  #browser: Promise<Browser> | null = null;

  constructor(path: string | null) {
    this.#path = path;
    this.options = { skip: path ? false : 'no Chromium here: install one, or set CHROMIUM_PATH' };
  }

  /** A browser of its own as far as cookies and storage go, with one page. Gone after the test. */
  async open(t: TestContext, url: string, look: Partial<Look> = {}, zone?: string): Promise<PanelPage> {
    const person = await this.person(t, look, zone);
    await person.page.goto(url);
    return person;
  }

  /** The same, before it has gone anywhere. */
  async person(t: TestContext, look: Partial<Look> = {}, zone = 'Europe/Berlin'): Promise<PanelPage> {
    const { screen, theme, language }: Look = { ...DESKTOP, ...look };
    const browser = await (this.#browser ??= this.#start());
    const context = await browser.newContext({
      ...SCREENS[screen],
      colorScheme: theme,
      locale: language === 'en' ? 'en-US' : language,
      timezoneId: zone,
      // Movements would be caught half way.
      reducedMotion: 'reduce',
    });
    context.setDefaultTimeout(PATIENCE_MS);
    await context.addInitScript({ content: REPORT_VIOLATIONS });
    const panel = new PanelPage(context, await context.newPage(), { screen, theme, language });
    t.after(async () => {
      // A test that failed already shows only its own error, and this may be why.
      for (const fault of panel.faults) t.diagnostic(`${panel.page.url()}: ${fault}`);
      await context.close();
      panel.assertQuiet();
    });
    return panel;
  }

  async close(): Promise<void> {
    if (this.#browser) await (await this.#browser).close();
  }

  #start(): Promise<Browser> {
    assert.ok(this.#path, 'a test without `chromium.options`');
    return chromium.launch({ executablePath: this.#path, args: ARGS, timeout: PATIENCE_MS });
  }
}
export type { Chromium };

export interface Trace {
  /** Also what is in fields now, such as before a form is sent. Default true. */
  readonly fields?: boolean;
}

/** The browser's words for an address where nobody answers any more. */
const NOBODY = /net::ERR_(?:CONNECTION_\w+|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)/;

/** A page with the panel in it, and what went wrong there. */
export class PanelPage {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly look: Look;
  /** Errors in the console, exceptions that nobody caught, violations of the content security policy. */
  readonly faults: string[] = [];
  /** Every address that was asked for. */
  readonly addresses: string[] = [];
  readonly #said: string[] = [];

  constructor(context: BrowserContext, page: Page, look: Look) {
    this.context = context;
    this.page = page;
    this.look = look;
    page.on('pageerror', (error) => this.faults.push(`uncaught: ${error.stack ?? error.message}`));
    page.on('request', (request) => this.addresses.push(request.url()));
    page.on('console', (message) => {
      this.#said.push(message.text());
      if (message.type() !== 'error') return;
      const { url } = message.location();
      // The browser's own remark on an answer that the panel knows to deal with.
      if (message.text().startsWith('Failed to load resource') && isAnswer(url)) return;
      // The daemon ended before the page, as at the end of a test. Another address would break the page's own policy.
      if (NOBODY.test(message.text())) return;
      this.faults.push(`${message.text()} (${url})`);
    });
  }

  /** Nothing went wrong in the page so far; the end of the test asks this too. */
  assertQuiet(): void {
    assert.deepEqual(this.faults, [], 'the page complained');
  }

  /** axe finds nothing to say about the page as it is now. */
  async axe(): Promise<void> {
    await this.page.evaluate(axeSource());
    const found = await this.page.evaluate<readonly AxeViolation[]>(
      `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, help, nodes }) =>
        ({ id, help, nodes: nodes.map(({ target, failureSummary }) => ({ target: target.flat().join(' '), failureSummary })) })))`,
    );
    const told = found.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes.map((node) => `  ${node.target}\n    ${node.failureSummary}`).join('\n')}`,
    );
    assert.equal(told.join('\n'), '', `axe, ${Object.values(this.look).join(', ')}`);
  }

  /** None of the secrets is in an address, in storage, in the console or in the page, its shadow roots included. */
  async secretsNowhere(secrets: readonly string[], { fields = true }: Trace = {}): Promise<void> {
    const traces = await this.page.evaluate<Record<string, string>>(`(${TRACES})(${fields})`);
    const all = { ...traces, addresses: this.addresses.join('\n'), console: this.#said.join('\n') };
    for (const [place, text] of Object.entries(all)) {
      for (const secret of secrets) {
        assert.ok(!text.includes(secret), `a secret in ${place}`);
        assert.ok(!text.includes(encodeURIComponent(secret)), `a secret in ${place}, encoded`);
      }
    }
  }

  /** What is wider than the screen scrolls within itself, never the page. */
  async assertFits(): Promise<void> {
    const [page, screen] = await this.page.evaluate<[number, number]>(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    );
    assert.ok(page <= screen, `the page is ${page} wide on a screen of ${screen}`);
  }

  /** A picture into the directory of the variable PANEL_PICTURES; without it nothing happens. */
  async picture(name: string, fullPage = false): Promise<void> {
    const dir = process.env['PANEL_PICTURES'];
    if (!dir) return;
    mkdirSync(dir, { recursive: true });
    const { screen, theme, language } = this.look;
    const path = join(dir, `${name}-${screen}-${theme}-${language}.png`);
    await this.page.screenshot({ path, fullPage });
  }
}

interface AxeViolation {
  readonly id: string;
  readonly help: string;
  readonly nodes: ReadonlyArray<{ readonly target: string; readonly failureSummary: string }>;
}

let axe: string | null = null;
/** Evaluated from outside, because the policy of the page lets no foreign script in. */
function axeSource(): string {
  axe ??= readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  return axe;
}

function isAnswer(url: string): boolean {
  return /\/(?:usage-service|v0\/management)\//.test(url) && !url.includes('/usage-service/panel/');
}

// What runs in the page is text: these files are checked without the types of a browser.
const REPORT_VIOLATIONS = `addEventListener('securitypolicyviolation', (event) =>
  console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample))`;

const TRACES = `async (fields) => {
  const nodes = [];
  const walk = (root) => {
    for (const element of root.querySelectorAll('*')) {
      nodes.push(element);
      if (element.shadowRoot) walk(element.shadowRoot);
    }
  };
  walk(document);
  const pieces = nodes.map((node) => [
    node.localName,
    ...[...node.attributes].map(({ name, value }) => name + '=' + value),
    ...[...node.childNodes, ...(node.shadowRoot ? node.shadowRoot.childNodes : [])]
      .filter(({ nodeType }) => nodeType === 3 || nodeType === 8)
      .map(({ data }) => data),
    ...(fields && 'value' in node ? [String(node.value)] : []),
  ].join(' '));
  const entries = (storage) => JSON.stringify(Object.entries(storage));
  return {
    address: location.href,
    history: JSON.stringify(history.state),
    localStorage: entries(localStorage),
    sessionStorage: entries(sessionStorage),
    indexedDB: JSON.stringify(await indexedDB.databases()),
    caches: JSON.stringify('caches' in globalThis ? await caches.keys() : []),
    cookies: document.cookie,
    name: globalThis.name,
    page: pieces.join('\\n'),
  };
}`;
