import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { SessionAnswer } from '../../lib/contract/api.ts';
import { AppError } from '../../lib/errors.ts';
import { fromForeignPage } from '../own-origin.ts';
import { renewCookie, requestFacts } from '../plugins/admin-guard.ts';
import { clearSessionCookie, setSessionCookie } from '../plugins/session-cookie.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';
import { bodyObject, Fields } from './request-body.ts';

const URL = '/usage-service/session';
/** Bytes of a login's body: anybody may send one. */
const LOGIN_LIMIT = 4_096;

/** Logging in and out. The panel trades the admin key for a cookie, so that it need not keep the key. */
export function sessionRoutes(app: FastifyInstance, context: DaemonContext): void {
  const facts = (request: FastifyRequest) => requestFacts(request, context.services().sessions.cookieName);
  /** Nobody logs another person in or out, with or without a cookie. */
  const fromHere = async (request: FastifyRequest): Promise<void> => {
    if (fromForeignPage(facts(request))) throw new AppError('foreign_origin');
  };

  app.get(
    URL,
    { schema: { summary: 'Who is logged in' }, onRequest: noStore },
    async (request, reply): Promise<SessionAnswer> => {
      const login = context.services().admin.identify(facts(request));
      if (login === null) return { authenticated: false };
      renewCookie(context, request, reply, login);
      return { authenticated: true, via: login.kind, expiresAtMs: login.expiresAtMs };
    },
  );

  app.post(
    URL,
    {
      schema: { summary: 'Log in: trade the admin key for a cookie' },
      bodyLimit: LOGIN_LIMIT,
      onRequest: [noStore, fromHere],
    },
    async (request, reply): Promise<SessionAnswer> => {
      const { admin, sessions } = context.services();
      const named = facts(request);
      const key = typedKey(request.body);
      // A session makes no other one: only the key itself does.
      admin.require({
        ...named,
        token: undefined,
        authorization: key === undefined ? named.authorization : `Bearer ${key}`,
      });
      const { token, expiresAtMs } = await sessions.create();
      const maxAgeMs = expiresAtMs - context.clock.now();
      setSessionCookie(request, reply, { name: sessions.cookieName, token, maxAgeMs });
      return { authenticated: true, via: 'session', expiresAtMs };
    },
  );

  app.delete(
    URL,
    { schema: { summary: 'Log out' }, onRequest: [noStore, fromHere] },
    async (request, reply) => {
      const { admin, sessions } = context.services();
      const { token } = facts(request);
      admin.identify(facts(request));
      clearSessionCookie(request, reply, sessions.cookieName);
      if (token !== undefined) await sessions.end(token);
      return reply.code(204).send();
    },
  );

  onlyMethods(app, URL, ['GET', 'HEAD', 'POST', 'DELETE']);
}

/** `{"adminKey":"..."}`: behind a proxy with a Basic login of its own, `Authorization` is not free for ours. */
function typedKey(body: unknown): string | undefined {
  return body === null || body === undefined ? undefined : new Fields(bodyObject(body)).text('adminKey');
}

async function noStore(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.header('cache-control', 'no-store');
}
