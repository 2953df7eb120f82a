import type { FastifyInstance, HTTPMethods } from 'fastify';
import { AppError } from '../../lib/errors.ts';

const ALL: readonly HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Answers 405 for the methods that a known path does not have; without it they would look like unknown paths. */
export function onlyMethods(app: FastifyInstance, url: string, allowed: readonly HTTPMethods[]): void {
  app.route({
    method: ALL.filter((method) => !allowed.includes(method)),
    url,
    schema: { hide: true },
    handler: () => {
      throw new AppError('method_not_allowed', { headers: { allow: [...allowed, 'OPTIONS'].join(', ') } });
    },
  });
}
