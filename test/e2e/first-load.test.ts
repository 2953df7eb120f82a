import assert from 'node:assert/strict';
import test from 'node:test';
import { useChromium } from '../support/chromium.ts';
import { ask, CPA_KEY, post, startCpa, startReady } from '../support/http.ts';
import { firstLoad } from '../support/panel-size.ts';

const chromium = useChromium();

for (const language of ['en', 'zh-CN'] as const) {
  test(
    `the first look at the login asks for exactly what is counted as its size: ${language}`,
    chromium.options,
    async (t) => {
      const cpa = await startCpa(t);
      const daemon = await startReady(t);
      const body = { cpaBaseUrl: cpa.url, cpaManagementKey: CPA_KEY, requestMonitoringEnabled: true };
      assert.equal((await ask(daemon, '/setup', post(body))).status, 200);
      const panel = await chromium.open(t, `${daemon.url}/management.html`, { language });
      await panel.page.locator('cp-login-form input[name="admin-key"]').waitFor();
      const assets = `${daemon.url}/usage-service/panel/`;
      const asked = panel.addresses
        .filter((url) => url.startsWith(assets))
        .map((url) => url.slice(assets.length));
      // A browser without a window has no use for the icon.
      const counted = firstLoad(language)
        .map(({ name }) => name)
        .filter((name) => !name.startsWith('mark-') || asked.includes(name));
      assert.deepEqual([...new Set(asked)].toSorted(), counted.toSorted());
    },
  );
}
