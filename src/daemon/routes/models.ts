import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../lib/errors.ts';
import type { ForwardRequest } from '../../lib/gateway/forward.ts';
import { isBasic } from '../admin-access.ts';
import type { DaemonContext } from '../services.ts';
import { acceptAnything, callOf, pass } from './forwarded-call.ts';
import { onlyMethods } from './method-guard.ts';

/**
 * Without what belongs to a body. A question for a list needs none, and anybody may ask: bodies that never end would take
 * the connections to the gateway away from everybody else.
 */
function bodiless({ raw }: FastifyRequest): ForwardRequest['headers'] {
  const { 'content-length': _, 'content-type': _type, ...headers } = raw.headersDistinct;
  return headers;
}

/**
 * The models that a client key may use. The gateway decides by what the caller sends as `Authorization`: no login of
 * ours counts here, and the saved management key is not lent.
 */
export function modelRoutes(app: FastifyInstance, context: DaemonContext): void {
  acceptAnything(app);
  for (const url of ['/v1/models', '/models']) {
    for (const path of [url, `${url}/`]) {
      app.route({
        method: ['GET', 'HEAD'],
        url: path,
        schema: { summary: 'Models of CLIProxyAPI, with a client key of its own', hide: path !== url },
        handler: async (request, reply) => {
          const { forwarding, admin } = context.services();
          const { authorization } = request.headers;
          // Ours is worth more than what is asked for, and no business of the gateway.
          if (authorization !== undefined && admin.carriesAdminKey(authorization)) {
            throw new AppError('client_key_wanted');
          }
          const query = (request.raw.url ?? '').replace(/^[^?]*/, '');
          const call = { ...callOf(request, reply, path + query), headers: bodiless(request), body: null };
          const answer = await forwarding.asCaller(call, isBasic(authorization) ? undefined : authorization);
          return pass(reply, answer);
        },
      });
      onlyMethods(app, path, ['GET', 'HEAD']);
    }
  }
}
