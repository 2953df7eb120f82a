import type { TakeoverReport } from '../contract/api/takeover.ts';
import type { TakeoverMark } from '../contract/takeover.ts';
import type { ImportOutcome, Writer } from '../contract/writer.ts';
import { createSecretBox } from '../secrets/secret-box.ts';
import type { EventBatch } from '../store/event-batch.ts';
import { ReadStore } from '../store/read-store.ts';
import { carryOver, gatewayOf } from './carry.ts';
import { copyApart, storeLetters } from './copy-apart.ts';
import type { CopyProgress, CopyResult } from './copy.ts';
import { reportApart } from './report-apart.ts';
import { secretsLine } from './report.ts';
import type { TakeoverDataKeys } from './takeover-keys.ts';

/** An old volume and where it goes. */
export interface Takeover extends TakeoverDataKeys {
  /** What the old database is read from: where it was moved aside to, or a view of it. */
  readonly readPath: string;
  /** Ours. */
  readonly dbPath: string;
  /** What its position is kept under: for a volume that was moved aside the name of its folder. */
  readonly source: string;
  readonly nowMs: number;
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Ends it early; it can be taken up again. */
  readonly signal: AbortSignal;
}

const BUSY_MS = 2000;

/**
 * Settings, log-in, prices and names, before the first event. Once events were copied all of it is here, and what was
 * changed or taken out since is not brought back. Our database has to be there. Answers the base URL of the gateway that
 * the events came from; `''` where it had none saved. Throws AppError; `database_locked` may be tried again.
 */
export function carryBelongings({
  readPath,
  dbPath,
  source,
  oldDataKey,
  dataKey,
  nowMs,
}: Pick<Takeover, 'readPath' | 'dbPath' | 'source' | 'oldDataKey' | 'dataKey' | 'nowMs'>): string {
  if (hasBegun(dbPath, source)) return gatewayOf(readPath);
  const boxOf = (key: Uint8Array | null): ReturnType<typeof createSecretBox> | null =>
    key === null ? null : createSecretBox(key);
  return carryOver({ oldPath: readPath, dbPath, oldBox: boxOf(oldDataKey), box: boxOf(dataKey), nowMs })
    .gateway;
}

function hasBegun(dbPath: string, source: string): boolean {
  const store = new ReadStore(dbPath, { beside: false, busyTimeoutMs: BUSY_MS });
  try {
    return store.takeover(source) !== null;
  } finally {
    store.close();
  }
}

export interface CopyEventsOptions extends Takeover {
  /** Base URL of the gateway that its events came from; `''`: unknown. */
  readonly gateway: string;
  readonly batchRows: number;
  readonly writer: Pick<Writer, 'commit' | 'gateway'>;
  readonly store: (batch: EventBatch, mark: TakeoverMark) => Promise<ImportOutcome>;
}

/** Events, then dead letters. What belongs to it has to be carried before, because events are priced with its prices. */
export async function copyEvents(options: CopyEventsOptions): Promise<CopyResult> {
  const { readPath, dbPath, source, gateway, nowMs, batchRows, writer, store, onProgress, signal } = options;
  const gatewayId = gateway === '' ? 0 : await writer.gateway(gateway);
  return await copyApart({
    oldPath: readPath,
    dbPath,
    source,
    gateway,
    nowMs,
    batchRows,
    store,
    storeLetters: (letters) => storeLetters(writer, gatewayId, letters),
    ...(onProgress === undefined ? {} : { onProgress }),
    signal,
  });
}

export interface CompareOptions extends Takeover {
  /** Where the old volume lies that `readPath` is a view of; the same by default. */
  readonly oldPath?: string;
  /** This process has a connection to our database already. */
  readonly beside: boolean;
}

/** The report. Rejects with an AppError, and with the reason of the signal. */
export async function compare(options: CompareOptions): Promise<TakeoverReport> {
  const { readPath, oldPath = readPath, dbPath, source, nowMs, oldDataKey, dataKey, beside } = options;
  const { onProgress, signal } = options;
  const report = await reportApart({
    oldPath: readPath,
    dbPath,
    beside,
    source,
    nowMs,
    oldDataKey,
    dataKey,
    ...(onProgress === undefined ? {} : { onProgress }),
    signal,
  });
  return oldPath === readPath ? report : ofPlace(report, readPath, oldPath);
}

/** A report on a view speaks of what it is a view of, which stays where it is. */
function ofPlace(report: TakeoverReport, readPath: string, oldPath: string): TakeoverReport {
  const attention = report.attention.map((one) => ({
    ...one,
    message: one.message.replaceAll(readPath, oldPath),
  }));
  const [clear = ''] = secretsLine(oldPath).split(' Once you are sure');
  const secrets = `${clear} Once you are sure that you do not need it any more, delete it.`;
  return { ...report, attention, oldPath, secrets };
}
