import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TakeoverReport } from '../contract/api/takeover.ts';
import { systemCode, writeFileAtomic } from '../files.ts';
import { readManifest } from './manifest.ts';
import type { OldVolume } from './old-volume.ts';
import { giveToOwnerOf } from './paths.ts';

const NAME = 'report.json';
const FORMAT = 1;

/** Keeps the report of a takeover beside the old volume that it is about. It goes when that is deleted. */
export async function saveReport(
  { folder }: Pick<OldVolume, 'folder'>,
  report: TakeoverReport,
): Promise<void> {
  const path = join(folder, NAME);
  await writeFileAtomic(path, `${JSON.stringify({ format: FORMAT, report })}\n`);
  const manifest = readManifest(folder);
  if (manifest) giveToOwnerOf(path, manifest.owner);
}

/** Null where there is none, or none that can be read: it can be made again. */
export function savedReport({ folder }: Pick<OldVolume, 'folder'>): TakeoverReport | null {
  let saved: unknown;
  try {
    saved = JSON.parse(readFileSync(join(folder, NAME), 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return null;
    throw error;
  }
  return isSaved(saved) ? saved.report : null;
}

function isSaved(value: unknown): value is { readonly report: TakeoverReport } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'format' in value &&
    value.format === FORMAT &&
    'report' in value &&
    typeof value.report === 'object' &&
    value.report !== null
  );
}
