import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DaemonContext } from '../services.ts';
import { SERVICE } from './health.ts';
import { onlyMethods } from './method-guard.ts';

const URL = '/usage-service/info';

/** Who answers here and whether it is set up: what a client asks before it shows a login or a setup form. */
export function infoRoute(app: FastifyInstance, context: DaemonContext): void {
  app.get(URL, { schema: { summary: 'What this is, and whether it is set up' } }, (request) => {
    const services = context.servicesIfReady();
    const configured = services?.settings.configured ?? false;
    const adminReady = services !== null;
    const hasHistory = services?.hadHistory ?? false;
    const takeover = context.takeover.running();
    return {
      service: SERVICE,
      mode: 'embedded',
      startedAt: context.startedAtMs,
      configured,
      adminReady,
      projectInitialized: configured,
      setupRequired: adminReady && !configured,
      migrationStatus: configured ? 'ready' : hasHistory ? 'needs_setup' : 'fresh',
      dataKeyReady: services?.dataKeyReady ?? false,
      hasHistoricalData: hasHistory,
      product: 'cpamp',
      version: context.version,
      forwarding: forwarding(request),
      ...(takeover === null ? {} : { takeover }),
    };
  });
  onlyMethods(app, URL, ['GET', 'HEAD']);
}

/**
 * Whether a proxy names who asks, and whether its word counts (USAGE_TRUSTED_PROXIES). Without that all who come through
 * it look like one.
 */
function forwarding(request: FastifyRequest): 'none' | 'trusted' | 'untrusted' {
  if (request.headers['x-forwarded-for'] === undefined) return 'none';
  return (request.ips?.length ?? 0) > 1 ? 'trusted' : 'untrusted';
}
