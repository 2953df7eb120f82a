import { text, type JsonObject } from './readers.ts';

/**
 * The secrets that a record names itself. Wherever else they turn up in it (an upstream likes to quote the key it
 * refused), they are taken out, whatever they look like.
 */
export interface KnownSecrets {
  /** For texts written by others: failures, headers, user agents. */
  readonly inTexts: readonly string[];
  /** For names. Fewer, because people do choose `codex` as a key, and a model's name must survive that. */
  readonly inNames: readonly string[];
}

const SECRET_KEYS = [
  'api_key',
  'apiKey',
  'key',
  'authorization',
  'token',
  'secret',
  'password',
  'cookie',
  'access_token',
  'accessToken',
  'refresh_token',
  'refreshToken',
  'id_token',
  'idToken',
] as const;
const MIN_IN_TEXTS = 6;
const MIN_IN_NAMES = 12;
const SURE_IN_NAMES = 16;

/** The keys, the client's and others, that the record carries in clear. */
export function ownKeys(record: JsonObject): readonly string[] {
  const keys: string[] = [];
  for (const name of SECRET_KEYS) {
    const value = record[name];
    if (value === undefined) continue;
    const key = text(value);
    if (key.length >= MIN_IN_TEXTS && !keys.includes(key)) keys.push(key);
  }
  return keys;
}

/** `maskedSource` is the raw source where it had to be masked, '' where it may be shown. */
export function knownSecrets(keys: readonly string[], maskedSource: string): KnownSecrets {
  const found = maskedSource.length >= MIN_IN_TEXTS ? [maskedSource, ...keys] : keys;
  const inTexts = found.toSorted((a, b) => b.length - a.length);
  return { inTexts, inNames: inTexts.filter(isSureInNames) };
}

function isSureInNames(secret: string): boolean {
  return secret.length >= SURE_IN_NAMES || (secret.length >= MIN_IN_NAMES && /\d/.test(secret));
}
