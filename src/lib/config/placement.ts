import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { defaultConfigPaths, readConfigFile, type ConfigFile } from './config-file.ts';
import type { Warn } from './readers.ts';
import type { Origin } from './settings.ts';
import { refuse, type Sources } from './sources.ts';

/** The config.json that counts, `null` without one. `sources` are those without it: they decide where it is looked for. */
export function findConfigFile(
  sources: Sources,
  cwd: string,
  defaultDataDir: string,
  warn: Warn,
): ConfigFile | null {
  const named = sources.variable('CPA_MANAGER_CONFIG');
  if (named !== '') {
    const file = readConfigFile(resolve(cwd, named));
    if (!file) warn(`CPA_MANAGER_CONFIG is "${named}", and there is no such file: it is left out.`);
    return file;
  }
  const { dataDir } = placeData(sources, cwd, defaultDataDir, () => {});
  for (const path of defaultConfigPaths(cwd, dataDir)) {
    const file = readConfigFile(path);
    if (file) return file;
  }
  return null;
}

const RANK: Readonly<Record<Origin, number>> = { flag: 0, env: 1, file: 2, default: 3 };

/**
 * The data directory and the database. One alone places the other too. A database named in a place that counts less
 * than the one that names the directory is left out: who says `--data-dir` means all of it.
 */
export function placeData(
  sources: Sources,
  cwd: string,
  defaultDataDir: string,
  warn: Warn,
): { readonly dataDir: string; readonly dbPath: string } {
  const directory = sources.path('dataDir');
  let database = sources.path('dbPath');
  if (directory && database && RANK[database.origin] > RANK[directory.origin]) {
    warn(`${database.label} is left out, because ${directory.label} is given.`);
    database = null;
  }
  if (directory && kindOf(directory.text) === 'other') throw refuse(directory, 'a directory');
  if (database && kindOf(database.text) === 'directory') throw refuse(database, 'a file');
  const dataDir = directory?.text ?? (database ? dirname(database.text) : resolve(cwd, defaultDataDir));
  return { dataDir, dbPath: database?.text ?? join(dataDir, 'usage.sqlite') };
}

/** What lies at a path; `absent` too where we may not look. */
export function kindOf(path: string): 'absent' | 'directory' | 'other' {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'other';
  } catch {
    return 'absent';
  }
}
