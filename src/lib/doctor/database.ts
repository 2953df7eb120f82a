import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { mergeSettings, readSaved, type EffectiveConfig } from '../config/effective.ts';
import { REFUSALS, savedRows } from '../config/settings-rows.ts';
import { kindOf } from '../config/placement.ts';
import type { StartConfig } from '../config/start-config.ts';
import { AppError } from '../errors.ts';
import { formatBytes } from '../format.ts';
import { diagnose } from '../gateway/diagnoses.ts';
import { keySources } from '../secrets/key-sources.ts';
import { findDataKey, type FoundDataKey } from '../secrets/prepare-keys.ts';
import { checkIntegrity } from '../store/integrity.ts';
import { ReadStore } from '../store/read-store.ts';
import { databaseState } from '../store/settings-store.ts';
import { fail, ok, sentence, skipped, warn, type Finding } from './result.ts';

/** What the file says, read in one go: nothing of it is open afterwards. */
export interface FileFacts {
  /** The data key, or the error that looking at it met. */
  readonly dataKey: FoundDataKey | AppError;
  readonly effective: EffectiveConfig;
  /** The refusals that the daemon remembers. */
  readonly refusals: string | null;
  readonly events: number;
  readonly lastInsertedMs: number | null;
}

export interface DatabaseLook {
  readonly finding: Finding;
  readonly facts: FileFacts | 'absent' | 'unreadable';
}

/**
 * Whether there is a database of ours that can be read. Throws AppError (foreign, newer, locked, damaged). Where it may
 * not be written it is left alone: SQLite makes files beside one that it only reads, and they would be ours.
 */
export async function lookAtDatabase(config: StartConfig, nowMs: number): Promise<DatabaseLook> {
  if (!mayWrite(config)) {
    return {
      finding: skipped('It may not be read and written by us; see the permissions.'),
      facts: 'unreadable',
    };
  }
  const state = databaseState(config.dbPath);
  if (state === 'missing') {
    const message = `There is no database yet at ${config.dbPath}.`;
    const where = 'if there should be one, name its place with --data-dir or --db.';
    return { finding: fail(message, `Make it with: cpamp setup; ${where}`), facts: 'absent' };
  }
  if (state === 'outdated') {
    const finding = fail(
      `${config.dbPath} is of an older version of cpamp.`,
      'Start the daemon once: it brings the database up to date.',
    );
    return { finding, facts: 'unreadable' };
  }
  const store = new ReadStore(config.dbPath, { beside: false, busyTimeoutMs: 250 });
  try {
    const setting = (key: string): string | null => store.setting(key);
    const dataKey = await findDataKey(keySources(config, store, nowMs)).catch((error: unknown) => {
      if (error instanceof AppError) return error;
      throw error;
    });
    const box = !(dataKey instanceof AppError) && dataKey.kind === 'open' ? dataKey.box : null;
    const { events } = store.totals();
    const { databaseBytes, walBytes } = store.sizes();
    const facts = {
      dataKey,
      effective: mergeSettings(config, readSaved(savedRows(setting)), box),
      refusals: setting(REFUSALS),
      events,
      lastInsertedMs: store.lastInsertedMs(),
    };
    const size = `${formatBytes(databaseBytes)}, log ${formatBytes(walBytes)}`;
    return {
      finding: ok(`${config.dbPath} holds ${events.toLocaleString('en-US')} events (${size}).`),
      facts,
    };
  } finally {
    store.close();
  }
}

function mayWrite({ dbPath }: StartConfig): boolean {
  try {
    accessSync(dirname(dbPath), constants.W_OK | constants.X_OK);
    if (kindOf(dbPath) !== 'absent') accessSync(dbPath, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether there is a file of ours that SQLite can be let at. */
export function isReadable(config: StartConfig): boolean {
  try {
    return mayWrite(config) && databaseState(config.dbPath) === 'ready';
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** Whether the data key opens what this database has sealed. */
export function checkDataKey(found: FileFacts['dataKey']): Finding {
  if (found instanceof AppError) return fail(sentence(found.message), found.hint);
  if (found.kind === 'locked') {
    const { message, fix } = diagnose('locked_data_key', 0, { detail: found.error.message });
    return fail(message, found.error.hint || fix);
  }
  if (found.kind === 'open') {
    return ok(
      found.remembered
        ? 'The data key fits the database.'
        : 'There is a data key, and nothing is sealed yet.',
    );
  }
  if (found.malformed) {
    return warn(
      'data.key is no key. Nothing needs it yet, and the next start puts a new one in its place.',
      'If it belongs to another database, put it there.',
    );
  }
  return ok('There is no data key yet, and nothing that needs one; the next start makes it.');
}

/** So long the quick check may take: some 2 GiB on a small machine. */
const LIMIT_MS = 15_000;

export interface IntegrityRun {
  readonly full: boolean;
  readonly signal: AbortSignal;
  readonly limitMs?: number;
}

/** Whether the file is sound, as far as SQLite can tell. */
export async function checkFile(config: StartConfig, run: IntegrityRun): Promise<Finding> {
  const { full, signal, limitMs = LIMIT_MS } = run;
  const result = await checkIntegrity(config.dbPath, { full, signal, limitMs: full ? null : limitMs });
  if (result.kind === 'sound') {
    return ok(
      full ? 'The whole file is sound.' : 'The file is sound, indexes aside; --full compares them too.',
    );
  }
  if (result.kind === 'unfinished') {
    return skipped(
      `The file is large, and nothing wrong was found in the first ${limitMs / 1000} s.`,
      'Check all of it, best while little else happens: cpamp doctor --full',
    );
  }
  const [first = '', ...more] = result.problems;
  const others = more.length === 0 ? '' : `, and ${more.length} more`;
  return fail(
    `The database is damaged: ${first}${others}.`,
    'Stop the daemon, keep a copy of all files, and restore a backup; then check the disk.',
  );
}
