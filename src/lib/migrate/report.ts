import { statSync } from 'node:fs';
import type {
  TakeoverAttention,
  TakeoverItems,
  TakeoverLeft,
  TakeoverReport,
} from '../contract/api/takeover.ts';
import type { SecretBox } from '../contract/secrets.ts';
import { readAliases } from '../store/alias-store.ts';
import { OldEvents } from '../store/old/events.ts';
import { openOld } from '../store/old/open.ts';
import { columnsOf, type OldSchema } from '../store/old/schema.ts';
import { countRows } from '../store/old/tables.ts';
import { openDatabase } from '../store/open.ts';
import { readPriceRows } from '../store/price-rows.ts';
import { settingsHere } from '../store/carry-store.ts';
import { EventMatcher, lettersHere } from '../store/takeover-match.ts';
import { readTakeover, type TakeoverState } from '../store/takeover-state.ts';
import type { Db } from '../store/sqlite.ts';
import type { PriceCard } from '../contract/pricing.ts';
import { priceObjectFromCard } from '../pricing/price-object.ts';
import { foldAlias } from '../usage/aliases.ts';
import { maskKey } from '../usage/source.ts';
import { oldSchemaOf, readBelongings, type OldBelongings } from './carry.ts';
import { COMPARED_COLUMNS, reconcile, type Reconciled } from './reconcile.ts';
import { describeSwitchedOff, switchedOff } from './switched-off.ts';

