import cookie from '@fastify/cookie';
import { fastify, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import './caller.ts';
import { findPanel } from './panel-page.ts';
import { adminGuard } from './plugins/admin-guard.ts';
import { registerCors } from './plugins/cors.ts';
import { answerError, registerErrors } from './plugins/errors.ts';
import { warnOfForwarding } from './plugins/forwarding-notice.ts';
import { registerOpenApi } from './plugins/openapi.ts';
import { limitSlowBodies } from './plugins/slow-bodies.ts';
import { apiKeyAliasesRoutes } from './routes/api-key-aliases.ts';
import { configRoutes } from './routes/config.ts';
import { dashboardRoutes } from './routes/dashboard.ts';
import { eventsRoutes } from './routes/events.ts';
import { eventsStreamRoute } from './routes/events-stream.ts';
import { forwardRoutes } from './routes/forward.ts';
import { healthRoute } from './routes/health.ts';
import { infoRoute } from './routes/info.ts';
import { modelPricesRoutes } from './routes/model-prices.ts';
import { modelRoutes } from './routes/models.ts';
import { notAvailableRoutes } from './routes/not-available.ts';
import { openApiRoute } from './routes/openapi.ts';
import { panelRoutes } from './routes/panel.ts';
import { retryRoute } from './routes/retry.ts';
import { acceptJson, BODY_LIMIT } from './routes/request-body.ts';
import { sessionRoutes } from './routes/session.ts';
import { setupRoute } from './routes/setup.ts';
import { statusRoute } from './routes/status.ts';
import { takeoverRoute } from './routes/takeover.ts';
import { testConnectionRoute } from './routes/test-connection.ts';
import { usageExportRoute } from './routes/usage-export.ts';
import { usageImportRoutes } from './routes/usage-import.ts';
import type { DaemonContext } from './services.ts';

/** How long a client may take to send its headers, in ms. */
const HEADERS_TIMEOUT_MS = 10_000;

/** Lists that clients of CPA-Manager-Plus may ask for with a slash at the end. No other path has two forms. */
const LISTS = /^(\/v0\/management\/(?:model-prices|api-key-aliases|usage\/import-sessions))\/+(?=\?|$)/;

const withoutSlash = (url: string): string => url.replace(LISTS, '$1');

/** The HTTP side of the daemon. It can answer before the database is open: routes that need it say so. */
export async function createApp(context: DaemonContext, logger: FastifyBaseLogger): Promise<FastifyInstance> {
  const { trustedProxies, corsOrigins } = context.config;
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    bodyLimit: BODY_LIMIT,
    exposeHeadRoutes: true,
    forceCloseConnections: true,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    frameworkErrors: answerError,
    rewriteUrl: ({ url }) => withoutSlash(url ?? '/'),
    routerOptions: { ignoreDuplicateSlashes: true },
  });
  app.decorateRequest('caller', null);
  registerErrors(app);
  warnOfForwarding(app);
  limitSlowBodies(app, context.clock);
  await app.register(cookie);
  const guard = adminGuard(context);
  await registerOpenApi(app, context.version, guard);

  // Routes that other programs know: callers on other origins may use them with the admin key as Bearer.
  await app.register(async (documented) => {
    await registerCors(documented, corsOrigins);
    acceptJson(documented);
    healthRoute(documented, context);
    infoRoute(documented, context);
    statusRoute(documented, '/status', context, guard);
    configRoutes(documented, context, guard);
    setupRoute(documented, '/setup', context, guard);
    usageExportRoute(documented, (options) => context.services().exportEvents(options), guard, context.clock);
    await usageImportRoutes(documented, context, guard);
    dashboardRoutes(documented, context, guard);
    modelPricesRoutes(documented, context, guard);
    apiKeyAliasesRoutes(documented, context, guard);
    notAvailableRoutes(documented, guard);
    // Bodies of these are not read here.
    await documented.register(async (forwarded) => forwardRoutes(forwarded, context, guard));
    await documented.register(async (forwarded) => modelRoutes(forwarded, context));
  });
  // Ours alone, for pages from here. The twins are for proxies that send only our own prefixes here.
  await app.register(async (own) => {
    acceptJson(own);
    statusRoute(own, '/usage-service/status', context, guard);
    setupRoute(own, '/usage-service/setup', context, guard);
    eventsRoutes(own, context, guard);
    eventsStreamRoute(own, context, guard);
    testConnectionRoute(own, context, guard);
    sessionRoutes(own, context);
    takeoverRoute(own, context, guard);
    openApiRoute(own, guard);
    await panelRoutes(own, { folder: findPanel(), panelPath: context.config.panelPath });
  });
  await app.register(async (bodiless) => {
    retryRoute(bodiless, context, guard);
  });
  return app;
}
