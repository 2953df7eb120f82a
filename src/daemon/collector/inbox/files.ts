import { constants } from 'node:fs';
import { chmod, mkdir, open, readdir, rename, statfs, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

/** One open file of the spool. Every method rejects with the system's error. */
export interface SpoolFile {
  /** Writes all of `bytes` from `offset` on; a rejection can leave a part of it behind. */
  write(bytes: Buffer, offset: number): Promise<void>;
  /** Fills `into` from `offset` on, as far as the file goes; the bytes read. */
  read(into: Buffer, offset: number): Promise<number>;
  /** fdatasync. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  stat(): Promise<{ readonly size: number; readonly mtimeMs: number }>;
  close(): Promise<void>;
}

/** What the spool wants from the disk; tests put faults in between. */
export interface SpoolFiles {
  /** Makes the directory with mode 0700 where it is not there. */
  prepare(dir: string): Promise<void>;
  list(dir: string): Promise<string[]>;
  /** A new file with mode 0600 for writing; EEXIST when there is one. */
  create(path: string): Promise<SpoolFile>;
  /** For reading, `write` also for truncating. */
  open(path: string, write?: boolean): Promise<SpoolFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals in the directory durable. */
  syncDir(dir: string): Promise<void>;
  /** Bytes that an ordinary user can still write on that file system. */
  freeBytes(dir: string): Promise<number>;
}

/** The system's error code, such as ENOSPC; `UNKNOWN` where an error has none. */
export function errorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return 'UNKNOWN';
}

function wrap(handle: FileHandle): SpoolFile {
  return {
    async write(bytes, offset) {
      // A disk that runs full takes a part first and refuses the next call.
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
        done += bytesWritten;
      }
    },
    async read(into, offset) {
      let done = 0;
      while (done < into.length) {
        const { bytesRead } = await handle.read(into, done, into.length - done, offset + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    },
    sync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    stat: () => handle.stat(),
    close: () => handle.close(),
  };
}

export const nodeFiles: SpoolFiles = {
  async prepare(dir) {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await chmod(dir, 0o700);
  },
  list: (dir) => readdir(dir),
  create: async (path) =>
    wrap(await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)),
  open: async (path, write = false) => wrap(await open(path, write ? constants.O_RDWR : constants.O_RDONLY)),
  rename,
  remove: unlink,
  async syncDir(dir) {
    const handle = await open(dir, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async freeBytes(dir) {
    const { bavail, bsize } = await statfs(dir);
    return bavail * bsize;
  },
};
