import { readFileSync, statSync } from 'node:fs';
import { chown, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../contract/clock.ts';
import type { KeyBreaker } from '../contract/gateway.ts';
import { systemCode, writeFileAtomic } from '../files.ts';
import { createKeyBreaker } from '../gateway/breaker.ts';

/**
 * Where the doctor remembers what CLIProxyAPI refused. A file of its own beside the database, because the doctor writes
 * nothing into that; it holds hashes only, and goes away once the key is right.
 */
export function refusalsPath(dbPath: string): string {
  return `${dbPath}.refused-key`;
}

export interface MemoryOptions {
  readonly dbPath: string;
  /** What the daemon remembers, from its settings. */
  readonly stored: string | null;
  /** A person wants the key tried whatever is remembered. */
  readonly tryAgain: boolean;
  readonly clock: Clock;
}

/**
 * Guards the key by what the daemon and an earlier run remember. Rejects with the system's error when a refusal could not
 * be remembered: the key must not be tried then.
 */
export async function openMemory({ dbPath, stored, tryAgain, clock }: MemoryOptions): Promise<KeyBreaker> {
  const path = refusalsPath(dbPath);
  const own = read(path);
  const save = async (text: string | null): Promise<void> => {
    if (text === null) {
      await rm(path, { force: true });
      return;
    }
    await writeFileAtomic(path, text);
    await give(path);
  };
  // Proves that it can be written before there is anything to write.
  await save(own ?? '[]');
  if (own === null) await save(null);
  const load = (): string | null => (tryAgain ? null : merge(stored, own));
  return createKeyBreaker({ load, save }, clock);
}

/** What an earlier run was refused does not count any more: the key that a person wanted tried is right. */
export async function forgetRefusals(dbPath: string): Promise<void> {
  await rm(refusalsPath(dbPath), { force: true });
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Root looks at other people's places, and leaves nothing in them that they cannot replace. */
async function give(path: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  await chown(path, uid, gid);
}

/** Entries of both; the last of the same key counts. */
function merge(...texts: ReadonlyArray<string | null>): string | null {
  const entries = new Map<string, unknown>();
  for (const text of texts) {
    for (const entry of list(text)) {
      const hash = typeof entry === 'object' && entry !== null && 'hash' in entry ? String(entry.hash) : '';
      entries.set(hash, entry);
    }
  }
  return entries.size === 0 ? null : JSON.stringify([...entries.values()]);
}

function list(text: string | null): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
