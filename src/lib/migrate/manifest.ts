import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../errors.ts';
import { systemCode, writeFileAtomic } from '../files.ts';
import type { OldFacts } from '../store/old/describe.ts';
import { giveToOwnerOf, OLD_VOLUMES } from './paths.ts';

/** Its name in the folder of an old volume. */
export const MANIFEST = 'manifest.json';
const FORMAT = 1;

/** A file as it was before it was moved. */
export interface MovedFile {
  /** As it is called in its folder: `usage.sqlite-wal`. */
  readonly name: string;
  readonly bytes: number;
  readonly ino: number;
  /** Permission bits. */
  readonly mode: number;
  readonly mtimeMs: number;
}

/**
 * How far a move is. Until `moving` (and `replacing`, on the way back) nothing has left its place, and a move that was
 * cut short is taken back; from then on it is brought to its end, `moved` (`returned`).
 */
export type Step = 'preparing' | 'moving' | 'moved' | 'returning' | 'replacing' | 'returned' | 'deleting';
const STEPS: readonly string[] = [
  'preparing',
  'moving',
  'moved',
  'returning',
  'replacing',
  'returned',
  'deleting',
] satisfies Step[];

/** What is written about an old volume beside its files, before each step that cannot be taken back. */
export interface Manifest {
  readonly format: typeof FORMAT;
  readonly step: Step;
  /** `rename` where the file system has no hard links. */
  readonly how: 'link' | 'rename';
  /** The name of the database in the folder above both. */
  readonly database: string;
  /** When it was moved aside, epoch ms. */
  readonly atMs: number;
  readonly from: OldFacts;
  readonly files: readonly MovedFile[];
  readonly owner: { readonly uid: number; readonly gid: number };
  /** When all of it was copied into ours, epoch ms; null: not yet. */
  readonly copiedAtMs: number | null;
  /** Ours on the way out; null until a rollback. */
  readonly ours: { readonly folder: string; readonly files: readonly MovedFile[] } | null;
}

/** An old volume with what is written about it. */
export interface VolumeRecord {
  /** The folder that holds it. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Writes it durably. Readers see the old one or the new one. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, MANIFEST);
  await writeFileAtomic(path, `${JSON.stringify(manifest, null, 2)}\n`);
  giveToOwnerOf(path, manifest.owner);
}

/** The old volumes of a database (its real path), oldest first. Throws `takeover_stuck` for one that cannot be read. */
export function readManifests(dbPath: string): readonly VolumeRecord[] {
  const all = join(dirname(dbPath), OLD_VOLUMES);
  return volumeFolders(dbPath)
    .map((name) => ({ folder: join(all, name), manifest: readManifest(join(all, name)) }))
    .filter((volume): volume is VolumeRecord => volume.manifest?.database === basename(dbPath))
    .toSorted((a, b) => a.manifest.atMs - b.manifest.atMs || (a.folder < b.folder ? -1 : 1));
}

/** The folders of old volumes, those without a manifest too. */
export function volumeFolders(dbPath: string): string[] {
  try {
    return readdirSync(join(dirname(dbPath), OLD_VOLUMES), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return [];
    throw error;
  }
}

/** Null without one. */
export function readManifest(folder: string): Manifest | null {
  const path = join(folder, MANIFEST);
  let row: unknown;
  try {
    row = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw unreadable(path, error);
  }
  if (!isManifest(row)) throw unreadable(path, undefined);
  return row;
}

function unreadable(path: string, cause: unknown): AppError {
  return new AppError('takeover_stuck', {
    detail: `${path} cannot be read`,
    hint: 'It says which files an older program left, and where: put it back from a backup, or ask for help with it.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function isManifest(row: unknown): row is Manifest {
  if (typeof row !== 'object' || row === null) return false;
  const { format, step, how, database, atMs, files, owner, from } = row as Partial<
    Record<keyof Manifest, unknown>
  >;
  return (
    format === FORMAT &&
    typeof step === 'string' &&
    STEPS.includes(step) &&
    (how === 'link' || how === 'rename') &&
    typeof database === 'string' &&
    typeof atMs === 'number' &&
    Array.isArray(files) &&
    typeof owner === 'object' &&
    typeof from === 'object'
  );
}
