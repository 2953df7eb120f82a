import type { FastifyRequest } from 'fastify';
import type { DaemonContext } from '../services.ts';

/** Lets a request through only with the admin key. Used as `onRequest`, before a body is read. */
export type AdminGuard = (request: FastifyRequest) => Promise<void>;

export function adminGuard(context: DaemonContext): AdminGuard {
  return async (request) => {
    context.services().admin.require(request.headers.authorization, request.ip);
  };
}
