import type { TakeoverMark } from '../contract/takeover.ts';
import type { ImportOutcome, ImportPace } from '../contract/writer.ts';
import type { EventBatch } from './event-batch.ts';
import type { EventImport } from './event-import.ts';
import { addOutcomes, NOTHING_IMPORTED } from './import-outcome.ts';
import type { WriterCore } from './writer-core.ts';

interface Job {
  readonly batch: EventImport;
  readonly rows: number;
  readonly pace: ImportPace;
  readonly mark: TakeoverMark | null;
  at: number;
  outcome: ImportOutcome;
}

/**
 * SQLite looks for a free lock 1, 3, 8, 18, 33 and 53 ms after it began to wait, and rarer from then on: a shorter pause is
 * easily missed, again and again.
 */
const LEAST_PAUSE_MS = 20;

/** Batches that are being stored, one transaction after the other, so that live events come in between. */
export class ImportJobs {
  readonly #core: Pick<WriterCore, 'beginImport' | 'importStep'>;
  readonly #jobs = new Map<number, Job>();
  /** Before this nothing is written for who wants pauses, in the time of `performance.now`. */
  #freeAt = 0;

  constructor(core: Pick<WriterCore, 'beginImport' | 'importStep'>) {
    this.#core = core;
  }

  begin(id: number, batch: EventBatch, pace: ImportPace, mark: TakeoverMark | null): void {
    if (this.#jobs.has(id)) return;
    const begun = this.#core.beginImport(batch);
    this.#jobs.set(id, { batch: begun, rows: batch.rows, pace, mark, at: 0, outcome: NOTHING_IMPORTED });
  }

  /** How long the next step of a job has to wait, in ms. */
  wait(id: number): number {
    const pauses = this.#jobs.get(id)?.pace.pause ?? false;
    return pauses ? Math.max(0, this.#freeAt - performance.now()) : 0;
  }

  /** One transaction. What became of the whole batch once it is stored, null before. Throws AppError, and can be tried again. */
  step(id: number): ImportOutcome | null {
    const job = this.#jobs.get(id);
    if (job === undefined) return NOTHING_IMPORTED;
    const begun = performance.now();
    // A batch without events can still be the end of an old volume.
    if (job.at < job.rows || job.mark !== null) {
      const step = this.#core.importStep(job.batch, job.at, job.pace, job.mark);
      job.at = step.next;
      job.outcome = addOutcomes(job.outcome, step);
    }
    const ended = performance.now();
    this.#freeAt = ended + Math.max((ended - begun) / 2, LEAST_PAUSE_MS);
    if (job.at < job.rows) return null;
    this.#jobs.delete(id);
    return job.outcome;
  }

  /** A job that failed for good. */
  forget(id: number): void {
    this.#jobs.delete(id);
  }
}
