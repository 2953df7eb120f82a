import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import enConnection from '../../panel/src/i18n/en/connection.ts';
import enDashboard from '../../panel/src/i18n/en/dashboard.ts';
import enLogin from '../../panel/src/i18n/en/login.ts';
import enRequests from '../../panel/src/i18n/en/requests.ts';
import enShell from '../../panel/src/i18n/en/shell.ts';
import zhConnection from '../../panel/src/i18n/zh-CN/connection.ts';
import zhDashboard from '../../panel/src/i18n/zh-CN/dashboard.ts';
import zhLogin from '../../panel/src/i18n/zh-CN/login.ts';
import zhRequests from '../../panel/src/i18n/zh-CN/requests.ts';
import zhShell from '../../panel/src/i18n/zh-CN/shell.ts';
import { listenOn } from '../support/collection.ts';
import { DESKTOP, type Look, type PanelPage, useChromium } from '../support/chromium.ts';
import { recordSource } from '../support/cpa/records.ts';
import type { CpaStandIn } from '../support/cpa/stand-in.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';
import { CPA_KEY, startCpa } from '../support/http.ts';
import { type Behind, type ReverseProxy, shareOrigin, underPath } from '../support/proxies.ts';
import { createServer } from 'node:http';

const chromium = useChromium();

const TEXTS = {
  en: { ...enLogin, connection: enConnection, dashboard: enDashboard, requests: enRequests, shell: enShell },
  'zh-CN': {
    ...zhLogin,
    connection: zhConnection,
    dashboard: zhDashboard,
    requests: zhRequests,
    shell: zhShell,
  },
} as const;

/** Diagnoses of the connection; in a container a loopback address is told apart. */
const SAID = {
  en: {
    nothingListens: /Nothing listens at|is this container itself/,
    notCpa: /is not one of CLIProxyAPI/,
  },
  'zh-CN': { nothingListens: /没有程序在监听|指向此容器自身/, notCpa: /应答不是来自 CLIProxyAPI/ },
} as const;

const WRONG = 'not-the-management-key-of-the-gateway';
const GIVEN = 'cmp_admin_given-by-an-operator-0000000000';
/** The keys of the recorded requests; nothing but their hashes may be kept. */
const CLIENT_KEYS = ['sk-client-alpha-0001', 'sk-client-beta-0002'];
/** No system lets anything listen there by itself, and no test does. */
const NOWHERE = 'http://127.0.0.1:1';

/** A daemon that can be started again where it was, so that a browser finds it again. */
class Lasting {
  readonly #t: TestContext;
  readonly #dataDir: string;
  readonly #given: boolean;
  #daemon: DaemonProcess | null = null;
  #address = '127.0.0.1:0';
  #begun = false;
  adminKey = GIVEN;

  /** `given`: whether the admin key comes with the environment, or is made and printed once. */
  constructor(t: TestContext, given: boolean) {
    this.#t = t;
    this.#dataDir = tempDir(t);
    this.#given = given;
  }

  get url(): string {
    return `http://${this.#address}`;
  }

