import { AppError } from '../errors.ts';

/** A name that a person gave to a client key. */
export interface KeyAlias {
  /** Hex SHA-256 of the key, in lower case. */
  readonly apiKeyHash: string;
  /** Trimmed, 1 to 120 characters. */
  readonly alias: string;
  /** Epoch ms. */
  readonly updatedAtMs: number;
}

const HASH = /^[0-9a-f]{64}$/;
const MOST_CHARACTERS = 120;

const refused = (detail: string): AppError => new AppError('request_failed', { detail });

/** Two aliases with the same folded text are the same name. */
export const foldAlias = (alias: string): string => alias.toLowerCase();

/** The hash of a client key as text; throws `request_failed` for anything else. */
export function parseKeyHash(value: unknown): string {
  const hash = typeof value === 'string' ? value.trim().toLowerCase() : '';
  if (!HASH.test(hash)) throw refused('valid apiKeyHash is required');
  return hash;
}

/** A hash, or null for what is none. */
export function keyHashOrNull(value: unknown): string | null {
  const hash = typeof value === 'string' ? value.trim().toLowerCase() : '';
  return HASH.test(hash) ? hash : null;
}

/** Trimmed; throws `request_failed`. */
export function parseAlias(value: unknown): string {
  const alias = typeof value === 'string' ? value.trim() : '';
  if (alias === '') throw refused('alias is required');
  // In characters as people count them, not in the halves that a string has.
  if (Array.from(alias).length > MOST_CHARACTERS) throw refused('alias must be 120 characters or less');
  return alias;
}

/** One alias as clients send it. */
export function parseKeyAlias(value: unknown, nowMs: number): KeyAlias {
  const item: object = typeof value === 'object' && value !== null ? value : {};
  const apiKeyHash = parseKeyHash('apiKeyHash' in item ? item.apiKeyHash : null);
  const alias = parseAlias('alias' in item ? item.alias : null);
  const given = 'updatedAtMs' in item ? item.updatedAtMs : null;
  const sound = typeof given === 'number' && Number.isSafeInteger(given) && given > 0;
  return { apiKeyHash, alias, updatedAtMs: sound ? given : nowMs };
}
