import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Login, RequestFacts } from '../admin-access.ts';
import type { DaemonContext } from '../services.ts';
import { setSessionCookie } from './session-cookie.ts';

/**
 * Lets a request through only with the admin key or a session, and notes whose it is in `request.caller`. Used as
 * `onRequest`, before a body is read.
 */
export type AdminGuard = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

export function adminGuard(context: DaemonContext): AdminGuard {
  return async (request, reply) => {
    const { admin, sessions } = context.services();
    const login = admin.require(requestFacts(request, sessions.cookieName));
    request.caller = login;
    renewCookie(context, request, reply, login);
  };
}

/** What of a request decides who sent it. */
export function requestFacts(request: FastifyRequest, cookieName: string): RequestFacts {
  const { headers } = request;
  const site = headers['sec-fetch-site'];
  return {
    method: request.method,
    authorization: headers.authorization,
    token: request.cookies[cookieName],
    secFetchSite: Array.isArray(site) ? site.join() : site,
    origin: headers.origin,
    // The second one is what a trusted proxy says that it was asked for, and else the same.
    hosts: [headers.host ?? '', request.host],
    address: request.ip,
  };
}

/** A session that moved on needs a cookie that does. */
export function renewCookie(
  context: DaemonContext,
  request: FastifyRequest,
  reply: FastifyReply,
  login: Login,
): void {
  const name = context.services().sessions.cookieName;
  const token = request.cookies[name];
  if (!login.renewed || login.expiresAtMs === null || token === undefined) return;
  setSessionCookie(request, reply, { name, token, maxAgeMs: login.expiresAtMs - context.clock.now() });
}
