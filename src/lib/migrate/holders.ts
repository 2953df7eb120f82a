import { readdirSync, readFileSync, statSync } from 'node:fs';

/** A process that has a file open. */
export interface Holder {
  readonly pid: number;
  /** Its command line, as far as it may be seen; at most 200 characters. */
  readonly command: string;
}

const PROC = '/proc';
const COMMAND_CHARS = 200;

/**
 * The other processes of this machine that have the file open, as far as the system tells: on Linux, of our own user
 * (root: of all), and none outside of our container. So nobody named here is no proof that nobody is there.
 */
export function holdersOf(path: string): readonly Holder[] {
  const file = statSync(path, { throwIfNoEntry: false });
  if (!file) return [];
  const holders: Holder[] = [];
  for (const name of list(PROC)) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid === process.pid) continue;
    const fds = `${PROC}/${name}/fd`;
    if (list(fds).some((fd) => isSame(`${fds}/${fd}`, file))) holders.push({ pid, command: commandOf(name) });
  }
  return holders;
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function isSame(path: string, file: { readonly dev: number; readonly ino: number }): boolean {
  try {
    const { dev, ino } = statSync(path);
    return dev === file.dev && ino === file.ino;
  } catch {
    return false;
  }
}

function commandOf(pid: string): string {
  try {
    const text = readFileSync(`${PROC}/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return text.slice(0, COMMAND_CHARS);
  } catch {
    return '';
  }
}
