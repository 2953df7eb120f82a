import type { FastifyInstance } from 'fastify';

/**
 * Says once that a proxy stands before us whose word on client addresses does not count. All its users then look like
 * one to the throttle, which is worth knowing and no reason to refuse anybody.
 */
export function warnOfForwarding(app: FastifyInstance): void {
  let warned = false;
  app.addHook('onRequest', async (request) => {
    if (warned || request.headers['x-forwarded-for'] === undefined) return;
    // Where the proxy is trusted, the client's address is the one that it names.
    if (request.ip !== request.socket.remoteAddress) return;
    warned = true;
    request.log.warn(
      { proxy: request.socket.remoteAddress },
      'X-Forwarded-For from an address that is not trusted is left out; set USAGE_TRUSTED_PROXIES to use it',
    );
  });
}
