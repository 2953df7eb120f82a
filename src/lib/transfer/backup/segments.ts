import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Position } from '../../contract/inbox.ts';
import type { SecretBox } from '../../contract/secrets.ts';
import { systemCode } from '../../files.ts';
import { SPOOL, SPOOL_FILE } from './names.ts';

/** What is in a segment of the spool, as whoever knows its form says. */
export type SegmentContents =
  | {
      readonly kind: 'ok';
      readonly frames: ReadonlyArray<{ readonly seq: number; readonly count: number }>;
      /** Bytes that no frame can be made of; not what a write that was under way left at the end. */
      readonly damagedBytes: number;
    }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'damaged'; readonly detail: string };

/** `newest`: the last segment may end in a write that was under way. */
export type SegmentReader = (
  bytes: Buffer,
  id: string,
  box: Pick<SecretBox, 'spoolKey'>,
  newest: boolean,
) => SegmentContents;

/** The spool of a copy. */
export interface SpoolSummary {
  readonly segments: number;
  /** Records that the copied database does not hold yet, and that a daemon stores from the spool; `null`: nobody can tell. */
  readonly waiting: number | null;
  /** What cannot be read, for people. */
  readonly faults: readonly string[];
}

/** Opens every frame of the spool in `folder`. Without a data key the segments are only counted. */
export async function summariseSpool(
  folder: string,
  position: Position | null,
  box: Pick<SecretBox, 'spoolKey'> | null,
  read: SegmentReader,
  signal: AbortSignal,
): Promise<SpoolSummary> {
  const names = (await listSpool(join(folder, SPOOL))).filter((name) => name.endsWith('.seg'));
  if (box === null) return { segments: names.length, waiting: names.length === 0 ? 0 : null, faults: [] };
  const faults: string[] = [];
  let waiting = 0;
  for (const name of names) {
    signal.throwIfAborted();
    const id = name.slice(0, name.indexOf('.'));
    const bytes = await readFile(join(folder, SPOOL, name));
    const contents = read(bytes, id, box, name === names.at(-1));
    if (contents.kind === 'foreign') faults.push(`spool/${name} was written with another data key`);
    else if (contents.kind === 'damaged') faults.push(`spool/${name} cannot be read: ${contents.detail}`);
    else {
      if (contents.damagedBytes > 0)
        faults.push(`${contents.damagedBytes} bytes of spool/${name} cannot be read`);
      for (const { seq, count } of contents.frames) {
        if (!isStored(position, id, seq)) waiting += count;
      }
    }
  }
  return { segments: names.length, waiting, faults };
}

function isStored(position: Position | null, segment: string, seq: number): boolean {
  if (position === null || segment > position.segment) return false;
  return segment < position.segment || seq <= position.seq;
}

/** The files of a spool that hold records, oldest first; none where there is no spool. */
export async function listSpool(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => SPOOL_FILE.test(name)).toSorted();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
