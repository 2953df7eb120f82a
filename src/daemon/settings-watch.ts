import type { ReadStore } from '../lib/store/read-store.ts';

export interface SettingsWatchOptions {
  readonly store: Pick<ReadStore, 'dataVersion' | 'revision'>;
  /** Reads the settings again. */
  readonly refresh: () => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

/** Notices that settings were written, by a command for example. Who wrote them `refresh` finds out. */
export class SettingsWatch {
  readonly #options: SettingsWatchOptions;
  #dataVersion = -1;
  #revision = -1;
  #failing = false;

  /** What was written before does not count. Throws AppError. */
  constructor(options: SettingsWatchOptions) {
    this.#options = options;
    this.#dataVersion = options.store.dataVersion();
    this.#revision = options.store.revision('settings');
  }

  /** Never throws: what cannot be read now is looked at again, and a row of failures is told once. */
  look(): void {
    const { store, refresh, onError } = this.#options;
    const failed = (error: unknown): void => {
      if (!this.#failing) onError(error);
      this.#failing = true;
      // So that the next look tries it again.
      this.#dataVersion = -1;
      this.#revision = -1;
    };
    try {
      const dataVersion = store.dataVersion();
      if (dataVersion === this.#dataVersion) return;
      const revision = store.revision('settings');
      const changed = revision !== this.#revision;
      this.#dataVersion = dataVersion;
      this.#revision = revision;
      this.#failing = false;
      if (changed) refresh().catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
