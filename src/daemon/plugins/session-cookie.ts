import type { FastifyReply, FastifyRequest } from 'fastify';

/** Gives the browser its token, or the same one for longer. Pages cannot read it, and only pages from here send it. */
export function setSessionCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  cookie: { readonly name: string; readonly token: string; readonly maxAgeMs: number },
): void {
  reply.setCookie(cookie.name, cookie.token, {
    ...attributes(request),
    maxAge: Math.max(0, Math.floor(cookie.maxAgeMs / 1_000)),
  });
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply, name: string): void {
  reply.clearCookie(name, attributes(request));
}

/** The whole host, because a sub-path that a proxy adds is not known here. */
function attributes(request: FastifyRequest) {
  return {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: request.protocol === 'https',
  } as const;
}
