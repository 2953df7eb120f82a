import type { FastifyInstance } from 'fastify';
import type { EffectiveConfig } from '../../lib/config/effective.ts';
import type { StartConfig } from '../../lib/config/start-config.ts';
import { AppError } from '../../lib/errors.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';
import { bodyObject, Fields } from './request-body.ts';
import { collectorFields, connectionFields } from './settings-fields.ts';

/** First setup, and the same again later: where the gateway is, its key, and how to collect. */
export function setupRoute(
  app: FastifyInstance,
  url: '/setup' | '/usage-service/setup',
  context: DaemonContext,
  guard: AdminGuard,
): void {
  app.post(url, { schema: { summary: 'Connect to a CLIProxyAPI' }, onRequest: guard }, async (request) => {
    const { settings } = context.services();
    const fields = new Fields(bodyObject(request.body));
    const now = settings.effective;
    const connection = connectionFields(fields, ['cpaManagementKey', 'managementKey']);
    refuse(connection, fields, now);
    const monitoring = fields.flag('requestMonitoringEnabled') ?? true;
    const saved = await settings.save({
      ...(now.source === 'env' ? {} : connection),
      monitoring,
      // A field that is not given takes the start value, not the one saved before.
      collector: { ...startValues(context.config), ...collectorFields(fields) },
      enablePublishing: monitoring && (fields.flag('ensureUsageStatisticsEnabled') ?? true),
    });
    return { ok: true, upstream: saved.baseUrl };
  });
  onlyMethods(app, url, ['POST']);
}

function refuse(
  connection: { readonly baseUrl?: string; readonly managementKey?: string },
  fields: Fields,
  now: EffectiveConfig,
): void {
  const newUrl = connection.baseUrl !== undefined && connection.baseUrl !== now.baseUrl;
  const newKey =
    connection.managementKey !== undefined && connection.managementKey !== now.connection?.managementKey;
  if (now.source === 'env') {
    const { queue, popSide } = collectorFields(fields);
    const moved = (queue ?? now.collector.queue) !== now.collector.queue;
    const turned = (popSide ?? now.collector.popSide) !== now.collector.popSide;
    if (newUrl || newKey || moved || turned) throw new AppError('setup_env_managed');
    return;
  }
  if (connection.baseUrl === undefined) throw new AppError('cpa_connection_required');
  if (connection.managementKey === undefined && (newUrl || now.connection === null)) {
    throw new AppError('cpa_connection_required');
  }
  if (now.connection !== null && newUrl && newKey) throw new AppError('invalid_existing_management_key');
}

function startValues(start: StartConfig): Partial<EffectiveConfig['collector']> {
  return {
    mode: start.collectorMode,
    batchSize: start.batchSize,
    pollIntervalMs: start.pollIntervalMs,
    queryLimit: start.queryLimit,
    tlsSkipVerify: start.respTlsSkipVerify,
  };
}
