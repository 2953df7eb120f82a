import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { CheckId, CheckResult, CheckState } from '../../src/lib/doctor/result.ts';
import { runCli } from './cli.ts';
import type { CpaStandIn } from './cpa/stand-in.ts';
import { tempDir } from './daemon.ts';
import { CPA_KEY } from './http.ts';

/** What a run of `cpamp doctor --json` says. */
export interface Examined {
  readonly code: number | null;
  readonly stderr: string;
  readonly checks: readonly CheckResult[];
  readonly state: (id: CheckId) => CheckState | undefined;
  /** Message and fix in one. */
  readonly text: (id: CheckId) => string;
}

/** Reads the one line of JSON. */
export function readExamined(code: number | null, stdout: string, stderr: string): Examined {
  const { checks }: { checks: readonly CheckResult[] } = JSON.parse(stdout);
  const of = (id: CheckId): CheckResult | undefined => checks.find((check) => check.id === id);
  return {
    code,
    stderr,
    checks,
    state: (id) => of(id)?.state,
    text: (id) => [of(id)?.message, of(id)?.fix].join(' '),
  };
}

/** Runs `cpamp doctor --json` on a place. */
export async function examine(
  t: TestContext,
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<Examined> {
  const run = await runCli(t, ['doctor', '--json', '--data-dir', dataDir, ...args], { env });
  return readExamined(run.code, run.stdout, run.stderr);
}

/** A place that was set up with the right key of the gateway. */
export async function setUp(t: TestContext, cpa: CpaStandIn): Promise<string> {
  const dataDir = join(tempDir(t), 'data');
  const args = ['setup', '--data-dir', dataDir, '--url', cpa.url, '--no-publishing', '--non-interactive'];
  const made = await runCli(t, [...args, '--quiet'], { env: { CPA_MANAGEMENT_KEY: CPA_KEY } });
  if (made.code !== 0) throw new Error(made.stderr);
  return dataDir;
}

/** What lies in a place, by name: SHA-256 of each file. */
export function fingerprints(dataDir: string): ReadonlyMap<string, string> {
  const names = readdirSync(dataDir, { withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    names.map(({ name }) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(dataDir, name)))
        .digest('hex'),
    ]),
  );
}

/** Calls of the management API that were answered with so many wrong keys. */
export function strikes(cpa: CpaStandIn): number {
  return cpa.http.exchanges.filter(({ status }) => status === 401).length;
}
