import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { SERVICE } from './health.ts';
import { onlyMethods } from './method-guard.ts';

const STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { margin: 12vh auto; max-width: 34rem; padding: 0 1.5rem; }
  output { display: block; margin-top: 1.5rem; padding: 1rem; border: 1px solid currentColor; border-radius: 0.5rem; }
`;

const SCRIPT = `
  const state = document.querySelector('output');
  // On a domain shared with the gateway, health may be the gateway's.
  async function alive() {
    for (const path of ['health', 'usage-service/info']) {
      const answer = await fetch(path, { cache: 'no-store' });
      const body = await answer.json().catch(() => ({}));
      if (body.service === '${SERVICE}') return true;
    }
    return false;
  }
  async function look() {
    try {
      state.textContent = (await alive()) ? 'The daemon is running.' : 'Somebody else answers here.';
    } catch {
      state.textContent = 'The daemon does not answer.';
    }
  }
  look();
  setInterval(look, 5000);
`;

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>cpamp</title>
    <style>${STYLE}</style>
  </head>
  <body>
    <h1>cpamp</h1>
    <p>The panel is coming up in the next step. Until then, records are collected, and
      <code>GET /v0/management/usage/export</code> with the admin key as Bearer hands them out.</p>
    <output aria-live="polite">Asking the daemon&hellip;</output>
    <noscript><p><a href="health">See /health.</a></p></noscript>
    <script>${SCRIPT}</script>
  </body>
</html>
`;

const sha256 = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const HEADERS = {
  'content-security-policy':
    `default-src 'none'; connect-src 'self'; script-src ${sha256(SCRIPT)}; style-src ${sha256(STYLE)}; ` +
    `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
} as const;

/** The page that stands where the panel will be. It knows nothing but whether the daemon is alive. */
export function holdingPageRoute(app: FastifyInstance): void {
  app.get('/management.html', { schema: { hide: true } }, (_request, reply) =>
    reply.headers(HEADERS).type('text/html; charset=utf-8').send(PAGE),
  );
  // A relative address, so that a proxy under a sub-path leads to the same page.
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('management.html', 307));
  for (const url of ['/', '/management.html']) onlyMethods(app, url, ['GET', 'HEAD']);
}
