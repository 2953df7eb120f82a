import { GatewayError, type GatewayInfo } from '../contract/gateway.ts';

/** What CLIProxyAPI uses where its configuration says nothing, and in versions before v6.10.1. */
export const ASSUMED_RETENTION_SECONDS = 60;

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads `GET /v0/management/config`. `version` is the header `X-CPA-VERSION`. Throws GatewayError. */
export function readInfo(config: unknown, version: string): GatewayInfo {
  if (!isObject(config))
    throw new GatewayError('unexpected_answer', 'it is not a configuration', { status: 200 });
  const retention = wholeSeconds(
    config['redis-usage-queue-retention-seconds'] ?? config['redisUsageQueueRetentionSeconds'],
  );
  return {
    version,
    usageStatisticsEnabled: (config['usage-statistics-enabled'] ?? config['usageStatisticsEnabled']) === true,
    retentionSeconds: retention ?? ASSUMED_RETENTION_SECONDS,
    retentionAssumed: retention === null,
  };
}

/**
 * Sums `GET /v0/management/api-key-usage`: successes and failures of every configured key since the gateway started.
 * `null` when it is not of that shape.
 */
export function readRequestCount(usage: unknown): number | null {
  if (!isObject(usage)) return null;
  let sum = 0;
  for (const keys of Object.values(usage)) {
    if (!isObject(keys)) return null;
    for (const counts of Object.values(keys)) {
      if (!isObject(counts)) return null;
      sum += count(counts['success']) + count(counts['failed']);
    }
  }
  return sum;
}

/** Reads `GET /v0/management/api-keys`. Throws GatewayError. */
export function readClientKeys(answer: unknown): readonly string[] {
  const keys = isObject(answer) ? answer['api-keys'] : null;
  // Without any it says null.
  if (isObject(answer) && (keys === null || keys === undefined)) return [];
  if (!Array.isArray(keys))
    throw new GatewayError('unexpected_answer', 'it is no list of keys', { status: 200 });
  return keys.filter((key: unknown) => typeof key === 'string');
}

const count = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);

function wholeSeconds(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) ? number : null;
}

/** Compares `v7.1.39` with another version: negative when it is older, `null` when one of them is no release. */
export function compareVersions(version: string, other: string): number | null {
  const [a, b] = [numbers(version), numbers(other)];
  if (a === null || b === null) return null;
  for (const [at, part] of a.entries()) {
    const difference = part - b[at]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbers(version: string): number[] | null {
  const [, ...parts] = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version.trim()) ?? [];
  return parts.length === 3 ? parts.map(Number) : null;
}
