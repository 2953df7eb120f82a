import type { FastifyInstance } from 'fastify';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import { MAINTENANCE, statusBody } from '../status-body.ts';
import { onlyMethods } from './method-guard.ts';

/** How everything is going: the documented fields, and ours beside them. */
export function statusRoute(
  app: FastifyInstance,
  url: '/status' | '/usage-service/status',
  context: DaemonContext,
  guard: AdminGuard,
): void {
  app.get<{ Querystring: { scope?: string } }>(
    url,
    { schema: { summary: 'Collector, database, health and gaps' }, onRequest: guard },
    async (request) => {
      if (request.query.scope === 'database-maintenance') return { databaseMaintenance: MAINTENANCE };
      return statusBody(context);
    },
  );
  onlyMethods(app, url, ['GET', 'HEAD']);
}
