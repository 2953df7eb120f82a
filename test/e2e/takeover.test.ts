import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type {
  StatusAnswer,
  TakeoverAnswer,
  TakeoverReport,
  TakeoverStatus,
} from '../../src/lib/contract/api.ts';
import { diagnose } from '../../src/lib/gateway/diagnoses.ts';
import { LOOKS, type Look, type PanelPage, useChromium } from '../support/chromium.ts';
import { gatewayEnv, startGateway } from '../support/collection.ts';
import { ADMIN_KEY, DaemonProcess, tempDir } from '../support/daemon.ts';
import { startReady } from '../support/http.ts';
import { reportWithDifferences, takeoverStatus } from '../support/takeover-answers.ts';
import { NO_KEY } from '../support/takeover-serve.ts';
import { volumeCopy } from '../support/takeover.ts';

const chromium = useChromium();
const HOLD = join(import.meta.dirname, '../support/hold-open.ts');

const TEXTS = {
  en: {
    adminKey: 'Admin key',
    progress: 'Progress of the takeover',
    copying: 'Taking over the history of CPA-Manager-Plus, 37%',
    waiting: 'The history of CPA-Manager-Plus is waiting to be taken over',
    failed: 'The takeover of the history of CPA-Manager-Plus broke off',
    done: 'The history of CPA-Manager-Plus has been taken over',
    details: 'Details',
    report: 'See the report',
    hide: 'Hide this',
    reasonWaiting: 'The old program still has its database open',
    reasonFailed: 'The old history is not wholly taken over',
    attention: 'Needs attention',
    switchedOff: '2 credentials are switched off',
    left: 'Left in the old file',
    secrets: 'The old file holds keys in clear',
    all: /^All \(/,
    different: 'different',
    equal: 'equal',
    missing: 'Missing',
    download: 'Download as JSON',
    gateway: 'Gateway',
    explained: 'Everything that could be read is here',
    same: 'Everything is here as it was there',
    more: 'Show 100 more',
    noHistory: 'No history was found',
    held: 'The history of an older program is waiting to be taken over',
    setup: 'Go on with the setup',
    goOn: 'Continue',
    url: 'Address of CLIProxyAPI',
  },
  'zh-CN': {
    adminKey: '管理员密钥',
    progress: '接管进度',
    copying: '正在接管 CPA-Manager-Plus 的历史记录，37%',
    waiting: 'CPA-Manager-Plus 的历史记录正等待接管',
    failed: 'CPA-Manager-Plus 历史记录的接管已中断',
    done: 'CPA-Manager-Plus 的历史记录已接管',
    details: '详情',
    report: '查看报告',
    hide: '不再显示',
    reasonWaiting: '旧程序仍打开着它的数据库',
    reasonFailed: '旧的历史记录尚未全部接管',
    attention: '需要处理',
    switchedOff: '2 个凭据已被停用',
    left: '留在旧文件中',
    secrets: '旧文件含有明文密钥',
    all: /^全部（/,
    different: '不一致',
    equal: '一致',
    missing: '缺失',
    download: '下载 JSON',
    gateway: '网关',
    explained: '所有可读取的内容都已在此',
    same: '所有内容均与旧卷一致',
    more: '再显示 100 行',
    noHistory: '没有找到历史记录',
    held: '旧程序的历史记录正等待接管',
    setup: '继续设置',
    goOn: '继续',
    url: 'CLIProxyAPI 的地址',
  },
} as const;

/** What the daemon is made to say. */
interface Said {
  takeover: TakeoverStatus | null;
  reasons: StatusAnswer['health']['reasons'];
  report: TakeoverReport | null;
}

/** From now on the browser hears something else about a takeover than the daemon says. */
async function pretend({ page }: PanelPage, given: Partial<Said>): Promise<Said> {
  const said: Said = { takeover: null, reasons: [], report: null, ...given };
  await page.route('**/usage-service/status', async (route) => {
    const answer = await route.fetch();
    const body: StatusAnswer = await answer.json();
    const health = { ...body.health, reasons: said.reasons };
    await route.fulfill({ response: answer, json: { ...body, health, takeover: said.takeover } });
  });
  await page.route('**/usage-service/takeover', (route) =>
    route.fulfill({ json: { takeover: said.takeover, report: said.report } satisfies TakeoverAnswer }),
  );
  return said;
}

/** A daemon at work, of which the browser hears something else about a takeover. */
async function open(
  t: TestContext,
  look: Partial<Look>,
  given: Partial<Said>,
  path = '',
): Promise<{ readonly panel: PanelPage; readonly said: Said }> {
  const cpa = await startGateway(t);
  const daemon = await DaemonProcess.start(t, { env: gatewayEnv(cpa.url) });
  await daemon.statusUntil(({ collector }) => collector.collector === 'running');
  const panel = await chromium.person(t, look);
  const said = await pretend(panel, given);
  await panel.page.goto(`${daemon.url}/management.html${path}`);
  await logIn(panel);
  return { panel, said };
}

async function logIn({ page, look }: PanelPage, key = ADMIN_KEY): Promise<void> {
  await page.getByLabel(TEXTS[look.language].adminKey, { exact: true }).fill(key);
  await page.keyboard.press('Enter');
  await page.locator('cp-frame').waitFor();
}

const strip = ({ page, look }: PanelPage) =>
  page.locator('cp-takeover').getByRole('region', { name: TEXTS[look.language].progress });

async function looksWell(panel: PanelPage, picture: string): Promise<void> {
  await panel.axe();
  await panel.assertFits();
  await panel.picture(picture, true);
}

for (const look of LOOKS) {
  const texts = TEXTS[look.language];

  test(
    `every page says how far a takeover is: ${Object.values(look).join(', ')}`,
    chromium.options,
    async (t) => {
      const copying = takeoverStatus({ state: 'copying', done: 37_000, total: 100_000, percent: 37 });
      const { panel, said } = await open(t, look, { takeover: copying });
      const { page } = panel;
      const tell = async (takeover: TakeoverStatus, reasons: Said['reasons'] = []): Promise<void> => {
        Object.assign(said, { takeover, reasons });
        await page.reload();
        await strip(panel).waitFor();
      };
      await strip(panel).getByText(texts.copying, { exact: true }).waitFor();
      assert.equal(await strip(panel).getByRole('progressbar').getAttribute('aria-valuenow'), '37');
      await looksWell(panel, 'takeover-strip-copying');
      for (const path of ['/monitoring', '/config']) {
        await page.evaluate(`location.hash = '#${path}'`);
        await page.locator(path === '/config' ? 'cp-page-config' : 'cp-page-requests').waitFor();
        await strip(panel).getByText(texts.copying, { exact: true }).waitFor();
      }
      await looksWell(panel, 'takeover-config');

      const detail = '/data/usage.sqlite, open in process 4711 (cpa-manager-plus)';
      await tell(takeoverStatus({ state: 'waiting', percent: 0 }), [
        diagnose('old_program_running', 1, { detail, pid: 4711 }),
      ]);
      await strip(panel).getByText(texts.waiting, { exact: true }).first().waitFor();
      await strip(panel).getByText(texts.reasonWaiting).waitFor();
      await strip(panel)
        .locator('code', { hasText: /^kill 4711$/ })
        .waitFor();
      await looksWell(panel, 'takeover-strip-waiting');

      await tell(takeoverStatus({ state: 'failed', percent: 61, endedAtMs: Date.now() }), [
        diagnose('takeover_failed', 1, { detail: 'disk I/O error' }),
      ]);
      await strip(panel).getByText(texts.reasonFailed).waitFor();
      await looksWell(panel, 'takeover-strip-failed');
      await strip(panel).getByRole('link', { name: texts.details }).click();
      await page.getByRole('heading', { level: 2, name: texts.failed }).waitFor();
      await looksWell(panel, 'takeover-failed');
      await page.goBack();
      await page.locator('cp-page-config').waitFor();

      await tell(takeoverStatus({ state: 'done', percent: 100, endedAtMs: Date.now() - 60_000 }));
      await strip(panel).getByText(texts.done, { exact: true }).first().waitFor();
      await looksWell(panel, 'takeover-strip-done');
      await strip(panel).getByRole('button', { name: texts.hide }).click();
      await strip(panel).waitFor({ state: 'detached' });
      await page.reload();
      const card = page.locator('cp-page-config').getByRole('link', { name: texts.report });
      await card.waitFor();
      assert.equal(await strip(panel).count(), 0, 'it stays hidden');
      await card.press('Enter');
      await page.locator('cp-page-takeover').waitFor();
    },
  );

  test(`what became of an old volume: ${Object.values(look).join(', ')}`, chromium.options, async (t) => {
    const takeover = takeoverStatus({ state: 'done', percent: 100, endedAtMs: Date.now() - 60_000 });
    const report = reportWithDifferences(Date.now());
    const { panel } = await open(t, look, { takeover, report }, '#/takeover');
    const { page } = panel;
    await page.getByRole('heading', { level: 2, name: texts.explained }).waitFor();
    assert.equal(await strip(panel).count(), 0, 'the page says it all');

    // What needs somebody comes before any figure.
    const headings = await page
      .locator('cp-page-takeover')
      .getByRole('heading', { level: 2 })
      .allTextContents();
    assert.deepEqual(
      headings.slice(1, 4).map((text) => text.trim()),
      [texts.attention, texts.left, texts.secrets],
    );
    await page.getByRole('heading', { level: 3, name: texts.switchedOff }).waitFor();
    await looksWell(panel, 'takeover-report');

    // Days that differ at first; all of them in steps.
    const days = page.locator('table.days tbody tr');
    const differing = report.days.filter(({ equal }) => !equal);
    assert.equal(await days.count(), differing.length);
    assert.equal(await days.getByText(texts.different, { exact: true }).count(), differing.length);
    await page.getByRole('radio', { name: texts.all }).check();
    await days.nth(99).waitFor();
    assert.equal(await days.count(), 100);
    assert.match(page.url(), /days=all/);
    await page.getByRole('button', { name: texts.more }).click();
    await days.nth(199).waitFor();
    assert.equal(await days.count(), Math.min(200, report.days.length));
    assert.ok((await days.getByText(texts.equal, { exact: true }).count()) > 100);
    await page.getByRole('combobox').selectOption('gpt-5');
    await page.waitForURL(/model=gpt-5/);
    const models = new Set(await days.locator('th .mono').allTextContents());
    assert.deepEqual([...models], ['gpt-5']);
    await page.locator('table.differences').getByText(texts.missing).first().waitFor();
    await panel.axe();
    await panel.assertFits();

    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: texts.download }).press('Enter'),
    ]);
    assert.match(file.suggestedFilename(), /^takeover-\d{4}-\d\d-\d\d\.json$/);
    assert.deepEqual(JSON.parse(readFileSync(await file.path(), 'utf8')), report);
  });
}

