import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError } from '../errors.ts';
import { systemCode } from '../files.ts';
import type { Warn } from './readers.ts';
import type { Origin, SettingName } from './settings.ts';
import type { Given, Sources } from './sources.ts';

/** A secret as it was configured. It must reach neither a log nor an answer; `from` may. */
export interface FoundSecret {
  readonly bytes: Uint8Array;
  /** The variable or the file that it came from. */
  readonly from: string;
  readonly origin: Origin;
}

/** Where one secret may be given. */
export interface SecretPlaces {
  /** The variable that holds the secret itself. */
  readonly direct: string;
  /** The setting that names a file with it. */
  readonly file: SettingName;
  /** The file that container platforms mount, by its name. */
  readonly mounted: string;
}

export const SECRETS = {
  adminKey: { direct: 'CPA_MANAGER_ADMIN_KEY', file: 'adminKeyFile', mounted: 'cpa_admin_key' },
  dataKey: { direct: 'CPA_MANAGER_DATA_KEY', file: 'dataKeyFile', mounted: 'cpa_data_key' },
  managementKey: { direct: 'CPA_MANAGEMENT_KEY', file: 'managementKeyFile', mounted: 'cpa_management_key' },
} as const satisfies Record<string, SecretPlaces>;

/** Where to look, and whom to tell about what was skipped. */
export interface SecretSearch {
  readonly sources: Sources;
  readonly cwd: string;
  /** Usually `/run/secrets`. */
  readonly mountedDir: string;
  readonly warn: Warn;
}

/**
 * Finds a secret: flag, variable, file named by a variable, file named in config.json, mounted file. A file that was
 * named and cannot be read or is empty throws `secret_file_unreadable`; a mounted one is then simply not there.
 */
export function findSecret(places: SecretPlaces, search: SecretSearch): FoundSecret | null {
  const named = search.sources.all(places.file);
  const flag = named.find((given) => given.origin === 'flag');
  if (flag) return readNamed(flag, search.cwd);
  const direct = search.sources.variable(places.direct);
  if (direct !== '') return { bytes: Buffer.from(direct, 'utf8'), from: places.direct, origin: 'env' };
  const file = named[0];
  if (file) return readNamed(file, search.cwd);
  return readMounted(join(search.mountedDir, places.mounted), search.warn);
}

function readNamed(given: Given, cwd: string): FoundSecret {
  const refuse = (why: string, cause?: unknown): AppError =>
    new AppError('secret_file_unreadable', {
      detail: `${given.label} is ${showPath(given.text)}, ${why}`,
      hint: 'Name a file that holds the secret and that this user may read, or leave the setting out.',
      cause,
    });
  const path = resolve(cwd, given.text);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const code = systemCode(error) || 'unknown error';
    throw refuse(`which cannot be read (${code}) as uid ${process.getuid?.() ?? '?'}`, error);
  }
  if (isBlank(bytes)) throw refuse('which is empty');
  return { bytes, from: `${given.label} (${path})`, origin: given.origin };
}

function readMounted(path: string, warn: Warn): FoundSecret | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') warn(`${path} cannot be read (${code}) and is left out.`);
    return null;
  }
  return isBlank(bytes) ? null : { bytes, from: path, origin: 'default' };
}

function isBlank(bytes: Buffer): boolean {
  return bytes.toString('utf8').trim() === '';
}

/** People put the secret itself where its file belongs, so only what is clearly a path is repeated. */
function showPath(text: string): string {
  return /^\.{0,2}\//.test(text) ? `"${text}"` : `a text of ${text.length} characters`;
}
