import { join } from 'node:path';
import staticFiles from '@fastify/static';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { foreignPolicy, OWN_POLICY, PAGE_NAME, PageFile, type Page } from '../panel-page.ts';
import { onlyMethods } from './method-guard.ts';

export interface PanelOptions {
  /** Where the build laid the panel; null: it was never built. */
  readonly folder: string | null;
  /** An operator's page instead of ours; `''`: ours. */
  readonly panelPath: string;
}

const URL = '/management.html';
/** Within a prefix that people's proxies send here anyway. */
const ASSETS = '/usage-service/panel/';
/** What the build names so; the compressed twins beside them are not to be asked for by name. */
const ASSET_NAME = /^\/[\w-]+-\w+\.(js|css|svg)$/;

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
} as const;

const NOT_BUILT = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>cpamp</title></head>
  <body>
    <h1>cpamp</h1>
    <p>The daemon runs, but its panel was not built. Run <code>npm run build</code>, then start the daemon again.</p>
  </body>
</html>
`;

/** The panel: its page, the files that the page names, and the way there from the bare address. */
export async function panelRoutes(app: FastifyInstance, options: PanelOptions): Promise<void> {
  const { folder, panelPath } = options;
  const own = folder === null ? null : new PageFile(join(folder, PAGE_NAME), () => OWN_POLICY);
  const foreign = panelPath === '' ? null : new OperatorsPage(panelPath, app.log);

  app.addHook('onReady', async () => {
    // So that a wrong path is in the log at the start, and not when somebody looks.
    await foreign?.read();
  });
  app.get(URL, { schema: { hide: true } }, async (request, reply) => {
    const page = (await foreign?.read()) ?? (await own?.read());
    if (page) return sendPage(request, reply, page);
    const policy = `default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
    reply.code(503).headers({ ...HEADERS, 'content-security-policy': policy });
    return reply.type('text/html; charset=utf-8').send(NOT_BUILT);
  });
  // A relative address, so that a proxy under a sub-path leads to the same page.
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('management.html', 307));
  for (const url of ['/', URL]) onlyMethods(app, url, ['GET', 'HEAD']);
  if (folder !== null) await serveAssets(app, join(folder, 'assets'));
}

async function serveAssets(app: FastifyInstance, root: string): Promise<void> {
  await app.register(staticFiles, {
    root,
    prefix: ASSETS,
    decorateReply: false,
    index: false,
    preCompressed: true,
    immutable: true,
    maxAge: '365d',
    allowedPath: (path) => ASSET_NAME.test(path),
    schemaHide: true,
    setHeaders: (reply) => {
      reply.header('x-content-type-options', 'nosniff').header('cross-origin-resource-policy', 'same-origin');
    },
  });
  onlyMethods(app, `${ASSETS}*`, ['GET', 'HEAD']);
}

function sendPage(request: FastifyRequest, reply: FastifyReply, page: Page): FastifyReply {
  reply.headers({ ...HEADERS, etag: page.etag, vary: 'accept-encoding' });
  const known = (request.headers['if-none-match'] ?? '')
    .split(',')
    .map((one) => one.trim().replace(/^W\//, ''));
  if (known.includes(page.etag)) return reply.code(304).send();
  reply.header('content-security-policy', page.contentSecurityPolicy).type('text/html; charset=utf-8');
  if (!/\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(request.headers['accept-encoding'] ?? ''))
    return reply.send(page.html);
  return reply.header('content-encoding', 'gzip').send(page.gzip);
}

/** The page of PANEL_PATH. While it cannot be read ours is shown, and one line in the log says why. */
class OperatorsPage {
  readonly #path: string;
  readonly #log: FastifyBaseLogger;
  readonly #file: PageFile;
  #warned = false;

  constructor(path: string, log: FastifyBaseLogger) {
    this.#path = path;
    this.#log = log;
    this.#file = new PageFile(path, foreignPolicy);
  }

  async read(): Promise<Page | null> {
    try {
      const page = await this.#file.read();
      this.#warned = false;
      return page;
    } catch (error) {
      if (!this.#warned) {
        this.#warned = true;
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.warn(
          { panelPath: this.#path, reason },
          'PANEL_PATH cannot be read; the own panel is shown',
        );
      }
      return null;
    }
  }
}
