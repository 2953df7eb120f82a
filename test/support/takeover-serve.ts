import fs from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import Database from 'better-sqlite3';
import type { TakeoverAnswer, TakeoverReport, TakeoverStatus } from '../../src/lib/contract/api.ts';
import { DaemonProcess, tempDir, type DaemonStatus } from './daemon.ts';

/** What is needed of a volume to start the daemon on it. */
const NAME = 'usage.sqlite';

/** Changes rows of an old volume as its program would, killed right after: every change stays in its log. */
export function changeOld(t: TestContext, dir: string, change: (db: Database.Database) => void): string {
  const changed = tempDir(t);
  const files = fs.readdirSync(dir).filter((name) => fs.statSync(path.join(dir, name)).isFile());
  for (const name of files.filter((file) => !file.startsWith(NAME))) {
    fs.copyFileSync(path.join(dir, name), path.join(changed, name));
  }
  const db = new Database(path.join(dir, NAME));
  try {
    db.pragma('wal_autocheckpoint = 0');
    change(db);
    for (const suffix of ['', '-wal', '-shm']) {
      const file = path.join(dir, NAME + suffix);
      if (fs.existsSync(file)) fs.copyFileSync(file, path.join(changed, NAME + suffix));
    }
  } finally {
    db.close();
  }
  return changed;
}

/** Saves another address of the gateway in an old volume. The key stays as it is saved there. */
export function pointAt(t: TestContext, dir: string, url: string): string {
  return changeOld(t, dir, (db) => {
    for (const key of ['setup', 'manager_config_v1']) {
      db.prepare(
        `UPDATE settings SET value = replace(value, json_extract(value, '$.cpaBaseUrl'), ?) WHERE key = 'setup' AND key = ?`,
      ).run(url, key);
      db.prepare(
        `UPDATE settings SET value = json_set(value, '$.cpaConnection.cpaBaseUrl', ?)
         WHERE key = 'manager_config_v1' AND key = ?`,
      ).run(url, key);
    }
  });
}

export type TakeoverDaemonStatus = DaemonStatus & { readonly takeover: TakeoverStatus | null };

/** Starts without an admin key of the environment: the one of the volume counts, or the one that is made. */
export function startOn(
  t: TestContext,
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<DaemonProcess> {
  return DaemonProcess.start(t, { dataDir, env });
}

/** The takeover as the daemon tells it, with this admin key. Null while it answers nothing else than that it is on its way. */
export async function takeoverOf(daemon: DaemonProcess, key?: string): Promise<TakeoverAnswer | null> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const answer = await daemon.request('/usage-service/takeover', { headers });
  const text = await answer.text();
  if (answer.status === 503) return null;
  if (answer.status !== 200) throw new Error(`${answer.status} ${text}`);
  const value: TakeoverAnswer = JSON.parse(text);
  return value;
}

/** Asks until the takeover is over; its report. */
export async function takenOver(daemon: DaemonProcess, key?: string): Promise<TakeoverReport> {
  for (;;) {
    const answer = await takeoverOf(daemon, key);
    if (answer?.report) return answer.report;
    if (daemon.exited) throw new Error(`the daemon ended early:\n${daemon.stderr.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
