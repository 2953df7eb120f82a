import type { FastifyInstance } from 'fastify';
import type { TakeoverAnswer } from '../../lib/contract/api/takeover.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';

const URL = '/usage-service/takeover';

/** How the takeover of an old volume goes, and once it is over how both compare. */
export function takeoverRoute(
  app: FastifyInstance,
  { takeover }: Pick<DaemonContext, 'takeover'>,
  guard: AdminGuard,
): void {
  app.get(
    URL,
    { schema: { summary: 'The takeover of an older program, and its report' }, onRequest: guard },
    (): TakeoverAnswer => ({ takeover: takeover.status(), report: takeover.report() }),
  );
  onlyMethods(app, URL, ['GET', 'HEAD']);
}
