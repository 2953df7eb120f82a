import type { FastifyInstance } from 'fastify';
import { onlyMethods } from './method-guard.ts';

/** What clients and proxies recognise us by; the name of the program whose place we take. */
export const SERVICE = 'cpa-manager-plus';

/** Liveness for containers and proxies: true as soon as the port is open, whatever else is wrong. */
export function healthRoute(app: FastifyInstance): void {
  app.get(
    '/health',
    {
      schema: {
        summary: 'Whether the daemon is alive',
        response: {
          200: { type: 'object', properties: { ok: { type: 'boolean' }, service: { type: 'string' } } },
        },
      },
    },
    () => ({ ok: true, service: SERVICE }),
  );
  onlyMethods(app, '/health', ['GET', 'HEAD']);
}
