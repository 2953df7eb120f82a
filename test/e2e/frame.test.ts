import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { LOOKS, useChromium } from '../support/chromium.ts';
import { ADMIN_KEY, type DaemonProcess } from '../support/daemon.ts';
import { ask, CPA_KEY, post, startCpa, startReady } from '../support/http.ts';

const chromium = useChromium();
const WRONG = 'cmp_admin_not-the-key-of-this-daemon000';

async function start(t: TestContext): Promise<DaemonProcess> {
  const cpa = await startCpa(t);
  const daemon = await startReady(t);
  const body = { cpaBaseUrl: cpa.url, cpaManagementKey: CPA_KEY, requestMonitoringEnabled: true };
  assert.equal((await ask(daemon, '/setup', post(body))).status, 200);
  return daemon;
}

for (const look of LOOKS) {
  const zh = look.language === 'zh-CN';
  const phone = look.screen === 'phone';
  const field = zh ? '管理员密钥' : 'Admin key';
  const submit = { name: zh ? '登录' : 'Log in', exact: true };

  test(`log in, look around, log out: ${Object.values(look).join(', ')}`, chromium.options, async (t) => {
    const daemon = await start(t);
    const panel = await chromium.open(t, `${daemon.url}/management.html#/config?a=b`, look);
    const { page } = panel;
    await page.getByRole('heading', { level: 1, name: zh ? '登录 cpamp' : 'Log in to cpamp' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), look.language);
    assert.equal(await page.title(), `${zh ? '登录' : 'Log in'} · cpamp`);
    await panel.axe();
    await panel.assertFits();
    await panel.picture('login');

    // Nothing, a wrong key, the key of the gateway: each says what is wanted.
    const key = page.getByLabel(field, { exact: true });
    const refused = async (text: string): Promise<void> => {
      await page.locator('.wrong', { hasText: text }).waitFor();
      assert.equal(await key.getAttribute('aria-invalid'), 'true');
      assert.equal(await key.evaluate((one) => one.matches(':focus')), true);
    };
    await page.getByRole('button', submit).click();
    await refused(zh ? '请输入管理员密钥' : 'Enter the admin key');
    await key.fill(WRONG);
    await key.press('Enter');
    await refused(zh ? '管理员密钥不正确' : 'not the admin key');
    await key.fill(CPA_KEY);
    await page.getByRole('button', submit).click();
    await refused('CLIProxyAPI');
    await page.locator('summary').click();
    await page.getByText('docker compose logs cpamp').waitFor();
    await panel.axe();
    await panel.assertFits();
    await panel.picture('login-refused', true);
    assert.equal(await key.getAttribute('type'), 'password');
    await page.getByRole('button', { name: zh ? `显示${field}` : `Show ${field}` }).click();
    assert.equal(await key.getAttribute('type'), 'text');

    await key.fill(ADMIN_KEY);
    await key.press('Enter');
    await page.getByRole('heading', { level: 1, name: zh ? '网关' : 'Gateway' }).waitFor();
    assert.equal(new URL(page.url()).hash, '#/config?a=b', 'where one wanted to go');
    await page
      .getByText(zh ? '采集正常' : 'Collecting', { exact: true })
      .first()
      .waitFor();
    await panel.secretsNowhere([ADMIN_KEY, WRONG, CPA_KEY]);

    await page.getByRole('button', { name: zh ? '运行状况: 采集正常' : 'Health: Collecting' }).click();
    const health = page.getByRole('dialog', { name: zh ? '运行状况' : 'Health' });
    await page
      .locator('cp-health')
      .getByText(zh ? '已保存事件' : 'Events kept')
      .waitFor();
    await panel.axe();
    await panel.picture('health');
    await page.keyboard.press('Escape');
    await health.waitFor({ state: 'hidden' });

    if (phone) {
      await page.getByRole('button', { name: zh ? '更多' : 'More' }).click();
      await panel.axe();
      await panel.picture('more');
    }
    await page.getByRole('button', { name: zh ? '退出登录' : 'Log out' }).click();
    await page.getByRole('heading', { level: 1, name: zh ? '登录 cpamp' : 'Log in to cpamp' }).waitFor();
    assert.deepEqual(await panel.context.cookies(), []);
    await panel.secretsNowhere([ADMIN_KEY, WRONG, CPA_KEY]);
  });
}

