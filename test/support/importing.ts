import fs from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { openExport } from '../../src/lib/store/export.ts';
import { startWriter } from '../../src/lib/store/writer.ts';
import {
  runImport,
  type ImportOptions,
  type ImportReport,
} from '../../src/lib/transfer/import/run-import.ts';
import { streamSource, type ImportSource } from '../../src/lib/transfer/import/source.ts';
import { RECEIVED_AT_MS } from './store-harness.ts';

/** The three exports of older programs. */
export const EXPORTS = ['cpa-manager-1.1.4', 'cpa-manager-2026-05-17', 'cpa-manager-plus-1.12.2'] as const;

export function exportPath(name: (typeof EXPORTS)[number]): string {
  return path.join(import.meta.dirname, '../fixtures/exports', `${name}.jsonl`);
}

export function exportLines(name: (typeof EXPORTS)[number]): string[] {
  return fs.readFileSync(exportPath(name), 'utf8').trimEnd().split('\n');
}

/** A text as a source, in pieces of `size` bytes: what is found must not depend on where they end. */
export function textSource(text: string | Uint8Array, size = 1000, name = 'text'): ImportSource {
  const bytes = Buffer.from(text);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  return streamSource(pieces(), name);
}

/** Imports into a database, which is made if need be, through the writer that commands use. */
export async function importInto(
  t: TestContext,
  dbPath: string,
  sources: readonly ImportSource[],
  options: Partial<ImportOptions> = {},
): Promise<ImportReport> {
  const writer = await startWriter({ dbPath, dataKey: null });
  t.after(() => writer.close());
  try {
    return await runImport({
      sources,
      context: { nowMs: RECEIVED_AT_MS },
      gateway: '',
      store: (batch) => writer.importEvents(batch, { maxRows: 7, maxMs: 1000, pause: false }),
      batchRows: 20,
      ...options,
    });
  } finally {
    await writer.close();
  }
}

export async function exported(dbPath: string): Promise<string> {
  let text = '';
  for await (const chunk of openExport(dbPath)) text += Buffer.from(chunk).toString('utf8');
  return text;
}
