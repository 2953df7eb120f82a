import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';

const VOLUMES = path.join(import.meta.dirname, '../fixtures/volumes');
const HOLDER = path.join(import.meta.dirname, 'hold-open.ts');

export type VolumeName = 'cpa-manager-1.1.4' | 'cpa-manager-2026-05-17' | 'cpa-manager-plus-1.12.2';

/** Events in each of the recorded volumes, nearly all of them in the log only. */
export const VOLUME_EVENTS: Readonly<Record<VolumeName, number>> = {
  'cpa-manager-1.1.4': 26,
  'cpa-manager-2026-05-17': 28,
  'cpa-manager-plus-1.12.2': 30,
};

export function tempDir(t: TestContext): string {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'cpamp-old-')));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A copy of a recorded volume in a folder of its own. Answers the path of its database. */
export function oldVolume(t: TestContext, name: VolumeName): string {
  const dir = tempDir(t);
  for (const file of fs.readdirSync(path.join(VOLUMES, name))) {
    fs.copyFileSync(path.join(VOLUMES, name, file), path.join(dir, file));
    fs.chmodSync(path.join(dir, file), 0o644);
    fs.utimesSync(path.join(dir, file), 1_700_000_000, 1_700_000_000.123);
  }
  return path.join(dir, 'usage.sqlite');
}

/** The bytes of the recorded files of a volume, by name. */
export function recorded(name: VolumeName): ReadonlyMap<string, Buffer> {
  const dir = path.join(VOLUMES, name);
  return new Map(fs.readdirSync(dir).map((file) => [file, fs.readFileSync(path.join(dir, file))]));
}

/** All files of a folder and below, each with what must not change: bytes, times, inode, mode and number of links. */
export function traces(dir: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const entry of fs.readdirSync(dir, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const file = path.join(dir, entry);
    const stat = fs.lstatSync(file);
    if (stat.isDirectory()) found.set(entry, 'directory');
    else {
      const { ino, mode, nlink, mtimeMs, size } = stat;
      const digest = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
      found.set(entry, `${ino} ${mode} ${nlink} ${mtimeMs} ${size} ${digest}`);
    }
  }
  return found;
}

/** How another process has a database open. */
export type Hold = 'wal' | 'rollback-idle' | 'rollback-reading';

/** Opens a database in another process, as an old program does. Answers how to end it. */
export async function openElsewhere(
  t: TestContext,
  dbPath: string,
  hold: Hold,
): Promise<{ pid: number; end(): Promise<void> }> {
  const child = spawn(process.execPath, [HOLDER, dbPath, hold], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return {
    pid: child.pid ?? 0,
    end: async () => {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}
