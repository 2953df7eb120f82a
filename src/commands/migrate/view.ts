import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../lib/contract/clock.ts';
import { AppError } from '../../lib/errors.ts';
import type { Holder } from '../../lib/migrate/holders.ts';
import { inUse } from '../../lib/migrate/in-use-error.ts';
import { refusal, whatIs } from '../../lib/migrate/start-state.ts';
import { openView } from '../../lib/migrate/view.ts';
import type { OldFacts } from '../../lib/store/old/describe.ts';
import type { Source } from './run.ts';

/** An old volume that stays where it is. */
export interface Looked {
  readonly from: OldFacts;
  /** Who has it open; null: nobody. */
  readonly heldBy: readonly Holder[] | null;
}

/** Says what lies at a path. Throws for anything but a database of an older program. */
export async function lookAtOld(path: string, clock: Clock): Promise<Looked> {
  const { found, heldBy } = await whatIs(path, clock);
  if (found.kind === 'old') {
    const { kind: _, ...from } = found;
    return { from, heldBy };
  }
  if (found.kind === 'absent' || found.kind === 'empty') {
    throw new AppError('no_such_thing', { detail: `there is no database at ${path}` });
  }
  if (found.kind === 'ours' && found.age !== 'newer') {
    throw new AppError('wrong_usage', {
      detail: `${path} is a database of cpamp, not of an older program`,
      hint: 'Its events go from one database to the other with: cpamp export, then cpamp import.',
    });
  }
  throw refusal(path, found);
}

/**
 * Reads an old volume without moving or changing it: `work` gets a view of it. `beside` is a folder for the view where the
 * volume cannot be written. Rejects with `old_program_running` when it changed meanwhile.
 */
export async function withView<T>(
  path: string,
  beside: string,
  { shared = false }: { readonly shared?: boolean },
  work: (source: Source) => Promise<T>,
): Promise<T> {
  const before = figures(path);
  // With the index of the log too, its locks are shared with a program that writes.
  const suffixes = shared ? ['', '-wal', '-shm'] : ['', '-wal'];
  const view = await openView(path, { suffixes, scratch: [dirname(beside)] });
  try {
    const result = await work({ oldPath: path, readPath: view.path, name: `from ${path}` });
    if (!shared && figures(path) !== before) throw inUse(`${path}, which changed meanwhile`, []);
    return result;
  } finally {
    await view.close();
  }
}

/** What changes when somebody writes. */
function figures(path: string): string {
  return [path, `${path}-wal`]
    .map((file) => statSync(file, { throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? '-' : `${stat.ino}/${stat.size}/${stat.mtimeMs}`))
    .join(' ');
}
