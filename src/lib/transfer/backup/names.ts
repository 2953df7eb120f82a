import { basename } from 'node:path';

export const FORMATS = ['tar.zst', 'tar.gz', 'tar', 'directory'] as const;
/** What a backup is written as. */
export type BackupFormat = (typeof FORMATS)[number];

const NAME = /^cpamp-backup-\d{4}-\d\d-\d\dT\d{6}Z(?:\.tar(?:\.gz|\.zst)?)?$/;

/** `cpamp-backup-2026-11-21T120000Z.tar.zst`: sorts by time, and is a name on every file system. */
export function backupName(nowMs: number, format: BackupFormat): string {
  const time = new Date(nowMs)
    .toISOString()
    .replaceAll(':', '')
    .replace(/\.\d+Z$/, 'Z');
  return `cpamp-backup-${time}${format === 'directory' ? '' : `.${format}`}`;
}

/** Whether a file or directory has a name as `backupName` gives it. */
export function isBackupName(name: string): boolean {
  return NAME.test(name);
}

/** The format that the name of a file asks for; `null`: it is not that of an archive. */
export function formatOf(path: string): Exclude<BackupFormat, 'directory'> | null {
  const name = basename(path).toLowerCase();
  if (name.endsWith('.tar.zst') || name.endsWith('.tzst')) return 'tar.zst';
  if (name.endsWith('.tar.gz') || name.endsWith('.tgz')) return 'tar.gz';
  return name.endsWith('.tar') ? 'tar' : null;
}

/** The name without what says how it is packed: that of the one folder in an archive. */
export function bareName(path: string): string {
  return basename(path).replace(/\.(?:tar|tar\.gz|tgz|tar\.zst|tzst)$/i, '');
}

/** Names of files within a backup, relative to its folder, with `/`. */
export const MANIFEST = 'manifest.json';
export const DATABASE = 'usage.sqlite';
export const KEY = 'data.key';
export const SPOOL = 'spool';

/** A file of the spool that holds records: `.seg`, and what was set aside because it could not be read. */
export const SPOOL_FILE = /^[0-9A-HJKMNP-TV-Z]{26}\.(?:seg|damaged|foreign)$/;
