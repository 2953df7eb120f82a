import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { DashboardAnswer, StatusAnswer } from '../../src/lib/contract/api.ts';
import { generate } from '../bench/generate.ts';
import { LOOKS, type Look, type PanelPage, useChromium } from '../support/chromium.ts';
import { gatewayEnv, MANAGEMENT_KEY, startGateway } from '../support/collection.ts';
import type { CpaStandIn } from '../support/cpa/stand-in.ts';
import type { StandInOptions } from '../support/cpa/stand-in.ts';
import { ADMIN_KEY, DaemonProcess } from '../support/daemon.ts';

const chromium = useChromium();
const HOUR_MS = 3_600_000;
/** Fewer than the gateway's buffer for a subscriber holds, so that none is lost however busy the machine is. */
const RECORDS = 200;

const TEXTS = {
  en: { adminKey: 'Admin key', requests: 'Requests', asTable: /as a table/, tokens: 'Tokens' },
  'zh-CN': { adminKey: '管理员密钥', requests: '请求', asTable: /（表格）/, tokens: 'Token' },
} as const;

/** A zone where it is about noon now, so that a morning lies behind every test and no midnight before it. */
function noonZone(nowMs: number): string {
  const west = new Date(nowMs).getUTCHours() - 12;
  return west === 0 ? 'Etc/GMT' : `Etc/GMT${west > 0 ? '+' : ''}${west}`;
}

interface World {
  readonly cpa: CpaStandIn;
  readonly daemon: DaemonProcess;
  readonly zone: string;
  readonly dayStartMs: number;
}

async function start(t: TestContext, options: Partial<StandInOptions> = {}): Promise<World> {
  const cpa = await startGateway(t, options);
  const daemon = await DaemonProcess.start(t, { env: gatewayEnv(cpa.url) });
  await daemon.statusUntil(({ collector }) => collector.collector === 'running');
  const now = new Date();
  const dayStartMs = now.setUTCMinutes(0, 0, 0) - 12 * HOUR_MS;
  return { cpa, daemon, zone: noonZone(now.getTime()), dayStartMs };
}

/** Requests of the ten hours before the last two, all kinds of models, some failed. */
async function withMorning({ cpa, daemon, dayStartMs }: World): Promise<void> {
  const records = generate({
    seed: 3,
    startMs: dayStartMs,
    everyMs: (10 * HOUR_MS) / RECORDS,
    headers: true,
  });
  for (let n = 0; n < RECORDS; n += 1) cpa.publish(Buffer.from(records.next().value.payload));
  await daemon.statusUntil(({ eventCount, spool }) => eventCount === RECORDS && spool.records === 0);
}

/** One more, as of now. */
function publishNow({ cpa }: World, seed = 4): void {
  const [record] = generate({ seed, startMs: Date.now(), everyMs: 1, headers: true });
  if (record) cpa.publish(Buffer.from(record.payload));
}

async function open(t: TestContext, world: World, look: Partial<Look> = {}): Promise<PanelPage> {
  const panel = await chromium.open(t, `${world.daemon.url}/management.html`, look, world.zone);
  await panel.page.getByLabel(TEXTS[panel.look.language].adminKey, { exact: true }).fill(ADMIN_KEY);
  await panel.page.keyboard.press('Enter');
  await panel.page.locator('cp-page-dashboard').waitFor();
  return panel;
}

const summary = ({ daemon, dayStartMs }: World): Promise<DashboardAnswer> =>
  daemon.json<DashboardAnswer>(`/v0/management/dashboard/summary?today_start_ms=${dayStartMs}`);

/** The value of a figure, once it is there. */
async function figure({ page, look }: PanelPage, name: 'requests' | 'tokens', value: string): Promise<void> {
  await page
    .locator('.figure', { has: page.getByText(TEXTS[look.language][name], { exact: true }) })
    .locator('.value', { hasText: value })
    .first()
    .waitFor();
}

