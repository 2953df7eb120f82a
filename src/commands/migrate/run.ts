import type { StartConfig } from '../../lib/config/start-config.ts';
import type { TakeoverReport } from '../../lib/contract/api/takeover.ts';
import { carryBelongings, compare, copyEvents } from '../../lib/migrate/run-takeover.ts';
import { makeDataKeys, type TakeoverDataKeys } from '../../lib/migrate/takeover-keys.ts';
import { openTarget } from '../import/target.ts';
import type { CliContext } from '../shared/context.ts';
import { showing } from './progress.ts';

/** One old volume. */
export interface Source {
  /** Where it lies, or lay, with its data key beside it. */
  readonly oldPath: string;
  /** What it is read from. */
  readonly readPath: string;
  /** What its position is kept under. */
  readonly name: string;
}

/** Carries and copies a volume to its end. False: a signal ended it before. */
export async function copyVolumeOf(
  config: StartConfig,
  source: Source,
  alone: boolean,
  context: CliContext,
): Promise<boolean> {
  const nowMs = context.clock.now();
  const { dbPath } = config;
  const { readPath } = source;
  const keys = await makeDataKeys(config, source.oldPath, nowMs);
  const gateway = carryBelongings({ readPath, dbPath, source: source.name, ...keys, nowMs });
  const target = await openTarget(dbPath, { dataKey: keys.dataKey, alone });
  try {
    const { aborted } = await showing(context, 'Copying', (onProgress) =>
      copyEvents({
        readPath,
        dbPath,
        source: source.name,
        ...keys,
        nowMs,
        gateway: gateway === '' ? target.gateway : gateway,
        batchRows: target.batchRows,
        writer: target.writer,
        store: (batch, mark) => target.store(batch, mark),
        onProgress,
        signal: context.signal,
      }),
    );
    return !aborted;
  } finally {
    await target.close();
  }
}

/** Compares a volume with our database. */
export async function compareVolume(
  { dbPath }: StartConfig,
  source: Source,
  keys: TakeoverDataKeys,
  context: CliContext,
): Promise<TakeoverReport> {
  return await showing(context, 'Comparing', (onProgress) =>
    compare({
      ...keys,
      readPath: source.readPath,
      oldPath: source.oldPath,
      dbPath,
      source: source.name,
      beside: false,
      nowMs: context.clock.now(),
      onProgress,
      signal: context.signal,
    }),
  );
}

/** What is said when a signal ended it. */
export function tellInterrupted(context: CliContext, again: string): void {
  if (context.endedBy?.cause === 'pipe') return;
  context.output.warn(`Interrupted. ${again}`);
}
