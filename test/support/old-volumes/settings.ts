import { createCipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { has, isPlus, type Generation } from './generations.ts';

/** The connection to the gateway that was saved in the old program. */
export interface OldConnection {
  readonly baseUrl: string;
  readonly managementKey: string;
}

export interface OldSettings {
  readonly rows: ReadonlyArray<{ readonly key: string; readonly value: string; readonly atMs: number }>;
  /** With it people log in; null where the program had none. */
  readonly adminKey: string | null;
  /** The bytes of `data.key`; null where the program had none. */
  readonly dataKeyFile: string | null;
}

/** What was set for collecting, other than what the programs come with. */
export const COLLECTOR = {
  enabled: true,
  collectorMode: 'http',
  queue: 'usage',
  popSide: 'left',
  batchSize: 250,
  pollIntervalMs: 750,
  queryLimit: 40_000,
  tlsSkipVerify: true,
} as const;

export const INSPECTION = {
  enabled: true,
  schedule: { mode: 'interval', intervalMinutes: 45 },
  targetTypes: ['codex'],
  workers: 3,
  usedPercentThreshold: 95,
  autoActionMode: 'disable',
  autoRecoverEnabled: true,
} as const;

/** The rows of `settings`. `connection` null: it was given by the environment, or never. */
export function makeSettings(
  generation: Generation,
  connection: OldConnection | null,
  nowMs: number,
): OldSettings {
  const plus = isPlus(generation);
  const dataKey = plus ? randomBytes(32) : null;
  const key = (plain: string): string => (dataKey ? seal(dataKey, plain) : plain);
  const rows: Array<{ key: string; value: string; atMs: number }> = [];
  const add = (name: string, value: object | string): void => {
    rows.push({
      key: name,
      value: typeof value === 'string' ? value : JSON.stringify(value),
      atMs: nowMs,
    });
  };
  if (connection) {
    add('setup', {
      cpaBaseUrl: connection.baseUrl,
      managementKey: key(connection.managementKey),
      queue: COLLECTOR.queue,
      popSide: COLLECTOR.popSide,
    });
  }
  if (connection && has(generation, '2026-05-13')) {
    add('manager_config_v1', {
      cpaConnection: { cpaBaseUrl: connection.baseUrl, managementKey: key(connection.managementKey) },
      collector: COLLECTOR,
      ...(plus ? { codexInspection: INSPECTION } : {}),
      externalUsageService: { enabled: false },
      updatedAtMs: nowMs,
    });
  }
  const adminKey = plus ? `cpamp_made_up_${randomBytes(9).toString('hex')}` : null;
  if (adminKey !== null) {
    add('admin_credential_v1', credential(adminKey, nowMs));
    add('bootstrap_state_v1', {
      version: 1,
      status: connection ? 'ready' : 'fresh',
      adminReady: true,
      projectInitialized: connection !== null,
      dataKeyReady: true,
      migratedLegacy: false,
      hasHistoricalData: false,
      updatedAtMs: nowMs,
    });
  }
  if (has(generation, '+1.7.0')) {
    add('automation_settings_v1', { codexQuotaCooldownEnabled: true, updatedAtMs: nowMs });
  }
  for (const [name, value] of markers(generation)) add(name, value);
  return { rows, adminKey, dataKeyFile: dataKey ? `${unpadded(dataKey)}\n` : null };
}

/** Versions of parts of the file, which CPA-Manager-Plus looks at when it starts. */
export function markers(generation: Generation): ReadonlyArray<readonly [string, string]> {
  const found: Array<readonly [string, string]> = [];
  const renamed = has(generation, '+1.12.0-rc.2');
  if (has(generation, '+1.11.2')) {
    found.push(['usage_dashboard_hourly_format_version', has(generation, '+1.12.0-beta1') ? '3' : '2']);
  }
  if (has(generation, '+1.12.0-beta1')) {
    found.push(['usage_account_history_identity_format_version', renamed ? 'identity-2:model-1' : '2']);
  }
  if (renamed) found.push(['usage_monitoring_model_format_version', '1']);
  return found;
}

function credential(adminKey: string, nowMs: number): object {
  const salt = randomBytes(16);
  return {
    version: 1,
    salt: unpadded(salt),
    keyHash: unpadded(createHmac('sha256', salt).update(adminKey).digest()),
    iterations: 1,
    createdAtMs: nowMs,
    source: 'generated',
  };
}

/** `enc:v1:<nonce>:<ciphertext and tag>`, as CPA-Manager-Plus keeps the management key. */
function seal(dataKey: Buffer, plain: string): string {
  const key = Buffer.from(hkdfSync('sha256', dataKey, 'cpa-manager-plus', 'settings-secrets-v1', 32));
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from('settings-secret'));
  const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `enc:v1:${unpadded(nonce)}:${unpadded(sealed)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
