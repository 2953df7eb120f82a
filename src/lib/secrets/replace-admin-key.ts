import type { StartConfig } from '../config/start-config.ts';
import { AppError } from '../errors.ts';
import type { SettingsStore } from '../store/settings-store.ts';
import {
  ADMIN_CREDENTIAL,
  credentialFor,
  generateAdminKey,
  isWeakAdminKey,
  parseCredential,
  serialiseCredential,
} from './admin-key.ts';

export interface ReplacedAdminKey {
  /** The new key where it was generated here; null where it was given, and its giver has it. */
  readonly generated: string | null;
  /** The key before came from the environment of a daemon, which would put it back at its next start. */
  readonly formerFromEnvironment: boolean;
}

/** Throws `admin_key_env_managed` where the environment decides about the key: it would undo every other. */
export function refuseConfiguredAdminKey(config: Pick<StartConfig, 'adminKey'>): void {
  if (config.adminKey) throw new AppError('admin_key_env_managed', { detail: config.adminKey.from });
}

/** What every tool can send in a header; others turn into other bytes on the way, or are refused. */
const SENDABLE = /^[\x20-\x7e]*$/;
/** A key of fewer different characters was not made at random. */
const FEW = 5;

/** Throws `weak_admin_key` for a key that can be guessed, and for one that nobody could log in with. */
export function refuseWeakAdminKey(key: string): void {
  if (isWeakAdminKey(key)) throw new AppError('weak_admin_key', { detail: 'it is too short' });
  if (!SENDABLE.test(key)) {
    throw new AppError('weak_admin_key', {
      detail: 'it holds characters that the header Authorization cannot carry',
      hint: 'Give one of letters, digits and signs of ASCII, or none: then one is generated.',
    });
  }
  if (new Set(key).size < FEW) {
    throw new AppError('weak_admin_key', { detail: 'it repeats the same few characters' });
  }
}

/** The row with the credential of a key, which takes the place of `stored`. */
export function adminKeyRow(
  key: string,
  source: 'cli' | 'cli-generated',
  stored: string | null,
  nowMs: number,
): [string, string] {
  const before = stored === null ? null : parseCredential(stored);
  return [ADMIN_CREDENTIAL, serialiseCredential(credentialFor(key, source, nowMs, before))];
}

/**
 * Replaces the admin key, by a new one where none is given. Sessions that were given for the old one end with it, in a
 * running daemon too: it reads the credential for each request. Throws `weak_admin_key` and what the store throws.
 */
export function replaceAdminKey(
  store: Pick<SettingsStore, 'setting' | 'save'>,
  given: string | null,
  nowMs: number,
): ReplacedAdminKey {
  if (given !== null) refuseWeakAdminKey(given);
  const stored = store.setting(ADMIN_CREDENTIAL);
  const generated = given === null ? generateAdminKey() : null;
  const key = given ?? generated ?? '';
  store.save(new Map([adminKeyRow(key, given === null ? 'cli-generated' : 'cli', stored, nowMs)]), nowMs);
  const before = stored === null ? null : parseCredential(stored);
  return { generated, formerFromEnvironment: before?.source === 'env' };
}
