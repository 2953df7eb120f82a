import type { FastifyInstance } from 'fastify';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';

const URL = '/usage-service/retry';

/**
 * A person says "try again": a management key that the gateway refused is forgotten and tried once more, after it was
 * put right over there. Nothing else makes us send a refused key before its time.
 */
export function retryRoute(app: FastifyInstance, context: DaemonContext, guard: AdminGuard): void {
  app.post(URL, { schema: { summary: 'Try a refused gateway again' }, onRequest: guard }, async () => {
    await context.services().collector?.tryAgain();
    return { ok: true };
  });
  onlyMethods(app, URL, ['POST']);
}
