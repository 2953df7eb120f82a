import type { FastifyInstance, HTTPMethods } from 'fastify';
import { AppError } from '../../lib/errors.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';

/** Every method that a browser or a tool sends, but for OPTIONS. */
export const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Answers 405 for the methods that a known path does not have; without it they would look like unknown paths. With a
 * guard the login comes first. OPTIONS says what there is; where CORS is on, its preflight answers before that.
 */
export function onlyMethods(
  app: FastifyInstance,
  url: string,
  allowed: readonly HTTPMethods[],
  guard?: AdminGuard,
): void {
  const allow = [...allowed, 'OPTIONS'].join(', ');
  app.route({
    method: METHODS.filter((method) => !allowed.includes(method)),
    url,
    schema: { hide: true },
    ...(guard ? { onRequest: guard } : {}),
    handler: () => {
      throw new AppError('method_not_allowed', { headers: { allow } });
    },
  });
  app.options(url, { schema: { hide: true } }, (_request, reply) =>
    reply.code(204).header('allow', allow).send(),
  );
}
