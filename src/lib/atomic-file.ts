import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncDirectory } from './files.ts';

/** A file that is written piece by piece, and has its name only once it is whole. Every method rejects as the system does. */
export class AtomicFile {
  readonly path: string;
  /** Beside the file that it becomes. */
  readonly #temporary: string;
  readonly #handle: FileHandle;
  #isOpen = true;

  private constructor(path: string, temporary: string, handle: FileHandle) {
    this.path = path;
    this.#temporary = temporary;
    this.#handle = handle;
  }

  /** `mode` is exact, whatever the umask. */
  static async create(path: string, mode = 0o600): Promise<AtomicFile> {
    const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
    const handle = await open(temporary, 'wx', mode);
    const file = new AtomicFile(path, temporary, handle);
    try {
      await handle.chmod(mode);
    } catch (error) {
      await file.discard();
      throw error;
    }
    return file;
  }

  /** Writes all of it. */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#handle.writeFile(chunk);
  }

  /** Takes the place of what has the name now, also after a loss of power. */
  async publish(): Promise<void> {
    await this.#handle.sync();
    this.#isOpen = false;
    await this.#handle.close();
    await rename(this.#temporary, this.path);
    await syncDirectory(dirname(this.path));
  }

  /** Leaves nothing behind; what has the name now stays. Does nothing once it is published. */
  async discard(): Promise<void> {
    if (this.#isOpen) await this.#handle.close().catch(() => {});
    this.#isOpen = false;
    await rm(this.#temporary, { force: true });
  }

  /** The same for a process that ends at once. */
  discardNow(): void {
    rmSync(this.#temporary, { force: true });
  }
}
