import { dirname } from 'node:path';
import { takeOwnership } from '../config/data-dir.ts';
import { AppError } from '../errors.ts';
import { systemCode } from '../files.ts';
import { describeDatabase, type Description, type OldFacts } from '../store/old/describe.ts';
import { readMainFile, readWalHead, type Header } from '../store/old/header.ts';
import { APPLICATION_ID } from '../store/inspect.ts';
import { SCHEMA_VERSION } from '../store/migrations/index.ts';
import { lookAt, realDatabasePath } from './paths.ts';
import { openView } from './view.ts';

/** Who wrote a database file. */
export type Recognised =
  | { readonly kind: 'absent' }
  /** A file without a byte, as a mount or `touch` makes it. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'ours'; readonly schemaVersion: number; readonly age: 'older' | 'same' | 'newer' }
  | ({ readonly kind: 'old' } & OldFacts)
  /** Something else, which must not be touched. `detail` says what it is, as the end of a sentence. */
  | { readonly kind: 'foreign'; readonly detail: string }
  | { readonly kind: 'not-sqlite'; readonly detail: string }
  | { readonly kind: 'damaged'; readonly detail: string }
  /** Beside it lies a log (or journal) that is not its own. SQLite would delete it, with all that is in it. */
  | { readonly kind: 'stranger-log'; readonly detail: string };

export interface RecogniseOptions {
  /** Another process has it open: read as one of several, so that its log is not read while it changes. */
  readonly inUse?: boolean;
  /** Folders for links or copies besides the one of the database. */
  readonly scratch?: readonly string[];
}

/**
 * Says which program and which schema wrote a database, rows in its log included. Nothing of it changes, its times
 * neither, and nothing is left beside it. Only while this process has no connection to the file. Throws AppError where
 * it may not be read, or where there are neither links nor room for a copy.
 */
export async function recognise(dbPath: string, options: RecogniseOptions = {}): Promise<Recognised> {
  const path = await realDatabasePath(dbPath);
  const main = reading(path, () => readMainFile(path));
  const wal = `${path}-wal`;
  if (main.kind === 'absent' || main.kind === 'empty') {
    const log = [wal, `${path}-journal`].find((file) => (lookAt(file)?.size ?? 0) > 0);
    // The journal of an empty database may be ours: whoever opens it looks closer.
    if (log === wal) return { kind: 'stranger-log', detail: `${wal} lies there without its database` };
    return { kind: main.kind };
  }
  if (main.kind === 'not-a-file') return { kind: 'foreign', detail: 'it is not a file' };
  if (main.kind === 'not-sqlite') return { kind: 'not-sqlite', detail: main.detail };
  const { header } = main;
  const head = reading(wal, () => readWalHead(wal));
  if (head !== null) {
    const { pageSize, pageOne, pages } = head;
    const stranger =
      pageSize !== header.pageSize ||
      (pageOne !== null && isOurs(pageOne.applicationId) !== isOurs(header.applicationId)) ||
      (pages !== null && header.pages > 0 && pages !== header.pages);
    if (stranger) return { kind: 'stranger-log', detail: `${wal} is the log of another database` };
  }
  if (isOurs(header.applicationId)) return ours(head?.pageOne ?? header);
  return await ofAnother(path, options);
}

function ours({ userVersion }: Pick<Header, 'userVersion'>): Recognised {
  const newer = userVersion > SCHEMA_VERSION;
  const age = userVersion === SCHEMA_VERSION ? 'same' : newer ? 'newer' : 'older';
  return { kind: 'ours', schemaVersion: userVersion, age };
}

async function ofAnother(
  path: string,
  { inUse = false, scratch = [] }: RecogniseOptions,
): Promise<Recognised> {
  // With their index beside them too, SQLite shares the locks of whoever writes; else it makes one in the view.
  const suffixes = inUse ? ['', '-wal', '-shm'] : ['', '-wal'];
  const view = await openView(path, { suffixes, scratch });
  let description: Description;
  try {
    description = describeDatabase(view.path);
  } finally {
    await view.close();
  }
  if (description.kind === 'old') return { kind: 'old', ...description.facts };
  if (description.kind === 'damaged') return description;
  const { tables } = description;
  if (tables.length === 0) return { kind: 'foreign', detail: 'it is an SQLite database without a table' };
  const some = tables.slice(0, 3).join(', ');
  return {
    kind: 'foreign',
    detail: `it is the SQLite database of another program, with tables such as ${some}`,
  };
}

function isOurs(applicationId: number): boolean {
  return applicationId === APPLICATION_ID;
}

/** Says what cannot be read, and as whom. */
export function reading<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    const code = systemCode(error);
    const isOwned = code === 'EACCES' || code === 'EPERM';
    throw new AppError('data_dir_unusable', {
      detail: `${path} cannot be read (${code || String(error)}) as uid ${process.getuid?.() ?? '?'}`,
      hint: isOwned ? takeOwnership(dirname(path)) : `Look at the disk that holds ${dirname(path)}.`,
      cause: error,
    });
  }
}
