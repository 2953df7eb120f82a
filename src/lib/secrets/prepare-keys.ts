import { AppError } from '../errors.ts';
import type { SecretBox } from '../contract/secrets.ts';
import {
  ADMIN_CREDENTIAL,
  credentialFor,
  generateAdminKey,
  isWeakAdminKey,
  parseCredential,
  serialiseCredential,
  verifyAdminKey,
  type AdminCredential,
} from './admin-key.ts';
import {
  createDataKey,
  DATA_KEY_CHECK,
  loadDataKey,
  sealCheck,
  setAsideDataKey,
  verifyCheck,
  type DataKeySecret,
} from './data-key.ts';
import { createSecretBox } from './secret-box.ts';

/** What the keys are made from: files, variables, and what the database remembers of them. */
export interface KeySources {
  readonly dataKeySecret: DataKeySecret | null;
  readonly dataKeyPath: string;
  /** The admin key of the environment or its file; null when none is given. */
  readonly adminKey: string | null;
  /** Reads one settings row. */
  readonly setting: (key: string) => string | null;
  /** Something that was encrypted with the right data key, to try it on where the check value is missing. */
  readonly sealedText: string | null;
  /** Whether anything exists that only the present data key can open. */
  readonly somethingEncrypted: () => boolean;
  readonly nowMs: number;
}

/** The data key, or why it cannot be used. Locked: nothing is collected or decrypted, reading and export work. */
export type DataKey =
  | { readonly kind: 'open'; readonly box: SecretBox; readonly key: Buffer }
  | { readonly kind: 'locked'; readonly error: AppError };

export interface Keys {
  readonly dataKey: DataKey;
  readonly credential: AdminCredential;
  /** A key that was generated just now: printed once, kept nowhere. */
  readonly generatedAdminKey: string | null;
  /** The key of the environment took the place of another one. */
  readonly adminKeyReplaced: boolean;
  readonly weakAdminKey: boolean;
  /** Settings rows to write. */
  readonly rows: ReadonlyMap<string, string>;
}

/** Finds or makes the data key and the admin credential of a start. */
export async function prepareKeys(sources: KeySources): Promise<Keys> {
  const rows = new Map<string, string>();
  const dataKey = await prepareDataKey(sources, rows);
  return { dataKey, rows, ...prepareCredential(sources, rows) };
}

/** What of the sources decides about the data key. */
export type DataKeySources = Omit<KeySources, 'adminKey' | 'nowMs'>;

/** The data key as it lies there; `absent`: there is none yet, or only a damaged file that nothing needs. */
export type FoundDataKey =
  | (DataKey & {
      /** The database remembers it: a check value was made with it. */
      readonly remembered: boolean;
    })
  | { readonly kind: 'absent'; readonly malformed: boolean };

/** Finds the data key, and whether it is the right one. Makes and changes nothing. */
export async function findDataKey(sources: DataKeySources): Promise<FoundDataKey> {
  const { dataKeySecret, dataKeyPath, setting, somethingEncrypted } = sources;
  const found = await loadDataKey(dataKeySecret, dataKeyPath);
  if (found.kind !== 'ready') {
    if (!somethingEncrypted()) return { kind: 'absent', malformed: found.kind === 'malformed' };
    return locked(found.kind === 'missing' ? 'data_key_missing' : 'data_key_malformed', found.from);
  }
  const check = setting(DATA_KEY_CHECK);
  const box = createSecretBox(found.key);
  const fits = check !== null ? verifyCheck(box, check) : opens(box, sources.sealedText);
  if (!fits && somethingEncrypted()) return locked('data_key_foreign', found.from);
  return { kind: 'open', box, key: found.key, remembered: fits && check !== null };
}

/** Finds the data key, or makes it where nothing needs another one; adds to `rows` what the database has to remember. */
async function prepareDataKey(
  sources: Omit<KeySources, 'adminKey'>,
  rows: Map<string, string>,
): Promise<DataKey> {
  const found = await findDataKey(sources);
  if (found.kind === 'locked') return found;
  if (found.kind === 'open') {
    if (!found.remembered) rows.set(DATA_KEY_CHECK, sealCheck(found.box));
    return found;
  }
  // A malformed file may be the damaged key of another database: it is kept under another name.
  if (found.malformed) await setAsideDataKey(sources.dataKeyPath, sources.nowMs);
  const key = await createDataKey(sources.dataKeyPath);
  const box = createSecretBox(key);
  rows.set(DATA_KEY_CHECK, sealCheck(box));
  return { kind: 'open', box, key };
}

/** Whether the box opens the text. Without a text there is nothing against it. */
function opens(box: SecretBox, text: string | null): boolean {
  if (text === null) return true;
  try {
    box.open(text);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'data_key_foreign') return false;
    throw error;
  }
}

function locked(
  code: 'data_key_missing' | 'data_key_malformed' | 'data_key_foreign',
  from: string,
): FoundDataKey & { readonly kind: 'locked' } {
  return { kind: 'locked', error: new AppError(code, { detail: from }), remembered: false };
}

function prepareCredential(
  sources: KeySources,
  rows: Map<string, string>,
): Pick<Keys, 'credential' | 'generatedAdminKey' | 'adminKeyReplaced' | 'weakAdminKey'> {
  const { adminKey, nowMs } = sources;
  const row = sources.setting(ADMIN_CREDENTIAL);
  const stored = row === null ? null : parseCredential(row);
  const keep = (credential: AdminCredential): AdminCredential => {
    rows.set(ADMIN_CREDENTIAL, serialiseCredential(credential));
    return credential;
  };
  if (adminKey !== null) {
    const fits = stored !== null && verifyAdminKey(stored, adminKey);
    return {
      credential: fits ? stored : keep(credentialFor(adminKey, 'env', nowMs, stored)),
      generatedAdminKey: null,
      adminKeyReplaced: stored !== null && !fits,
      weakAdminKey: isWeakAdminKey(adminKey),
    };
  }
  if (stored)
    return { credential: stored, generatedAdminKey: null, adminKeyReplaced: false, weakAdminKey: false };
  const generated = generateAdminKey();
  return {
    credential: keep(credentialFor(generated, 'generated', nowMs)),
    generatedAdminKey: generated,
    adminKeyReplaced: false,
    weakAdminKey: false,
  };
}
