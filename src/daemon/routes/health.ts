import type { FastifyInstance } from 'fastify';
import type { HealthAnswer } from '../../lib/contract/api/takeover.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';

/** What clients and proxies recognise us by; the name of the program whose place we take. */
export const SERVICE = 'cpa-manager-plus';

/** Liveness for containers and proxies: true as soon as the port is open, whatever else is wrong. */
export function healthRoute(app: FastifyInstance, context: Pick<DaemonContext, 'takeover'>): void {
  app.get(
    '/health',
    {
      schema: {
        summary: 'Whether the daemon is alive',
        response: {
          200: {
            type: 'object',
            properties: {
              ok: { type: 'boolean' },
              service: { type: 'string' },
              takeover: {
                description: 'Only while the volume of an older program is taken over',
                type: 'object',
                properties: { state: { type: 'string' }, percent: { type: 'integer' } },
              },
            },
          },
        },
      },
    },
    (): HealthAnswer => {
      const takeover = context.takeover.running();
      return { ok: true, service: SERVICE, ...(takeover === null ? {} : { takeover }) };
    },
  );
  onlyMethods(app, '/health', ['GET', 'HEAD']);
}
