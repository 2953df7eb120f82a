import { randomBytes } from 'node:crypto';
import type {
  UsageImportResult,
  UsageImportSession,
  UsageImportStatus,
} from '../../lib/contract/api/usage-import.ts';

/** A session as it is kept: what clients see of it, and what they do not. */
export interface SessionRecord extends UsageImportSession {
  readonly resume_key?: string;
  readonly cancel_requested?: boolean;
}

const MAX_NAME = 240;
const STATUSES: readonly UsageImportStatus[] = [
  'uploading',
  'ready',
  'processing',
  'completed',
  'failed',
  'cancelled',
];

export const newId = (): string => randomBytes(16).toString('hex');

/** The last part of a path of any system, so that it cannot lead anywhere. */
export function safeFilename(given: string): string {
  const base = given.replaceAll('\0', '').split(/[\\/]/).at(-1)?.trim() ?? '';
  const name = Array.from(base).slice(0, MAX_NAME).join('');
  return name === '' || name === '.' || name === '..' ? 'usage-import.jsonl' : name;
}

/** What clients see. */
export function publicSession(record: SessionRecord): UsageImportSession {
  const { resume_key: _key, cancel_requested: _asked, ...session } = record;
  return session;
}

/** It takes up space and one of the places that there are. */
export function isActive({ status, retryable }: UsageImportSession): boolean {
  return (
    status === 'uploading' ||
    status === 'ready' ||
    status === 'processing' ||
    (status === 'failed' && retryable)
  );
}

/** Null for a file that says no such thing. */
export function readRecord(value: unknown, id: string): SessionRecord | null {
  if (typeof value !== 'object' || value === null) return null;
  const row: Readonly<Record<string, unknown>> = { ...value };
  const number = (name: string): number => {
    const field = row[name];
    return typeof field === 'number' && Number.isSafeInteger(field) && field >= 0 ? field : 0;
  };
  const status = STATUSES.find((one) => one === row['status']);
  const filename = row['filename'];
  if (status === undefined || typeof filename !== 'string' || number('size_bytes') === 0) return null;
  const { error, resume_key: resumeKey } = row;
  const result = readResult(row['result']);
  return {
    id,
    filename,
    status,
    size_bytes: number('size_bytes'),
    received_bytes: number('received_bytes'),
    chunk_size_bytes: number('chunk_size_bytes') || number('size_bytes'),
    created_at_ms: number('created_at_ms'),
    updated_at_ms: number('updated_at_ms'),
    expires_at_ms: number('expires_at_ms'),
    retryable: row['retryable'] === true,
    ...(typeof error === 'string' ? { error } : {}),
    ...(result === null ? {} : { result }),
    ...(typeof resumeKey === 'string' ? { resume_key: resumeKey } : {}),
    ...(row['cancel_requested'] === true ? { cancel_requested: true } : {}),
  };
}

function readResult(value: unknown): UsageImportResult | null {
  return isResult(value) ? value : null;
}

// Written by this program; whoever else writes there could write events as well.
function isResult(value: unknown): value is UsageImportResult {
  return typeof value === 'object' && value !== null && 'format' in value && 'added' in value;
}
