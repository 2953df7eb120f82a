import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openDatabase } from '../../src/lib/store/open.ts';
import { fileSource } from '../../src/lib/transfer/import/source.ts';
import { generate } from '../bench/generate.ts';
import { tempDir } from './daemon.ts';
import { EXPORTS, exportPath, importInto } from './importing.ts';
import { call, record, recordedCalls, storeCore } from './store-harness.ts';

/** A data directory with that many generated events with response headers, not stored in the order of their times. */
export function filledDir(t: TestContext, count: number, seed = 5, dataDir = tempDir(t)): string {
  const db = openDatabase(join(dataDir, 'usage.sqlite'), { mode: 'write' });
  db.pragma('synchronous = OFF');
  const core = storeCore(db);
  core.gateway('http://cpa:8317');
  const source = generate({ seed, startMs: Date.UTC(2026, 0, 1), everyMs: 60_000, headers: true });
  for (let done = 0; done < count; done += 1000) {
    const batch = Array.from({ length: Math.min(1000, count - done) }, () => {
      const { payload, atMs } = source.next().value;
      return record(payload, 1, atMs);
    });
    core.commit(batch.toReversed(), null);
  }
  db.close();
  return dataDir;
}

/** Texts that hurt where they are written without care. */
export const AWKWARD = [
  '=1+1',
  '+cmd|calc',
  '@SUM(A1)',
  '-2+3',
  '\tTab',
  'a "quoted", name',
  'two\r\nlines',
  '模型 é',
];

/** A data directory with every kind of event: recorded, generated, awkward, and imported from the older programs. */
export async function everyKindDir(t: TestContext, into = tempDir(t)): Promise<string> {
  const dataDir = filledDir(t, 300, 5, into);
  const dbPath = join(dataDir, 'usage.sqlite');
  const db = openDatabase(dbPath, { mode: 'write' });
  const core = storeCore(db);
  core.commit(recordedCalls(), null);
  const awkward = AWKWARD.map((text, at) =>
    record(
      call({
        timestamp: new Date(Date.UTC(2026, 5, 1, 0, 0, at)).toISOString(),
        model: text,
        alias: text,
        failed: true,
        fail: { status_code: 400, body: text },
      }),
    ),
  );
  const known = call({
    timestamp: '2026-06-02T00:00:00Z',
    account_snapshot: 'ann',
    auth_label_snapshot: 'Ann',
    auth_file_snapshot: 'codex-ann.json',
    auth_provider_snapshot: 'codex',
    auth_project_id_snapshot: 'p1',
    auth_snapshot_at_ms: 1_795_259_291_000,
    response_service_tier: 'priority',
    reasoning_effort: 'high',
  });
  core.commit([...awkward, record(known)], null);
  db.close();
  await importInto(t, dbPath, await Promise.all(EXPORTS.map((name) => fileSource(exportPath(name)))));
  return dataDir;
}
