import { statSync } from 'node:fs';
import { mergeSettings, readSaved } from './config/effective.ts';
import { savedRows } from './config/settings-rows.ts';
import type { StartConfig } from './config/start-config.ts';
import type { ReportReason, StatusReport } from './contract/api/report.ts';
import { askDaemon, type ControlAnswer } from './control.ts';
import { AppError } from './errors.ts';
import { diagnose } from './gateway/diagnoses.ts';
import { readLockHolder, serveLockPath, type LockHolder } from './lock.ts';
import { keySources } from './secrets/key-sources.ts';
import { findDataKey } from './secrets/prepare-keys.ts';
import { spoolSegments } from './spool.ts';
import { ReadStore } from './store/read-store.ts';
import { VERSION } from './version.ts';

const GAPS_SHOWN = 100;

export interface ReportOptions {
  /** Epoch ms. */
  readonly nowMs: number;
  readonly signal?: AbortSignal;
}

/**
 * How it goes: as the daemon says when it runs, else as the file shows. Throws what reading the file throws
 * (`database_locked`, `database_foreign`, `database_failed`); a daemon that does not answer is a reason, and no error.
 */
export async function reportStatus(config: StartConfig, options: ReportOptions): Promise<StatusReport> {
  let silence: ReportReason | null = null;
  let answer: ControlAnswer | null = null;
  try {
    answer = await askDaemon(config.dbPath, 'status', options.signal);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    silence = { ...reason('daemon_silent', 'degraded', sentence(error.message), error.hint) };
  }
  if (answer?.ok === true && isBody(answer.result)) {
    return { ...answer.result, from: 'daemon', pid: answer.pid };
  }
  if (answer?.ok === true) {
    silence = reason('daemon_silent', 'degraded', 'The daemon answers as another version does.', RESTART);
  }
  if (answer?.ok === false) return notReady(config, answer);
  const holder = await readLockHolder(await serveLockPath(config.dbPath));
  return fromFile(config, options, holder, silence);
}

const RESTART = 'Restart the daemon, so that it is the version of this command.';

function reason(code: string, level: ReportReason['level'], message: string, fix: string): ReportReason {
  return { code, level, since: null, message, fix };
}

/** A daemon that runs and cannot read its database yet, or any more. */
function notReady(config: StartConfig, answer: ControlAnswer & { ok: false }): StatusReport {
  const { health } = answer;
  const own = reason(answer.code, 'degraded', sentence(answer.error), answer.hint);
  const told = health.reasons.some(({ code }) => code === answer.code);
  return {
    ...nothingKnown(config),
    from: 'daemon',
    pid: answer.pid,
    health: {
      state: health.state === 'ok' ? 'degraded' : health.state,
      reasons: told ? health.reasons : [own, ...health.reasons],
    },
  };
}

async function fromFile(
  config: StartConfig,
  { nowMs }: ReportOptions,
  holder: LockHolder | null,
  silence: ReportReason | null,
): Promise<StatusReport> {
  const store = new ReadStore(config.dbPath, { beside: false, busyTimeoutMs: 250 });
  try {
    const key = await findDataKey(keySources(config, store, nowMs));
    const rows = savedRows((name) => store.setting(name));
    const effective = mergeSettings(config, readSaved(rows), key.kind === 'open' ? key.box : null);
    const configured = effective.baseUrl !== '' && effective.managementKey !== 'none';
    const lastInsertedAt = store.lastInsertedMs();
    const size = store.sizes();
    const reasons = [
      ...(silence ? [silence] : holder ? [noSocket(holder)] : [STOPPED]),
      ...(configured ? [] : [withoutTime('not_configured')]),
      ...(key.kind === 'locked' ? [withoutTime('locked_data_key', key.error.message)] : []),
      ...(effective.monitoring ? [] : [withoutTime('monitoring_off')]),
    ];
    const down = reasons.some(({ level }) => level === 'down');
    return {
      ...nothingKnown(config),
      pid: holder?.pid ?? null,
      configured,
      eventCount: store.totals().events,
      deadLetters: store.deadLetterCount(),
      lastConsumedAt: lastInsertedAt,
      lastInsertedAt,
      collector: { ...IDLE, upstream: effective.baseUrl, mode: effective.collector.mode },
      health: { state: down ? 'down' : 'degraded', reasons },
      gaps: store.gaps(GAPS_SHOWN).map(({ id, fromMs, toMs, cause, estimate, detail }) => ({
        id,
        fromMs,
        toMs,
        cause,
        estimate,
        detail,
      })),
      database: {
        databaseBytes: size.databaseBytes,
        walBytes: size.walBytes,
        totalBytes: size.databaseBytes + size.walBytes + size.shmBytes,
      },
    };
  } finally {
    store.close();
  }
}

const STOPPED = reason(
  'daemon_stopped',
  'down',
  'No daemon runs on this database, so nothing is collected.',
  'Start it: cpamp serve',
);

function noSocket(holder: LockHolder): ReportReason {
  const since = new Date(holder.sinceMs).toISOString();
  return {
    ...reason(
      'daemon_silent',
      'degraded',
      `A daemon holds this database (process ${holder.pid} on ${holder.host}, since ${since}), and has no socket to ask it on.`,
      'Ask it over HTTP: GET /status. Its log tells why there is no socket.',
    ),
    since: holder.sinceMs,
  };
}

function withoutTime(
  code: 'not_configured' | 'locked_data_key' | 'monitoring_off',
  detail = '',
): ReportReason {
  const { level, message, fix } = diagnose(code, 0, { detail });
  return { code, level, since: null, message, fix };
}

const IDLE = {
  collector: 'stopped',
  upstream: '',
  mode: '',
  transport: '',
  totalInserted: 0,
  totalSkipped: 0,
  lastError: '',
} as const;

function nothingKnown(config: StartConfig): StatusReport {
  const bytes = spoolSegments(config.dbPath).map(
    (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
  );
  return {
    from: 'file',
    pid: null,
    version: VERSION,
    configured: false,
    eventCount: 0,
    deadLetters: 0,
    lastConsumedAt: null,
    lastInsertedAt: null,
    collector: IDLE,
    health: { state: 'down', reasons: [] },
    gaps: [],
    spool: { records: null, bytes: bytes.reduce((sum, size) => sum + size, 0), state: 'ok' },
    cpa: null,
    takeover: null,
    dbPath: config.dbPath,
    database: { databaseBytes: 0, walBytes: 0, totalBytes: 0 },
  };
}

/** Whether it is the body of a status, as far as anybody here reads it. */
function isBody(value: unknown): value is Omit<StatusReport, 'from' | 'pid'> {
  if (typeof value !== 'object' || value === null) return false;
  const keys = ['version', 'configured', 'eventCount', 'collector', 'health', 'gaps', 'database', 'dbPath'];
  return keys.every((key) => key in value);
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
