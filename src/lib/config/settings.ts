/** What one value is called in each place where it can be given. */
interface SettingNames {
  readonly env: string;
  /** Key of config.json. */
  readonly key: string;
  readonly flag: string;
  /** What config.json must hold there. */
  readonly type: 'text' | 'path' | 'integer' | 'boolean' | 'list';
}

const names = (
  env: string,
  key: string,
  flag: string,
  type: SettingNames['type'] = 'text',
): SettingNames => ({ env, key, flag, type });

/** Every value that can be set where the daemon is started. The variables and keys are those of CPA-Manager-Plus. */
export const SETTINGS = {
  httpAddr: names('HTTP_ADDR', 'httpAddr', '--http-addr'),
  dataDir: names('USAGE_DATA_DIR', 'dataDir', '--data-dir', 'path'),
  dbPath: names('USAGE_DB_PATH', 'dbPath', '--db', 'path'),
  dataKeyPath: names('CPA_MANAGER_DATA_KEY_PATH', 'dataKeyPath', '--data-key-path', 'path'),
  dataKeyFile: names('CPA_MANAGER_DATA_KEY_FILE', 'dataKeyFile', '--data-key-file', 'path'),
  adminKeyFile: names('CPA_MANAGER_ADMIN_KEY_FILE', 'adminKeyFile', '--admin-key-file', 'path'),
  managementKeyFile: names('CPA_MANAGEMENT_KEY_FILE', 'managementKeyFile', '--management-key-file', 'path'),
  upstreamUrl: names('CPA_UPSTREAM_URL', 'cpaUpstreamUrl', '--upstream-url'),
  collectorMode: names('USAGE_COLLECTOR_MODE', 'collectorMode', '--collector-mode'),
  batchSize: names('USAGE_BATCH_SIZE', 'batchSize', '--batch-size', 'integer'),
  pollIntervalMs: names('USAGE_POLL_INTERVAL_MS', 'pollIntervalMs', '--poll-interval-ms', 'integer'),
  queryLimit: names('USAGE_QUERY_LIMIT', 'queryLimit', '--query-limit', 'integer'),
  importChunkBytes: names(
    'USAGE_IMPORT_CHUNK_BYTES',
    'usageImportChunkBytes',
    '--import-chunk-bytes',
    'integer',
  ),
  importQuotaBytes: names(
    'USAGE_IMPORT_DISK_QUOTA_BYTES',
    'usageImportDiskQuotaBytes',
    '--import-disk-quota-bytes',
    'integer',
  ),
  importMaxSessions: names(
    'USAGE_IMPORT_MAX_SESSIONS',
    'usageImportMaxSessions',
    '--import-max-sessions',
    'integer',
  ),
  importSessionTtlMinutes: names(
    'USAGE_IMPORT_SESSION_TTL_MINUTES',
    'usageImportSessionTTLMinutes',
    '--import-session-ttl-minutes',
    'integer',
  ),
  corsOrigins: names('USAGE_CORS_ORIGINS', 'corsOrigins', '--cors-origins', 'list'),
  respTlsSkipVerify: names('USAGE_RESP_TLS_SKIP_VERIFY', 'tlsSkipVerify', '--tls-skip-verify', 'boolean'),
  panelPath: names('PANEL_PATH', 'panelPath', '--panel-path', 'path'),
  trustedProxies: names('USAGE_TRUSTED_PROXIES', 'trustedProxies', '--trusted-proxies', 'list'),
  priceSources: names('USAGE_PRICE_SOURCES', 'priceSources', '--price-sources', 'list'),
} as const satisfies Record<string, SettingNames>;

export type SettingName = keyof typeof SETTINGS;

const isSettingName = (name: string): name is SettingName => Object.hasOwn(SETTINGS, name);
export const SETTING_NAMES: readonly SettingName[] = Object.keys(SETTINGS).filter(isSettingName);

/** Where a value came from. Earlier ones win. */
export type Origin = 'flag' | 'env' | 'file' | 'default';
