import type { FastifyInstance, HTTPMethods } from 'fastify';
import { AppError } from '../../lib/errors.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';

/** Every method that a browser or a tool sends, but for OPTIONS. */
export const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * A route that always answers with this error, before it reads a body. With a guard the login comes first, so that
 * nobody learns from outside what is there.
 */
export function refuseAll(
  app: FastifyInstance,
  url: string,
  methods: readonly HTTPMethods[],
  error: () => AppError,
  guard?: AdminGuard,
): void {
  const refuse = async (): Promise<never> => {
    throw error();
  };
  app.route({
    method: [...methods],
    url,
    schema: { hide: true },
    onRequest: guard ? [guard, refuse] : refuse,
    handler: refuse,
  });
}

/**
 * Answers 405 for the methods that a known path does not have; without it they would look like unknown paths. OPTIONS
 * says what there is; where CORS is on, its preflight answers before that.
 */
export function onlyMethods(
  app: FastifyInstance,
  url: string,
  allowed: readonly HTTPMethods[],
  guard?: AdminGuard,
): void {
  const allow = [...allowed, 'OPTIONS'].join(', ');
  const others = METHODS.filter((method) => !allowed.includes(method));
  refuseAll(app, url, others, () => new AppError('method_not_allowed', { headers: { allow } }), guard);
  app.options(url, { schema: { hide: true } }, (_request, reply) =>
    reply.code(204).header('allow', allow).send(),
  );
}
