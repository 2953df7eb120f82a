import type { FastifyInstance, FastifyReply } from 'fastify';
import type { EffectiveConfig } from '../../lib/config/effective.ts';
import type { TestConnectionAnswer } from '../../lib/contract/api/gateway.ts';
import type { GatewayConnection } from '../../lib/contract/gateway.ts';
import type { HealthReason } from '../../lib/contract/health.ts';
import { AppError } from '../../lib/errors.ts';
import { diagnose } from '../../lib/gateway/diagnoses.ts';
import type { ConnectionReport } from '../../lib/gateway/test-connection.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';
import { bodyObject, Fields } from './request-body.ts';
import { collectorFields, connectionFields } from './settings-fields.ts';

const URL = '/usage-service/test-connection';

const RANK: Readonly<Record<HealthReason['level'], number>> = { down: 0, degraded: 1, notice: 2 };

/**
 * Tries an address and a key, and says in words what is wrong with them. Nothing is saved, no record is taken, and a
 * key that was refused at this address is not sent again before its time.
 */
export function testConnectionRoute(app: FastifyInstance, context: DaemonContext, guard: AdminGuard): void {
  app.post(
    URL,
    { schema: { summary: 'Try a connection to a CLIProxyAPI' }, onRequest: guard },
    async (request, reply): Promise<TestConnectionAnswer> => {
      const services = context.services();
      const { effective } = services.settings;
      const fields = new Fields(bodyObject(request.body));
      const collector = { ...effective.collector, ...collectorFields(fields) };
      const connection = {
        ...wantedConnection(fields, effective),
        tlsSkipVerify: collector.tlsSkipVerify,
      };
      const report = await services.testConnection(connection, collector, untilGone(reply));
      return answer(connection.baseUrl, report);
    },
  );
  onlyMethods(app, URL, ['POST'], guard);
}

function wantedConnection(
  fields: Fields,
  now: EffectiveConfig,
): Pick<GatewayConnection, 'baseUrl' | 'managementKey'> {
  const { baseUrl, managementKey } = connectionFields(fields, ['managementKey']);
  if (baseUrl === undefined) throw new AppError('cpa_connection_required');
  if (managementKey !== undefined) return { baseUrl, managementKey };
  if (now.managementKey === 'none') throw new AppError('cpa_connection_required');
  if (baseUrl !== now.baseUrl) {
    // The saved key belongs to the saved address: it is not sent to another one on its own.
    const hint = 'A new address needs its management key again.';
    throw new AppError('cpa_connection_required', { hint });
  }
  if (now.connection === null) {
    const hint = 'The saved management key cannot be opened (see data.key): type it again.';
    throw new AppError('cpa_connection_required', { hint });
  }
  return { baseUrl, managementKey: now.connection.managementKey };
}

/** Aborts when the client goes away before it has its answer. */
function untilGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

function answer(baseUrl: string, { info, findings }: ConnectionReport): TestConnectionAnswer {
  const gateway = info && {
    version: info.version,
    usageStatisticsEnabled: info.usageStatisticsEnabled,
    retentionSeconds: info.retentionSeconds,
  };
  const told = findings.map(({ code, facts }) => {
    const { since: _, ...finding } = diagnose(code, 0, facts);
    return finding;
  });
  return {
    ok: info !== null,
    baseUrl,
    gateway,
    findings: told.toSorted((a, b) => RANK[a.level] - RANK[b.level]),
  };
}
