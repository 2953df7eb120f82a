import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../lib/contract/clock.ts';

/** How long somebody who is not logged in may take to send a body. */
export const PATIENCE_MS = 30_000;

/**
 * Closes connections of strangers that send a body without end, read or not: each costs a file descriptor, and anybody
 * can open thousands. Who is logged in may take any time, because files go to the gateway over slow lines.
 */
export function limitSlowBodies(app: FastifyInstance, clock: Clock): void {
  app.addHook('onRequest', async (request) => {
    const { raw } = request;
    if (raw.complete || !hasBody(raw)) return;
    const over = new AbortController();
    raw.once('close', () => over.abort());
    const watch = async (): Promise<void> => {
      await clock.sleep(PATIENCE_MS, over.signal);
      if (!raw.complete && request.caller === null) raw.socket.destroy();
    };
    void watch();
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
