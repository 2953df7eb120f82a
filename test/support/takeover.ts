import fs from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { TakeoverReport } from '../../src/lib/contract/api/takeover.ts';
import { carryOver } from '../../src/lib/migrate/carry.ts';
import { copyApart, storeLetters, type CopyApartOptions } from '../../src/lib/migrate/copy-apart.ts';
import type { CopyResult } from '../../src/lib/migrate/copy.ts';
import { reportApart } from '../../src/lib/migrate/report-apart.ts';
import { parseDataKey } from '../../src/lib/secrets/data-key.ts';
import { createSecretBox } from '../../src/lib/secrets/secret-box.ts';
import { startWriter } from '../../src/lib/store/writer.ts';
import { RECEIVED_AT_MS, storeDir } from './store-harness.ts';

/** Data directories of the real programs, as they were when the program was killed. */
export const VOLUMES = ['cpa-manager-1.1.4', 'cpa-manager-2026-05-17', 'cpa-manager-plus-1.12.2'] as const;
export type VolumeName = (typeof VOLUMES)[number];

/** A copy of such a directory, gone after the test: opening changes it. */
export function volumeCopy(t: TestContext, name: VolumeName): string {
  const dir = path.join(storeDir(t), name);
  fs.cpSync(path.join(import.meta.dirname, '../fixtures/volumes', name), dir, { recursive: true });
  for (const file of fs.readdirSync(dir)) fs.chmodSync(path.join(dir, file), 0o600);
  return dir;
}

/** What is made for a volume that has none. */
export const NEW_DATA_KEY = Buffer.alloc(32, 3);

export function dataKeyOf(dir: string): Buffer {
  const file = path.join(dir, 'data.key');
  return (fs.existsSync(file) ? parseDataKey(fs.readFileSync(file)) : null) ?? NEW_DATA_KEY;
}

/** The database of a directory. */
export function databaseIn(dir: string): string {
  return path.join(dir, 'usage.sqlite');
}

/** Settings, prices and names, then the events: what a takeover does with an old volume. */
export async function takeOver(
  oldDir: string,
  dbPath: string,
  options: Partial<CopyApartOptions> = {},
): Promise<CopyResult> {
  const oldPath = databaseIn(oldDir);
  const dataKey = dataKeyOf(oldDir);
  const box = createSecretBox(dataKey);
  const { gateway } = carryOver({ oldPath, dbPath, oldBox: box, box, nowMs: RECEIVED_AT_MS });
  const writer = await startWriter({ dbPath, dataKey });
  try {
    const gatewayId = gateway === '' ? 0 : await writer.gateway(gateway);
    return await copyApart({
      oldPath,
      dbPath,
      source: 'volume',
      gateway,
      nowMs: RECEIVED_AT_MS,
      batchRows: 8,
      store: (batch, mark) => writer.importEvents(batch, { maxRows: 3, maxMs: 1000, pause: false }, mark),
      storeLetters: (letters) => storeLetters(writer, gatewayId, letters),
      signal: new AbortController().signal,
      ...options,
    });
  } finally {
    await writer.close();
  }
}

export function reportOf(oldDir: string, dbPath: string, source = 'volume'): Promise<TakeoverReport> {
  const dataKey = dataKeyOf(oldDir);
  return reportApart({
    oldPath: databaseIn(oldDir),
    dbPath,
    beside: false,
    source,
    oldDataKey: dataKey,
    dataKey,
    nowMs: RECEIVED_AT_MS,
    signal: new AbortController().signal,
  });
}
