import {
  MANAGER_CONFIG,
  parseManagerConfig,
  parseSetup,
  serialiseManagerConfig,
  serialiseSetup,
  SETUP,
  type SavedConnection,
} from '../config/manager-config.ts';
import type { SecretBox } from '../contract/secrets.ts';
import { AppError } from '../errors.ts';
import { normaliseBaseUrl } from '../gateway/url.ts';
import { ADMIN_CREDENTIAL, parseCredential, serialiseCredential } from '../secrets/admin-key.ts';
import { isSealed } from '../secrets/secret-box.ts';

/** The keys by which an old volume and ours keep their secrets. */
export interface TakeoverKeys {
  /** Opens what CPA-Manager-Plus sealed; null: its data key is not there. */
  readonly oldBox: SecretBox | null;
  /** Seals for us; null: our data key is not there. */
  readonly box: SecretBox | null;
}

/** What became of the saved CPA management key. */
export type KeyFate =
  | 'none'
  | 'carried'
  /** Nobody can open it now: it was kept sealed, for when its data key is put back. */
  | 'kept sealed'
  /** It has to be entered again. */
  | 'left out';

/** What became of the saved address of the gateway. */
export type AddressFate =
  | 'none'
  | 'carried'
  /** Without the user name and the password in it, which would be shown wherever it is. */
  | 'without password'
  /** It is none that could be called. */
  | 'left out';

export interface MappedSettings {
  /** Rows of our table `settings`. */
  readonly rows: ReadonlyMap<string, string>;
  readonly managementKey: KeyFate;
  readonly address: AddressFate;
  /** Base URL of the gateway that the old program collected from, normalised; `''` where it had none saved. */
  readonly gateway: string;
  /** Keys of rows that were there and could not be read. */
  readonly damaged: readonly string[];
}

/** Rows that hold no secret and are kept as they are. */
const PLAIN = ['bootstrap_state_v1', 'automation_settings_v1'];
const MOST_TEXT = 64 * 1024;

/** Settings of an older program as ours. No key leaves in clear. */
export function mapSettings(
  read: (key: string) => string | null,
  keys: TakeoverKeys,
  nowMs: number,
): MappedSettings {
  const rows = new Map<string, string>();
  const damaged: string[] = [];
  const fates: KeyFate[] = [];
  const addresses: AddressFate[] = [];
  let gateway = '';
  const put = (key: string, map: (text: string) => string | null): void => {
    const text = read(key);
    if (text === null) return;
    const mapped = map(text);
    if (mapped === null) damaged.push(key);
    else rows.set(key, mapped);
  };
  const open = (stored: string): { readonly key: string; readonly fate: KeyFate } => {
    const opened = openKey(stored, keys);
    fates.push(opened.fate);
    return opened;
  };
  const connected = (saved: SavedConnection): SavedConnection => {
    const { url, fate } = addressOf(saved.cpaBaseUrl);
    addresses.push(fate);
    gateway ||= url;
    return { cpaBaseUrl: url, managementKey: open(saved.managementKey).key };
  };
  put(MANAGER_CONFIG, (text) => {
    const config = parseManagerConfig(text);
    if (config === null) return null;
    const cpaConnection = connected(config.cpaConnection);
    return serialiseManagerConfig({ ...config, cpaConnection }, sealer(keys.box), nowMs);
  });
  put(SETUP, (text) => {
    const setup = parseSetup(text);
    if (setup === null) return null;
    return serialiseSetup({ ...setup, ...connected(setup) }, sealer(keys.box));
  });
  put(ADMIN_CREDENTIAL, (text) => {
    const credential = parseCredential(text);
    return credential && serialiseCredential(credential);
  });
  for (const key of PLAIN) put(key, sameJson);
  const managementKey = (['carried', 'kept sealed', 'left out'] as const).find((fate) =>
    fates.includes(fate),
  );
  const address = addresses.find((fate) => fate !== 'none') ?? 'none';
  return { rows, managementKey: managementKey ?? 'none', address, gateway, damaged };
}

/** The key in clear where ours can seal it, sealed where nobody can open it now, else `''`. */
function openKey(stored: string, { oldBox, box }: TakeoverKeys): { key: string; fate: KeyFate } {
  const text = stored.trim();
  if (text === '') return { key: '', fate: 'none' };
  if (!isSealed(text)) return box === null ? { key: '', fate: 'left out' } : { key: text, fate: 'carried' };
  if (box === null) return { key: text, fate: 'kept sealed' };
  const key = oldBox === null ? null : opened(oldBox, text);
  return key === null ? { key: '', fate: 'left out' } : { key, fate: 'carried' };
}

function opened(box: SecretBox, text: string): string | null {
  try {
    return box.open(text);
  } catch (error) {
    if (error instanceof AppError && error.code === 'data_key_foreign') return null;
    throw error;
  }
}

/** Without a box nothing comes here that is not sealed or empty. */
function sealer(box: SecretBox | null): Pick<SecretBox, 'seal'> {
  return box ?? { seal: (text) => (isSealed(text) ? text : '') };
}

/** As we keep and call it. Older programs took any text, a password in it too. */
function addressOf(text: string): { readonly url: string; readonly fate: AddressFate } {
  if (text.trim() === '') return { url: '', fate: 'none' };
  const url = urlOf(text);
  if (url !== '') return { url, fate: 'carried' };
  const bare = urlOf(text.trim().replace(/^(https?:\/\/)?[^/?#]*@/i, '$1'));
  return { url: bare, fate: bare === '' ? 'left out' : 'without password' };
}

function urlOf(text: string): string {
  try {
    return normaliseBaseUrl(text);
  } catch {
    return '';
  }
}

function sameJson(text: string): string | null {
  if (text.length > MOST_TEXT) return null;
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return null;
  }
}
