import assert from 'node:assert/strict';
import http from 'node:http';
import test, { type TestContext } from 'node:test';
import { listenOn } from '../support/collection.ts';
import { LOOKS, type Look, type PanelPage, useChromium } from '../support/chromium.ts';
import { hang, status } from '../support/cpa/http-faults.ts';
import { records } from '../support/cpa/records.ts';
import { ADMIN_KEY, type DaemonProcess, tempDir } from '../support/daemon.ts';
import { ask, CPA_KEY, type ConfigAnswer, startCpa, startReady } from '../support/http.ts';

const chromium = useChromium();
const WRONG = 'a-wrong-management-key';
const SECRETS = [ADMIN_KEY, CPA_KEY, WRONG];

const TEXTS = {
  en: {
    adminKey: 'Admin key',
    goOn: 'Continue',
    url: 'Address of CLIProxyAPI',
    key: 'Management key of CLIProxyAPI',
    test: 'Test connection',
    save: 'Save and start collecting',
    works: 'The connection works',
    // In a container the diagnosis of a loopback address says that instead.
    nothingListens: /Nothing listens at|is this container itself/,
    refused: /does not accept this key/,
    notCpa: /is not one of CLIProxyAPI/,
    notYet: 'not yet; saving switches it on',
    short: /keeps records for 1 min/,
  },
  'zh-CN': {
    adminKey: '管理员密钥',
    goOn: '继续',
    url: 'CLIProxyAPI 的地址',
    key: 'CLIProxyAPI 的管理密钥',
    test: '测试连接',
    save: '保存并开始采集',
    works: '连接正常',
    nothingListens: /没有程序在监听|指向此容器自身/,
    refused: /不接受此密钥/,
    notCpa: /应答不是来自 CLIProxyAPI/,
    notYet: '尚未；保存时会打开',
    short: /只保留记录 1 分钟/,
  },
} as const;

async function open(t: TestContext, daemon: DaemonProcess, look: Partial<Look> = {}): Promise<PanelPage> {
  return chromium.open(t, `${daemon.url}/management.html`, look);
}

/** The first step: who one is. */
async function logIn({ page, look }: PanelPage): Promise<void> {
  const texts = TEXTS[look.language];
  await page.getByLabel(texts.adminKey, { exact: true }).fill(ADMIN_KEY);
  await page.getByRole('button', { name: texts.goOn }).click();
  await page.getByLabel(texts.url, { exact: true }).waitFor();
}

/** A server that is no gateway. */
async function somethingElse(t: TestContext): Promise<string> {
  const server = http.createServer((_request, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.end('<!doctype html><title>A home page</title>');
  });
  t.after(() => server.closeAllConnections());
  return `http://127.0.0.1:${await listenOn(t, server)}`;
}

