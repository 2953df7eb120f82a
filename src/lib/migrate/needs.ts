import { statfs } from 'node:fs/promises';
import { AppError } from '../errors.ts';
import type { OldFacts } from '../store/old/describe.ts';

const MIB = 1024 * 1024;
/** An event with its index, its part of the segments and its response facts; measured volumes stay below. */
const BYTES_AN_EVENT = 400;
/** The log while it is filled: it is cut back to 64 MiB, and a small takeover never gets there. */
const LOG_BYTES = 64 * MIB;
const LOG_BYTES_AN_EVENT = 1200;
/** Tables, indexes, dimensions and prices of an empty database, with its log. */
const BASE_BYTES = 2 * MIB;

export interface SpaceNeed {
  /** What our database may take beside the old one, which stays. */
  readonly bytes: number;
  readonly freeBytes: number;
  readonly enough: boolean;
}

/** What a takeover of that many events takes on the disk of a folder, and what is free there for us. */
export async function spaceNeed(folder: string, from: Pick<OldFacts, 'eventsAtMost'>): Promise<SpaceNeed> {
  const { bavail, bsize } = await statfs(folder);
  const events = from.eventsAtMost;
  const bytes = BASE_BYTES + events * BYTES_AN_EVENT + Math.min(LOG_BYTES, events * LOG_BYTES_AN_EVENT);
  const freeBytes = bavail * bsize;
  return { bytes, freeBytes, enough: freeBytes >= bytes };
}

/** Throws `space_needed` with both numbers. */
export async function requireSpace(folder: string, from: Pick<OldFacts, 'eventsAtMost'>): Promise<void> {
  const { bytes, freeBytes, enough } = await spaceNeed(folder, from);
  if (enough) return;
  throw new AppError('space_needed', {
    detail: `taking over about ${from.eventsAtMost} events needs ${mib(bytes)} in ${folder}, and ${mib(freeBytes)} are free`,
  });
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)} MiB`;
}
