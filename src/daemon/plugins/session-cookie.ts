import type { FastifyReply, FastifyRequest } from 'fastify';

/** Gives the browser its token, or the same one for longer. Pages cannot read it, and only pages from here send it. */
export function setSessionCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  cookie: { readonly name: string; readonly token: string; readonly maxAgeMs: number },
): void {
  send(request, reply, cookie.name, cookie.token, Math.max(0, Math.floor(cookie.maxAgeMs / 1_000)));
}

/** Makes the browser forget it. */
export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply, name: string): void {
  send(request, reply, name, '', 0);
}

/** At once among the reply's headers, so that answers which are written past Fastify, such as streams, have it too. */
function send(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  value: string,
  maxAge: number,
): void {
  const cookie = request.server.serializeCookie(name, value, {
    maxAge,
    // The whole host, because a sub-path that a proxy adds is not known here.
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: request.protocol === 'https',
  });
  reply.header('set-cookie', cookie);
}