export interface ReportOptions {
  /** The old database, where it lies now; opened for reading only. */
  readonly oldPath: string;
  /** Ours; opened for reading only. */
  readonly dbPath: string;
  /** This process has a connection to ours already. */
  readonly beside: boolean;
  /** What the old volume was called when it was copied. */
  readonly source: string;
  /** Opens what was sealed there; null: its data key is not there. */
  readonly oldBox: SecretBox | null;
  /** Ours; null: its data key is not there. */
  readonly box: SecretBox | null;
  readonly nowMs: number;
  /** Called now and then, with the events that were compared and all; may throw to end it. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What of an older program has no place here, by its table. */
const LEFT: ReadonlyArray<readonly [table: string, what: string]> = [
  ['quota_cooldowns', 'credentials that were switched off for their quota'],
  ['account_action_candidates', 'the queue of authentication problems'],
  ['codex_inspection_runs', 'runs of the inspection'],
  ['codex_inspection_results', 'results of the inspection'],
  ['codex_inspection_logs', 'log lines of the inspection'],
  ['codex_inspection_disable_ownership', 'credentials that the inspection switched off'],
  ['account_quota_observations', 'observations of quota windows'],
  ['account_quota_windows', 'quota windows'],
  ['account_quota_window_activations', 'activations of quota windows'],
  ['account_quota_cycles', 'cycles of quota windows'],
  ['account_quota_snapshots', 'snapshots of quota windows'],
];
const BUSY_MS = 5000;

/**
 * Compares an old volume with our database: every event, row by row, and what else it holds. Can be asked for at any time
 * while the old file is there; reads all of it. Throws AppError.
 */
export function takeoverReport(options: ReportOptions): TakeoverReport {
  const { oldPath, dbPath, beside, source, nowMs } = options;
  const old = openOld(oldPath);
  try {
    const db = openDatabase(dbPath, { mode: 'read', beside, busyTimeoutMs: BUSY_MS });
    try {
      const schema = oldSchemaOf(old, oldPath);
      const state = readTakeover(db, source);
      const compared = compareEvents(old, db, schema, state, options);
      const belongings = readBelongings(old, schema, options, nowMs);
      const items = itemsOf(old, db, schema, belongings);
      return {
        state: stateOf(compared, state),
        attention: [
          ...switchedOffLines(old, schema),
          ...eventLines(compared, state),
          ...ownLines(db, belongings),
          ...fileLines(oldPath),
        ],
        oldPath,
        program: schema.program,
        comparedAtMs: nowMs,
        copy: state && {
          startedAtMs: state.startedAtMs,
          endedAtMs: state.endedAtMs,
          added: state.added,
          duplicates: state.duplicates,
          refused: state.refused,
          shortened: state.shortened,
        },
        ...compared,
        items,
        left: leftBehind(old, schema),
        secrets: secretsLine(oldPath),
      };
    } finally {
      db.close();
    }
  } finally {
    old.close();
  }
}

/** What the old file holds, and how to be rid of it. */
export function secretsLine(oldPath: string): string {
  return (
    `${oldPath} and the -wal beside it hold keys in clear: provider keys in the records that it keeps, and the ` +
    'management key of an old CPA-Manager. Once you are sure that you do not want to go back: ' +
    'cpamp cleanup --old-volume'
  );
}

function fileLines(oldPath: string): TakeoverAttention[] {
  // The file is looked at, never opened: SQLite may have it open.
  return [oldPath, `${oldPath}-wal`]
    .filter((file) => ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0)
    .map((file) =>
      attention(
        'old_file_readable',
        `${file} can be read by others, and holds keys in clear: chmod 600 ${file}`,
      ),
    );
}

function compareEvents(
  old: Db,
  db: Db,
  schema: OldSchema,
  state: TakeoverState | null,
  { onProgress }: ReportOptions,
): Reconciled {
  return reconcile({
    compared: new OldEvents(old, schema, COMPARED_COLUMNS),
    whole: new OldEvents(old, schema),
    columns: columnsOf(schema, 'usage_events'),
    matcher: new EventMatcher(db),
    copiedTo: state === null ? 0 : state.endedAtMs === null ? state.position : Infinity,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}

function stateOf({ reasons, days }: Reconciled, state: TakeoverState | null): TakeoverReport['state'] {
  const found = new Set(reasons.map(({ reason }) => reason));
  if (found.has('not_copied') || (state !== null && state.endedAtMs === null)) return 'copying';
  if (found.has('missing')) return 'different';
  const whole = (state?.shortened ?? 0) === 0;
  return whole && found.size === 0 && days.every(({ equal }) => equal) ? 'equal' : 'explained';
}

function itemsOf(old: Db, db: Db, schema: OldSchema, belongings: OldBelongings): TakeoverItems[] {
  const { prices, aliases, refusedAliases, settings } = belongings;
  const pricesHere = new Map(readPriceRows(db).map(({ card }) => [card.model, ratesOf(card)]));
  const aliasesHere = new Map(readAliases(db).map(({ apiKeyHash, alias }) => [apiKeyHash, alias]));
  const sameOr = <T>(here: T | undefined, there: T): boolean => here === undefined || here === there;
  const saved = settingsHere(db, [...settings.rows.keys()]);
  const letters = countRows(old, schema, 'dead_letter_events') ?? 0;
  return [
    {
      what: 'model prices',
      old: prices.rows.length + prices.refused.length,
      now: prices.rows.filter(({ card }) => pricesHere.has(card.model)).length,
      changed: prices.rows.filter(({ card }) => !sameOr(pricesHere.get(card.model), ratesOf(card))).length,
    },
    {
      what: 'names of client keys',
      old: aliases.length + refusedAliases.length,
      now: aliases.filter(({ apiKeyHash }) => aliasesHere.has(apiKeyHash)).length,
      changed: aliases.filter(({ apiKeyHash, alias }) => !sameOr(aliasesHere.get(apiKeyHash), alias)).length,
    },
    { what: 'settings', old: settings.rows.size + settings.damaged.length, now: saved.size, changed: 0 },
    {
      what: 'records that could not be read',
      old: letters,
      now: letters === 0 ? 0 : lettersHere(old, db),
      changed: 0,
    },
  ];
}

/** What a price costs, whoever set it. */
function ratesOf(card: PriceCard): string {
  return JSON.stringify({ ...priceObjectFromCard(card), source: null, sourceModelId: null });
}

function switchedOffLines(old: Db, schema: OldSchema): TakeoverAttention[] {
  const { credentials, broken } = switchedOff(old, schema);
  return [
    ...credentials.map((off) => ({
      code: 'switched_off',
      message: describeSwitchedOff(off),
      dueAtMs: off.dueAtMs,
    })),
    ...broken.map((table) =>
      attention(
        'table_damaged',
        `${table} is damaged: more credentials may have been switched off than are named here.`,
      ),
    ),
  ];
}

function eventLines({ reasons, lost }: Reconciled, state: TakeoverState | null): TakeoverAttention[] {
  const rows = (reason: string): number => reasons.find((one) => one.reason === reason)?.rows ?? 0;
  const lines: TakeoverAttention[] = [];
  if (lost.length > 0) {
    const ranges = lost
      .slice(0, 5)
      .map(({ fromId, toId }) => (fromId === toId ? `${fromId}` : `${fromId} to ${toId}`));
    const more = lost.length > ranges.length ? ' and others' : '';
    lines.push(
      attention(
        'rows_lost',
        `${rows('lost')} events lie on damaged pages of the old file and could not be read (rowids ${ranges.join(', ')}${more}).`,
      ),
    );
  }
  const shortened = state?.shortened ?? 0;
  if (shortened > 0) {
    lines.push(
      attention(
        'rows_shortened',
        `${shortened} events are here with all their counts, but without a text that lies on damaged pages of the old file.`,
      ),
    );
  }
  if (rows('unreadable') > 0) {
    lines.push(
      attention('rows_unreadable', `${rows('unreadable')} rows have no hash or no time, and were left out.`),
    );
  }
  if (rows('missing') > 0) {
    lines.push(
      attention(
        'rows_missing',
        `${rows('missing')} events are not here: they were refused, or deleted here since.`,
      ),
    );
  }
  return lines;
}

function ownLines(
  db: Db,
  { settings, prices, aliases, refusedAliases, broken }: OldBelongings,
): TakeoverAttention[] {
  const lines: TakeoverAttention[] = [];
  if (settings.managementKey === 'left out') {
    lines.push(
      attention(
        'management_key_needed',
        'The saved CPA management key could not be opened. Enter it again: cpamp setup',
      ),
    );
  }
  if (settings.managementKey === 'kept sealed') {
    lines.push(
      attention(
        'data_key_needed',
        'The saved CPA management key needs data.key. Put it back, or run: cpamp setup --new-data-key',
      ),
    );
  }
  if (settings.address === 'without password') {
    lines.push(
      attention(
        'gateway_address',
        `The saved address of CLIProxyAPI had a user name or a password in it, which was left out: ${settings.gateway} is called. ` +
          'If something before it asks for them, give an address that works without: cpamp setup',
      ),
    );
  }
  if (settings.address === 'left out') {
    lines.push(
      attention(
        'gateway_address',
        'The saved address of CLIProxyAPI is none that can be called, and was left out. Enter it again: cpamp setup',
      ),
    );
  }
  for (const key of settings.damaged) {
    lines.push(attention('setting_damaged', `The setting ${key} could not be read and was left out.`));
  }
  for (const { model, why } of prices.refused) {
    lines.push(
      attention('price_refused', `The price of ${model || 'a model without a name'} was left out: ${why}`),
    );
  }
  for (const { model, why } of prices.withoutTiers) {
    lines.push(attention('price_tiers_refused', `The tiers of the price of ${model} were left out: ${why}`));
  }
  const here = new Map(readAliases(db).map(({ apiKeyHash, alias }) => [apiKeyHash, alias]));
  const names = new Set([...here.values()].map(foldAlias));
  for (const { apiKeyHash, alias } of aliases) {
    if (here.has(apiKeyHash)) continue;
    const key = `The client key ${apiKeyHash.slice(0, 8)}... was called ${alias} there`;
    const message = names.has(foldAlias(alias))
      ? `${key}; that name belongs to another key here.`
      : `${key}, and has no name here.`;
    lines.push(attention('alias_missing', message));
  }
  for (const hash of refusedAliases) {
    lines.push(
      attention(
        'alias_refused',
        `The name of the client key ${maskKey(hash)} was left out: it cannot be read.`,
      ),
    );
  }
  for (const table of broken)
    lines.push(attention('table_damaged', `${table} is damaged and may not be complete here.`));
  return lines;
}

function attention(code: string, message: string): TakeoverAttention {
  return { code, message, dueAtMs: null };
}

function leftBehind(old: Db, schema: OldSchema): TakeoverLeft[] {
  return LEFT.flatMap(([table, what]) => {
    const rows = countRows(old, schema, table) ?? 0;
    return rows === 0 ? [] : [{ table, what, rows }];
  });
}
