import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { SecretBox } from '../contract/secrets.ts';
import { AppError } from '../errors.ts';

const PREFIX = 'enc:v1:';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const AAD = Buffer.from('settings-secret', 'ascii');

/** A stored text that a data key is needed for. */
export function isSealed(stored: string): boolean {
  return stored.trim().startsWith(PREFIX);
}

/**
 * The key that settings are encrypted with: HKDF-SHA256 of the data key with the salt and info of CPA-Manager-Plus
 * 1.12.2, so that its volumes stay readable.
 */
export function settingsKey(dataKey: Uint8Array): Buffer {
  return derive(dataKey, 'cpa-manager-plus', 'settings-secrets-v1');
}

/** `dataKey` is the 32 bytes of `data.key`. */
export function createSecretBox(dataKey: Uint8Array): SecretBox {
  const key = settingsKey(dataKey);
  return {
    seal: (plain) => seal(key, plain.trim()),
    open: (stored) => open(key, stored.trim()),
    spoolKey: (salt) => derive(dataKey, salt, 'cpamp-spool-v1'),
    letterKey: (salt) => derive(dataKey, salt, 'cpamp-letter-v1'),
  };
}

function derive(dataKey: Uint8Array, salt: string | Uint8Array, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, salt, info, 32));
}

function seal(key: Buffer, plain: string): string {
  // A sealed text comes back through the API of the older programs and is then kept as it is.
  if (plain === '' || plain.startsWith(PREFIX)) return plain;
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(AAD);
  const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${PREFIX}${unpadded(nonce)}:${unpadded(sealed)}`;
}

function open(key: Buffer, stored: string): string {
  if (!stored.startsWith(PREFIX)) return stored;
  const parts = stored.slice(PREFIX.length).split(':');
  const nonce = decode(parts[0] ?? '');
  const sealed = decode(parts[1] ?? '');
  if (parts.length !== 2 || nonce?.length !== NONCE_BYTES || !sealed || sealed.length < TAG_BYTES) {
    throw new AppError('data_key_foreign', { detail: 'the stored secret is damaged' });
  }
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(AAD)
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]).toString(
      'utf8',
    );
  } catch (cause) {
    throw new AppError('data_key_foreign', { cause });
  }
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

/** Node's decoder skips whatever is not base64; a damaged text has to be noticed instead. */
function decode(text: string): Buffer | null {
  return /^[A-Za-z0-9+/]*$/.test(text) ? Buffer.from(text, 'base64') : null;
}
