import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { fastify, type FastifyInstance, type LightMyRequestResponse } from 'fastify';
import { panelRoutes, type PanelOptions } from '../../src/daemon/routes/panel.ts';
import { registerErrors } from '../../src/daemon/plugins/errors.ts';
import { tempDir } from '../support/daemon.ts';
import { anonymous, ask, startReady } from '../support/http.ts';

const SCRIPT = 'document.title = "a panel";\n';
const MAIN = 'main-abc123de.js';

/** A built panel of a few bytes. */
function built(t: TestContext): string {
  const folder = tempDir(t);
  mkdirSync(join(folder, 'assets'));
  writeFileSync(
    join(folder, 'management.html'),
    `<title>ours</title><script src="usage-service/panel/${MAIN}"></script>`,
  );
  for (const ending of ['', '.br', '.gz'])
    writeFileSync(join(folder, 'assets', MAIN + ending), SCRIPT + ending);
  writeFileSync(join(folder, 'manifest.json'), '{}');
  return folder;
}

interface Served {
  readonly get: (url: string, headers?: Record<string, string>) => Promise<LightMyRequestResponse>;
  readonly app: FastifyInstance;
  readonly warnings: string[];
}

async function serve(t: TestContext, options: Partial<PanelOptions>): Promise<Served> {
  const warnings: string[] = [];
  const stream = { write: (line: string) => void warnings.push(line) };
  const app = fastify({ logger: { level: 'warn', stream }, exposeHeadRoutes: true });
  registerErrors(app);
  await app.register((own) => panelRoutes(own, { folder: null, panelPath: '', ...options }));
  t.after(() => app.close());
  await app.ready();
  return { app, warnings, get: (url, headers = {}) => app.inject({ url, headers }) };
}

function policyOf(answer: LightMyRequestResponse): ReadonlyMap<string, string> {
  const text = String(answer.headers['content-security-policy']);
  return new Map(
    text.split('; ').map((one) => [one.slice(0, one.indexOf(' ')), one.slice(one.indexOf(' ') + 1)]),
  );
}

test('the page runs nothing but our files, in no frame, and is asked for again each time', async (t) => {
  const { get, app } = await serve(t, { folder: built(t) });
  const page = await get('/management.html');
  assert.equal(page.statusCode, 200);
  assert.match(page.body, /<title>ours/);
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(page.headers['cache-control'], 'no-cache');
  assert.equal(page.headers['x-content-type-options'], 'nosniff');
  assert.equal(page.headers['referrer-policy'], 'no-referrer');
  assert.equal(page.headers['cross-origin-opener-policy'], 'same-origin');
  const policy = policyOf(page);
  for (const name of ['default-src', 'base-uri', 'form-action', 'frame-ancestors'])
    assert.equal(policy.get(name), "'none'", name);
  for (const name of ['script-src', 'style-src', 'connect-src', 'font-src'])
    assert.equal(policy.get(name), "'self'", name);
  assert.equal(policy.get('img-src'), "'self' data:");
  assert.equal(policy.get('require-trusted-types-for'), "'script'");

  const again = await get('/management.html', {
    'if-none-match': `"other", W/${String(page.headers['etag'])}`,
  });
  assert.deepEqual([again.statusCode, again.body], [304, '']);
  const other = await get('/management.html', { 'if-none-match': '"other"' });
  assert.equal(other.statusCode, 200);
  const head = await app.inject({ url: '/management.html', method: 'HEAD' });
  assert.deepEqual([head.statusCode, head.body], [200, '']);
  const small = await get('/management.html', { 'accept-encoding': 'br, gzip;q=0.5' });
  assert.equal(small.headers['content-encoding'], 'gzip');
  assert.equal(gunzipSync(small.rawPayload).toString(), page.body);
  assert.equal(
    (await get('/management.html', { 'accept-encoding': 'gzip;q=0' })).headers['content-encoding'],
    undefined,
  );

  const root = await get('/');
  assert.equal(root.statusCode, 307);
  assert.equal(root.headers['location'], 'management.html', 'relative, for proxies with a sub-path');
});

