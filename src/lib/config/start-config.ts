import { join } from 'node:path';
import type { CollectorMode } from '../contract/record.ts';
import type { SourceName } from '../pricing/sync/catalog.ts';
import type { DataKeySecret } from '../secrets/data-key.ts';
import { findConfigFile, kindOf, placeData } from './placement.ts';
import {
  addressRanges,
  baseUrl,
  boolean,
  listenAddress,
  mode,
  positive,
  priceSources,
  type Warn,
} from './readers.ts';
import { findSecret, SECRETS, type FoundSecret } from './secret-files.ts';
import { SETTING_NAMES, type Origin, type SettingName } from './settings.ts';
import { refuse, sourcesOf, type ConfigFlags, type Environment } from './sources.ts';
import { splitList, type ListenAddress } from './values.ts';

/** A key as it was configured. It must reach neither a log nor an answer; `from` may. */
export interface ConfiguredSecret {
  /** Trimmed, never `''`. */
  readonly value: string;
  /** The variable or the file that it came from. */
  readonly from: string;
}

/** A value that was left out or replaced, as the reason of a health notice. */
export interface ConfigWarning {
  readonly code: 'setting_replaced';
  readonly message: string;
}

export interface ImportLimits {
  readonly chunkBytes: number;
  /** All uploads together. */
  readonly quotaBytes: number;
  /** Active at once. */
  readonly maxSessions: number;
  /** A session ends so long after it was last used. */
  readonly ttlMs: number;
}

/** What the daemon and the commands start with, before anything that was saved is looked at. Paths are absolute. */
export interface StartConfig {
  readonly httpAddr: ListenAddress;
  readonly dataDir: string;
  readonly dbPath: string;
  /** Where data.key lies, or will. */
  readonly dataKeyPath: string;
  readonly dataKeySecret: DataKeySecret | null;
  readonly adminKey: ConfiguredSecret | null;
  /** Normalised; `''` without one. */
  readonly upstreamUrl: string;
  readonly managementKey: ConfiguredSecret | null;
  /** Both URL and key were given where the daemon is started, so nobody else may change them. */
  readonly envManaged: boolean;
  readonly collectorMode: CollectorMode;
  readonly batchSize: number;
  readonly pollIntervalMs: number;
  readonly queryLimit: number;
  /** Of files that are uploaded to be imported. */
  readonly importLimits: ImportLimits;
  /** `*` or origins. Empty: no CORS headers at all. */
  readonly corsOrigins: readonly string[];
  readonly respTlsSkipVerify: boolean;
  /** An HTML file to serve instead of our panel; `''` without one. It need not be readable. */
  readonly panelPath: string;
  /** Addresses and CIDR ranges whose forwarding headers count. */
  readonly trustedProxies: readonly string[];
  /** Where price lists are fetched from instead of where they come from. */
  readonly priceSources: ReadonlyMap<SourceName, string>;
  /** The config.json that was read. */
  readonly configFile: string | null;
  /** For each value the place that decided it. */
  readonly origins: ReadonlyMap<SettingName | keyof typeof SECRETS, Origin>;
  readonly warnings: readonly ConfigWarning[];
}

export interface LoadOptions {
  readonly env: Environment;
  /** Absolute. */
  readonly cwd: string;
  readonly flags?: ConfigFlags;
  readonly defaults?: Partial<typeof DEFAULTS>;
}

const DEFAULTS = {
  httpAddr: '0.0.0.0:18317',
  dataDir: './data',
  /** Where container platforms mount secrets. */
  secretsDir: '/run/secrets',
  batchSize: 100,
  pollIntervalMs: 500,
  queryLimit: 50_000,
  importChunkBytes: 4 * 1024 * 1024,
  importQuotaBytes: 16 * 1024 ** 3,
  importMaxSessions: 2,
  importSessionTtlMinutes: 24 * 60,
};

/**
 * Puts the start values together: flags, then environment, then config.json, then defaults; blank is not given.
 * Throws `invalid_config` or `secret_file_unreadable` for what decides where data, keys and the port are, and for every
 * flag. Modes, numbers and booleans that the older programs replaced in silence are replaced with a warning.
 */
