import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import type { Locator } from 'playwright-core';
import { generate } from '../bench/generate.ts';
import { LOOKS, useChromium, type Look, type PanelPage } from '../support/chromium.ts';
import { gatewayEnv, startGateway } from '../support/collection.ts';
import type { CpaStandIn } from '../support/cpa/stand-in.ts';
import { ADMIN_KEY, DaemonProcess, tempDir } from '../support/daemon.ts';

const chromium = useChromium();

const TEXTS = {
  en: { newer: /new request/, filters: 'Filters', clear: 'Clear filters' },
  'zh-CN': { newer: /条新请求/, filters: '筛选', clear: '清除筛选' },
} as const;

/** A client's key and a provider's, as the records below carry them. */
const SECRETS = ['sk-client-of-the-list-made-up', 'sk-provider-of-the-list-made-up-0001'];

let made = 0;

/** A record of now, as CLIProxyAPI 7.2.140 makes them. */
function call(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  made += 1;
  return {
    timestamp: new Date().toISOString(),
    latency_ms: 1234,
    source: SECRETS[1],
    auth_index: 'c805775d56a08c5b',
    tokens: { input_tokens: 900, output_tokens: 50, cached_tokens: 400, total_tokens: 950 },
    failed: false,
    provider: 'codex',
    executor_type: 'CodexExecutor',
    model: 'gpt-5',
    alias: 'gpt-5',
    endpoint: 'POST /v1/responses',
    auth_type: 'apikey',
    api_key: SECRETS[0],
    request_id: made.toString(16).padStart(8, '0'),
    ...fields,
  };
}

const failure = (): Record<string, unknown> =>
  call({
    failed: true,
    alias: 'the-failing-one',
    tokens: {},
    fail: { status_code: 429, body: '{"error":{"message":"Too many of them. Try again in a minute."}}' },
    response_headers: { 'Retry-After': ['60'], 'X-Request-Id': ['trace-of-the-failure'] },
  });

interface World {
  readonly cpa: CpaStandIn;
  readonly daemon: DaemonProcess;
  readonly dataDir: string;
}

/** A daemon with so many events of the last days. */
async function start(t: TestContext, events: number): Promise<World> {
  const cpa = await startGateway(t);
  const dataDir = tempDir(t);
  const everyMs = 60_000;
  const source = generate({
    seed: 5,
    startMs: Date.now() - (events + 10) * everyMs,
    everyMs,
    headers: false,
  });
  for (let n = 0; n < events; n += 1) cpa.publish(Buffer.from(source.next().value.payload));
  const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url) });
  await daemon.statusUntil(({ eventCount }) => eventCount === events);
  return { cpa, daemon, dataDir };
}

