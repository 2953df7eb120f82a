import type { Position } from '../contract/inbox.ts';
import type { ContactState, GapOpen } from '../contract/writer.ts';
import type { Db } from './sqlite.ts';

/** Statements over the small tables that say where the collector stands. Each inside the caller's transaction. */
export function savePosition(db: Db, position: Position): void {
  db.prepare<[string, number]>(
    `INSERT INTO inbox_position (id, segment, seq) VALUES (1, ?, ?)
     ON CONFLICT (id) DO UPDATE SET segment = excluded.segment, seq = excluded.seq`,
  ).run(position.segment, position.seq);
}

export function readPosition(db: Db): Position | null {
  return db.prepare<[], Position>('SELECT segment, seq FROM inbox_position WHERE id = 1').get() ?? null;
}

export function saveContact(db: Db, state: ContactState): void {
  db.prepare<Array<number | null>>(
    `INSERT INTO contact_state (gateway_id, last_contact_ms, retention_seconds, alive_ms, clean_stop_ms)
     VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (gateway_id) DO UPDATE SET last_contact_ms = excluded.last_contact_ms,
       retention_seconds = excluded.retention_seconds, alive_ms = excluded.alive_ms,
       clean_stop_ms = excluded.clean_stop_ms`,
  ).run(state.gatewayId, state.lastContactMs, state.retentionSeconds, state.aliveMs, state.cleanStopMs);
}

export function readContact(db: Db, gatewayId: number): ContactState {
  const row = db
    .prepare<[number], ContactState>(
      `SELECT gateway_id AS gatewayId, last_contact_ms AS lastContactMs, retention_seconds AS retentionSeconds,
         alive_ms AS aliveMs, clean_stop_ms AS cleanStopMs FROM contact_state WHERE gateway_id = ?`,
    )
    .get(gatewayId);
  return row ?? { gatewayId, lastContactMs: null, retentionSeconds: null, aliveMs: null, cleanStopMs: null };
}

export function openGap(db: Db, gap: GapOpen): number {
  const result = db
    .prepare<Array<number | string | null>>(
      'INSERT INTO gap (gateway_id, from_ms, to_ms, cause, estimate, detail) VALUES (?, ?, ?, ?, ?, ?)',
    )
    .run(gap.gatewayId, gap.fromMs, gap.toMs, gap.cause, gap.estimate, gap.detail);
  return Number(result.lastInsertRowid);
}

export function closeGap(db: Db, id: number, toMs: number, estimate: number | null): void {
  db.prepare<Array<number | null>>('UPDATE gap SET to_ms = ?, estimate = ? WHERE id = ?').run(
    toMs,
    estimate,
    id,
  );
}

/** The id of the gateway with this base URL; made on first sight. */
export function gatewayId(db: Db, baseUrl: string, nowMs: number): { id: number; made: boolean } {
  const found = db
    .prepare<[string], number>('SELECT id FROM gateway WHERE base_url = ?')
    .pluck()
    .get(baseUrl);
  if (found !== undefined) return { id: found, made: false };
  const added = db
    .prepare<[string, number]>('INSERT INTO gateway (base_url, created_at_ms) VALUES (?, ?)')
    .run(baseUrl, nowMs);
  return { id: Number(added.lastInsertRowid), made: true };
}

/** The base URL of the one gateway that there is; `''` where there is none, or more than one. */
export function onlyGateway(db: Db): string {
  const urls = db.prepare<[], string>('SELECT base_url FROM gateway LIMIT 2').pluck().all();
  return urls.length === 1 ? (urls[0] ?? '') : '';
}

export function saveSettings(db: Db, rows: ReadonlyMap<string, string | null>, nowMs: number): void {
  const remove = db.prepare<[string]>('DELETE FROM settings WHERE key = ?');
  const save = db.prepare<[string, string, number]>(
    `INSERT INTO settings (key, value, updated_at_ms) VALUES (?, ?, ?)
     ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at_ms = excluded.updated_at_ms`,
  );
  for (const [key, value] of rows) {
    if (value === null) remove.run(key);
    else save.run(key, value, nowMs);
  }
}
