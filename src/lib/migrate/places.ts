import { readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { OldFacts } from '../store/old/describe.ts';
import { OLD_VOLUMES, realDatabasePath } from './paths.ts';
import { recognise } from './recognise.ts';

/** One place that was looked at for history. */
export interface LookedAt {
  readonly path: string;
  /** `old` can be taken over by `cpamp migrate --from`, `ours` is named with `--db`. */
  readonly found: 'nothing' | 'old' | 'ours' | 'other' | 'unreadable';
  /** For `old`. */
  readonly from: OldFacts | null;
}

/** Folders where the older programs keep their database unless told otherwise: in their container, and beside themselves. */
const USUAL = ['/data', '/app/data', '/var/lib/cpa-manager-plus', '/var/lib/cpa-manager'];
const USUAL_NAME = 'usage.sqlite';
const DATABASE = /\.(sqlite3?|db)$/i;
/** Files of one folder that are looked into. */
const FILES = 20;

/**
 * Where history could lie, for a start that finds none: other databases in the folder of this one, volumes that were
 * moved aside there, and the usual places of the older programs. Changes nothing anywhere.
 */
export async function lookForHistory(
  dbPath: string,
  { cwd, usual = USUAL }: { readonly cwd: string; readonly usual?: readonly string[] },
): Promise<readonly LookedAt[]> {
  const place = await realDatabasePath(dbPath);
  const folder = dirname(place);
  const aside = join(folder, OLD_VOLUMES);
  const paths = [
    place,
    ...databasesIn(folder),
    ...list(aside).flatMap((name) => databasesIn(join(aside, name))),
    ...[cwd, join(cwd, 'data'), ...usual].map((dir) => join(resolve(cwd, dir), USUAL_NAME)),
  ];
  const seen = new Set<string>();
  const looked: LookedAt[] = [];
  for (const path of paths) {
    const real = await realDatabasePath(path).catch(() => path);
    if (seen.has(real)) continue;
    seen.add(real);
    looked.push(await look(path));
  }
  return looked;
}

async function look(path: string): Promise<LookedAt> {
  try {
    const recognised = await recognise(path);
    if (recognised.kind === 'old') {
      const { kind: _, ...from } = recognised;
      return { path, found: 'old', from };
    }
    if (recognised.kind === 'ours') return { path, found: 'ours', from: null };
    const nothing = recognised.kind === 'absent' || recognised.kind === 'empty';
    return { path, found: nothing ? 'nothing' : 'other', from: null };
  } catch {
    return { path, found: 'unreadable', from: null };
  }
}

function databasesIn(folder: string): string[] {
  return list(folder)
    .filter((name) => DATABASE.test(name))
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .slice(0, FILES);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
