import { constants, createWriteStream, type WriteStream } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { AppError } from '../../lib/errors.ts';
import { systemCode, whyNot } from '../../lib/files.ts';
import type { Reject } from '../../lib/transfer/import/run-import.ts';
import type { Output } from '../shared/output.ts';

export interface NamedReject {
  readonly where: string;
  readonly reason: string;
}

/** So many are named, unless all are asked for with --verbose. */
const NAMED = 20;

/** What could not be imported: counted, named, and kept in a file where one is wanted. */
export class Rejects {
  count = 0;
  readonly named: NamedReject[] = [];
  readonly path: string | null;
  readonly #output: Output;
  #file: WriteStream | null = null;
  #failure: Error | null = null;
  #isFull = false;

  constructor(path: string | null, output: Output) {
    this.path = path;
    this.#output = output;
  }

  /** Rejects before anything is imported where the file could not be written, or would take the place of what is read. */
  async prove(files: readonly string[]): Promise<void> {
    if (this.path === null) return;
    const found = await stat(this.path).catch(() => null);
    for (const file of found === null ? [] : files) {
      const source = await stat(file).catch(() => null);
      if (source === null || source.ino !== found?.ino || source.dev !== found.dev) continue;
      throw new AppError('wrong_usage', {
        detail: `--rejects ${this.path} is one of the files to import, and would be overwritten`,
        hint: 'Name another file.',
      });
    }
    try {
      if (found?.isDirectory()) throw Object.assign(new Error('a directory'), { code: 'EISDIR' });
      await access(found === null ? dirname(this.path) : this.path, constants.W_OK);
    } catch (error) {
      throw unwritable(this.path, error);
    }
  }

  take({ where, reason, text }: Reject): void {
    this.count += 1;
    if (this.named.length < NAMED) this.named.push({ where, reason });
    this.#output.detail(`${where}: ${reason}`);
    if (this.path === null || text === null) return;
    this.#file ??= this.#open(this.path);
    this.#isFull = !this.#file.write(`${text}\n`);
  }

  /** Waits while the file is slower than the lines that come. Rejects when it cannot be written. */
  async settled(): Promise<void> {
    if (this.#isFull && this.#file !== null && this.#failure === null) {
      await Promise.race([once(this.#file, 'drain'), once(this.#file, 'close')]).catch(() => {});
      this.#isFull = false;
    }
    this.#throwFailure();
  }

  async close(): Promise<void> {
    const file = this.#file;
    if (file === null) return;
    if (!file.closed) {
      file.end();
      await once(file, 'close').catch(() => {});
    }
    this.#throwFailure();
  }

  /** Names the first of them on stderr. */
  tell(): void {
    // With --verbose they were named as they came.
    if (this.count === 0 || this.#output.verbose) return;
    for (const { where, reason } of this.named) this.#output.warn(`${where}: ${reason}`);
    if (this.count > this.named.length) {
      this.#output.warn(
        `and ${(this.count - this.named.length).toLocaleString('en-US')} more (--verbose names all)`,
      );
    }
  }

  #open(path: string): WriteStream {
    // They may hold keys in clear.
    const file = createWriteStream(path, { mode: 0o600 });
    file.on('error', (error) => {
      this.#failure = error;
    });
    return file;
  }

  #throwFailure(): void {
    if (this.#failure === null) return;
    throw unwritable(this.path, this.#failure);
  }
}

function unwritable(path: string | null, cause: unknown): AppError {
  const code = systemCode(cause);
  if (code === 'ENOSPC') return new AppError('disk_full', { detail: `--rejects ${path}`, cause });
  return new AppError('wrong_usage', {
    detail: `--rejects ${path} cannot be written: ${whyNot(cause)}`,
    hint: 'Name a file in a folder that is there and may be written.',
    cause,
  });
}
