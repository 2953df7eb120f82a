import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { runCli, type CliResult } from './cli.ts';
import { tempDir } from './daemon.ts';
import { CPA_KEY, startCpa } from './http.ts';
import { EXPORTS, exportPath } from './importing.ts';

/** What `cpamp backup --json` prints, as far as tests look at it. */
export interface BackupAnswer {
  readonly path: string;
  readonly events: number;
  readonly spool: { readonly segments: number; readonly records: number | null };
  readonly key: string;
  readonly left_out: readonly string[];
  readonly removed: readonly string[];
}

/** The same of `cpamp restore`. */
export interface RestoreAnswer {
  readonly kind: string;
  readonly dry_run: boolean;
  readonly events: number;
  readonly spool: { readonly segments: number; readonly records: number | null };
  readonly key: string;
  readonly aside: string | null;
  readonly left_out: readonly string[];
  readonly unknown: readonly string[];
}

/** Backs a data directory up; rejects with what was printed when that fails. */
export async function backUp(
  t: TestContext,
  dataDir: string,
  target: string,
  ...more: readonly string[]
): Promise<BackupAnswer> {
  const run = await runCli(t, ['backup', '--json', '--data-dir', dataDir, ...more, target]);
  const answer: BackupAnswer = JSON.parse(textOf(run));
  return answer;
}

/** Restores into a data directory; rejects with what was printed when that fails. */
export async function restore(
  t: TestContext,
  dataDir: string,
  source: string,
  ...more: readonly string[]
): Promise<RestoreAnswer> {
  const run = await runCli(t, ['restore', '--json', '--data-dir', dataDir, ...more, source]);
  const answer: RestoreAnswer = JSON.parse(textOf(run));
  return answer;
}

function textOf({ code, stdout, stderr }: CliResult): string {
  if (code !== 0) throw new Error(`exit code ${code}:\n${stderr}`);
  return stdout;
}

/** Every name below a folder, sorted; folders end in `/`. */
export function namesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name).slice(dir.length + 1);
      return entry.isDirectory() ? `${path}/` : path;
    })
    .toSorted();
}

/** A data directory with the connection to a gateway saved, sealed by its data key, and the 84 events of old exports. */
export async function newDataDir(t: TestContext): Promise<string> {
  const cpa = await startCpa(t);
  const dataDir = join(tempDir(t), 'data');
  for (const args of [
    ['setup', '--non-interactive', '--url', cpa.url, '--key-file', '-'],
    ['import', ...EXPORTS.map(exportPath)],
  ]) {
    const run = await runCli(t, [...args, '--data-dir', dataDir], { input: CPA_KEY });
    if (run.code !== 0) throw new Error(`${args[0]}: exit code ${run.code}:\n${run.stderr}`);
  }
  return dataDir;
}

let pattern: string | null = null;

/** A copy of one such directory, which is made once for all tests of a file. */
export async function filledDataDir(t: TestContext): Promise<string> {
  if (pattern === null) {
    const made = mkdtempSync(join(tmpdir(), 'cpamp-test-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    cpSync(await newDataDir(t), made, { recursive: true });
    pattern = made;
  }
  const dataDir = join(tempDir(t), 'data');
  cpSync(pattern, dataDir, { recursive: true });
  return dataDir;
}