/** The list, for somebody who is logged in. */
async function open(
  t: TestContext,
  daemon: DaemonProcess,
  look: Partial<Look> = {},
  query = '',
): Promise<PanelPage> {
  const panel = await chromium.person(t, look);
  const answer = await panel.context.request.post(`${daemon.url}/usage-service/session`, {
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  assert.equal(answer.status(), 200);
  await panel.page.goto(`${daemon.url}/management.html#/monitoring${query}`);
  return panel;
}

const rowsOf = ({ page }: PanelPage): Locator => page.locator('cp-request-list [role="row"][data-id]');
const hashOf = ({ page }: PanelPage): string => new URL(page.url()).hash;

for (const look of LOOKS) {
  const texts = TEXTS[look.language];
  test(
    `a request arrives, is opened and looked at: ${Object.values(look).join(', ')}`,
    chromium.options,
    async (t) => {
      const { cpa, daemon } = await start(t, 60);
      const panel = await open(t, daemon, look);
      const { page } = panel;
      await rowsOf(panel).first().waitFor();
      // The stream is open once it has said so; from then on nothing is asked for.
      await page.locator('cp-frame .live.live').waitFor();
      cpa.publish(call({ alias: 'the-model-that-arrives' }));
      await rowsOf(panel).filter({ hasText: 'the-model-that-arrives' }).waitFor();
      cpa.publish(failure());
      const failed = rowsOf(panel).filter({ hasText: 'the-failing-one' });
      await failed.waitFor();
      await panel.axe();
      await panel.assertFits();
      await panel.picture('requests');

      await failed.click({ position: { x: 30, y: 12 } });
      const drawer = page.locator('cp-request-detail');
      await page.getByRole('dialog', { name: 'the-failing-one' }).waitFor();
      assert.match(hashOf(panel), /event=\d+/);
      await drawer.getByText('Too many of them. Try again in a minute.').waitFor();
      await drawer.getByText('trace-of-the-failure').first().waitFor();
      await panel.axe();
      await panel.assertFits();
      await panel.picture('requests-failure');
      await page.keyboard.press('ArrowDown');
      await page.getByRole('dialog', { name: 'the-model-that-arrives' }).waitFor();
      await drawer.getByText('sha256:').first().waitFor();
      await panel.axe();
      await panel.picture('requests-detail');
      await page.goBack();
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
      assert.equal(hashOf(panel), '#/monitoring');

      // What narrows the list is in the address, and a chip; and the chip takes it away again.
      await page.goto(`${daemon.url}/management.html#/monitoring?status=failed&model=the-failing-one`);
      await page.locator('cp-request-filters .chip').nth(1).waitFor();
      await failed.waitFor();
      assert.equal(await rowsOf(panel).count(), 1);
      cpa.publish(call({ alias: 'the-failing-one' }));
      cpa.publish(failure());
      await rowsOf(panel).nth(1).waitFor();
      await panel.axe();
      await panel.picture('requests-filtered');
      await page.getByRole('button', { name: 'the-failing-one' }).first().click();
      await page.locator('cp-request-filters .chip').nth(1).waitFor({ state: 'detached' });
      assert.equal(hashOf(panel), '#/monitoring?status=failed');
      if (look.screen === 'phone') {
        await page.getByRole('button', { name: `${texts.filters} 1`, exact: true }).click();
        await page.getByRole('dialog').waitFor();
        await panel.axe();
        await panel.picture('requests-sheet');
        // Back closes it, and leaves what was chosen there.
        const sheet = page.locator('cp-request-filters cp-drawer');
        await sheet.locator('input[value="success"]').check();
        await page.waitForURL(({ hash }) => hash.includes('status=success'));
        await page.goBack();
        await page.getByRole('dialog').waitFor({ state: 'hidden' });
        await page.waitForURL(({ hash }) => hash === '#/monitoring?status=success');
        await page.getByRole('button', { name: `${texts.filters} 1`, exact: true }).click();
        await page.locator('cp-request-filters cp-drawer').getByRole('button', { name: texts.clear }).click();
      } else await page.getByRole('button', { name: texts.clear }).click();
      await page.locator('cp-request-filters .chip').first().waitFor({ state: 'detached' });
      await page.waitForURL(({ hash }) => hash === '#/monitoring');
      await panel.secretsNowhere([ADMIN_KEY, ...SECRETS]);
    },
  );
}

test('thousands of requests by keyboard, with few of them in the page', chromium.options, async (t) => {
  const { cpa, daemon } = await start(t, 2600);
  const panel = await open(t, daemon);
  const { page } = panel;
  await rowsOf(panel).first().waitFor();
  const grid = page.getByRole('grid');
  await page.keyboard.press('j');
  const first = await grid.getAttribute('aria-activedescendant');
  assert.equal(first, await rowsOf(panel).first().getAttribute('id'));
  // To the end, as often as there is more.
  while ((await grid.getAttribute('aria-rowcount')) === '-1') await page.keyboard.press('End');
  assert.equal(await grid.getAttribute('aria-rowcount'), '2601');
  await page.keyboard.press('End');
  await page.locator('[role="row"][aria-rowindex="2601"]').waitFor();
  assert.ok((await rowsOf(panel).count()) <= 60);
  const elements = await page.evaluate<number>(`(${COUNT_ELEMENTS})(document)`);
  assert.ok(elements <= 3000, `${elements} elements`);

  // Whoever is down there is not moved by what happens above.
  const last = await grid.getAttribute('aria-activedescendant');
  const scrolled = await page.evaluate<number>('scrollY');
  cpa.publish(call({ alias: 'while-away' }));
  await page.getByRole('button', { name: TEXTS.en.newer }).waitFor();
  assert.equal(await page.evaluate<number>('scrollY'), scrolled);
  await page.keyboard.press('Enter');
  await page.locator('cp-request-detail').getByText('Who and what').waitFor();
  assert.match(hashOf(panel), new RegExp(`event=${last?.slice(4)}$`));
  await page.keyboard.press('k');
  await page.waitForURL(({ hash }) => !hash.endsWith(`=${last?.slice(4)}`));
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.equal(await grid.evaluate((one) => one.matches(':focus')), true);
  assert.notEqual(await grid.getAttribute('aria-activedescendant'), last);
  await page.keyboard.press('Home');
  await rowsOf(panel).filter({ hasText: 'while-away' }).waitFor();
  assert.equal(await page.evaluate<number>('scrollY'), 0);

  await page.keyboard.press('/');
  await page.keyboard.type('while-away');
  await page.waitForURL(({ hash }) => hash === '#/monitoring?search=while-away');
  await page.locator('[role="grid"][aria-rowcount="2"]').waitFor();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page
      .getByRole('button', { name: 'Save the 1 loaded' })
      .or(page.getByRole('button', { name: 'as CSV' }))
      .click(),
  ]);
  const csv = await readFile(await download.path(), 'utf8');
  assert.equal(csv.trim().split('\r\n').length, 2);
  assert.match(csv, /,while-away,/);
});

