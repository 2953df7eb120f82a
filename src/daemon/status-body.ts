import type { Gap } from '../lib/contract/transport.ts';
import { JOURNAL_SIZE_LIMIT } from '../lib/store/open.ts';
import type { CollectorStatus } from './collector/collector.ts';
import { SERVICE } from './routes/health.ts';
import type { DaemonContext } from './services.ts';

/** The newest gaps; older ones are in the database. */
const GAPS_SHOWN = 100;

/** Nothing is ever left over for an offline command to do: kept for clients that look at it. */
export const MAINTENANCE = {
  required: false,
  performanceDegraded: false,
  deferredIndexes: 0,
  offlineJobs: 0,
  reasons: [] as string[],
} as const;

/** The same for a migration of the program whose place we take. */
const MIGRATION = {
  name: 'usage_cache_accounting_v2',
  status: 'completed',
  lastEventId: 0,
  targetEventId: 0,
  processedRows: 0,
  changedRows: 0,
  appliedRows: 0,
  updatedAtMs: 0,
} as const;

/** The same for figures of checkpoints: the writer makes them in idle time and keeps none. */
const CHECKPOINT = {
  mode: 'pending',
  busy: 0,
  logFrames: 0,
  checkpointedFrames: 0,
  executedAtMs: 0,
  durationMs: 0,
} as const;

/** What a collector that cannot exist, because the data key is locked, would say. */
const IDLE: CollectorStatus = {
  state: 'stopped',
  upstream: '',
  mode: 'auto',
  transport: '',
  lastConsumedAt: null,
  lastInsertedAt: null,
  totalInserted: 0,
  totalSkipped: 0,
  lastError: '',
  gateway: null,
};

/**
 * What `/status`, its twin and the control socket answer. Throws `starting`, `taking_over` or `database_locked` until the
 * database is open.
 */
export function statusBody(context: DaemonContext) {
  const services = context.services();
  const { store, collector, settings, inbox } = services;
  const { events } = store.totals();
  const deadLetters = store.deadLetterCount();
  const now = collector?.status() ?? IDLE;
  const size = store.sizes();
  const lastInsertedAt = now.lastInsertedAt ?? store.lastInsertedMs();
  return {
    service: SERVICE,
    product: 'cpamp',
    version: context.version,
    startedAt: context.startedAtMs,
    configured: settings.configured,
    eventCount: events,
    events,
    deadLetters,
    // Before the first record of this process, what is stored tells: it was consumed right before.
    lastConsumedAt: now.lastConsumedAt ?? lastInsertedAt,
    lastInsertedAt,
    dbPath: context.config.dbPath,
    collector: {
      collector: now.state,
      upstream: now.upstream,
      mode: settings.effective.collector.mode,
      transport: now.transport,
      queue: settings.effective.collector.queue,
      lastConsumedAt: now.lastConsumedAt ?? 0,
      lastInsertedAt: now.lastInsertedAt ?? 0,
      totalInserted: now.totalInserted,
      totalSkipped: now.totalSkipped,
      deadLetters,
      lastError: now.lastError,
    },
    health: context.board.health(),
    gaps: store.gaps(GAPS_SHOWN).map(gapAnswer),
    spool: inbox?.status() ?? null,
    cpa: now.gateway && {
      version: now.gateway.version,
      usageStatisticsEnabled: now.gateway.usageStatisticsEnabled,
      retentionSeconds: now.gateway.retentionSeconds,
    },
    database: {
      databaseBytes: size.databaseBytes,
      walBytes: size.walBytes,
      shmBytes: size.shmBytes,
      totalBytes: size.databaseBytes + size.walBytes + size.shmBytes,
      journalSizeLimitBytes: JOURNAL_SIZE_LIMIT,
      checkpoint: CHECKPOINT,
    },
    runtime: context.runtime.read(),
    takeover: context.takeover.status(),
    databaseMaintenance: MAINTENANCE,
    dataMigration: MIGRATION,
  };
}

function gapAnswer({ id, fromMs, toMs, cause, estimate, detail }: Gap) {
  return { id, fromMs, toMs, cause, estimate, detail };
}
