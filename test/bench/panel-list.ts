/**
 * What the panel's list of requests costs with 5,000 of them: elements in the page, main-thread time of 50 new ones and
 * of a turn of the wheel, in ms. Goals: 3,000 elements, 50 ms a message.
 *
 *     npm run build && node test/bench/panel-list.ts [--cpu 1]
 *
 * --cpu: how many times slower than this machine. Needs Chromium (CHROMIUM_PATH or /usr/bin/chromium).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { gatewayEnv, MANAGEMENT_KEY } from '../support/collection.ts';
import { CpaStandIn } from '../support/cpa/stand-in.ts';
import { ADMIN_KEY, DaemonProcess } from '../support/daemon.ts';
import { generate } from './generate.ts';

const { values } = parseArgs({ options: { cpu: { type: 'string', default: '1' } } });
const EVENTS = 5000;
const MESSAGES = 20;

const cpa = await CpaStandIn.start({ version: '7.2.140', managementKey: MANAGEMENT_KEY });
const source = generate({ seed: 3, startMs: Date.now() - EVENTS * 1000, everyMs: 1000, headers: false });
const publish = (count: number): void => {
  for (let n = 0; n < count; n += 1) cpa.publish(Buffer.from(source.next().value.payload));
};
publish(EVENTS - MESSAGES * 50);
const dataDir = mkdtempSync(join(tmpdir(), 'cpamp-bench-'));
// Of a test's context only the end is used.
const context = { after: (end: () => void) => process.once('exit', end) } as unknown as TestContext;
const daemon = await DaemonProcess.start(context, { dataDir, env: gatewayEnv(cpa.url) });
await daemon.statusUntil(({ eventCount }) => eventCount === EVENTS - MESSAGES * 50);

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
await page.request.post(`${daemon.url}/usage-service/session`, {
  headers: { authorization: `Bearer ${ADMIN_KEY}` },
});
await page.goto(`${daemon.url}/management.html#/monitoring`);
const grid = page.getByRole('grid');
await grid.waitFor();
while ((await grid.getAttribute('aria-rowcount')) === '-1') {
  await page.evaluate('scrollTo(0, 1e9)');
  await page.waitForTimeout(50);
}
await page.evaluate('scrollTo(0, 0)');
const devtools = await page.context().newCDPSession(page);
await devtools.send('Performance.enable');
await devtools.send('Emulation.setCPUThrottlingRate', { rate: Number(values.cpu) });

interface Busy {
  /** Everything, painting and this program's own questions included. */
  readonly task: number;
  readonly script: number;
  readonly layout: number;
}

/** Main-thread time so far, in ms. */
async function busy(): Promise<Busy> {
  const { metrics } = await devtools.send('Performance.getMetrics');
  const ms = (wanted: string): number => (metrics.find(({ name }) => name === wanted)?.value ?? 0) * 1000;
  return {
    task: ms('TaskDuration'),
    script: ms('ScriptDuration'),
    layout: ms('LayoutDuration') + ms('RecalcStyleDuration'),
  };
}

const minus = (a: Busy, b: Busy): Busy => ({
  task: a.task - b.task,
  script: a.script - b.script,
  layout: a.layout - b.layout,
});

// What the page does anyhow, such as the beating dot, does not count.
await sleep(1000);
const still = await busy();
await sleep(600);
const idle = minus(await busy(), still);
const costs: Busy[] = [];
for (let message = 1; message <= MESSAGES; message += 1) {
  // The light on the rows before has gone out, and nothing is asked of the page meanwhile: that would be counted.
  await sleep(2000);
  const before = await busy();
  publish(50);
  await sleep(600);
  costs.push(minus(minus(await busy(), before), idle));
  const rows = EVENTS - (MESSAGES - message) * 50 + 1;
  await page.locator(`[role="grid"][aria-rowcount="${rows}"]`).waitFor();
}
const elements = await page.evaluate<number>(`((root) => {
  const count = (root) => [...root.querySelectorAll('*')].reduce((sum, one) => sum + 1 + (one.shadowRoot ? count(one.shadowRoot) : 0), 0);
  return count(root);
})(document)`);
const before = await busy();
const STEPS = 100;
for (let step = 1; step <= STEPS; step += 1) await page.mouse.wheel(0, 1200);
await sleep(300);
const scrolled = minus(await busy(), before);
const round = (ms: number): number => Math.round(ms * 10) / 10;
const figures = (of: (one: Busy) => number): { median: number; worst: number } => {
  const sorted = costs.map(of).sort((a, b) => a - b);
  return { median: round(sorted[MESSAGES / 2] ?? 0), worst: round(sorted.at(-1) ?? 0) };
};
console.log(
  JSON.stringify({
    rows: EVENTS,
    cpu: Number(values.cpu),
    elements,
    message: {
      taskMs: figures(({ task }) => task),
      scriptMs: figures(({ script }) => script),
      layoutMs: figures(({ layout }) => layout),
    },
    wheel: { taskMs: round(scrolled.task / STEPS), scriptMs: round(scrolled.script / STEPS) },
  }),
);
await browser.close();
await daemon.stop();
await cpa.close();
rmSync(dataDir, { recursive: true, force: true });
