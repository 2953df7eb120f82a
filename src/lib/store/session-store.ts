import type BetterSqlite3 from 'better-sqlite3';
import type { StoredSession } from '../contract/writer.ts';
import type { Db } from './sqlite.ts';

/** Statements over the logins of browsers. Each that writes runs inside the caller's transaction. */
export function saveSession(db: Db, session: StoredSession): void {
  db.prepare<[Uint8Array, string, number, number, number]>(
    `INSERT INTO session (token_hash, credential, created_at_ms, expires_at_ms, last_used_ms)
     VALUES (?, ?, ?, ?, ?)`,
  ).run(session.tokenHash, session.credential, session.createdAtMs, session.expiresAtMs, session.lastUsedMs);
}

export function touchSession(db: Db, tokenHash: Uint8Array, lastUsedMs: number, expiresAtMs: number): void {
  db.prepare<[number, number, Uint8Array]>(
    'UPDATE session SET last_used_ms = ?, expires_at_ms = ? WHERE token_hash = ?',
  ).run(lastUsedMs, expiresAtMs, tokenHash);
}

export function endSession(db: Db, tokenHash: Uint8Array): void {
  db.prepare<[Uint8Array]>('DELETE FROM session WHERE token_hash = ?').run(tokenHash);
}

export function pruneSessions(db: Db, credential: string, nowMs: number): void {
  db.prepare<[number, string]>('DELETE FROM session WHERE expires_at_ms <= ? OR credential <> ?').run(
    nowMs,
    credential,
  );
}

/** Of a database of any schema: the first ones had no sessions. */
export function endEverySession(db: Db): void {
  const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'session'").get();
  if (table !== undefined) db.prepare('DELETE FROM session').run();
}

/** One row by its key. */
export function sessionReader(db: Db): BetterSqlite3.Statement<[Uint8Array], StoredSession> {
  return db.prepare<[Uint8Array], StoredSession>(
    `SELECT token_hash AS tokenHash, credential, created_at_ms AS createdAtMs, expires_at_ms AS expiresAtMs,
       last_used_ms AS lastUsedMs FROM session WHERE token_hash = ?`,
  );
}
