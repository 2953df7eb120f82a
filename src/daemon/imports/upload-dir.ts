import { lstat, mkdir, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../lib/errors.ts';
import { systemCode, writeFileAtomic } from '../../lib/files.ts';

const PART = '.part';
const META = '.json';
export const UPLOAD_ID = /^[0-9a-f]{32}$/;

/** The folder of uploads: each has its bytes and a file that says how far it is. Only the owner reads it. */
export class UploadDir {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects with `usage_import_session_unavailable`: also where somebody put a link in its place. */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.#path, { recursive: true, mode: 0o700 });
      if (!(await lstat(this.#path)).isDirectory()) throw new Error('it is no directory');
    } catch (error) {
      throw unavailable(this.#path, error);
    }
  }

  part(id: string): string {
    return join(this.#path, `${id}${PART}`);
  }

  async save(id: string, meta: unknown): Promise<void> {
    try {
      await writeFileAtomic(join(this.#path, `${id}${META}`), JSON.stringify(meta));
    } catch (error) {
      throw unavailable(this.#path, error);
    }
  }

  async removePart(id: string): Promise<void> {
    await rm(this.part(id), { force: true }).catch(() => {});
  }

  async remove(id: string): Promise<void> {
    await rm(join(this.#path, `${id}${META}`), { force: true }).catch(() => {});
    await this.removePart(id);
  }

  /** What is kept of the uploads of earlier processes; bytes that belong to none of them are removed. */
  async load(): Promise<
    Array<{ readonly id: string; readonly meta: unknown; readonly bytes: number | null }>
  > {
    const names = await readdir(this.#path).catch(() => []);
    const found: Array<{ id: string; meta: unknown; bytes: number | null }> = [];
    for (const name of names.filter((each) => each.endsWith(META))) {
      const id = name.slice(0, -META.length);
      if (!UPLOAD_ID.test(id)) continue;
      const meta = await readMeta(join(this.#path, name));
      const bytes = await stat(this.part(id)).then(
        ({ size }) => size,
        () => null,
      );
      found.push({ id, meta, bytes });
    }
    const known = new Set(found.map(({ id }) => `${id}${PART}`));
    for (const name of names) {
      if (name.endsWith(META) || known.has(name)) continue;
      await rm(join(this.#path, name), { force: true }).catch(() => {});
    }
    return found;
  }

  /** Bytes that can still be written there; null where the system does not tell. */
  async free(): Promise<number | null> {
    try {
      const { bavail, bsize } = await statfs(this.#path);
      return bavail * bsize;
    } catch {
      return null;
    }
  }
}

async function readMeta(path: string): Promise<unknown> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return value;
  } catch {
    return null;
  }
}

export function unavailable(path: string, error: unknown): AppError {
  const code = systemCode(error);
  if (code === 'ENOSPC') return new AppError('disk_full', { cause: error });
  const why = code || (error instanceof Error ? error.message : String(error));
  return new AppError('usage_import_session_unavailable', { detail: `${path} (${why})`, cause: error });
}