test('files of the panel are kept for ever and sent as they were compressed', async (t) => {
  const { get } = await serve(t, { folder: built(t) });
  const url = `/usage-service/panel/${MAIN}`;
  for (const [encoding, ending] of [
    ['br, gzip', '.br'],
    ['gzip', '.gz'],
    ['identity', ''],
  ] as const) {
    const file = await get(url, { 'accept-encoding': encoding });
    assert.equal(file.statusCode, 200, encoding);
    assert.equal(file.body, SCRIPT + ending, encoding);
    assert.match(String(file.headers['content-type']), /^(text|application)\/javascript/);
    assert.equal(file.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal(file.headers['x-content-type-options'], 'nosniff');
    assert.match(String(file.headers['vary']), /accept-encoding/i);
  }
  for (const path of [
    'main-ffffffff.js',
    `${MAIN}.br`,
    '',
    '../manifest.json',
    '%2e%2e/manifest.json',
    '..%2fmanifest.json',
  ]) {
    const answer = await get(`/usage-service/panel/${path}`);
    assert.equal(answer.statusCode, 404, path);
    assert.equal(answer.json<{ code: string }>().code, 'not_found', path);
    assert.notEqual(answer.headers['cache-control'], 'public, max-age=31536000, immutable', path);
  }
});

test('a panel that was never built says how to build it', async (t) => {
  const { get } = await serve(t, {});
  const page = await get('/management.html');
  assert.equal(page.statusCode, 503);
  assert.match(page.body, /npm run build/);
  assert.equal(policyOf(page).get('default-src'), "'none'");
});

test('an operator may show another page, which runs exactly its own scripts', async (t) => {
  const panelPath = join(tempDir(t), 'panel.html');
  const scripts = [SCRIPT, 'export const a = 1;\r\nlet b = "<b>";'];
  const html = `<!doctype html><script>${scripts[0]}</script><SCRIPT type="module" crossorigin>${scripts[1]}</SCRIPT >
<script src="data:x"></script><p>theirs</p>`;
  writeFileSync(panelPath, html);
  const { get, warnings } = await serve(t, { folder: built(t), panelPath });
  const page = await get('/management.html');
  assert.equal(page.body, html);
  const policy = policyOf(page);
  const hashes = scripts.map(
    // A browser's parser knows no CR.
    (text) => `'sha256-${createHash('sha256').update(text.replaceAll('\r', '')).digest('base64')}'`,
  );
  assert.equal(policy.get('script-src'), hashes.join(' '));
  assert.equal(policy.get('style-src'), "'unsafe-inline'");
  for (const name of ['default-src', 'base-uri', 'form-action', 'frame-ancestors'])
    assert.equal(policy.get(name), "'none'", name);
  assert.equal(policy.has('require-trusted-types-for'), false);

  writeFileSync(panelPath, '<p>newer, and longer than it was by far</p>'.repeat(20));
  const newer = await get('/management.html');
  assert.match(newer.body, /newer/);
  assert.equal(policyOf(newer).get('script-src'), "'none'");
  assert.notEqual(newer.headers['etag'], page.headers['etag']);
  assert.deepEqual(warnings, []);

  // Gone: ours is shown, and said once. Back again: theirs.
  rmSync(panelPath);
  for (let times = 0; times < 3; times += 1) assert.match((await get('/management.html')).body, /ours/);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /PANEL_PATH/);
  writeFileSync(panelPath, html);
  assert.match((await get('/management.html')).body, /theirs/);
});

test('a page that cannot be read is in the log at the start', async (t) => {
  const { warnings } = await serve(t, { folder: built(t), panelPath: join(tempDir(t), 'none.html') });
  assert.equal(warnings.length, 1);
});

test('the daemon serves the panel that was built, and every file that its page names', async (t) => {
  const daemon = await startReady(t);
  const page = await ask(daemon, '/management.html', anonymous());
  assert.equal(page.status, 200, 'was it built (npm run build)?');
  assert.doesNotMatch(page.text, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|https?:\/\//);
  const names = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name = '']) => name);
  assert.ok(names.length >= 3);
  for (const name of names) {
    assert.match(name, /^usage-service\/panel\//, 'relative');
    const plain = await fetch(`${daemon.url}/${name}`, { headers: { 'accept-encoding': 'identity' } });
    assert.equal(plain.status, 200, name);
    assert.match(plain.headers.get('cache-control') ?? '', /immutable/);
    const bytes = Buffer.from(await plain.arrayBuffer());
    // The twins that the build wrote hold the same.
    const small = await fetch(`${daemon.url}/${name}`, { headers: { 'accept-encoding': 'br' } });
    assert.equal(small.headers.get('content-encoding'), 'br', name);
    assert.deepEqual(Buffer.from(await small.arrayBuffer()), bytes, name);
  }
});

test('the daemon shows the page of PANEL_PATH', async (t) => {
  const panelPath = join(tempDir(t), 'panel.html');
  writeFileSync(panelPath, '<p>theirs</p>');
  const daemon = await startReady(t, { env: { PANEL_PATH: panelPath } });
  assert.match((await ask(daemon, '/management.html', anonymous())).text, /theirs/);
});
