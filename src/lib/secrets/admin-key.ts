import { createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

/** Key of the `settings` row that holds the credential. CPA-Manager-Plus 1.12.2 uses the same one. */
export const ADMIN_CREDENTIAL = 'admin_credential_v1';

const HASH_BYTES = 32;
const SALT_BYTES = 16;
const WEAK_BELOW = 16;
/** More would only be a damaged row, and would stop the event loop for seconds. */
const MAX_ITERATIONS = 10_000_000;

export type CredentialSource = 'env' | 'generated' | 'cli' | 'cli-generated';

/** The stored side of the admin key, in the form of CPA-Manager-Plus 1.12.2. */
export interface AdminCredential {
  readonly version: number;
  /** Base64 without padding. */
  readonly salt: string;
  /** Base64 without padding. */
  readonly keyHash: string;
  /** 1: HMAC-SHA256 with the salt as key. More: PBKDF2-HMAC-SHA256. */
  readonly iterations: number;
  /** Epoch ms. */
  readonly createdAtMs: number;
  /** Epoch ms; 0 when it was never replaced. */
  readonly rotatedAtMs: number;
  /** One of {@link CredentialSource}, or what an older program wrote. */
  readonly source: string;
}

/** `cmp_admin_` and 32 random URL-safe characters (192 bits). */
export function generateAdminKey(): string {
  return `cmp_admin_${randomBytes(24).toString('base64url')}`;
}

/** Short enough to be guessed, so worth a warning. */
export function isWeakAdminKey(key: string): boolean {
  return Array.from(key.trim()).length < WEAK_BELOW;
}

/** What is stored for `key` (trimmed). With the credential it replaces, the day of the first one is kept. */
export function credentialFor(
  key: string,
  source: CredentialSource,
  nowMs: number,
  replaced: AdminCredential | null = null,
): AdminCredential {
  const salt = randomBytes(SALT_BYTES);
  return {
    version: 1,
    salt: unpadded(salt),
    keyHash: unpadded(hashKey(key, salt, 1)),
    iterations: 1,
    createdAtMs: replaced?.createdAtMs ?? nowMs,
    rotatedAtMs: replaced ? nowMs : 0,
    source,
  };
}

/** Whether `key` (trimmed) is the one. Takes the same time whichever byte differs. */
export function verifyAdminKey(credential: AdminCredential, key: string): boolean {
  const expected = decode(credential.keyHash);
  const salt = decode(credential.salt);
  if (!salt || expected?.length !== HASH_BYTES) return false;
  return timingSafeEqual(hashKey(key, salt, credential.iterations), expected);
}

export function serialiseCredential(credential: AdminCredential): string {
  const { version, salt, keyHash, iterations, createdAtMs, rotatedAtMs, source } = credential;
  return JSON.stringify({
    version,
    salt,
    keyHash,
    iterations,
    createdAtMs,
    ...(rotatedAtMs ? { rotatedAtMs } : {}),
    ...(source ? { source } : {}),
  });
}

/** Reads the row back; `null` when it is not a credential that any key could match. */
export function parseCredential(text: string): AdminCredential | null {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof row !== 'object' || row === null) return null;
  const fields = new Map<string, unknown>(Object.entries(row));
  const number = (name: string): number => {
    const value = fields.get(name);
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
  };
  const string = (name: string): string => {
    const value = fields.get(name);
    return typeof value === 'string' ? value : '';
  };
  const salt = string('salt');
  const keyHash = string('keyHash');
  const iterations = Math.max(1, number('iterations'));
  if (decode(keyHash)?.length !== HASH_BYTES || !decode(salt) || iterations > MAX_ITERATIONS) return null;
  return {
    version: number('version'),
    salt,
    keyHash,
    iterations,
    createdAtMs: number('createdAtMs'),
    rotatedAtMs: number('rotatedAtMs'),
    source: string('source'),
  };
}

function hashKey(key: string, salt: Buffer, iterations: number): Buffer {
  const trimmed = key.trim();
  return iterations > 1
    ? pbkdf2Sync(trimmed, salt, iterations, HASH_BYTES, 'sha256')
    : createHmac('sha256', salt).update(trimmed, 'utf8').digest();
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

function decode(text: string): Buffer | null {
  return /^[A-Za-z0-9+/]+$/.test(text) ? Buffer.from(text, 'base64') : null;
}
