import type { OldSchema } from '../store/old/schema.ts';
import { readTable, type OldTableRow } from '../store/old/tables.ts';
import type { Db } from '../store/sqlite.ts';
import { integer, text } from '../usage/readers.ts';
import { redactName } from '../usage/redact.ts';
import { toOneLine } from '../usage/text.ts';
import { MAX_TIME_MS } from '../usage/timestamp.ts';

/** A credential that CPA-Manager-Plus switched off in the gateway by itself: nobody else will switch it on again. */
export interface SwitchedOff {
  readonly by: 'quota cooldown' | 'inspection' | 'authentication problem';
  /** Name of its file. */
  readonly file: string;
  readonly authIndex: string;
  readonly provider: string;
  readonly account: string;
  readonly reason: string;
  /** Epoch ms at which it was switched off; null: unknown. */
  readonly sinceMs: number | null;
  /** Epoch ms at which it was to be switched on again; null without such a time. */
  readonly dueAtMs: number | null;
}

export interface AllSwitchedOff {
  readonly credentials: readonly SwitchedOff[];
  /** Tables that could not be read to their end: there may be more. */
  readonly broken: readonly string[];
}

const MOST_BYTES = 200;
const OPEN = new Set(['pending', 'ignored']);

/** Those that are still off, the ones that are due first in front. */
export function switchedOff(db: Db, schema: OldSchema): AllSwitchedOff {
  const broken: string[] = [];
  const rows = (table: string): readonly OldTableRow[] => {
    const read = readTable(db, schema, table);
    if (read.broken) broken.push(table);
    return read.rows;
  };
  const credentials = [
    ...rows('quota_cooldowns')
      .filter((row) => text(row['status']) === 'active')
      .map((row) => ({
        ...common(row),
        by: 'quota cooldown' as const,
        file: name(row['auth_file_name']),
        reason: name(row['reason_code']) || name(row['owner']),
        sinceMs: time(row['disabled_at_ms']),
        dueAtMs: time(row['recover_at_ms']),
      })),
    ...rows('codex_inspection_disable_ownership').map((row) => ({
      ...common(row),
      by: 'inspection' as const,
      file: name(row['file_name']),
      reason: '',
      sinceMs: time(row['disabled_at_ms']),
      dueAtMs: null,
    })),
    ...rows('account_action_candidates')
      .filter((row) => OPEN.has(text(row['status'])) && time(row['auto_disabled_at_ms']) !== null)
      .map((row) => ({
        ...common(row),
        by: 'authentication problem' as const,
        file: name(row['auth_file_name']),
        reason: name(row['reason_code']) || name(row['action_type']),
        sinceMs: time(row['auto_disabled_at_ms']),
        dueAtMs: null,
      })),
  ];
  credentials.sort((a, b) => (a.dueAtMs ?? Infinity) - (b.dueAtMs ?? Infinity) || (a.file < b.file ? -1 : 1));
  return { credentials, broken };
}

/** What there is to do about one, in one line. */
export function describeSwitchedOff(off: SwitchedOff): string {
  const who = [
    off.file === '' ? 'a credential without a name' : off.file,
    [off.provider, off.authIndex === '' ? '' : `auth index ${off.authIndex}`, off.account]
      .filter(Boolean)
      .join(', '),
  ];
  const named = who[1] === '' ? `${who[0]}` : `${who[0]} (${who[1]})`;
  const since = off.sinceMs === null ? '' : ` on ${minute(off.sinceMs)}`;
  const why = off.reason === '' ? '' : `, ${off.reason}`;
  const due =
    off.dueAtMs === null ? 'and may still have it off' : `to be switched on again at ${minute(off.dueAtMs)}`;
  return `${named}: CPA-Manager-Plus switched it off${since} (${off.by}${why}) ${due}. Switch it on in the gateway: nobody else will.`;
}

/** `2026-11-21 11:09 UTC`. */
export function minute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function common(row: OldTableRow): Pick<SwitchedOff, 'authIndex' | 'provider' | 'account'> {
  return {
    authIndex: name(row['auth_index']),
    provider: name(row['provider']),
    account: name(row['account_snapshot']),
  };
}

function name(value: unknown): string {
  return toOneLine(redactName(text(value).slice(0, 4 * MOST_BYTES), []), MOST_BYTES);
}

function time(value: unknown): number | null {
  const ms = Number(integer(value));
  return ms > 0 && ms <= MAX_TIME_MS ? ms : null;
}
