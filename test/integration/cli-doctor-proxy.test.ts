import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { CheckId, CheckResult } from '../../src/lib/doctor/result.ts';
import { runCli } from '../support/cli.ts';
import type { CpaStandIn } from '../support/cpa/stand-in.ts';
import { ADMIN_KEY, tempDir, type DaemonProcess } from '../support/daemon.ts';
import { CPA_KEY, startCpa, startReady } from '../support/http.ts';
import { shareOrigin, underPath, withMistakes, type Behind } from '../support/proxies.ts';

interface World {
  readonly cpa: CpaStandIn;
  readonly daemon: DaemonProcess;
  readonly behind: Behind;
  /** Runs `cpamp doctor --url` and answers what it says of the proxy. */
  readonly look: (
    url: string,
    options?: { readonly key?: boolean; readonly dataDir?: string },
  ) => Promise<ReadonlyMap<CheckId, CheckResult>>;
}

async function world(t: TestContext, more: Record<string, string> = {}): Promise<World> {
  const cpa = await startCpa(t);
  const dataDir = tempDir(t);
  const page = join(tempDir(t), 'panel.html');
  writeFileSync(page, '<title>a panel</title>');
  const env = { CPA_UPSTREAM_URL: cpa.url, CPA_MANAGEMENT_KEY: CPA_KEY, PANEL_PATH: page, ...more };
  const daemon = await startReady(t, { dataDir, env });
  const keyFile = join(tempDir(t), 'admin-key');
  writeFileSync(keyFile, `${ADMIN_KEY}\n`);
  const look: World['look'] = async (url, { key = true, dataDir: other = dataDir } = {}) => {
    const args = ['doctor', '--json', '--data-dir', other, '--url', url];
    const done = await runCli(t, key ? [...args, '--admin-key-file', keyFile] : args, { env });
    const { checks }: { checks: readonly CheckResult[] } = JSON.parse(done.stdout);
    return new Map(checks.map((check) => [check.id, check]));
  };
  return { cpa, daemon, behind: { daemon: () => daemon.url, gateway: () => cpa.url }, look };
}

const states = (
  seen: ReadonlyMap<CheckId, CheckResult>,
  ...ids: readonly CheckId[]
): ReadonlyArray<string | undefined> => ids.map((id) => seen.get(id)?.state);

/** Nothing that CLIProxyAPI would count as a wrong key, and the admin key never. */
function assertUnharmed(cpa: CpaStandIn): void {
  for (const { method, url, headers, status } of cpa.http.exchanges) {
    const { authorization = '' } = headers;
    assert.ok(!authorization.includes(ADMIN_KEY), `the admin key went to CLIProxyAPI: ${url}`);
    if (url.startsWith('/v0/management') && method !== 'OPTIONS') {
      assert.equal(authorization, `Bearer ${CPA_KEY}`, `${method} ${url}`);
      assert.notEqual(status, 401, url);
    }
  }
}

test('a domain that is shared as the documentation shows it is well', async (t) => {
  const { cpa, behind, look } = await world(t, { USAGE_TRUSTED_PROXIES: '127.0.0.1' });
  const proxy = await shareOrigin(t, behind);
  const seen = await look(`${proxy.url}/management.html#/dashboard`);
  const ids = ['proxy_path', 'proxy_origin', 'proxy_addresses', 'proxy_stream'] as const;
  assert.deepEqual(states(seen, ...ids), ['ok', 'ok', 'ok', 'ok'], JSON.stringify([...seen]));
  assert.match(seen.get('proxy_path')?.message ?? '', /\/health belongs to CLIProxyAPI/);

  const below = await underPath(t, '/panel', behind);
  const deep = await look(`${below.url}/`);
  assert.deepEqual(states(deep, ...ids), ['ok', 'ok', 'ok', 'ok'], JSON.stringify([...deep]));
  assertUnharmed(cpa);
});

test('a proxy that nobody trusts is named, and without the admin key no stream is tried', async (t) => {
  const { behind, look } = await world(t);
  const proxy = await withMistakes(t, behind, {});
  const seen = await look(proxy.url, { key: false });
  assert.deepEqual(states(seen, 'proxy_path', 'proxy_addresses', 'proxy_stream'), ['ok', 'warn', 'skipped']);
  assert.match(seen.get('proxy_addresses')?.fix ?? '', /USAGE_TRUSTED_PROXIES/);
  assert.ok(!(seen.get('proxy_path')?.message ?? '').includes('/health'));
});

test('prefixes that lead to CLIProxyAPI are found without a strike there', async (t) => {
  const { cpa, behind, look } = await world(t);
  for (const prefix of ['/v0/management/', '/usage-service/', '/management.html']) {
    const proxy = await withMistakes(t, behind, { toGateway: (path) => path.startsWith(prefix) });
    const seen = await look(proxy.url);
    const { state, message = '', fix = '' } = seen.get('proxy_path') ?? {};
    assert.equal(state, 'fail', prefix);
    assert.ok(message.startsWith(prefix), message);
    assert.match(fix, /contrib\/nginx\.conf/);
    assert.deepEqual(states(seen, 'proxy_stream'), ['skipped']);
  }
  assertUnharmed(cpa);
});

test('/health that leads nowhere is a warning', async (t) => {
  const { daemon, look } = await world(t);
  const nowhere = await startCpa(t);
  nowhere.http.route('GET', '/healthz', (_request, response) => response.writeHead(404).end());
  const behind = { daemon: () => daemon.url, gateway: () => nowhere.url };
  const proxy = await withMistakes(t, behind, { toGateway: (path) => path.startsWith('/health') });
  const seen = await look(proxy.url);
  assert.equal(seen.get('proxy_path')?.state, 'warn');
  assert.match(seen.get('proxy_path')?.message ?? '', /\/health does not lead to cpamp \(status 404\)/);
});

test('a proxy that holds streams back, and one that hides the host', async (t) => {
  const { behind, look } = await world(t);
  const buffering = await withMistakes(t, behind, { buffers: true });
  const held = await look(buffering.url);
  assert.deepEqual(states(held, 'proxy_path', 'proxy_origin', 'proxy_stream'), ['ok', 'ok', 'fail']);
  assert.match(held.get('proxy_stream')?.fix ?? '', /proxy_buffering off/);

  const renaming = await withMistakes(t, behind, { host: 'cpamp:18317' });
  const renamed = await look(renaming.url);
  assert.deepEqual(states(renamed, 'proxy_path', 'proxy_origin', 'proxy_stream'), ['ok', 'fail', 'ok']);
  assert.match(renamed.get('proxy_origin')?.fix ?? '', /\$http_host/);
});

test('another daemon, a dead one, and nothing at all', async (t) => {
  const { behind, daemon, look } = await world(t);
  const other = await startReady(t);
  const proxy = await withMistakes(t, { ...behind, daemon: () => other.url }, {});
  const foreign = await look(proxy.url);
  assert.equal(foreign.get('proxy_path')?.state, 'fail');
  assert.match(foreign.get('proxy_path')?.message ?? '', /Another cpamp/);

  // Without a daemon here nobody knows whose it is: the key stays at home.
  assert.equal(await daemon.stop(), 0);
  const unproved = await look(proxy.url);
  assert.equal(unproved.get('proxy_stream')?.state, 'skipped');
  assert.match(unproved.get('proxy_stream')?.message ?? '', /not proved/);

  assert.equal(await other.stop(), 0);
  const dead = await look(proxy.url);
  assert.equal(dead.get('proxy_path')?.state, 'fail');
  assert.match(dead.get('proxy_path')?.message ?? '', /502/);
});
