import { AppError } from '../../errors.ts';

/** What became of the data key: it is in the backup, was left out on purpose, is given by the environment, or is none. */
export type KeyInBackup = 'included' | 'left-out' | 'environment' | 'none';

export interface ManifestFile {
  /** Relative to the manifest, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** `manifest.json` of a backup. */
export interface Manifest {
  readonly format: 'cpamp-backup';
  readonly version: 1;
  /** Version of the program that wrote it. */
  readonly program: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Of the database: two backups with the same one are of the same place. */
  readonly databaseId: string;
  readonly schemaVersion: number;
  readonly events: number;
  readonly deadLetters: number;
  readonly key: KeyInBackup;
  readonly files: readonly ManifestFile[];
}

/** A manifest is some kilobytes; a spool of 256 MiB has few segments. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** Throws `backup_damaged`, and `database_newer` for a form that this program does not know. */
export function parseManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('backup_damaged', { detail: 'manifest.json is not JSON', cause });
  }
  if (typeof value === 'object' && value !== null && 'version' in value && 'format' in value) {
    if (value.format === 'cpamp-backup' && typeof value.version === 'number' && value.version > 1)
      throw new AppError('database_newer', {
        detail: `the backup has form ${value.version}, this program knows 1`,
      });
  }
  if (!isManifest(value)) {
    throw new AppError('backup_damaged', { detail: 'manifest.json is not that of a backup' });
  }
  return value;
}

const KEYS: ReadonlySet<unknown> = new Set<KeyInBackup>(['included', 'left-out', 'environment', 'none']);

function isManifest(value: unknown): value is Manifest {
  if (!isObject(value)) return false;
  const { format, version, files, key } = value;
  return (
    format === 'cpamp-backup' &&
    version === 1 &&
    ['program', 'createdAt', 'databaseId'].every((name) => typeof value[name] === 'string') &&
    ['schemaVersion', 'events', 'deadLetters'].every((name) => Number.isSafeInteger(value[name])) &&
    KEYS.has(key) &&
    Array.isArray(files) &&
    files.every(isFile)
  );
}

function isFile(value: unknown): value is ManifestFile {
  if (!isObject(value)) return false;
  const { path, bytes, sha256 } = value;
  return (
    typeof path === 'string' &&
    Number.isSafeInteger(bytes) &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256)
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