test(
  'by keyboard alone, in another language and theme, with the menu folded',
  chromium.options,
  async (t) => {
    const daemon = await start(t);
    const { page } = await chromium.person(t);
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    await page.goto(`${daemon.url}/management.html`);
    await page.getByLabel('Admin key', { exact: true }).fill(ADMIN_KEY);
    const asked = page.waitForRequest((one) => one.method() === 'POST' && one.url().endsWith('/session'));
    await page.keyboard.press('Enter');
    const { authorization } = await (await asked).allHeaders();
    assert.equal(authorization, undefined, 'it may belong to a proxy');
    assert.deepEqual((await asked).postDataJSON(), { adminKey: ADMIN_KEY });
    const title = (name: string) => page.getByRole('heading', { level: 1, name });
    await title('Dashboard').waitFor();

    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await title('Gateway').waitFor();
    assert.equal(
      await title('Gateway').evaluate((one) => one.matches(':focus')),
      true,
      'told to who hears the page',
    );
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    assert.equal(new URL(page.url()).hash, '#/config?layer=help', 'what lies below a dialog does not move');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await title('Requests').waitFor();
    await page.keyboard.press('?');
    await page.locator('cp-frame cp-dialog').getByText('Open the details').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.goBack();
    await page.goBack();
    await title('Dashboard').waitFor();
    assert.deepEqual(
      said.filter((text) => /autofocus|password/i.test(text)),
      [],
    );

    await page.reload();
    await title('Dashboard').waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await page.getByText('Skip to content').evaluate((one) => one.matches(':focus')), true);
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('main').evaluate((one) => one.matches(':focus')), true);
    assert.equal(new URL(page.url()).hash, '#/');

    await page.getByRole('button', { name: 'Language' }).press('Enter');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await title('仪表盘').waitFor();
    await page.getByRole('button', { name: '主题' }).press('Enter');
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: '收起菜单' }).click();
    const state = () =>
      page.evaluate(() => [
        document.documentElement.lang,
        getComputedStyle(document.documentElement).colorScheme,
        document.title,
      ]);
    assert.deepEqual(await state(), ['zh-CN', 'dark', '仪表盘 · cpamp']);
    await page.reload();
    await title('仪表盘').waitFor();
    assert.deepEqual(await state(), ['zh-CN', 'dark', '仪表盘 · cpamp']);
    await page.getByRole('button', { name: '展开菜单' }).waitFor();
  },
);

test('a session that ends during work is taken up again in place', chromium.options, async (t) => {
  const daemon = await start(t);
  const panel = await chromium.person(t);
  const { page } = panel;
  await page.clock.install();
  await page.goto(`${daemon.url}/management.html#/config`);
  await page.getByLabel('Admin key', { exact: true }).fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  const address = page.locator('cp-page-config input').first();
  await address.waitFor();
  await address.fill('http://half-typed');

  await panel.context.clearCookies();
  // Whatever asks next is told that the session is gone.
  await page.clock.fastForward(60_000);
  const dialog = page.getByRole('dialog', { name: 'Log in again' });
  await dialog.waitFor();
  await panel.axe();
  await panel.picture('again');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  assert.equal(await dialog.isVisible(), true, 'it has to be answered');
  // What is slotted into the dialog is no child of it.
  await page.locator('cp-relogin').getByLabel('Admin key', { exact: true }).fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await address.inputValue(), 'http://half-typed');
  await panel.secretsNowhere([ADMIN_KEY]);

  // A page that came while nobody was logged in is filled in, too.
  await page.getByRole('link', { name: 'Dashboard' }).click();
  await page.locator('cp-page-dashboard').waitFor();
  await panel.context.clearCookies();
  await page.getByRole('link', { name: 'Gateway' }).click();
  await dialog.waitFor();
  await page.locator('cp-page-config cp-error').waitFor();
  await page.locator('cp-relogin').getByLabel('Admin key', { exact: true }).fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  await address.waitFor();
});

