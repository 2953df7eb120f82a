import { statSync } from 'node:fs';
import { bulkLockPath } from '../bulk-lock.ts';
import type { StartConfig } from '../config/start-config.ts';
import { serveLockPath } from '../lock.ts';
import { giveToOwnerOf, lookAt, SUFFIXES } from './paths.ts';

/**
 * Gives what a command made as root to whoever owns the folder of the database: a daemon that runs as somebody else could
 * not open its own lock. Does nothing for anybody else.
 */
export async function giveBack(
  { dbPath, dataKeyPath }: Pick<StartConfig, 'dbPath' | 'dataKeyPath'>,
  owner: { readonly uid: number; readonly gid: number },
  others: readonly string[] = [],
): Promise<void> {
  const locks = [await serveLockPath(dbPath), await bulkLockPath(dbPath)];
  for (const path of [...locks, ...others, dataKeyPath, ...SUFFIXES.map((suffix) => dbPath + suffix)]) {
    if (lookAt(path)?.isFile() === true) giveToOwnerOf(path, owner);
  }
}

/** Who owns a database, as it is before anything moves; null where it is not there. */
export function ownerOf(dbPath: string): { readonly uid: number; readonly gid: number } | null {
  return statSync(dbPath, { throwIfNoEntry: false }) ?? null;
}
