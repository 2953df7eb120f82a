import type { FastifyInstance } from 'fastify';
import { readTarget } from '../../lib/gateway/forward-path.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import { acceptAnything, callOf, pass } from './forwarded-call.ts';
import { METHODS } from './method-guard.ts';
import { refuseOurs } from './not-available.ts';

const MANAGEMENT = '/v0/management';
const PLUGINS = '/v0/resource/plugins';

/**
 * Everything else of the management API, and the pages and files of plugins, for whoever is logged in: with the saved
 * management key, which nobody here gets to see. What is ours is not forwarded, in whatever spelling it is asked for.
 */
export function forwardRoutes(app: FastifyInstance, context: DaemonContext, guard: AdminGuard): void {
  acceptAnything(app);
  for (const [url, prefix, summary] of [
    [`${MANAGEMENT}/*`, MANAGEMENT, 'Anything else of the management API of CLIProxyAPI'],
    [PLUGINS, PLUGINS, 'Plugins of CLIProxyAPI'],
    [`${PLUGINS}/*`, PLUGINS, 'Pages and files of plugins of CLIProxyAPI'],
  ] as const) {
    app.route({
      method: [...METHODS],
      url,
      schema: { summary },
      onRequest: guard,
      handler: async (request, reply) => {
        const { forwarding } = context.services();
        const { target, family } = readTarget(request.raw.url ?? '', prefix);
        if (prefix === MANAGEMENT) refuseOurs(family);
        const answer = await forwarding.withKey(callOf(request, reply, target));
        return pass(reply, answer);
      },
    });
  }
}
