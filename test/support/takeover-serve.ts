import fs from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import Database from 'better-sqlite3';
import type { TakeoverAnswer, TakeoverReport, TakeoverStatus } from '../../src/lib/contract/api.ts';
import { tempDir, type DaemonProcess, type DaemonStatus } from './daemon.ts';

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

/** No admin key from the environment: the one of the volume counts, or one is made and printed. */
export const NO_KEY = { CPA_MANAGER_ADMIN_KEY: '' } as const;

export type TakeoverDaemonStatus = DaemonStatus & { readonly takeover: TakeoverStatus | null };

/** The admin key that a first start prints. */
export async function printedKey(daemon: DaemonProcess): Promise<string> {
  const find = (): string | undefined =>
    daemon.stdout.map((line) => /^cpamp admin key: (\S+)$/.exec(line)?.[1]).find((key) => key !== undefined);
  await daemon.until(() => find() !== undefined);
  return find() ?? '';
}

export async function statusOf(daemon: DaemonProcess, key?: string): Promise<TakeoverDaemonStatus> {
  return statusUntil(daemon, key, () => true);
}

/** Asks with this admin key until the status is as wanted. */
export async function statusUntil(
  daemon: DaemonProcess,
  key: string | undefined,
  condition: (status: TakeoverDaemonStatus) => boolean,
): Promise<TakeoverDaemonStatus> {
  for (;;) {
    const answer = await daemon.request('/status', authorized(key));
    const text = await answer.text();
    if (answer.status === 200) {
      const status: TakeoverDaemonStatus = JSON.parse(text);
      if (condition(status)) return status;
    } else if (answer.status !== 503) throw new Error(`${answer.status} ${text}`);
    await pause(daemon);
  }
}

/** The takeover as the daemon tells it, with this admin key. Null while it answers nothing else than that it is on its way. */
export async function takeoverOf(daemon: DaemonProcess, key?: string): Promise<TakeoverAnswer | null> {
  const answer = await daemon.request('/usage-service/takeover', authorized(key));
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
    await pause(daemon);
  }
}

function authorized(key: string | undefined): RequestInit {
  return key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } };
}

/** Before it is asked again. */
async function pause(daemon: DaemonProcess): Promise<void> {
  if (daemon.exited) throw new Error(`the daemon ended early:\n${daemon.stderr.join('\n')}`);
  await new Promise((resolve) => setTimeout(resolve, 25));
}
