import type { FastifyInstance } from 'fastify';
import { AppError, type ErrorCode } from '../../lib/errors.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import { METHODS, refuseAll } from './method-guard.ts';

const QUEUE = '/v0/management/usage-queue';

/** Families that belong to cpamp and are never forwarded to the gateway. */
const OURS = [
  '/v0/management/usage',
  '/v0/management/model-prices',
  '/v0/management/api-key-aliases',
  '/v0/management/dashboard',
  '/v0/management/monitoring',
  '/v0/management/codex-inspection',
  '/v0/management/quota-snapshots',
  '/v0/management/account-action-candidates',
  '/usage-service/account-processing-policy',
  '/usage-service/quota-cooldowns',
] as const;

/** Families with a route of their own at their beginning; there is nothing else below it. */
const BUILT: ReadonlySet<string> = new Set(['/v0/management/model-prices', '/v0/management/api-key-aliases']);

/** What is ours and not built answers 501, and the usage queue 409: whoever pops it takes records away from us. */
export function notAvailableRoutes(app: FastifyInstance, guard: AdminGuard): void {
  const refuse = (url: string, code: ErrorCode): void =>
    refuseAll(app, url, METHODS, () => new AppError(code), guard);
  for (const url of [QUEUE, `${QUEUE}/*`]) {
    refuse(url, 'usage_queue_owned');
  }
  for (const family of OURS) {
    const built = BUILT.has(family);
    if (!built) refuse(family, 'not_available');
    refuse(`${family}/*`, built ? 'not_found' : 'not_available');
  }
}

/** Throws for a family below `/v0/management/` that is not forwarded: `usage-queue`, and what is ours. */
export function refuseOurs(family: string): void {
  const url = `/v0/management/${family}`;
  if (url === QUEUE) throw new AppError('usage_queue_owned');
  if (OURS.some((ours) => ours === url)) throw new AppError('not_available');
}
