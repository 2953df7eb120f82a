import type { FastifyInstance } from 'fastify';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import { onlyMethods } from './method-guard.ts';

const URL = '/usage-service/openapi.json';

/** Relative to the description, so that it holds below any path that we may be under. */
const SERVERS = [{ url: '..' }] as const;

/** What can be asked of us, as OpenAPI 3.1. */
export function openApiRoute(app: FastifyInstance, guard: AdminGuard): void {
  app.get(
    URL,
    { onRequest: guard, schema: { summary: 'This description, as OpenAPI 3.1' } },
    (_request, reply) =>
      reply.header('cache-control', 'no-cache').send({ ...app.swagger(), servers: SERVERS }),
  );
  onlyMethods(app, URL, ['GET', 'HEAD'], guard);
}