test('what happened while the daemon was away is there when it is back', chromium.options, async (t) => {
  const { cpa, daemon, dataDir } = await start(t, 5);
  const panel = await open(t, daemon);
  const { page } = panel;
  await page.locator('cp-frame .live.live').waitFor();
  await rowsOf(panel).nth(4).waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  cpa.publish(call({ alias: 'while-paused' }));
  await page.getByRole('button', { name: '1 new request' }).click();
  await rowsOf(panel).filter({ hasText: 'while-paused' }).waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await daemon.stop();
  await page.getByText('The live connection is lost').waitFor();
  for (let n = 0; n < 3; n += 1) cpa.publish(call({ alias: `while-down-${n}` }));
  await DaemonProcess.start(t, {
    dataDir,
    env: { ...gatewayEnv(cpa.url), HTTP_ADDR: new URL(daemon.url).host },
  });
  for (let n = 0; n < 3; n += 1)
    await rowsOf(panel)
      .filter({ hasText: `while-down-${n}` })
      .waitFor();
  await page.getByText('The live connection is lost').waitFor({ state: 'hidden' });
  assert.equal(await rowsOf(panel).count(), 9);
});

test('a model with a name without end stays within its places', chromium.options, async (t) => {
  const { cpa, daemon } = await start(t, 0);
  const panel = await open(t, daemon, { screen: 'phone' });
  const { page } = panel;
  cpa.publish(call({ alias: 'x'.repeat(300) }));
  const row = rowsOf(panel).first();
  await row.waitFor();
  const { length } = await row.locator('.cut.strong').innerText();
  assert.equal(length, 300);
  await row.click({ position: { x: 30, y: 12 } });
  const drawer = page.locator('cp-request-detail cp-drawer');
  const cross = drawer.getByRole('button', { name: 'Close' });
  await cross.waitFor();
  const [head, buttons, button] = await Promise.all([
    drawer.locator('.head h2').boundingBox(),
    drawer.locator('.steps').boundingBox(),
    cross.boundingBox(),
  ]);
  assert.ok(head && buttons && button);
  assert.ok(
    head.x + head.width <= buttons.x && button.x + button.width <= 390,
    'nothing lies over the buttons',
  );
  const inside = await drawer.locator('.head').evaluate((one) => one.scrollWidth <= one.clientWidth);
  assert.ok(inside, 'the heading stays within its bar');
  // What is said in passing is said over the layer, where browsers would hide it.
  await page.evaluate('navigator.clipboard.writeText = () => Promise.reject(new Error("no"))');
  await drawer.getByRole('button', { name: 'Copy as JSON' }).click();
  await page.locator('cp-toasts').getByText('Could not copy').waitFor();
  assert.equal(await page.locator('cp-toasts').evaluate((one) => one.matches(':popover-open')), true);
  // Where the screen is too narrow for the columns, each row is a card.
  await page.setViewportSize({ width: 720, height: 600 });
  await page.locator('cp-request-list .cards').waitFor();
  await page.setViewportSize({ width: 740, height: 600 });
  const line = page.locator('cp-request-list .wide .rows .r').first();
  assert.ok(await line.evaluate((one) => one.scrollWidth <= one.clientWidth), 'all columns have their room');
});

test('nothing yet, nothing that fits, and an event that is not there', chromium.options, async (t) => {
  const { cpa, daemon } = await start(t, 0);
  const panel = await open(t, daemon);
  const { page } = panel;
  await page.locator('.first-request li.current', { hasText: 'A request goes through' }).waitFor();
  await panel.axe();
  await panel.picture('requests-empty');
  cpa.publish(call({ alias: 'the-first' }));
  await rowsOf(panel).filter({ hasText: 'the-first' }).waitFor();
  await page.goto(`${daemon.url}/management.html#/monitoring?search=nowhere-to-be-found`);
  await page.getByRole('heading', { name: 'No request fits these filters' }).waitFor();
  await panel.axe();
  await page.getByRole('button', { name: 'Clear filters' }).first().click();
  await rowsOf(panel).first().waitFor();
  await page.goto(`${daemon.url}/management.html#/monitoring?event=4711`);
  await page.locator('cp-request-detail').getByText('This request is not here').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.equal(hashOf(panel), '#/monitoring');
});

const COUNT_ELEMENTS = `(root) => {
  const count = (root) => [...root.querySelectorAll('*')].reduce((sum, one) => sum + 1 + (one.shadowRoot ? count(one.shadowRoot) : 0), 0);
  return count(root);
}`;
