import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { AppError } from '../../lib/errors.ts';
import { systemCode } from '../../lib/files.ts';
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
    const code = systemCode(this.#failure);
    if (code === 'ENOSPC')
      throw new AppError('disk_full', { detail: `--rejects ${this.path}`, cause: this.#failure });
    throw new AppError('wrong_usage', {
      detail: `--rejects ${this.path} cannot be written (${code})`,
      cause: this.#failure,
    });
  }
}