for (const look of LOOKS) {
  test(`a day at a glance: ${Object.values(look).join(', ')}`, chromium.options, async (t) => {
    const world = await start(t);
    await withMorning(world);
    const panel = await open(t, world, look);
    const { page } = panel;
    const { today, model_cost_rank: models } = await summary(world);
    await figure(panel, 'requests', String(today.total_calls));
    assert.equal(today.total_calls, RECORDS);
    await page.locator('dash-health').waitFor();
    await page
      .getByRole('link', { name: models[0]?.model ?? '', exact: true })
      .first()
      .waitFor();
    await panel.axe();
    await panel.assertFits();
    await panel.secretsNowhere([ADMIN_KEY, MANAGEMENT_KEY]);
    await panel.picture('dashboard');
    await panel.picture('dashboard-whole', true);

    // The same figures as tables.
    const twins = page.getByRole('button', { name: TEXTS[look.language].asTable });
    for (const twin of await twins.all()) await twin.click();
    const hours = page.getByRole('table').first().getByRole('row');
    const counts = await hours.locator('td:nth-child(2)').allTextContents();
    assert.equal(
      counts.reduce((sum, text) => sum + Number(text), 0),
      today.total_calls,
    );
    await panel.axe();
    await panel.assertFits();
  });
}

test('a request that comes is counted without a reload, and nothing moves', chromium.options, async (t) => {
  const world = await start(t);
  await withMorning(world);
  const panel = await open(t, world);
  const { page } = panel;
  await figure(panel, 'requests', '200');
  await page.locator('.live.live').first().waitFor();
  const box = await page.locator('dash-hours').boundingBox();
  publishNow(world);
  await figure(panel, 'requests', '201');
  assert.deepEqual(await page.locator('dash-hours').boundingBox(), box);
});

