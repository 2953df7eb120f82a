import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test, { type TestContext } from 'node:test';
import type { Response } from 'playwright-core';
import { listenOn } from '../support/collection.ts';
import { type PanelPage, useChromium } from '../support/chromium.ts';
import { ADMIN_KEY, type DaemonProcess } from '../support/daemon.ts';
import { ask, CPA_KEY, post, startCpa, startReady } from '../support/http.ts';
import { RecordingGateway } from '../support/recording-gateway.ts';

const chromium = useChromium();

/** A browser that is logged in, as far as its cookie goes. What its pages do wrong is theirs. */
async function loggedIn(t: TestContext, daemon: DaemonProcess): Promise<PanelPage> {
  const person = await chromium.open(t, `${daemon.url}/management.html`);
  const { page, context } = person;
  await page.getByLabel('Admin key', { exact: true }).fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Log out' }).waitFor();
  assert.equal((await context.cookies()).length, 1);
  return person;
}

interface Neighbour {
  readonly url: string;
  /** The cookies that came with each request. */
  readonly cookies: string[];
}

/** A page of another port of the same host. */
async function neighbour(
  t: TestContext,
  html = '<!doctype html><title>Elsewhere</title>',
): Promise<Neighbour> {
  const cookies: string[] = [];
  const server = createServer((request, answer) => {
    cookies.push(request.headers.cookie ?? '');
    answer.setHeader('content-type', 'text/html').end(html);
  });
  t.after(() => server.closeAllConnections());
  return { url: `http://127.0.0.1:${await listenOn(t, server)}`, cookies };
}

async function startWith(url: string, daemon: DaemonProcess): Promise<void> {
  const body = {
    cpaBaseUrl: url,
    cpaManagementKey: CPA_KEY,
    requestMonitoringEnabled: true,
    collectorMode: 'http',
  };
  assert.equal((await ask(daemon, '/setup', post(body))).status, 200);
}

/** What a page can send without asking the browser's leave, and what it may try with it. */
const ATTEMPTS = [
  { path: '/setup', method: 'POST', mode: 'no-cors' },
  { path: '/usage-service/setup', method: 'POST', mode: 'no-cors' },
  { path: '/usage-service/retry', method: 'POST', mode: 'no-cors' },
  { path: '/usage-service/session', method: 'POST', mode: 'no-cors' },
  { path: '/v0/management/api-keys', method: 'POST', mode: 'no-cors' },
  { path: '/v0/management/usage/import', method: 'POST', mode: 'no-cors' },
  { path: '/usage-service/config', method: 'PUT', mode: 'cors' },
  { path: '/usage-service/session', method: 'DELETE', mode: 'cors' },
  { path: '/v0/management/api-keys', method: 'DELETE', mode: 'cors' },
  { path: '/v0/management/api-keys', method: 'GET', mode: 'cors' },
  { path: '/v0/management/events', method: 'GET', mode: 'cors' },
  { path: '/usage-service/config', method: 'GET', mode: 'cors' },
] as const;

