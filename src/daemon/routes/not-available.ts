import type { FastifyInstance } from 'fastify';
import { AppError } from '../../lib/errors.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';

/** Families under /v0/management that belong to cpamp and are never forwarded to the gateway. */
const OURS = [
  'usage',
  'model-prices',
  'api-key-aliases',
  'dashboard',
  'monitoring',
  'codex-inspection',
  'quota-snapshots',
  'account-action-candidates',
] as const;

/**
 * What is ours and not built answers 501, and the usage queue 409: whoever pops it takes records away from us. The
 * login comes first, so that nobody learns from outside what is there.
 */
export function notAvailableRoutes(app: FastifyInstance, guard: AdminGuard): void {
  app.all('/v0/management/usage-queue', { schema: { hide: true }, onRequest: guard }, () => {
    throw new AppError('usage_queue_owned');
  });
  for (const family of OURS) {
    for (const url of [`/v0/management/${family}`, `/v0/management/${family}/*`]) {
      app.all(url, { schema: { hide: true }, onRequest: guard }, () => {
        throw new AppError('not_available');
      });
    }
  }
  app.all('/v0/management/*', { schema: { hide: true }, onRequest: guard }, () => {
    throw new AppError('not_available', { detail: 'nothing is forwarded to CLIProxyAPI yet' });
  });
}
