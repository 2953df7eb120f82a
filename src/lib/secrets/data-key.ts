import { hkdfSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SecretBox } from '../contract/secrets.ts';
import { AppError } from '../errors.ts';
import { createFileAtomic, syncDirectory, systemCode } from '../files.ts';
import { isSealed } from './secret-box.ts';

const KEY_BYTES = 32;

/** What stands where the data key should be. `from` names the variable or the file, for messages. */
export type DataKeyState =
  | {
      readonly kind: 'ready';
      /** 32 bytes. */
      readonly key: Buffer;
      readonly origin: 'secret' | 'file';
      readonly from: string;
    }
  | { readonly kind: 'missing'; readonly from: string }
  | { readonly kind: 'malformed'; readonly from: string };

/** A data key given by a variable or a secret file, as bytes because it may be 32 raw ones. */
export interface DataKeySecret {
  readonly bytes: Uint8Array;
  readonly from: string;
}

/**
 * Reads a data key in any form that CPA-Manager-Plus 1.12.2 accepts in its file: base64 without padding, with it, the
 * URL-safe one without it, or 32 bytes as they are. Space around it does not count. `null` when it is none of these.
 */
export function parseDataKey(content: Uint8Array): Buffer | null {
  const bytes = trimBytes(content);
  const text = bytes.toString('latin1').replace(/[\r\n]/g, '');
  if (/^[A-Za-z0-9+/]{43}=?$/.test(text) || /^[A-Za-z0-9_-]{43}$/.test(text)) {
    return Buffer.from(text, 'base64');
  }
  return bytes.length === KEY_BYTES ? bytes : null;
}

/** A data key given as a secret may also be a pass phrase: HKDF then makes the 32 bytes, as CPA-Manager-Plus does. */
export function dataKeyFromSecret(content: Uint8Array): Buffer {
  return (
    parseDataKey(content) ??
    Buffer.from(hkdfSync('sha256', trimBytes(content), 'cpa-manager-plus', 'data-key-v1', KEY_BYTES))
  );
}

/** The text of a data key file: base64 without padding and a line end. */
export function formatDataKey(key: Uint8Array): string {
  return `${Buffer.from(key).toString('base64').replace(/=+$/, '')}\n`;
}

/**
 * Finds the data key. A secret wins, and the file is then not looked at. Creates nothing: whether a missing key may be
 * made depends on what was encrypted with it. Rejects with `secret_file_unreadable` when the file cannot be read.
 */
export async function loadDataKey(secret: DataKeySecret | null, path: string): Promise<DataKeyState> {
  if (secret) {
    return { kind: 'ready', key: dataKeyFromSecret(secret.bytes), origin: 'secret', from: secret.from };
  }
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { kind: 'missing', from: path };
    throw new AppError('secret_file_unreadable', {
      detail: `${path} (${systemCode(error) || 'unknown error'}), read as uid ${process.getuid?.() ?? '?'}`,
      hint: 'Give the file to that user, or set CPA_MANAGER_DATA_KEY_PATH.',
      cause: error,
    });
  }
  const key = parseDataKey(content);
  return key ? { kind: 'ready', key, origin: 'file', from: path } : { kind: 'malformed', from: path };
}

/**
 * Makes a data key and its file (0600, in a directory that is 0700 if it has to be made). Only right while nothing is
 * encrypted with another one. Never overwrites: rejects with `EEXIST` when something lies there.
 */
export async function createDataKey(path: string): Promise<Buffer> {
  const key = randomBytes(KEY_BYTES);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await createFileAtomic(path, formatDataKey(key), 0o600);
  return key;
}

/**
 * Moves a data key that does not fit out of the way, because it may be the right one of another database. Returns its
 * new path, or `null` when there was none.
 */
export async function setAsideDataKey(path: string, nowMs: number): Promise<string | null> {
  const aside = `${path}.${new Date(nowMs).toISOString().replace(/[-:.]/g, '')}.old`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
  await syncDirectory(dirname(path));
  return aside;
}

/** Key of the `settings` row that tells whether a data key is the one of this database. */
export const DATA_KEY_CHECK = 'data_key_check_v1';
const CHECK_TEXT = 'cpamp data key check';

/** The value of that row. */
export function sealCheck(box: SecretBox): string {
  return box.seal(CHECK_TEXT);
}

/** Whether the box opens what `sealCheck` made, which is whether it has the same data key. */
export function verifyCheck(box: SecretBox, stored: string): boolean {
  if (!isSealed(stored)) return false;
  try {
    return box.open(stored) === CHECK_TEXT;
  } catch (error) {
    if (error instanceof AppError && error.code === 'data_key_foreign') return false;
    throw error;
  }
}

/**
 * Trims as the older programs do, or a pass phrase would give another key: Unicode white space, and no byte order mark.
 * 32 raw bytes are hardly ever UTF-8; they lose only ASCII space at their ends.
 */
function trimBytes(content: Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return Buffer.from(text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, ''));
  } catch {
    return Buffer.from(bytes.toString('latin1').replace(/^[\t-\r ]+|[\t-\r ]+$/g, ''), 'latin1');
  }
}
