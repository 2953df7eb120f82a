import { existsSync, readFileSync } from 'node:fs';

import { isObject, jsonArray, jsonObject } from './json.ts';
import type { JsonObject } from './json.ts';
import type { CpaVersion } from './versions.ts';

const ROOT = new URL('../../fixtures/cpa/', import.meta.url);

export function recordedBytes(version: CpaVersion, name: string): Buffer {
  return readFileSync(new URL(`${version}/${name}`, ROOT));
}

/** The records of one version, each as the very bytes the gateway sent. */
export function recordedUsage(version: CpaVersion): Buffer[] {
  const text = recordedBytes(version, 'usage-queue.json').toString('utf8');
  // The recordings are compact JSON without escapes that JSON.stringify would write differently.
  const bytes = jsonArray(text).map((record) => Buffer.from(JSON.stringify(record)));
  if (`[${bytes.join(',')}]` !== text.trim())
    throw new Error(`the records of ${version} do not survive JSON`);
  return bytes;
}

const managementFile = (route: string): URL =>
  new URL(`7.2.140/management/${route.replaceAll('/', '_')}.json`, ROOT);

/** The recorded answer of a management route (without `/v0/management/`), null when there is none. */
export function recordedAnswer(route: string): Buffer | null {
  if (!/^[\w-]+(?:\/[\w-]+)?$/u.test(route)) return null;
  const file = managementFile(route);
  return existsSync(file) ? readFileSync(file) : null;
}

const NEWER_THAN_7_1 = ['credential-concurrency', 'credential-in-flight', 'plugins'];

/** The recorded answer of a route that is known to have one. */
const answerOf = (route: string): JsonObject => jsonObject(recordedAnswer(route) ?? '{}');

/** `GET /v0/management/config`, with what the older releases did not have yet left out. */
export function recordedConfig(version: CpaVersion): JsonObject {
  const config = answerOf('config');
  if (version === '7.2.140') return config;
  return Object.fromEntries(Object.entries(config).filter(([key]) => !NEWER_THAN_7_1.includes(key)));
}

/** Provider and `base_url|api_key` of the configured upstream keys. */
export function recordedUpstreamKeys(): (readonly [string, string])[] {
  return Object.entries(answerOf('api-key-usage')).flatMap(([provider, keys]) =>
    Object.keys(isObject(keys) ? keys : {}).map((key) => [provider, key] as const),
  );
}

/** The client keys in the recorded configuration. */
export function recordedClientKeys(): readonly unknown[] {
  const keys = answerOf('api-keys')['api-keys'];
  return Array.isArray(keys) ? keys : [];
}
