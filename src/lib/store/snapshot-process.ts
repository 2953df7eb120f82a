import Database from 'better-sqlite3';
import { inspectDatabase, refuseForeign } from './inspect.ts';
import { SCHEMA_VERSION } from './migrations/index.ts';
import type { Proof, SnapshotAnswer, SnapshotTask } from './snapshot-protocol.ts';
import { endEverySession } from './session-store.ts';
import { guarded, toStoreError, type Db } from './sqlite.ts';
import { readPosition } from './state-store.ts';
import { packError } from './writer-protocol.ts';

/** Somebody else may be writing the schema, or recovering the log. */
const BUSY_MS = 5_000;

/** Of any schema that this program knows: a copy is wanted most before an upgrade. Throws AppError. */
function open(path: string, readonly: boolean): Db {
  refuseForeign(
    path,
    guarded(() => inspectDatabase(path)),
    SCHEMA_VERSION,
  );
  return guarded(() => new Database(path, { readonly, fileMustExist: true, timeout: BUSY_MS }));
}

function copy(from: string, to: string): SnapshotAnswer {
  const db = open(from, true);
  try {
    db.prepare<[string]>('VACUUM INTO ?').run(to);
    return { kind: 'copied' };
  } catch (error) {
    const detail = damage(error);
    if (detail === null) throw error;
    return { kind: 'damaged', detail };
  } finally {
    db.close();
  }
}

/** What SQLite says of bytes that are no sound database; `null`: the error is another. */
function damage(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return /^SQLITE_(?:CORRUPT|NOTADB|ERROR|CONSTRAINT)/.test(String(error.code)) ? error.message : null;
}

/** The first thing that is wrong; `null`: nothing is. */
function fault(db: Db): string | null {
  const rows = db.prepare<[], string>('PRAGMA integrity_check(1)').pluck().all();
  const [first = 'it says nothing'] = rows;
  return first === 'ok' ? null : first.replaceAll(/\s+/g, ' ');
}

function prove(path: string, settle: boolean): SnapshotAnswer {
  const db = open(path, !settle);
  try {
    if (settle) {
      db.pragma('wal_checkpoint(TRUNCATE)');
      db.pragma('journal_mode = DELETE');
    }
    let wrong = fault(db);
    const repaired = settle && wrong !== null;
    if (repaired) {
      // Indexes can be made anew from the rows; where it is the rows that are damaged, this changes nothing.
      db.exec('REINDEX');
      wrong = fault(db);
    }
    if (wrong !== null) return { kind: 'damaged', detail: wrong };
    return { kind: 'proven', proof: { ...contents(db), repaired } };
  } catch (error) {
    const detail = damage(error);
    if (detail === null) throw error;
    return { kind: 'damaged', detail };
  } finally {
    db.close();
  }
}

function contents(db: Db): Omit<Proof, 'repaired'> {
  const count = (sql: string): number => db.prepare<[], number>(sql).pluck().get() ?? 0;
  const rows = db.prepare<[], { key: string; value: string }>('SELECT key, value FROM settings').all();
  const settings = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  return {
    schemaVersion: Number(db.pragma('user_version', { simple: true })),
    databaseId: settings['database_id'] ?? '',
    events: count('SELECT count(*) FROM event'),
    deadLetters: count('SELECT count(*) FROM dead_letter'),
    position: readPosition(db),
    settings,
  };
}

function endSessions(path: string): SnapshotAnswer {
  const db = open(path, false);
  try {
    endEverySession(db);
    return { kind: 'ended' };
  } finally {
    db.close();
  }
}

function work(task: SnapshotTask): SnapshotAnswer {
  if (task.kind === 'copy') return copy(task.from, task.to);
  return task.kind === 'prove' ? prove(task.path, task.settle) : endSessions(task.path);
}

function answer(task: SnapshotTask): SnapshotAnswer {
  try {
    return work(task);
  } catch (error) {
    return { kind: 'failed', error: packError(toStoreError(error)) };
  }
}

// A terminal sends its signals to this process as well. Whoever started it decides, and ends it by force: a statement
// that runs cannot be interrupted.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
process.once('message', (task: SnapshotTask) => {
  process.send?.(answer(task), () => process.disconnect());
});