test('every number leads to its requests', chromium.options, async (t) => {
  const world = await start(t);
  await withMorning(world);
  const panel = await open(t, world);
  const { page } = panel;
  const today = await summary(world);
  const query = (): Record<string, string> =>
    Object.fromEntries(new URLSearchParams(new URL(page.url()).hash.split('?')[1] ?? ''));
  const arrived = async (): Promise<Record<string, string>> => {
    await page.waitForURL(/#\/monitoring/);
    const found = query();
    await page.getByRole('heading', { level: 1, name: 'Requests' }).waitFor();
    await page.goBack();
    await page.locator('dash-health').waitFor();
    return found;
  };

  const hours = page.getByRole('slider', { name: /Requests by the hour/ });
  await hours.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  assert.match((await hours.getAttribute('aria-valuetext')) ?? '', /^01:00 – 02:00: \d+ requests/);
  await page.keyboard.press('Enter');
  const from = world.dayStartMs + HOUR_MS;
  assert.deepEqual(await arrived(), { from_ms: String(from), to_ms: String(from + HOUR_MS) });

  const health = page.getByRole('slider', { name: /Health of requests/ });
  await health.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  const cell = String(from + 600_000);
  assert.deepEqual(await arrived(), { from_ms: cell, to_ms: String(from + 2 * 600_000) });

  // The pointer finds the same cell: the second column, the second row.
  const size = await health.boundingBox();
  assert.ok(size);
  await health.click({ position: { x: (1.5 / 24) * size.width, y: (1.5 / 6) * size.height } });
  assert.equal((await arrived())['from_ms'], cell);

  // What is still ahead leads nowhere.
  await health.focus();
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowRight');
  assert.match((await health.getAttribute('aria-valuetext')) ?? '', /still ahead/);
  await page.keyboard.press('Enter');
  assert.doesNotMatch(page.url(), /monitoring/);

  const midnight = String(world.dayStartMs);
  const model = today.model_cost_rank[0]?.model ?? '';
  await page.getByRole('link', { name: model, exact: true }).first().click();
  assert.deepEqual(await arrived(), { model, from_ms: midnight });

  const failure = today.recent_failures[0];
  assert.ok(failure);
  await page.locator('.failures a').first().click();
  assert.deepEqual(await arrived(), { event: String(failure.id) });

  const channels = page.locator('cp-card', { hasText: 'Credentials' }).getByRole('link');
  await channels.first().click();
  const channel = await arrived();
  assert.equal(channel['auth_index'], today.channel_health[0]?.auth_index);

  await page.getByRole('link', { name: 'All failures' }).click();
  assert.deepEqual(await arrived(), { from_ms: midnight, status: 'failed' });
});

test(
  'before the first request, the way of it is shown, and then the figures',
  chromium.options,
  async (t) => {
    const world = await start(t);
    const panel = await open(t, world);
    const { page } = panel;
    await page.getByRole('heading', { name: 'No request has come by yet' }).waitFor();
    await page.locator('.first-request li.done').nth(4).waitFor();
    await page.locator('.first-request li.current', { hasText: 'A request goes through' }).waitFor();
    await panel.axe();
    await panel.assertFits();
    await panel.picture('dashboard-empty', true);
    await page.locator('.live.live').first().waitFor();
    publishNow(world);
    await figure(panel, 'requests', '1');
    // What goes with a change of health is read again with it, and not when its time comes.
    await world.cpa.close();
    await page
      .locator('.collector dd', { hasText: /in trouble|starting/ })
      .first()
      .waitFor({ timeout: 20_000 });
  },
);

test(
  'what blocks the way of the first request is said, with a way to mend it',
  chromium.options,
  async (t) => {
    const world = await start(t, { usageStatisticsEnabled: false });
    const panel = await open(t, world, { screen: 'phone', theme: 'dark' });
    const { page } = panel;
    const blocked = page.locator('.first-request li.failed', { hasText: 'publishes its usage records' });
    await blocked.getByText('usage-statistics-enabled is false').first().waitFor();
    await panel.axe();
    await panel.assertFits();
    await blocked.getByRole('link', { name: 'Open settings' }).click();
    await page.waitForURL(/#\/config/);
  },
);

test('while the collector starts, its state is read again soon', chromium.options, async (t) => {
  const world = await start(t);
  const panel = await chromium.person(t, {}, world.zone);
  const { page } = panel;
  await page.clock.install();
  let answers = 0;
  await page.route('**/usage-service/status', async (route) => {
    const answer = await route.fetch();
    const status: StatusAnswer = await answer.json();
    answers += 1;
    const collector = { ...status.collector, collector: 'starting' };
    await route.fulfill({ json: answers === 1 ? { ...status, cpa: null, collector } : status });
  });
  // The stream would tell of the change of health, and have it read as well.
  await page.route('**/events/stream', (route) => route.abort());
  await page.goto(`${world.daemon.url}/management.html`);
  await page.getByLabel('Admin key', { exact: true }).fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  const done = page.locator('.first-request li.done');
  await page.locator('.first-request li.waiting').nth(5).waitFor();
  assert.equal(await done.count(), 0);
  await page.clock.fastForward(2000);
  // Sooner than it is read in any case.
  await done.nth(4).waitFor({ timeout: 25_000 });
});

test('a daemon that is gone leaves its last figures and says so', chromium.options, async (t) => {
  const world = await start(t);
  await withMorning(world);
  const panel = await open(t, world);
  const { page } = panel;
  await figure(panel, 'requests', '200');
  await world.daemon.kill();
  // Long before the status would be read again by itself.
  await page
    .locator('cp-health')
    .getByText('No answer', { exact: true })
    .first()
    .waitFor({ timeout: 20_000 });
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByRole('heading', { name: /^No answer/ }).waitFor();
  await figure(panel, 'requests', '200');
  await page.locator('cp-page-dashboard').getByText('The daemon does not answer.').waitFor();
  await panel.axe();
  await panel.picture('dashboard-gone');
});
