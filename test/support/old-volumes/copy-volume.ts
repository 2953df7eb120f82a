import fs from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { TakeoverReport } from '../../../src/lib/contract/api/takeover.ts';
import { carryOver } from '../../../src/lib/migrate/carry.ts';
import { copyApart, storeLetters } from '../../../src/lib/migrate/copy-apart.ts';
import type { CopyResult } from '../../../src/lib/migrate/copy.ts';
import { takeoverReport } from '../../../src/lib/migrate/report.ts';
import { createSecretBox } from '../../../src/lib/secrets/secret-box.ts';
import { startWriter } from '../../../src/lib/store/writer.ts';

const SOURCE = 'made-up-volume';
const NOW_MS = Date.UTC(2026, 10, 21);

/** The data key of a directory, or the one that all such copies without one share. */
function dataKeyOf(dir: string): Buffer {
  const file = path.join(dir, 'data.key');
  return fs.existsSync(file)
    ? Buffer.from(fs.readFileSync(file, 'utf8').trim(), 'base64')
    : Buffer.alloc(32, 7);
}

export interface CopyOptions {
  /** What the volume is called. */
  readonly source?: string;
  readonly batchRows?: number;
  /** So many batches are stored, then it is told to stop. */
  readonly stopAfter?: number;
}

/** Copies an old volume into the database at `dbPath` with all that belongs to it; a second time goes on, or repeats. */
export async function copyInto(
  t: TestContext,
  oldDir: string,
  dbPath: string,
  { source = SOURCE, batchRows = 37, stopAfter = Infinity }: CopyOptions = {},
): Promise<CopyResult> {
  const oldPath = path.join(oldDir, 'usage.sqlite');
  const dataKey = dataKeyOf(oldDir);
  const box = createSecretBox(dataKey);
  const { gateway } = carryOver({ oldPath, dbPath, nowMs: NOW_MS, oldBox: box, box });
  const writer = await startWriter({ dbPath, dataKey });
  t.after(() => writer.close());
  const stop = new AbortController();
  let stored = 0;
  try {
    const gatewayId = await writer.gateway(gateway || 'http://127.0.0.1:8317');
    return await copyApart({
      oldPath,
      dbPath,
      source,
      gateway,
      nowMs: NOW_MS,
      batchRows,
      store: async (batch, mark) => {
        const outcome = await writer.importEvents(batch, { maxRows: 100, maxMs: 1000, pause: false }, mark);
        stored += 1;
        if (stored === stopAfter) stop.abort();
        return outcome;
      },
      storeLetters: (letters) => storeLetters(writer, gatewayId, letters),
      signal: stop.signal,
    });
  } finally {
    await writer.close();
  }
}

/** The report of that copy. */
export function reportOf(oldDir: string, dbPath: string, source = SOURCE): TakeoverReport {
  const box = createSecretBox(dataKeyOf(oldDir));
  const oldPath = path.join(oldDir, 'usage.sqlite');
  return takeoverReport({ oldPath, dbPath, beside: false, source, oldBox: box, box, nowMs: NOW_MS });
}
