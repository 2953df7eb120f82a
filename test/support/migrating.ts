import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { TakeoverReport } from '../../src/lib/contract/api/takeover.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { runCli, type CliResult } from './cli.ts';
import { makeOldVolume, type OldVolume, type OldVolumeOptions } from './old-volumes/make.ts';
import { count } from './store-harness.ts';
import { tempDir } from './daemon.ts';

/** What `migrate --json` prints. */
export type Printed = TakeoverReport & { readonly dbPath: string; readonly oldVolume: string | null };

export interface Migrated extends CliResult {
  /** Empty where it printed none. */
  readonly report: Printed;
}

/** Runs `migrate --json` to its end. */
export async function migrate(t: TestContext, ...args: string[]): Promise<Migrated> {
  const run = await runCli(t, ['migrate', '--json', ...args]);
  const report: Printed = JSON.parse(run.stdout === '' ? '{}' : run.stdout);
  return { ...run, report };
}

/** Nothing differs, and nobody has to do anything. */
export function assertEqual({ code, report, stderr }: Migrated): void {
  assert.equal(code, 0, stderr);
  const { state, attention, reasons, differences } = report;
  assert.deepEqual({ state, attention, reasons, differences }, NOTHING);
}

const NOTHING = { state: 'equal', attention: [], reasons: [], differences: [] };

/** How many events a database of ours has. */
export function eventsIn(dbPath: string): number {
  const db = openDatabase(dbPath, { mode: 'read' });
  try {
    return count(db, 'select count(*) from event');
  } finally {
    db.close();
  }
}

/** A volume of the last CPA-Manager-Plus, made up, with all that belongs to one. */
export function madeVolume(t: TestContext, options: Partial<OldVolumeOptions> = {}): OldVolume {
  const volume = makeOldVolume(path.join(tempDir(t), 'old'), {
    generation: 'cpa-manager-plus-1.12.2',
    events: 200,
    ...options,
  });
  for (const file of fs.readdirSync(volume.dir)) {
    if (file.startsWith('usage.sqlite')) fs.chmodSync(path.join(volume.dir, file), 0o600);
  }
  return volume;
}

/** The volumes that were moved aside beside a database. */
export function asideIn(dataDir: string): string[] {
  const all = path.join(dataDir, 'pre-cpamp');
  return fs.existsSync(all) ? fs.readdirSync(all).toSorted() : [];
}