for (const look of LOOKS.filter(({ theme }) => theme === 'light')) {
  const texts = TEXTS[look.language];

  test(
    `a real volume, while its program still runs and after: ${Object.values(look).join(', ')}`,
    chromium.options,
    async (t) => {
      const dataDir = volumeCopy(t, 'cpa-manager-plus-1.12.2');
      const key = readFileSync(join(dataDir, 'ADMIN_KEY'), 'utf8').trim();
      const end = await holdOpen(t, dataDir);
      const daemon = await DaemonProcess.start(t, { dataDir, env: NO_KEY });
      const panel = await chromium.open(t, `${daemon.url}/management.html`, look);
      const { page } = panel;
      await page.getByRole('heading', { level: 1, name: texts.held }).waitFor();
      await page.locator('code', { hasText: /^cpamp status$/ }).waitFor();
      await looksWell(panel, 'takeover-held');

      // By itself, once the program has ended.
      await end();
      await logIn(panel, key);
      await strip(panel).getByRole('link', { name: texts.report }).click();
      await page.getByRole('heading', { level: 2, name: texts.same }).waitFor();
      await panel.secretsNowhere([key]);
      await looksWell(panel, 'takeover-real');
      const { report }: TakeoverAnswer = await daemon.json('/usage-service/takeover', {
        headers: { authorization: `Bearer ${key}` },
      });
      assert.ok(report && report.days.length > 3 && report.state === 'equal');
      const rows = page.locator('table.days tbody tr');
      assert.equal(await rows.count(), report.days.length);
      assert.equal(await rows.getByText(texts.equal, { exact: true }).count(), report.days.length);
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: texts.download }).click(),
      ]);
      assert.deepEqual(JSON.parse(readFileSync(await file.path(), 'utf8')), report);
    },
  );

  test(
    `history that was found before there is a gateway: ${Object.values(look).join(', ')}`,
    chromium.options,
    async (t) => {
      const daemon = await startReady(t);
      const panel = await chromium.person(t, look);
      const { page } = panel;
      const takeover = takeoverStatus({ state: 'done', percent: 100, endedAtMs: Date.now() - 60_000 });
      await pretend(panel, { takeover, report: reportWithDifferences(Date.now()) });
      await page.goto(`${daemon.url}/management.html#/takeover`);
      await page.getByLabel(texts.adminKey, { exact: true }).fill(ADMIN_KEY);
      await page.getByRole('button', { name: texts.goOn, exact: true }).click();
      await page.getByLabel(texts.url, { exact: true }).waitFor();
      await strip(panel).getByText(texts.done, { exact: true }).first().waitFor();
      await looksWell(panel, 'takeover-setup');
      await strip(panel).getByRole('link', { name: texts.report }).click();
      await page.getByRole('heading', { level: 2, name: texts.explained }).waitFor();
      await page.getByRole('link', { name: texts.setup }).click();
      await page.getByLabel(texts.url, { exact: true }).waitFor();
    },
  );

  test(
    `a new database says that no history was found, and where: ${Object.values(look).join(', ')}`,
    chromium.options,
    async (t) => {
      const cpa = await startGateway(t);
      const dataDir = tempDir(t);
      const daemon = await DaemonProcess.start(t, { dataDir, env: gatewayEnv(cpa.url) });
      await daemon.statusUntil(({ collector }) => collector.collector === 'running');
      const panel = await chromium.open(t, `${daemon.url}/management.html`, look);
      await logIn(panel);
      const told = panel.page.locator('.first-request .reason', { hasText: texts.noHistory });
      await told.waitFor();
      assert.ok((await told.textContent())?.includes(dataDir), 'where it was looked for');
      const page = panel.page.locator('cp-page-dashboard');
      assert.equal(await page.getByText(texts.noHistory).count(), 1, 'once is enough');
      assert.equal(await strip(panel).count(), 0);
      await looksWell(panel, 'takeover-no-history');
    },
  );
}

/** Has the database open as the old program has it, until it is told to end. */
async function holdOpen(t: TestContext, dataDir: string): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [HOLD, join(dataDir, 'usage.sqlite'), 'read'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
}