export function loadConfig(options: LoadOptions): StartConfig {
  const { env, cwd, flags = {} } = options;
  const defaults = { ...DEFAULTS, ...options.defaults };
  const warnings: ConfigWarning[] = [];
  const warn: Warn = (message) => {
    warnings.push({ code: 'setting_replaced', message });
  };

  const file = findConfigFile(sourcesOf(flags, env, null, cwd), cwd, defaults.dataDir, warn);
  const sources = sourcesOf(flags, env, file, cwd);
  const { dataDir, dbPath } = placeData(sources, cwd, defaults.dataDir, warn);
  const dataKeyPath = sources.path('dataKeyPath');
  if (dataKeyPath && kindOf(dataKeyPath.text) === 'directory') throw refuse(dataKeyPath, 'a file');

  const search = { sources, cwd, mountedDir: defaults.secretsDir, warn };
  const adminKey = findSecret(SECRETS.adminKey, search);
  const dataKey = findSecret(SECRETS.dataKey, search);
  const managementKey = findSecret(SECRETS.managementKey, search);
  const upstreamUrl = baseUrl(sources);
  const batchSize = positive(sources, 'batchSize', defaults.batchSize, warn);
  const pollIntervalMs = positive(sources, 'pollIntervalMs', defaults.pollIntervalMs, warn);
  const queryLimit = positive(sources, 'queryLimit', defaults.queryLimit, warn);
  const importChunkBytes = positive(sources, 'importChunkBytes', defaults.importChunkBytes, warn);
  const quota = defaults.importQuotaBytes;
  const importQuotaBytes = positive(sources, 'importQuotaBytes', quota, warn, Number.MAX_SAFE_INTEGER);
  const importMaxSessions = positive(sources, 'importMaxSessions', defaults.importMaxSessions, warn);
  const ttl = defaults.importSessionTtlMinutes;
  const importSessionTtlMinutes = positive(sources, 'importSessionTtlMinutes', ttl, warn);
  return {
    httpAddr: listenAddress(sources, defaults.httpAddr),
    dataDir,
    dbPath,
    dataKeyPath: dataKeyPath?.text ?? join(dataDir, 'data.key'),
    dataKeySecret: dataKey && { bytes: dataKey.bytes, from: dataKey.from },
    adminKey: asText(adminKey),
    upstreamUrl,
    managementKey: asText(managementKey),
    envManaged: upstreamUrl !== '' && managementKey !== null,
    collectorMode: mode(sources, warn),
    batchSize: batchSize.value,
    pollIntervalMs: pollIntervalMs.value,
    queryLimit: queryLimit.value,
    importLimits: {
      chunkBytes: importChunkBytes.value,
      quotaBytes: importQuotaBytes.value,
      maxSessions: importMaxSessions.value,
      ttlMs: importSessionTtlMinutes.value * 60_000,
    },
    corsOrigins: splitList(sources.first('corsOrigins')?.text ?? '*'),
    respTlsSkipVerify: boolean(sources, 'respTlsSkipVerify', warn),
    panelPath: sources.path('panelPath')?.text ?? '',
    trustedProxies: addressRanges(sources),
    priceSources: priceSources(sources),
    configFile: file?.path ?? null,
    origins: new Map<SettingName | keyof typeof SECRETS, Origin>([
      ...SETTING_NAMES.map((name) => [name, sources.first(name)?.origin ?? 'default'] as const),
      ['batchSize', batchSize.origin],
      ['pollIntervalMs', pollIntervalMs.origin],
      ['queryLimit', queryLimit.origin],
      ['importChunkBytes', importChunkBytes.origin],
      ['importQuotaBytes', importQuotaBytes.origin],
      ['importMaxSessions', importMaxSessions.origin],
      ['importSessionTtlMinutes', importSessionTtlMinutes.origin],
      ['adminKey', adminKey?.origin ?? 'default'],
      ['dataKey', dataKey?.origin ?? 'default'],
      ['managementKey', managementKey?.origin ?? 'default'],
    ]),
    warnings,
  };
}

function asText(secret: FoundSecret | null): ConfiguredSecret | null {
  return secret && { value: Buffer.from(secret.bytes).toString('utf8').trim(), from: secret.from };
}
