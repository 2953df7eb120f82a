import type { TakeoverMark } from '../../lib/contract/takeover.ts';
import type { ImportOutcome, ImportPace, Writer } from '../../lib/contract/writer.ts';
import { readLockHolder, serveLockPath } from '../../lib/lock.ts';
import type { EventBatch } from '../../lib/store/event-batch.ts';
import { openDatabase } from '../../lib/store/open.ts';
import { onlyGateway } from '../../lib/store/state-store.ts';
import { startWriter } from '../../lib/store/writer.ts';

/** Where events go. */
export interface ImportTarget {
  /** Base URL of the one gateway that is known there; `''` without one, or with several. */
  readonly gateway: string;
  readonly batchRows: number;
  store(batch: EventBatch): Promise<ImportOutcome>;
  close(): Promise<void>;
}

/** The most that a transaction takes while a daemon waits for the same lock. */
const BESIDE: ImportPace = { maxRows: 1000, maxMs: 15, pause: true };
/** Each transaction waits for the disk once, so few large ones are quicker. */
const ALONE: ImportPace = { maxRows: 4000, maxMs: 500, pause: false };
const BATCH_ROWS = 1000;
const LOOK_EVERY_MS = 1000;
const BUSY_TIMEOUT_MS = 2000;
/** How long a transaction may wait for a lock: a daemon holds it for moments, another program perhaps longer. */
const PATIENCE_MS = 60_000;

export interface TargetOptions {
  /** What dead letters are encrypted with; null: they are not there. */
  readonly dataKey: Uint8Array | null;
  /** This process holds the lock of the daemon itself. */
  readonly alone: boolean;
}

/** A target that takes an old volume as well. */
export interface VolumeTarget extends ImportTarget {
  readonly writer: Writer;
  store(batch: EventBatch, mark?: TakeoverMark): Promise<ImportOutcome>;
}

/** The database, made if need be. Rejects with what `openDatabase` throws. */
export async function openTarget(
  dbPath: string,
  { dataKey, alone }: TargetOptions = { dataKey: null, alone: false },
): Promise<VolumeTarget> {
  const db = openDatabase(dbPath, { mode: 'write', busyTimeoutMs: BUSY_TIMEOUT_MS });
  const gateway = onlyGateway(db);
  db.close();
  const lockPath = await serveLockPath(dbPath);
  const writer = await startWriter({ dbPath, dataKey, patienceMs: PATIENCE_MS });
  let pace = alone ? ALONE : BESIDE;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    gateway,
    batchRows: BATCH_ROWS,
    writer,
    store: async (batch, mark) => {
      if (!alone && performance.now() - lookedAt > LOOK_EVERY_MS) {
        lookedAt = performance.now();
        // It may start or end meanwhile. Who is wrong about it makes it wait a little, no more.
        pace = (await readLockHolder(lockPath)) === null ? ALONE : BESIDE;
      }
      return writer.importEvents(batch, pace, mark);
    },
    close: () => writer.close(),
  };
}

/** Stores nothing. `dbPath` is null where there is no database yet. */
export async function previewTarget(dbPath: string | null): Promise<ImportTarget> {
  // Prices take 20 MB, and where events are stored it is another thread that needs them.
  const [{ createStandardPricing }, { ImportPreview }] = await Promise.all([
    import('../../lib/pricing/standard-pricing.ts'),
    import('../../lib/store/import-preview.ts'),
  ]);
  const preview = new ImportPreview(dbPath, createStandardPricing(), BUSY_TIMEOUT_MS);
  return {
    gateway: '',
    batchRows: BATCH_ROWS,
    store: async (batch) => preview.store(batch),
    close: async () => preview.close(),
  };
}
