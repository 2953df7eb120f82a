import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MOUNT = ['unshare', '--mount', '--propagation', 'private'] as const;

/** Whether this process may mount a file system in a namespace of its own. */
export function canMount(): boolean {
  const probe = spawnSync(MOUNT[0], [...MOUNT.slice(1), 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
  return probe.status === 0;
}

/**
 * The command to run a program through for which `dir` is a file system of `bytes` in memory. It is mounted in a
 * namespace that only the program has, so it goes with it, however it ends.
 */
export function onSmallDisk(dir: string, bytes: number): string[] {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const mount = `mount -t tmpfs -o size=${bytes},mode=700 tmpfs "$0" && exec "$@"`;
  return [...MOUNT, 'sh', '-c', mount, dir];
}

/** Takes all the room that is left on the program's small disk. Answers how to give it back. */
export function fillSmallDisk(pid: number, dir: string): () => void {
  const filler = join(`/proc/${pid}/root`, dir, 'filler');
  const fill = (bytes: number): void => {
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // Full for pieces of this size.
    }
  };
  for (const bytes of [65_536, 4_096, 1]) fill(bytes);
  return () => rmSync(filler);
}

/** Whether a limit of a running program can be set from outside. */
export function canLimit(): boolean {
  return spawnSync('prlimit', ['--version']).status === 0;
}

/** Lets no file of the program grow beyond `bytes`; null takes the limit away. Writes fail as on a full disk. */
export function limitFiles(pid: number, bytes: number | null): void {
  const done = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes ?? 'unlimited'}:`]);
  if (done.status !== 0) throw new Error(`prlimit: ${done.stderr.toString()}`);
}