  async start(): Promise<void> {
    const daemon = await this.#listening();
    this.#daemon = daemon;
    this.#address = new URL(daemon.url).host;
    if (this.#given || this.#begun) return;
    // It is made once, and printed once.
    const printed = (): string | undefined => /cmp_admin_[\w-]{32}/.exec(daemon.stdout.join('\n'))?.[0];
    await daemon.until(() => printed() !== undefined);
    this.adminKey = printed() ?? '';
    this.#begun = true;
  }

  async stop(): Promise<void> {
    assert.equal(await this.#daemon?.stop(), 0);
  }

  /** While it was away somebody else's connection may have been given its port for a moment. */
  async #listening(): Promise<DaemonProcess> {
    const env = { HTTP_ADDR: this.#address, CPA_MANAGER_ADMIN_KEY: this.#given ? GIVEN : '' };
    for (;;) {
      try {
        return await DaemonProcess.start(this.#t, { dataDir: this.#dataDir, env });
      } catch (error) {
        if (!String(error).includes('EADDRINUSE')) throw error;
      }
    }
  }
}

interface Way {
  readonly name: string;
  readonly look: Look;
  readonly given: boolean;
  /** Null: the browser asks the daemon itself. */
  readonly proxy: ((t: TestContext, behind: Behind) => Promise<ReverseProxy>) | null;
}

const PHONE: Look = { screen: 'phone', theme: 'dark', language: 'zh-CN' };
const WAYS: readonly Way[] = [
  { name: 'directly', look: DESKTOP, given: false, proxy: null },
  { name: 'directly, on a phone', look: PHONE, given: true, proxy: null },
  {
    name: 'through a proxy that sends three prefixes here and all else to the gateway',
    look: DESKTOP,
    given: true,
    proxy: shareOrigin,
  },
  {
    name: 'under a sub-path',
    look: { ...PHONE, language: 'en', theme: 'light' },
    given: false,
    proxy: (t, behind) => underPath(t, '/panel', behind),
  },
];

/** With PANEL_PICTURES all looks are gone through, one picture of each page. */
const LOOKS: readonly Look[] = process.env['PANEL_PICTURES']
  ? (['desktop', 'phone'] as const).flatMap((screen) =>
      (['light', 'dark'] as const).flatMap((theme) =>
        (['en', 'zh-CN'] as const).map((language) => ({ screen, theme, language })),
      ),
    )
  : [];
const PICTURED = LOOKS.map((look) => ({ name: 'in pictures', look, given: false, proxy: null }));

for (const way of [...WAYS, ...PICTURED]) {
  const name = `from nothing to requests, and over a restart: ${way.name} (${Object.values(way.look).join(', ')})`;
  test(name, chromium.options, async (t) => {
    const cpa = await startCpa(t, { usageStatisticsEnabled: false });
    const daemon = new Lasting(t, way.given);
    await daemon.start();
    const behind = { daemon: () => daemon.url, gateway: () => cpa.url };
    const proxy = (await way.proxy?.(t, behind)) ?? { url: daemon.url, toGateway: [] };
    const panel = await chromium.open(t, `${proxy.url}/management.html`, way.look);
    const journey = new Journey(panel, cpa, daemon);

    await journey.setUp(await somethingElse(t));
    await journey.waitForTheFirst();
    await journey.seeItArrive();
    await journey.lookAround();
    await journey.logOutAndIn();
    await journey.restart();
    await journey.changeLooks();

    assert.deepEqual(proxy.toGateway, [], 'the panel asks for nothing beyond its prefixes');
    assert.ok(panel.addresses.every((address) => address.startsWith(`${proxy.url}/`)));
  });
}

/** A server that is no gateway. */
async function somethingElse(t: TestContext): Promise<string> {
  const server = createServer((_request, answer) => {
    answer.setHeader('content-type', 'text/html').end('<!doctype html><title>A home page</title>');
  });
  t.after(() => server.closeAllConnections());
  return `http://127.0.0.1:${await listenOn(t, server)}`;
}

class Journey {
  readonly #panel: PanelPage;
  readonly #page: PanelPage['page'];
  readonly #cpa: CpaStandIn;
  readonly #daemon: Lasting;
  readonly #texts: (typeof TEXTS)[Look['language']];
  readonly #source = recordSource({ version: '7.2.140', seed: 7 });

  constructor(panel: PanelPage, cpa: CpaStandIn, daemon: Lasting) {
    this.#panel = panel;
    this.#page = panel.page;
    this.#cpa = cpa;
    this.#daemon = daemon;
    this.#texts = TEXTS[panel.look.language];
  }

  /** What holds for every page, as it is now. `typed`: keys are still in their fields, as they have to be. */
  async #inspect(name: string, { typed = false } = {}): Promise<void> {
    const panel = this.#panel;
    await panel.axe();
    await panel.assertFits();
    await panel.secretsNowhere([this.#daemon.adminKey, CPA_KEY, WRONG, ...CLIENT_KEYS], { fields: !typed });
    panel.assertQuiet();
    // Long lists are as high as all of their rows, and layers as the screen.
    await panel.picture(name, !/requests|drawer|menu|more/.test(name));
  }

  async #logIn(submit: string): Promise<void> {
    await this.#page.getByLabel(this.#texts.adminKey, { exact: true }).fill(this.#daemon.adminKey);
    await this.#page.getByRole('button', { name: submit, exact: true }).click();
  }

  async #goTo(title: string): Promise<void> {
    await this.#page.getByRole('link', { name: title, exact: true }).click();
    await this.#page.getByRole('heading', { level: 1, name: title }).waitFor();
  }

  async #feedIs(state: 'live' | 'liveLost'): Promise<void> {
    const title = this.#texts.shell[state];
    await this.#page.locator(`cp-frame [role="status"][title="${title}"]`).waitFor({ state: 'attached' });
  }

  /** A recorded request with another model, as of now. */
  #request(model: string): object {
    const recorded: Record<string, unknown> = JSON.parse(this.#source.next(Date.now()).toString());
    return { ...recorded, failed: false, fail: {}, model, alias: model, ...TOKENS };
  }

  #row(model: string): ReturnType<PanelPage['page']['locator']> {
    return this.#page.getByRole('row').filter({ hasText: model });
  }

