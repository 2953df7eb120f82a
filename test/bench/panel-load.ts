/**
 * How much the panel loads, and how long it takes to be of use, in a real Chromium with an empty cache.
 *
 *     npm run build && node test/bench/panel-load.ts [--cpu 4] [--mbit 10] [--delay 40] [--runs 5] [--records 2000]
 *
 * Prints JSON: bytes and requests of the first load of the login and of the dashboard; bytes of the whole panel; and the
 * median time, in ms, from the beginning of the navigation to a login that one can type in and a dashboard with its
 * figures, on a processor that many times slower and a line of that many Mbit/s with that many ms of delay.
 * CHROMIUM_PATH names the browser where it is not in /usr/bin.
 */
import { parseArgs } from 'node:util';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { pageSize, panelFiles, sumOf } from '../support/panel-size.ts';
import { ADMIN_KEY, Live } from './live.ts';

const { values } = parseArgs({
  options: {
    cpu: { type: 'string', default: '4' },
    mbit: { type: 'string', default: '10' },
    delay: { type: 'string', default: '40' },
    runs: { type: 'string', default: '5' },
    records: { type: 'string', default: '2000' },
  },
});

type State = Awaited<ReturnType<BrowserContext['storageState']>>;

interface Visit {
  readonly name: string;
  readonly path: string;
  /** The login that the browser has. */
  readonly state: State | undefined;
  readonly usable: (page: Page) => Promise<void>;
}

async function loginUsable(page: Page): Promise<void> {
  await page.getByLabel('Admin key', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Log in', exact: true }).waitFor();
}

async function dashboardUsable(page: Page): Promise<void> {
  await page.locator('dash-hours').waitFor();
  await page.locator('dash-health').waitFor();
}

async function visit<T>(
  browser: Browser,
  url: string,
  { path, state, usable }: Visit,
  look: (page: Page, begin: () => Promise<number>) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'en-US',
    ...(state ? { storageState: state } : {}),
  });
  const page = await context.newPage();
  const seen = await look(page, async () => {
    const begun = performance.now();
    await page.goto(url + path, { waitUntil: 'commit' });
    await usable(page);
    return performance.now() - begun;
  });
  await context.close();
  return seen;
}

/** Bodies as the daemon sends them to who takes that encoding. */
async function bytesOf(urls: readonly string[], encoding: string): Promise<number> {
  const sizes = urls.map(async (url) => {
    const answer = await fetch(url, { method: 'HEAD', headers: { 'accept-encoding': encoding } });
    return Number(answer.headers.get('content-length'));
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function weigh(browser: Browser, url: string, what: Visit): Promise<object> {
  return visit(browser, url, what, async (page, begin) => {
    const urls: string[] = [];
    page.on('request', (request) => urls.push(request.url()));
    await begin();
    const isFile = (one: string): boolean => /\/management\.html|\/usage-service\/panel\//.test(one);
    // What is asked for twice, as the icon is, comes from the cache.
    const files = [...new Set(urls.filter(isFile))];
    return {
      files: files.length,
      questions: urls.filter((one) => !isFile(one)).length,
      brotli: await bytesOf(files, 'br, gzip'),
      gzip: await bytesOf(files, 'gzip'),
      plain: await bytesOf(files, 'identity'),
    };
  });
}

async function time(browser: Browser, url: string, what: Visit): Promise<object> {
  const took: number[] = [];
  for (let run = 0; run < Number(values.runs); run += 1) {
    const ms = await visit(browser, url, what, async (page, begin) => {
      const devtools = await page.context().newCDPSession(page);
      await devtools.send('Emulation.setCPUThrottlingRate', { rate: Number(values.cpu) });
      await devtools.send('Network.enable');
      const bytesPerSecond = (Number(values.mbit) * 1e6) / 8;
      await devtools.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: Number(values.delay),
        downloadThroughput: bytesPerSecond,
        uploadThroughput: bytesPerSecond,
      });
      return begin();
    });
    took.push(Math.round(ms));
  }
  const sorted = took.toSorted((a, b) => a - b);
  return { medianMs: sorted[sorted.length >> 1], fastestMs: sorted[0], slowestMs: sorted.at(-1) };
}

async function logIn(browser: Browser, url: string): Promise<State> {
  const context = await browser.newContext({ locale: 'en-US' });
  const page = await context.newPage();
  await page.goto(`${url}/management.html`);
  await page.getByLabel('Admin key', { exact: true }).fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  await dashboardUsable(page);
  const state = await context.storageState();
  await context.close();
  return state;
}

const live = await Live.start({ backlog: Number(values.records), headers: true });
await live.storedAtLeast(Number(values.records));
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
const state = await logIn(browser, live.url);
const login: Visit = { name: 'login', path: '/management.html', state: undefined, usable: loginUsable };
const dashboard: Visit = { name: 'dashboard', path: '/management.html', state, usable: dashboardUsable };
const figures: Record<string, object> = {};
for (const what of [login, dashboard]) {
  const load = await weigh(browser, live.url, what);
  figures[what.name] = { ...load, ...(await time(browser, live.url, what)) };
}
// The page itself is sent by gzip at most.
const pageGzip = await bytesOf([`${live.url}/management.html`], 'gzip');
await browser.close();
await live.stop();
const files = panelFiles();
const plain = pageSize();
process.stdout.write(
  `${JSON.stringify(
    {
      ...figures,
      whole: {
        files: files.length + 1,
        brotli: pageGzip + sumOf(files, 'brotli'),
        gzip: pageGzip + sumOf(files, 'gzip'),
        plain: plain + sumOf(files, 'bytes'),
      },
    },
    null,
    2,
  )}\n`,
);
