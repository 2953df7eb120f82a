import { join } from 'node:path';
import type { SpoolFiles } from './files.ts';
import type { InboxOptions, SpoolDamage } from './options.ts';

/** Files in the spool directory that are not read any more, those of earlier runs included. */
export interface SetAside {
  damaged: number;
  foreign: number;
}

type Kind = SpoolDamage['kind'];

/**
 * Reports what is lost, and gives each file with a loss its other name once all losses in it are noted. A file under
 * its own name is looked through again at the next start, so a run that ends before loses no report.
 */
export class Aside {
  readonly counts: SetAside = { damaged: 0, foreign: 0 };
  readonly #files: SpoolFiles;
  readonly #dir: string;
  readonly #onDamage: InboxOptions['onDamage'];
  /** Losses that nobody has noted yet, by segment. */
  readonly #open = new Map<string, number>();
  /** Files that wait for that. */
  readonly #waiting = new Map<string, Kind>();
  #closed = false;

  constructor({ files, dir, onDamage }: Pick<InboxOptions, 'dir' | 'onDamage'> & { files: SpoolFiles }) {
    this.#files = files;
    this.#dir = dir;
    this.#onDamage = onDamage;
  }

  report(damage: SpoolDamage): void {
    const noted = this.#onDamage(damage);
    if (!(noted instanceof Promise)) return;
    const { segment } = damage;
    this.#open.set(segment, (this.#open.get(segment) ?? 0) + 1);
    // A loss that could not be noted leaves the file where it is.
    noted.then(() => this.#noted(segment)).catch(() => {});
  }

  /** Gives the file its other name: now, or when the losses in it are noted. Nobody reads it any more. */
  async set(segment: string, kind: Kind): Promise<void> {
    if (this.#open.has(segment)) this.#waiting.set(segment, kind);
    else await this.#rename(segment, kind);
    this.counts[kind] += 1;
  }

  /** What is not noted by now is left to the next start. */
  close(): void {
    this.#closed = true;
  }

  async #noted(segment: string): Promise<void> {
    const left = (this.#open.get(segment) ?? 0) - 1;
    if (left > 0) {
      this.#open.set(segment, left);
      return;
    }
    this.#open.delete(segment);
    const kind = this.#waiting.get(segment);
    this.#waiting.delete(segment);
    if (kind === undefined || this.#closed) return;
    await this.#rename(segment, kind);
    await this.#files.syncDir(this.#dir);
  }

  #rename(segment: string, kind: Kind): Promise<void> {
    return this.#files.rename(join(this.#dir, `${segment}.seg`), join(this.#dir, `${segment}.${kind}`));
  }
}
