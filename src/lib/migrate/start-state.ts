import type { Clock } from '../contract/clock.ts';
import { AppError } from '../errors.ts';
import { newer, APPLICATION_ID } from '../store/inspect.ts';
import { SCHEMA_VERSION } from '../store/migrations/index.ts';
import type { OldFacts } from '../store/old/describe.ts';
import { readMainFile } from '../store/old/header.ts';
import type { MoveHooks } from './file-moves.ts';
import { finishMoves } from './finish-moves.ts';
import type { Holder } from './holders.ts';
import { probeDatabase, type Claim } from './in-use.ts';
import { volumeToCopy, type OldVolume } from './old-volume.ts';
import { realDatabasePath } from './paths.ts';
import { reading, recognise, type Recognised } from './recognise.ts';

/** What a start finds at the place of its database. */
export type StartState =
  /** No database, or a file without a byte: ours can be made there. */
  | { readonly kind: 'none' }
  /** Ours. `toCopy` is the old volume that is not wholly in it yet. */
  | { readonly kind: 'ours'; readonly age: 'older' | 'same'; readonly toCopy: OldVolume | null }
  /** That of an older program, to be moved aside. `heldBy` is null when nobody has it open, else those known. */
  | { readonly kind: 'old'; readonly from: OldFacts; readonly heldBy: readonly Holder[] | null }
  /** That of an older program, because a rollback that was cut short has just been finished: nobody wants it moved. */
  | { readonly kind: 'returned'; readonly from: OldFacts };

/**
 * Finishes what was cut short, then says what there is. Call it with the serve lock held and before anything of this
 * process opens the database; it leaves no trace in an old one. Throws `database_foreign` and `database_newer` for what
 * must not be touched, `takeover_stuck`, and `data_dir_unusable`.
 */
export async function startState(
  dbPath: string,
  options: { readonly clock: Clock } & MoveHooks,
): Promise<StartState> {
  const finished = await finishMoves(dbPath, options);
  const { found, heldBy } = await whatIs(dbPath, options.clock);
  if (found.kind === 'absent' || found.kind === 'empty') return { kind: 'none' };
  if (found.kind === 'ours' && found.age !== 'newer') {
    return { kind: 'ours', age: found.age, toCopy: await volumeToCopy(dbPath) };
  }
  if (found.kind !== 'old') throw refusal(dbPath, found);
  const { kind: _, ...from } = found;
  return finished.some(({ outcome }) => outcome === 'returned')
    ? { kind: 'returned', from }
    : { kind: 'old', from, heldBy };
}

/** Recognises a database, and says who has it open; null: nobody. */
export async function whatIs(
  dbPath: string,
  clock: Clock,
): Promise<{ readonly found: Recognised; readonly heldBy: readonly Holder[] | null }> {
  const place = await realDatabasePath(dbPath);
  const main = reading(place, () => readMainFile(place));
  const isAnother = main.kind === 'sqlite' && main.header.applicationId !== APPLICATION_ID;
  const claim = isAnother ? await probeOrNull(dbPath, clock) : null;
  const heldBy = claim?.kind === 'in-use' ? claim.holders : null;
  return { found: await recognise(dbPath, { inUse: heldBy !== null }), heldBy };
}

/** Null for a file that SQLite cannot lock, because its first page is damaged. */
async function probeOrNull(dbPath: string, clock: Clock): Promise<Claim | null> {
  try {
    return await probeDatabase(dbPath, { clock });
  } catch (error) {
    if (error instanceof AppError) throw error;
    return null;
  }
}

/** Why a database is neither opened nor taken over. */
export function refusal(
  dbPath: string,
  found: Exclude<Recognised, { kind: 'old' | 'absent' | 'empty' }>,
): AppError {
  if (found.kind === 'ours') return newer(dbPath, found.schemaVersion, SCHEMA_VERSION);
  if (found.kind === 'damaged') {
    return new AppError('database_foreign', {
      detail: `${dbPath} is damaged: ${found.detail}`,
      hint: 'It was left untouched. Put a backup in its place, or name another file with USAGE_DB_PATH.',
    });
  }
  if (found.kind === 'stranger-log') {
    return new AppError('database_foreign', {
      detail: found.detail,
      hint: 'Put the database it belongs to back beside it, or move it elsewhere: SQLite would delete it with all that is in it.',
    });
  }
  return new AppError('database_foreign', {
    detail: `${dbPath}: ${found.detail}`,
    hint: 'It was left untouched. Name another file with USAGE_DB_PATH, or another folder with USAGE_DATA_DIR.',
  });
}