test('a page on another port of the host cannot act with the cookie', chromium.options, async (t) => {
  const gateway = await RecordingGateway.start(t);
  const thief = await startCpa(t);
  const daemon = await startReady(t);
  await startWith(gateway.url, daemon);
  const { context } = await loggedIn(t, daemon);
  const config = await ask(daemon, '/usage-service/config');
  const body = JSON.stringify({ cpaBaseUrl: thief.url, cpaManagementKey: CPA_KEY });

  const foreign = await context.newPage();
  const witness = await neighbour(t);
  await foreign.goto((await neighbour(t)).url);
  /** What the page can read of the answer. */
  const send = (url: string, method: string, mode: string): Promise<string> =>
    foreign.evaluate<string>(
      `fetch(${JSON.stringify(url)}, {
        method: '${method}', mode: '${mode}', credentials: 'include',
        ${method === 'GET' ? '' : `body: ${JSON.stringify(body)}`}
      }).then((answer) => answer.text(), () => '')`,
    );
  await send(witness.url, 'POST', 'no-cors');
  assert.match(
    witness.cookies[0] ?? '',
    /^cpamp_session/,
    'ports do not part cookies: else this proves nothing',
  );

  for (const { path, method, mode } of ATTEMPTS) {
    const about = `${method} ${path}`;
    const statuses: number[] = [];
    const note = (answer: Response): void => {
      if (answer.request().method() === method) statuses.push(answer.status());
    };
    foreign.on('response', note);
    assert.equal(await send(daemon.url + path, method, mode), '', `${about}: nothing to read`);
    foreign.off('response', note);
    assert.ok(
      statuses.every((status) => status === 403),
      `${about}: ${statuses.join()}`,
    );
    if (mode === 'no-cors') assert.equal(statuses.length, 1, `${about} arrived`);
  }

  for (const encoding of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data']) {
    await foreign.goto(witness.url);
    const [answer] = await Promise.all([
      foreign.waitForNavigation({ url: `${daemon.url}/setup` }),
      foreign.evaluate(`(() => {
        const form = document.createElement('form');
        form.method = 'post';
        form.action = ${JSON.stringify(`${daemon.url}/setup`)};
        form.enctype = '${encoding}';
        const field = document.createElement('input');
        field.name = ${JSON.stringify(`${body.slice(0, -1)},"x":"`)};
        field.value = '"}';
        form.append(field);
        document.body.append(form);
        form.submit();
      })()`),
    ]);
    assert.equal(answer?.status(), 403, encoding);
  }

  const after = await ask(daemon, '/usage-service/config');
  assert.deepEqual(after.body, config.body);
  assert.deepEqual(gateway.arrivals, [], 'nothing was forwarded');
  assert.equal(thief.http.exchanges.length, 0);

  // The same request of our own page counts: it is the place that was refused.
  const own = await context.newPage();
  await own.goto(`${daemon.url}/management.html`);
  const status = await own.evaluate<number>(
    `fetch('v0/management/api-keys', { credentials: 'include' }).then((answer) => answer.status)`,
  );
  assert.equal(status, 200);
  assert.equal(gateway.arrivals.length, 1);
});

const SCRIPT = `
  document.title = 'it ran';
  const steal = (what) => fetch('/v0/management/stolen', { method: 'POST', body: what });
  steal(document.cookie);
  fetch('/usage-service/config', { credentials: 'include' }).then((answer) => answer.text()).then(steal);`;
const DOCUMENTS = [
  {
    type: 'text/html; charset=utf-8',
    text: `<!doctype html><title>as sent</title><p>of the gateway</p><script>${SCRIPT}</script>
      <img src="/v0/management/stolen" onerror="document.title = 'it ran'"><form action="/usage-service/retry" method="post"></form>`,
  },
  {
    type: 'application/xhtml+xml',
    text: `<html xmlns="http://www.w3.org/1999/xhtml"><head><title>as sent</title></head><body><p>of the gateway</p>
      <script><![CDATA[${SCRIPT}]]></script></body></html>`,
  },
  {
    type: 'image/svg+xml',
    text: `<svg xmlns="http://www.w3.org/2000/svg"><title>as sent</title><text y="20">of the gateway</text>
      <script><![CDATA[${SCRIPT}]]></script></svg>`,
  },
];

for (const { type, text } of DOCUMENTS) {
  test(`${type} of the gateway runs no script in our origin`, chromium.options, async (t) => {
    const gateway = await RecordingGateway.start(t);
    gateway.handler = (request, response) => {
      if (request.url !== '/v0/management/evil') return response.writeHead(204).end();
      return response.setHeader('content-type', type).end(text);
    };
    const daemon = await startReady(t);
    await startWith(gateway.url, daemon);
    const { context } = await loggedIn(t, daemon);
    const page = await context.newPage();
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    const answer = await page.goto(`${daemon.url}/v0/management/evil`);
    assert.equal(answer?.status(), 200);
    await page.getByText('of the gateway').waitFor();
    assert.match(said.join('\n'), /Blocked script execution/, 'the browser came upon it');
    assert.equal(await page.title(), 'as sent');
    assert.equal(await page.evaluate('globalThis.origin'), 'null', 'an origin of its own');
    // A form in it leads nowhere either.
    await page.evaluate(`document.querySelector('form')?.submit()`);
    const others = gateway.arrivals.filter(({ url }) => url !== '/v0/management/evil');
    assert.deepEqual(
      others.filter(({ method }) => method !== 'GET'),
      [],
    );
    assert.ok(
      others.every(
        ({ headers }) => headers.cookie === undefined && !headers.authorization?.includes(ADMIN_KEY),
      ),
    );
  });
}

test('our page is shown in no frame of another origin', chromium.options, async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t);
  await startWith(cpa.url, daemon);
  const { context } = await loggedIn(t, daemon);
  const frames = ['/management.html', '/', '/management.html#/config'].map(
    (path) => `<iframe src="${daemon.url}${path}"></iframe>`,
  );
  const page = await context.newPage();
  await page.goto((await neighbour(t, `<!doctype html><title>Elsewhere</title>${frames.join('')}`)).url);
  const shown = page.frames().slice(1);
  assert.equal(shown.length, frames.length);
  for (const frame of shown) {
    assert.match(frame.url(), /^chrome-error:/);
    assert.equal(await frame.locator('cp-app').count(), 0);
  }
});