for (const look of LOOKS) {
  test(
    `set up from nothing, with the test failing first in three ways: ${Object.values(look).join(', ')}`,
    {
      ...chromium.options,
    },
    async (t) => {
      const cpa = await startCpa(t, { usageStatisticsEnabled: false, retentionSeconds: 60 });
      const gone = await startCpa(t);
      await gone.close();
      const other = await somethingElse(t);
      const daemon = await startReady(t);
      const texts = TEXTS[look.language];
      const panel = await open(t, daemon, look);
      const { page } = panel;
      const url = page.getByLabel(texts.url, { exact: true });
      const key = page.getByLabel(texts.key, { exact: true });
      const probe = page.getByRole('button', { name: texts.test });

      await page.getByLabel(texts.adminKey, { exact: true }).waitFor();
      assert.match(page.url(), /#\/setup$/);
      await panel.axe();
      await panel.assertFits();
      await panel.picture('setup-1-admin');
      await logIn(panel);
      await panel.secretsNowhere(SECRETS);
      await panel.axe();
      await panel.picture('setup-2-gateway', true);

      // Nothing listens.
      await url.fill(gone.url);
      await key.fill(CPA_KEY);
      await probe.click();
      await page.getByText(texts.nothingListens).waitFor();
      assert.equal(await url.getAttribute('aria-invalid'), 'true');
      assert.equal(await key.getAttribute('aria-invalid'), 'false');
      await focused(panel, 'url');
      assert.equal(await key.inputValue(), CPA_KEY, 'what was typed stays');
      await panel.axe();
      await panel.picture('setup-3-nothing-listens', true);

      // Somebody else listens.
      await url.fill(other);
      assert.equal(await page.getByText(texts.nothingListens).count(), 0, 'a change makes the result void');
      await probe.click();
      await page.getByText(texts.notCpa).waitFor();
      assert.equal(await url.getAttribute('aria-invalid'), 'true');
      await panel.picture('setup-4-not-a-gateway', true);

      // The gateway, but the key is wrong: it is sent once, however often one presses.
      await url.fill(cpa.url);
      await key.fill(WRONG);
      for (let round = 0; round < 6; round += 1) {
        await probe.click();
        await page.getByText(texts.refused).waitFor();
        await key.press('End');
      }
      assert.equal(cpa.access.failures(), 1);
      assert.equal(await key.getAttribute('aria-invalid'), 'true');
      assert.equal(await url.getAttribute('aria-invalid'), 'false');
      await focused(panel, 'management-key');
      await panel.axe();
      await panel.picture('setup-5-wrong-key', true);

      // The right one, and what is worth knowing.
      await key.fill(CPA_KEY);
      await probe.click();
      await page.getByText(texts.works).waitFor();
      await page.getByText('7.2.140').waitFor();
      await page.getByText(texts.notYet).waitFor();
      await page.getByText(texts.short).waitFor();
      assert.equal(cpa.usageStatisticsEnabled, false, 'a test changes nothing');
      assert.equal(
        (await ask<{ configured: boolean }>(daemon, '/usage-service/info')).body.configured,
        false,
      );
      await panel.axe();
      await panel.assertFits();
      await panel.picture('setup-6-works', true);
      await panel.secretsNowhere(SECRETS, { fields: false });

      await key.press('Enter');
      await page.waitForURL(/#\/(?:dashboard)?$/);
      assert.equal(cpa.usageStatisticsEnabled, true);
      await panel.secretsNowhere(SECRETS);
      for (const record of records(3, { version: '7.2.140' })) cpa.publish(record);
      await daemon.statusUntil(({ eventCount }) => eventCount === 3);
    },
  );
}

/** The field of that name has the focus. */
async function focused({ page }: PanelPage, name: string): Promise<void> {
  await page.locator(`cp-connection-form input[name="${name}"]:focus`).waitFor();
}

test('what the form itself sees never reaches the gateway', chromium.options, async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t);
  const panel = await open(t, daemon);
  const { page } = panel;
  await logIn(panel);
  const url = page.getByLabel(TEXTS.en.url, { exact: true });
  const key = page.getByLabel(TEXTS.en.key, { exact: true });
  await focused(panel, 'url');

  await url.press('Enter');
  await page.getByText('Enter the address of CLIProxyAPI.').waitFor();
  await page.getByText('Enter the management key.').waitFor();
  await focused(panel, 'url');
  await panel.axe();

  await url.fill(cpa.url);
  for (const [typed, says] of [
    ['$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy', /the hash that CLIProxyAPI left/],
    [ADMIN_KEY, /an admin key of cpamp/],
    ['made********way', /a shortened key/],
  ] as const) {
    await key.fill(typed);
    await key.press('Enter');
    await page.getByText(says).waitFor();
    await focused(panel, 'management-key');
  }
  assert.equal(cpa.http.exchanges.length, 0);

  // The examples fill in the address, and say what has to be known of them.
  await page.getByRole('button', { name: /On the host/ }).click();
  assert.equal(await url.inputValue(), 'http://host.docker.internal:8317');
  await page.getByText('extra_hosts: ["host.docker.internal:host-gateway"]').waitFor();
  await panel.axe();
  await panel.picture('setup-example-host', true);

  // A key that was made right over there is sent once more when one says so.
  await url.fill(cpa.url);
  await key.fill(WRONG);
  await key.press('Enter');
  await page.getByText(TEXTS.en.refused).waitFor();
  cpa.access.key = WRONG;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText(TEXTS.en.works).waitFor();
  cpa.access.key = CPA_KEY;

  // What is under "Advanced" is shown when something is wrong there.
  await url.fill(cpa.url);
  await key.fill(CPA_KEY);
  await page.getByText('Advanced', { exact: true }).click();
  const poll = page.getByLabel('Poll interval in ms');
  await poll.fill('5000000');
  await page.getByText('HTTP polling', { exact: true }).click();
  await panel.axe();
  await panel.picture('setup-advanced', true);
  await page.getByText('Advanced', { exact: true }).click();
  await page.getByRole('button', { name: TEXTS.en.save }).click();
  await page.getByText(/asked for every 5000 s/).waitFor();
  await focused(panel, 'poll');
  await poll.fill('750');
  await poll.press('Enter');
  await page.waitForURL(/#\/(?:dashboard)?$/);
  const { config } = (await ask<ConfigAnswer>(daemon, '/usage-service/config')).body;
  assert.equal(config.collector['collectorMode'], 'http');
  assert.equal(config.collector['pollIntervalMs'], 750);
});

test(
  'a gateway that does not answer is not waited for when one goes on typing',
  chromium.options,
  async (t) => {
    const cpa = await startCpa(t);
    const daemon = await startReady(t);
    const panel = await open(t, daemon, { screen: 'phone' });
    const { page } = panel;
    await logIn(panel);
    const url = page.getByLabel(TEXTS.en.url, { exact: true });
    const key = page.getByLabel(TEXTS.en.key, { exact: true });
    await url.fill(cpa.url);
    await key.fill(CPA_KEY);
    cpa.http.respondOnce('/v0/management/config', hang());
    await page.getByRole('button', { name: TEXTS.en.test }).click();
    const asking = page.getByText(`Asking ${cpa.url.slice('http://'.length)}`);
    await asking.waitFor();
    await panel.axe();
    await panel.picture('setup-asking', true);
    await key.press('End');
    await key.pressSequentially('x');
    await asking.waitFor({ state: 'detached' });
    // The next test does not wait for the first.
    await key.fill(CPA_KEY);
    await page.getByRole('button', { name: TEXTS.en.test }).click();
    await page.getByText(TEXTS.en.works).waitFor();
    await cpa.when(() => cpa.connections.every(({ closed }) => closed));
  },
);

test(
  'what goes wrong only when it is saved is told, and what was typed stays',
  chromium.options,
  async (t) => {
    const cpa = await startCpa(t, { usageStatisticsEnabled: false });
    const first = await startCpa(t, { managementKey: WRONG });
    const daemon = await startReady(t);
    const panel = await open(t, daemon);
    const { page } = panel;
    await logIn(panel);
    const url = page.getByLabel(TEXTS.en.url, { exact: true });
    const key = page.getByLabel(TEXTS.en.key, { exact: true });
    await url.fill(cpa.url);
    await key.fill(CPA_KEY);
    cpa.http.respondOnce('/v0/management/usage-statistics-enabled', status(500, 'read-only file system'));
    await key.press('Enter');
    await page.getByText('Usage publishing could not be switched on in CLIProxyAPI.').waitFor();
    assert.equal(await key.inputValue(), CPA_KEY);
    await panel.axe();
    await panel.picture('setup-save-failed', true);

    // Somebody else was quicker, with another gateway. This is no reason to log in again.
    const theirs = { cpaBaseUrl: first.url, cpaManagementKey: WRONG };
    await ask(daemon, '/setup', { method: 'POST', body: JSON.stringify(theirs) });
    await page.getByRole('button', { name: TEXTS.en.save }).click();
    await page.getByText('Another CLIProxyAPI has been set up in the meantime.').waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0);
    await page.reload();
    await page.waitForURL(/#\/(?:dashboard)?$/);
  },
);

test('a gateway that moved and has another key is found again', chromium.options, async (t) => {
  const cpa = await startCpa(t, { usageStatisticsEnabled: true });
  const moved = await startCpa(t, { managementKey: WRONG });
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  await ask(daemon, '/setup', {
    method: 'POST',
    body: JSON.stringify({ cpaBaseUrl: cpa.url, cpaManagementKey: CPA_KEY, collectorMode: 'http' }),
  });
  const panel = await open(t, daemon);
  const { page } = panel;
  await page.goto(`${daemon.url}/management.html#/settings`);
  await page.getByLabel(TEXTS.en.adminKey, { exact: true }).fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  const url = page.getByLabel(TEXTS.en.url, { exact: true });
  const key = page.getByLabel(TEXTS.en.key, { exact: true });
  await url.waitFor();
  assert.equal(await url.inputValue(), cpa.url);
  assert.equal(await key.inputValue(), '');
  await panel.axe();
  await panel.picture('config', true);

  // The key of one gateway is not sent to another.
  await url.fill(moved.url);
  await key.press('Enter');
  await page.getByText('Enter the management key again.').waitFor();
  assert.equal(moved.http.exchanges.length, 0);
  await key.fill(WRONG);
  await key.press('Enter');
  await page.getByText('Saved. Collecting with the new connection.').waitFor();
  const { config } = (await ask<ConfigAnswer>(daemon, '/usage-service/config')).body;
  assert.equal(config.cpaConnection['cpaBaseUrl'], moved.url);
  assert.equal(config.collector['collectorMode'], 'http', 'what was not changed stays');
  await panel.secretsNowhere(SECRETS);

  // An empty key keeps the saved one.
  await page.getByText('Request monitoring', { exact: true }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Saved.', { exact: true }).waitFor();
  assert.equal(moved.access.failures(), 0);
  await daemon.statusUntil(({ health }) => health.reasons.some(({ code }) => code === 'monitoring_off'));
});

test('a key that was put right over there is tried again when one says so', chromium.options, async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t);
  await ask(daemon, '/setup', {
    method: 'POST',
    body: JSON.stringify({
      cpaBaseUrl: cpa.url,
      cpaManagementKey: CPA_KEY,
      collectorMode: 'http',
      pollIntervalMs: 20,
    }),
  });
  cpa.access.key = 'another-key-of-the-gateway';
  await daemon.statusUntil(({ health }) => health.reasons.some(({ code }) => code === 'key_refused'));
  const panel = await open(t, daemon, { screen: 'phone', theme: 'dark', language: 'zh-CN' });
  const { page } = panel;
  await page.goto(`${daemon.url}/management.html#/config`);
  await page.getByLabel(TEXTS['zh-CN'].adminKey, { exact: true }).fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  const again = page.locator('cp-page-config').getByRole('button', { name: '重试' });
  await again.waitFor();
  await page
    .locator('cp-page-config')
    .getByText(/拒绝了管理密钥/)
    .waitFor();
  await panel.assertFits();
  await panel.axe();
  await panel.picture('config-refused', true);
  cpa.access.key = CPA_KEY;
  await again.click();
  await daemon.statusUntil(({ collector }) => collector.collector === 'running');
  await again.waitFor({ state: 'detached' });
});

test('a connection of the environment is only looked at', chromium.options, async (t) => {
  const cpa = await startCpa(t);
  const daemon = await startReady(t, {
    env: { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY },
  });
  const panel = await chromium.open(t, `${daemon.url}/management.html#/config`);
  const { page } = panel;
  await page.getByLabel(TEXTS.en.adminKey, { exact: true }).fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  await page.getByText('Set where cpamp is started').waitFor();
  assert.equal(await page.locator('cp-page-config input').count(), 0);
  await panel.axe();
  await panel.picture('config-environment', true);
  await panel.secretsNowhere(SECRETS);
});