  async setUp(notCpa: string): Promise<void> {
    const { connection: texts, adminKey } = this.#texts;
    const said = SAID[this.#panel.look.language];
    const page = this.#page;
    await page.getByLabel(adminKey, { exact: true }).waitFor();
    await this.#inspect('journey-01-setup');
    await this.#logIn(texts.goOn);

    const url = page.getByLabel(texts.url, { exact: true });
    const key = page.getByLabel(texts.key, { exact: true });
    const attempt = async (address: string, secret: string, expected: string | RegExp): Promise<void> => {
      await url.fill(address);
      await key.fill(secret);
      await page.getByRole('button', { name: texts.test }).click();
      await page.getByText(expected).first().waitFor();
    };
    await attempt(NOWHERE, CPA_KEY, said.nothingListens);
    await this.#inspect('journey-02-nothing-listens', { typed: true });
    await attempt(notCpa, CPA_KEY, said.notCpa);
    await this.#inspect('journey-03-something-else', { typed: true });
    await attempt(this.#cpa.url, WRONG, texts.keyRefused);
    assert.equal(this.#cpa.access.failures(), 1, 'sent once');
    await this.#inspect('journey-04-wrong-key', { typed: true });
    await attempt(this.#cpa.url, CPA_KEY, texts.works);
    await page.getByText(texts.publishingWillBe).waitFor();
    assert.equal(this.#cpa.usageStatisticsEnabled, false, 'a test changes nothing');
    await this.#inspect('journey-05-works', { typed: true });
    await page.getByRole('button', { name: texts.saveSetup }).click();
  }

  async waitForTheFirst(): Promise<void> {
    const { dashboard, shell } = this.#texts;
    await this.#page.getByRole('heading', { name: dashboard.waitHeading }).waitFor();
    await this.#cpa.subscribed();
    assert.equal(this.#cpa.usageStatisticsEnabled, true);
    await this.#page.locator('.first-request li.done').nth(4).waitFor();
    await this.#inspect('journey-06-dashboard-waiting');
    await this.#goTo(shell.requests);
    await this.#page
      .locator('cp-page-requests')
      .getByRole('heading', { name: dashboard.waitHeading })
      .waitFor();
    await this.#inspect('journey-07-requests-empty');
  }

  async seeItArrive(): Promise<void> {
    const { requests } = this.#texts;
    const page = this.#page;
    await this.#feedIs('live');
    await page.evaluate('globalThis.neverReloaded = true');
    this.#cpa.publish(this.#request('gpt-5'));
    await this.#row('gpt-5').click();
    const drawer = page.getByRole('dialog', { name: 'gpt-5' });
    await drawer.waitFor();
    const detail = page.locator('cp-request-detail');
    const cost = detail.getByRole('table').first();
    await cost.waitFor();
    const cells = await cost
      .locator('tr')
      .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent?.trim())));
    assert.deepEqual(
      cells.slice(1).map(([, tokens]) => tokens),
      ['400', '133', '37', '570'],
    );
    // 400 at 1.25, 133 at 0.125 and 37 at 10 USD the million.
    assert.deepEqual(
      cells.slice(1).map((line) => line.at(-1)),
      ['$0.000500000', '$0.000016625', '$0.000370000', '$0.000886625'],
    );
    await detail.getByText(requests.priceOf.replace('{model}', 'gpt-5')).waitFor();
    await this.#inspect('journey-08-drawer');
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'hidden' });
    assert.doesNotMatch(page.url(), /event=/);
    await this.#inspect('journey-09-requests');
  }

  async lookAround(): Promise<void> {
    const { dashboard, connection, shell } = this.#texts;
    const page = this.#page;
    if (LOOKS.length > 0) await this.#fillTheDay();
    await this.#goTo(shell.dashboard);
    await page.getByRole('heading', { name: dashboard.byHour }).waitFor();
    await page.locator('dash-hours').waitFor();
    await this.#inspect('journey-10-dashboard');
    await this.#goTo(shell.gateway);
    const key = page.getByLabel(connection.key, { exact: true });
    await key.waitFor();
    assert.equal(await key.inputValue(), '', 'the saved key stays where it is');
    await this.#inspect('journey-11-gateway');
    if (LOOKS.length > 0) {
      await this.#goTo(shell.requests);
      await this.#row('claude').first().waitFor();
      await this.#inspect('journey-12-requests-full');
      await this.#page.locator('.r.row-bad').first().click();
      await this.#page.locator('cp-request-detail table').first().waitFor();
      await this.#inspect('journey-13-drawer-failed');
      await page.keyboard.press('Escape');
    }
  }

  /** Something to look at. */
  async #fillTheDay(): Promise<void> {
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    const passed = Date.now() - midnight.getTime();
    const models = ['gpt-5', 'claude-sonnet-4-5', 'gemini-2.5-pro', 'a-model-without-a-price'];
    for (let n = 0; n < 400; n += 1) {
      const at = midnight.getTime() + passed * Math.sqrt(n / 400);
      const recorded: Record<string, unknown> = JSON.parse(this.#source.next(at).toString());
      const model = models[((n * n + n) % 11) % models.length];
      this.#cpa.publish({
        ...recorded,
        ...(n % 3 === 0 ? {} : { model, alias: model }),
        latency_ms: 700 + ((n * 7919) % 40_000),
      });
      if (n % 32 === 0) await this.#cpa.settled();
    }
    await this.#cpa.settled();
  }

  async logOutAndIn(): Promise<void> {
    const { shell, submit, adminKey } = this.#texts;
    const page = this.#page;
    await this.#goTo(shell.requests);
    const phone = this.#panel.look.screen === 'phone';
    if (phone) {
      await page.getByRole('button', { name: shell.more }).click();
      await page.getByRole('button', { name: shell.logout }).waitFor();
      await this.#inspect('journey-14-more');
    } else {
      await page.getByRole('button', { name: shell.theme }).click();
      await page.getByRole('menuitemradio').first().waitFor();
      await this.#inspect('journey-14-menu');
      await page.keyboard.press('Escape');
    }
    await page.getByRole('button', { name: shell.logout }).click();
    await page.getByLabel(adminKey, { exact: true }).waitFor();
    assert.deepEqual(await this.#panel.context.cookies(), []);
    await this.#inspect('journey-15-login');
    await this.#logIn(submit);
    await this.#row('gpt-5').first().waitFor();
  }

  async restart(): Promise<void> {
    const page = this.#page;
    await this.#feedIs('live');
    const cookies = await this.#cookies();
    assert.equal(cookies.length, 1);
    await this.#daemon.stop();
    await this.#feedIs('liveLost');
    await this.#inspect('journey-16-lost');
    // It was not only cut off for a moment: nobody answers, or the proxy does.
    const attempt = await page.waitForRequest(/\/events\/stream/);
    assert.notEqual((await attempt.response())?.status(), 200);
    // Waits at the gateway.
    this.#cpa.publish(this.#request('gpt-5-mini'));
    await this.#daemon.start();
    await this.#feedIs('live');
    await this.#row('gpt-5-mini').first().waitFor();
    await this.#cpa.subscribed();
    this.#cpa.publish(this.#request('gpt-5-nano'));
    await this.#row('gpt-5-nano').first().waitFor();
    assert.equal(await page.evaluate('globalThis.neverReloaded'), true, 'it recovered by itself');
    assert.deepEqual(await this.#cookies(), cookies, 'the login is the one from before');
    await page.reload();
    await this.#row('gpt-5-nano').first().waitFor();
    await this.#inspect('journey-17-after-restart');
  }

  async #cookies(): Promise<readonly string[]> {
    return (await this.#panel.context.cookies()).map(({ name, value }) => `${name}=${value}`);
  }

  async changeLooks(): Promise<void> {
    const { look } = this.#panel;
    const [language, name] =
      look.language === 'en' ? (['zh-CN', '简体中文'] as const) : (['en', 'English'] as const);
    const [before, after] = [this.#texts.shell, TEXTS[language].shell];
    const theme = look.theme === 'light' ? 'dark' : 'light';
    const page = this.#page;
    if (look.screen === 'phone') {
      await page.getByRole('button', { name: before.more }).click();
      const sheet = page.getByRole('dialog', { name: after.more });
      await page.getByRole('radio', { name, exact: true }).click();
      await sheet.waitFor();
      await page.getByRole('radio', { name: after[`theme_${theme}`], exact: true }).click();
      await page.keyboard.press('Escape');
      await sheet.waitFor({ state: 'hidden' });
    } else {
      await page.getByRole('button', { name: before.language }).click();
      await page.getByRole('menuitemradio', { name }).click();
      await page.getByRole('button', { name: after.theme }).click();
      await page.getByRole('menuitemradio', { name: after[`theme_${theme}`] }).click();
    }
    const seen = (): Promise<unknown> =>
      page.evaluate(
        '[document.documentElement.lang, getComputedStyle(document.documentElement).colorScheme, document.title]',
      );
    const title = page.getByRole('heading', { level: 1, name: after.requests });
    await title.waitFor();
    const wanted = [language, theme, `${after.requests} · cpamp`];
    assert.deepEqual(await seen(), wanted);
    await this.#inspect('journey-18-other-look');
    await page.reload();
    await title.waitFor();
    assert.deepEqual(await seen(), wanted, 'and stays');
  }
}

/** 533 in, of them 133 from the cache, and 37 out, of them 12 of reasoning. */
const TOKENS = {
  tokens: {
    input_tokens: 533,
    output_tokens: 37,
    reasoning_tokens: 12,
    cached_tokens: 133,
    cache_read_tokens: 133,
    cache_creation_tokens: 0,
    total_tokens: 570,
  },
  accounting_version: 2,
  token_breakdown: {
    schema_version: 2,
    quality: 'complete',
    total_tokens: 570,
    input: { total_tokens: 533, uncached_tokens: 400, cache_read_tokens: 133, cache_write_tokens: 0 },
    output: { total_tokens: 37, non_reasoning_tokens: 25, reasoning_tokens: 12 },
    unclassified_tokens: 0,
  },
} as const;
