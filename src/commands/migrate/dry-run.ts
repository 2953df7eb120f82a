import { dirname } from 'node:path';
import { kindOf } from '../../lib/config/placement.ts';
import type { ImportOutcome } from '../../lib/contract/writer.ts';
import { copyApart } from '../../lib/migrate/copy-apart.ts';
import type { CopyResult } from '../../lib/migrate/copy.ts';
import type { Holder } from '../../lib/migrate/holders.ts';
import { spaceNeed, type SpaceNeed } from '../../lib/migrate/needs.ts';
import { volumeToCopy } from '../../lib/migrate/old-volume.ts';
import { whatIs } from '../../lib/migrate/start-state.ts';
import { Exit } from '../../lib/errors.ts';
import { modelSums, modelTable } from '../import/report.ts';
import { previewTarget } from '../import/target.ts';
import type { CliContext } from '../shared/context.ts';
import { count, counted, formatBytes, formatInstant } from '../shared/format.ts';
import { programName } from './name.ts';
import { nothingToTakeOver, type MigratePlaces } from './places.ts';
import { showing } from './progress.ts';
import type { Source } from './run.ts';
import { lookAtOld, withView, type Looked } from './view.ts';

interface Preview extends Looked {
  readonly oldPath: string;
  readonly inPlace: boolean;
  readonly copy: CopyResult;
  readonly space: SpaceNeed;
}

/** Reads everything, and changes no byte of anything. */
export async function previewTakeover(places: MigratePlaces, context: CliContext): Promise<void> {
  const preview = await look(places, context);
  const { copy, space, heldBy } = preview;
  if (copy.aborted) context.signal.throwIfAborted();
  await context.output.result(jsonOf(preview, places), () => describe(preview, places));
  if (heldBy !== null) context.exitWith(Exit.locked);
  else if (!space.enough) context.exitWith(Exit.failure);
  else if (copy.rejected > 0 || copy.lost.length > 0 || copy.shortened > 0) context.exitWith(Exit.partial);
}

async function look(places: MigratePlaces, context: CliContext): Promise<Preview> {
  const { config, from } = places;
  const { dbPath } = config;
  const { found } = await whatIs(dbPath, context.clock);
  const isOurs = found.kind === 'ours';
  const half = from === null && isOurs ? await volumeToCopy(dbPath) : null;
  if (from === null && half === null && (isOurs || found.kind === 'absent' || found.kind === 'empty')) {
    throw await nothingToTakeOver(places, context.cwd);
  }
  const oldPath = from ?? half?.dbPath ?? dbPath;
  // Of one that was moved aside it is known what it is, and a daemon may be reading it.
  const looked = half === null ? await lookAtOld(oldPath, context.clock) : { from: half.from, heldBy: null };
  const shared = looked.heldBy !== null;
  const copy = await withView(oldPath, dbPath, { shared }, (source) =>
    readThrough(half === null ? source : { ...source, name: half.name }, isOurs ? dbPath : null, context),
  );
  const space = await spaceNeed(existing(dirname(dbPath)), looked.from);
  return { ...looked, oldPath, inPlace: from === null, copy, space };
}

async function readThrough(
  { readPath, name }: Source,
  dbPath: string | null,
  context: CliContext,
): Promise<CopyResult> {
  const target = await previewTarget(dbPath);
  try {
    return await showing(context, 'Reading', (onProgress) =>
      copyApart({
        oldPath: readPath,
        // What was copied before is looked at once more, and counted as what is there already.
        dbPath: null,
        source: name,
        nowMs: context.clock.now(),
        gateway: '',
        batchRows: target.batchRows,
        store: (batch) => target.store(batch),
        storeLetters: async () => {},
        onProgress,
        signal: context.signal,
      }),
    );
  } finally {
    await target.close();
  }
}

function existing(folder: string): string {
  return kindOf(folder) === 'directory' || folder === dirname(folder) ? folder : existing(dirname(folder));
}

function lostRows({ lost }: CopyResult): number {
  return lost.reduce((sum, { fromId, toId }) => sum + toId - fromId + 1, 0);
}

function jsonOf({ from, heldBy, oldPath, inPlace, copy, space }: Preview, { config }: MigratePlaces): object {
  const { added, duplicates, fromMs, toMs } = copy.outcome;
  return {
    dry_run: true,
    old_path: oldPath,
    program: from.program,
    release: from.release,
    in_place: inPlace,
    db_path: config.dbPath,
    held_by: heldBy,
    added,
    duplicates,
    rejected: copy.rejected,
    lost_rowids: copy.lost,
    shortened: copy.shortened,
    dead_letters: copy.letters,
    from_ms: fromMs,
    to_ms: toMs,
    models: modelSums(copy.outcome.sums),
    needed_bytes: space.bytes,
    free_bytes: space.freeBytes,
    enough: space.enough,
  };
}

function describe(preview: Preview, { config }: MigratePlaces): string {
  const { from, heldBy, oldPath, inPlace, copy, space } = preview;
  const { added, duplicates, sums } = copy.outcome;
  const lines = [
    `${programName(from)}, ${oldPath}`,
    inPlace
      ? `It would be moved aside to pre-cpamp/ beside ${config.dbPath}, which would be a database of cpamp.`
      : `It would stay where it is; its events would be added to ${config.dbPath}.`,
    `${counted(added, 'event')} would be added${span(copy.outcome)}`,
    ...(duplicates > 0 ? [`${count(duplicates)} are there already, or twice in the old volume`] : []),
    ...(copy.rejected > 0 ? [`${count(copy.rejected)} have no hash or no time, and would be left out`] : []),
    ...(copy.lost.length > 0
      ? [`up to ${count(lostRows(copy))} lie on damaged pages and cannot be read`]
      : []),
    ...(copy.shortened > 0
      ? [`${count(copy.shortened)} would be taken without a text that lies on damaged pages`]
      : []),
    ...(copy.letters > 0
      ? [`${counted(copy.letters, 'record')} that it could not read would be tried again`]
      : []),
    `Needs up to ${formatBytes(space.bytes)}, and ${formatBytes(space.freeBytes)} are free${space.enough ? '' : ': too little'}.`,
    ...(heldBy === null ? [] : [heldLine(heldBy)]),
    ...(added > 0 ? ['', modelTable(sums)] : []),
  ];
  return `${lines.join('\n')}\n\nNothing was changed.`;
}

function span({ fromMs, toMs }: ImportOutcome): string {
  return fromMs === null || toMs === null ? '' : `, ${formatInstant(fromMs)} to ${formatInstant(toMs)}`;
}

function heldLine(heldBy: readonly Holder[]): string {
  const names = heldBy.map(({ pid, command }) => `process ${pid} (${command})`);
  return `The old program still has it open${names.length === 0 ? '' : `, in ${names.join(', ')}`}: stop it first.`;
}