test(
  'the back button closes what lies over the page, and never shows the login again',
  chromium.options,
  async (t) => {
    const daemon = await start(t);
    const { page } = await chromium.open(t, `${daemon.url}/management.html#/login?next=%2Fconfig`, {
      screen: 'phone',
    });
    await page.getByLabel('Admin key', { exact: true }).fill(ADMIN_KEY);
    await page.keyboard.press('Enter');
    const gateway = page.getByRole('heading', { level: 1, name: 'Gateway' });
    const dialog = page.getByRole('dialog');
    const hash = () => new URL(page.url()).hash;
    await gateway.waitFor();
    for (const button of [/^Health/, 'More']) {
      await page.getByRole('button', { name: button }).click();
      await dialog.waitFor();
      await page.goBack();
      await dialog.waitFor({ state: 'hidden' });
      assert.equal(hash(), '#/config');
    }
    // Closed by its cross, pressed twice, it leaves nothing to go back to.
    await page.getByRole('button', { name: 'More' }).click();
    await page.locator('cp-frame').getByRole('button', { name: 'Close' }).dblclick();
    await dialog.waitFor({ state: 'hidden' });
    assert.equal(hash(), '#/config');
    await page.goBack();
    assert.equal(page.url(), 'about:blank');
    await page.goForward();
    await gateway.waitFor();

    // Who logs out from the sheet does not find it open after the next login.
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Admin key', { exact: true }).fill(ADMIN_KEY);
    await page.keyboard.press('Enter');
    await gateway.waitFor();
    assert.equal(hash(), '#/config');
    assert.equal(await dialog.count(), 0);
    await page.goBack();
    await gateway.waitFor();
  },
);

test('after many wrong keys it says how long to wait', chromium.options, async (t) => {
  const daemon = await start(t);
  const { page } = await chromium.open(t, `${daemon.url}/management.html`);
  const key = page.getByLabel('Admin key', { exact: true });
  await key.waitFor();
  for (let times = 0; times < 11; times += 1)
    await fetch(`${daemon.url}/usage-service/session`, {
      method: 'POST',
      headers: { authorization: `Bearer ${WRONG}` },
    });
  await key.fill(WRONG);
  await key.press('Enter');
  await page.getByRole('button', { name: /^Try again in \d+ s$/ }).waitFor();
  await page.locator('.wrong', { hasText: 'Too many wrong keys' }).waitFor();
});

test('a daemon that does not answer, and comes back', chromium.options, async (t) => {
  const daemon = await start(t);
  const { page } = await chromium.person(t);
  let away = true;
  await page.route('**/usage-service/info', (route) =>
    away ? route.fulfill({ status: 502, body: 'no' }) : route.continue(),
  );
  await page.goto(`${daemon.url}/management.html`);
  await page.getByText('Something else answered in place of cpamp.').waitFor();
  away = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByLabel('Admin key', { exact: true }).fill(ADMIN_KEY);
  // Such as after an update, with files of another version.
  await page.route('**/dashboard-page-*.js', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: 'throw new Error("no page")' }),
  );
  await page.keyboard.press('Enter');
  await page.getByText('This page could not be loaded.').waitFor();
});

test('back again before the next page was there: it does not come up behind', chromium.options, async (t) => {
  const daemon = await start(t);
  const { page } = await chromium.open(t, `${daemon.url}/management.html`);
  await page.getByLabel('Admin key', { exact: true }).fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  const title = page.getByRole('heading', { level: 1 });
  await page.getByRole('heading', { level: 1, name: 'Dashboard' }).waitFor();
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  await page.route('**/config-page-*.js', async (route) => {
    asked.resolve();
    await held.promise;
    await route.continue();
  });
  const answered = page.waitForResponse('**/config-page-*.js');
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await asked.promise;
  await page.goBack();
  held.resolve();
  await (await answered).finished();
  await page.waitForFunction(() => customElements.get('cp-page-config') !== undefined);
  assert.equal(await title.textContent(), 'Dashboard');
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await page.getByRole('heading', { level: 1, name: 'Gateway' }).waitFor();
});
