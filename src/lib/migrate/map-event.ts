import type { JsonObject } from '../usage/readers.ts';
import { lineTime, lineEvent } from '../transfer/import/exported.ts';
import { HEX64, rejected, type Imported, type ImportContext } from '../transfer/import/context.ts';
import type { OldRow } from '../store/old/events.ts';
import { trim } from '../usage/text.ts';

/**
 * An event from a row of an older program. A row has the names that its exports have, so both are read by the same
 * code: the hash stays what it is, what is in clear in the record that the row keeps is taken out. Never throws.
 */
export function oldEvent(row: OldRow, context: ImportContext): Imported {
  try {
    const hash = oldHash(row);
    if (hash === '') return rejected('it has no hash');
    return lineEvent(oldLine(row), false, hash, context);
  } catch (error) {
    return rejected(`reading it failed (${error instanceof Error ? error.name : 'unknown'})`);
  }
}

/** The stored hash as text; `''` without one. */
function oldHash(row: OldRow): string {
  return trim(plain(row['event_hash']) ?? '');
}

/** By what an event is found again. */
export interface OldIdentity {
  /** Epoch ms. */
  readonly timestampMs: number;
  /** As it is stored here. */
  readonly hash: string;
}

/** The same that {@link oldEvent} gives an event, with as little work as can be; null for a row that is none. */
export function oldIdentity(row: OldRow, whole: (id: number) => OldRow | null): OldIdentity | null {
  const hash = oldHash(row);
  const time = lineTime({ timestamp: plain(row['timestamp']), timestamp_ms: row['timestamp_ms'] });
  if (hash === '' || time === null) return null;
  if (HEX64.test(hash)) return { timestampMs: time.ms, hash };
  // What is no hash is cleaned, and the secrets of the whole row decide how.
  const mapped = oldEvent(whole(row.id) ?? row, { nowMs: 0 });
  return mapped.kind === 'event' ? { timestampMs: time.ms, hash: mapped.imported.event.hash } : null;
}

/** Columns that decide the identity. */
export const IDENTITY_COLUMNS = ['event_hash', 'timestamp', 'timestamp_ms'] as const;

/** A row as the line of an export, which differ in one name. What is null says nothing in either. */
function oldLine(row: OldRow): JsonObject {
  let line: Record<string, unknown> | null = null;
  for (const name in row) {
    const value = row[name];
    if (value instanceof Uint8Array) (line ??= { ...row })[name] = plain(value);
  }
  const metadata = row['response_metadata_json'];
  if (typeof metadata === 'string') (line ??= { ...row })['response_metadata'] = parsed(metadata);
  return line ?? row;
}

function plain(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : null;
}

function parsed(text: string): unknown {
  // Most rows have none, and a scan that found nothing leaves this.
  if (text === '' || text === '{}') return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
