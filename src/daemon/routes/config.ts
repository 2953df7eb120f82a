import type { FastifyInstance } from 'fastify';
import type { EffectiveConfig } from '../../lib/config/effective.ts';
import type { GatewayInfo } from '../../lib/contract/gateway.ts';
import { AppError } from '../../lib/errors.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import type { SaveRequest } from '../settings-service.ts';
import { onlyMethods } from './method-guard.ts';
import { bodyObject, Fields, isObject, type JsonObject } from './request-body.ts';
import { changesCollector, collectorFields, connectionFields, KEPT_KEY } from './settings-fields.ts';

const URL = '/usage-service/config';

/** What a configuration without a saved inspection section shows; clients expect every field. */
const INSPECTION_DEFAULTS: JsonObject = {
  enabled: false,
  schedule: { mode: 'interval', intervalMinutes: 60 },
  targetType: 'codex',
  workers: 4,
  deleteWorkers: 4,
  timeout: 15_000,
  userAgent: 'codex_cli_rs/0.76.0 (Debian 13.0.0; x86_64) WindowsTerminal',
  xaiInferenceUserAgent: 'xai-grok-workspace/0.2.101',
  xaiInferenceModel: 'grok-4.5',
  xaiInferencePrompt: 'Reply with exactly OK.',
  usedPercentThreshold: 100,
  autoActionMode: 'none',
};

/** Reads and changes the configuration. The management key is in no answer: eight stars say that one is saved. */
export function configRoutes(app: FastifyInstance, context: DaemonContext, guard: AdminGuard): void {
  app.get(
    URL,
    {
      schema: {
        summary: 'The configuration that counts',
        // Open until a gateway is set up.
        security: [{}, { bearer: [] }, { session: [] }],
      },
      onRequest: async (request, reply) => {
        // Until a gateway is set up there is nothing to protect, and the setup form wants to show the defaults.
        if (context.services().settings.configured) await guard(request, reply);
      },
    },
    async () => {
      const services = context.services();
      const { effective } = services.settings;
      const info = await services.gatewayInfo();
      return { ...answer(effective, effective.source), ...(info ? { cpaUsage: cpaUsage(info) } : {}) };
    },
  );

  app.put(URL, { schema: { summary: 'Change the configuration' }, onRequest: guard }, async (request) => {
    const { settings } = context.services();
    const change = readChange(bodyObject(request.body), settings.effective);
    return answer(await settings.save(change), 'db');
  });

  onlyMethods(app, URL, ['GET', 'HEAD', 'PUT']);
}

function readChange(body: JsonObject, now: EffectiveConfig): SaveRequest {
  const config = new Fields(body).object('config');
  if (!config) throw new AppError('invalid_request', { detail: 'the body must hold an object "config"' });
  const fields = new Fields(config);
  const connection = connectionFields(new Fields(fields.object('cpaConnection') ?? {}), ['managementKey']);
  const section = fields.object('collector');
  const collectorSection = new Fields(section ?? {});
  const collector = {
    ...collectorFields(collectorSection),
    // A section without it says no: answers leave a false out.
    ...(section ? { tlsSkipVerify: collectorSection.flag('tlsSkipVerify') ?? false } : {}),
  };
  const monitoring = collectorSection.flag('enabled');
  if (now.source === 'env' && changesEnvironment(connection, monitoring, collector, now)) {
    throw new AppError('connection_env_managed');
  }
  const inspection = fields.object('codexInspection');
  if (inspection)
    refuseTimeZone(new Fields(new Fields(inspection).object('schedule') ?? {}).text('timeZone'));
  return {
    ...(now.source === 'env' ? {} : connection),
    ...(monitoring === undefined ? {} : { monitoring }),
    collector,
    ...(inspection ? { sections: { codexInspection: inspection } } : {}),
    // Switching request monitoring on asks for it; a change of anything else does not touch the gateway.
    enablePublishing: monitoring === true,
    // Older clients know an unreachable gateway as 500 from this route, and as 502 from /setup.
    unreachableStatus: 500,
  };
}

/** A schedule in a zone that nobody knows would never run. */
function refuseTimeZone(zone: string | undefined): void {
  try {
    Intl.DateTimeFormat('en', { timeZone: zone });
  } catch (error) {
    throw new AppError('invalid_time_zone', { detail: zone ?? '', cause: error });
  }
}

function changesEnvironment(
  connection: { readonly baseUrl?: string; readonly managementKey?: string },
  monitoring: boolean | undefined,
  collector: Partial<EffectiveConfig['collector']>,
  now: EffectiveConfig,
): boolean {
  return (
    (connection.baseUrl !== undefined && connection.baseUrl !== now.baseUrl) ||
    (connection.managementKey !== undefined && connection.managementKey !== now.connection?.managementKey) ||
    (monitoring !== undefined && monitoring !== now.monitoring) ||
    changesCollector(collector, now.collector)
  );
}

function answer(config: EffectiveConfig, source: string): JsonObject {
  const { collector } = config;
  const keySet = config.managementKey !== 'none';
  const saved = config.managerConfig.raw['codexInspection'];
  return {
    config: {
      cpaConnection: {
        cpaBaseUrl: config.baseUrl,
        ...(keySet ? { managementKey: KEPT_KEY } : {}),
        managementKeySet: keySet,
      },
      collector: {
        enabled: config.monitoring,
        collectorMode: collector.mode,
        queue: collector.queue,
        popSide: collector.popSide,
        batchSize: collector.batchSize,
        pollIntervalMs: collector.pollIntervalMs,
        queryLimit: collector.queryLimit,
        ...(collector.tlsSkipVerify ? { tlsSkipVerify: true } : {}),
      },
      codexInspection: { ...INSPECTION_DEFAULTS, ...(isObject(saved) ? saved : {}) },
      externalUsageService: { enabled: false },
    },
    source,
  };
}

function cpaUsage(info: GatewayInfo): JsonObject {
  return {
    usageStatisticsEnabled: info.usageStatisticsEnabled,
    redisUsageQueueRetentionSeconds: info.retentionSeconds,
    retentionSourceDefault: info.retentionAssumed,
  };
}
