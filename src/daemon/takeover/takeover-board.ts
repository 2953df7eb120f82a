import { statSync } from 'node:fs';
import type { TakeoverReport, TakeoverStage, TakeoverStatus } from '../../lib/contract/api/takeover.ts';
import type { Clock } from '../../lib/contract/clock.ts';
import type { DiagnosisFacts } from '../../lib/contract/health.ts';
import { ERRORS, type AppError } from '../../lib/errors.ts';
import type { CopyProgress } from '../../lib/migrate/copy.ts';
import type { OldVolume } from '../../lib/migrate/old-volume.ts';
import type { OldFacts } from '../../lib/store/old/describe.ts';
import type { HealthBoard } from '../health-board.ts';

const PROGRAMS = { 'cpa-manager': 'CPA-Manager', 'cpa-manager-plus': 'CPA-Manager-Plus' } as const;
/** Where each part of the way begins, in percent. Comparing takes less than copying. */
const COPYING_TO = 85;
const REPORTING_TO = 99;

const OUTCOMES = {
  equal: 'everything is here as it was there.',
  explained: 'everything that could be read is here; the report names what differs.',
  copying: 'not everything has been copied.',
  different: 'events are missing; the report names them.',
} as const satisfies Record<TakeoverReport['state'], string>;

/** How the takeover of an old volume goes, for everybody who asks, from the start of the daemon on. */
export class TakeoverBoard {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #board: HealthBoard;
  readonly #watchers = new Set<() => void>();
  #status: TakeoverStatus | null = null;
  #report: (() => TakeoverReport | null) | null = null;

  constructor(clock: Pick<Clock, 'now'>, board: HealthBoard) {
    this.#clock = clock;
    this.#board = board;
  }

  /** Null where there is no old volume, or no more. */
  status(): TakeoverStatus | null {
    return this.#isGone() ? null : this.#status;
  }

  /** Null unless a takeover goes on. */
  running(): Pick<TakeoverStatus, 'state' | 'percent'> | null {
    const status = this.#status;
    return status === null || status.endedAtMs !== null
      ? null
      : { state: status.state, percent: status.percent };
  }

  /** Null before the end. Throws what reading it throws. */
  report(): TakeoverReport | null {
    return this.#isGone() ? null : (this.#report?.() ?? null);
  }

  /** Calls `watcher` after each change, until the function that this answers is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** A person has to do something, and what that is: `error` says it. */
  waiting(from: OldFacts, oldPath: string, error: AppError, pid: number | null): void {
    const detail = error.message.replace(`${ERRORS[error.code].sentence}: `, '');
    const facts: DiagnosisFacts = { detail, ...(pid === null ? {} : { pid }) };
    const isHeld = error.code === 'old_program_running';
    this.#board.toggle('old_program_running', isHeld, facts);
    this.#board.toggle('takeover_space', !isHeld, facts);
    this.#set('waiting', from, {
      oldPath,
      total: from.eventsAtMost,
      message: `${error.message}.`,
      fix: error.hint,
    });
  }

  /** The files go aside now. */
  moving(from: OldFacts, oldPath: string): void {
    this.#board.clear('old_program_running', 'takeover_space');
    this.#set('moving', from, {
      oldPath,
      total: from.eventsAtMost,
      message: `The files of ${nameOf(from)} are moved aside.`,
    });
  }

  /** Nothing is left to be moved. */
  notOld(): void {
    this.#board.clear('old_program_running', 'takeover_space');
    this.#status = null;
    this.#changed();
  }

  copying(volume: OldVolume, { done, total }: CopyProgress): void {
    const percent = part(done, total, 0, COPYING_TO);
    this.#goesOn('copying', volume, {
      done,
      total,
      percent,
      message: `The events of ${nameOf(volume.from)} are copied.`,
    });
  }

  reporting(volume: OldVolume, { done, total }: CopyProgress): void {
    const percent = part(done, total, COPYING_TO, REPORTING_TO);
    this.#goesOn('reporting', volume, {
      done,
      total,
      percent,
      message: `What was copied is compared with the old volume of ${nameOf(volume.from)}.`,
    });
  }

  /** It broke off, and is tried again. */
  failed(volume: OldVolume, detail: string): void {
    this.#board.clear('taking_over');
    this.#board.set('takeover_failed', { detail });
    const { done = 0, total = volume.from.eventsAtMost, percent = 0 } = this.#status ?? {};
    this.#set('failed', volume.from, {
      oldPath: volume.dbPath,
      done,
      total,
      percent,
      message: `The takeover of ${nameOf(volume.from)} broke off: ${detail}`,
      fix: 'It is tried again by itself, and goes on where it stopped.',
    });
  }

  /** `report` gives what {@link TakeoverBoard.report} gives; it is not kept in memory. */
  done(volume: OldVolume, finished: TakeoverReport, report: () => TakeoverReport | null): void {
    this.#board.clear('taking_over', 'takeover_failed');
    this.#report = report;
    const { events } = finished.old;
    this.#set('done', volume.from, {
      oldPath: volume.dbPath,
      done: events,
      total: events,
      percent: 100,
      startedAtMs: volume.movedAtMs,
      endedAtMs: finished.comparedAtMs,
      message: `${nameOf(volume.from)} was taken over with ${events} events: ${OUTCOMES[finished.state]}`,
      fix:
        finished.attention.length > 0
          ? 'Read in the report what needs your attention.'
          : 'Once you are sure that you do not want to go back, delete the old file: cpamp cleanup --old-volume',
    });
  }

  #goesOn(
    state: TakeoverStage,
    volume: OldVolume,
    told: Pick<TakeoverStatus, 'done' | 'total' | 'percent' | 'message'>,
  ): void {
    this.#board.clear('takeover_failed');
    this.#board.set('taking_over', { detail: nameOf(volume.from), percent: told.percent });
    this.#set(state, volume.from, { ...told, oldPath: volume.dbPath, startedAtMs: volume.movedAtMs });
  }

  #set(
    state: TakeoverStage,
    { program, release }: OldFacts,
    told: Pick<TakeoverStatus, 'oldPath' | 'total' | 'message'> & Partial<TakeoverStatus>,
  ): void {
    const before = this.#status;
    const startedAtMs = before?.startedAtMs ?? this.#clock.now();
    const rest = { done: 0, percent: 0, endedAtMs: null, fix: '', startedAtMs };
    const next: TakeoverStatus = { ...rest, ...told, state, program, release };
    this.#status = next;
    if (before?.state !== next.state || before.percent !== next.percent || before.message !== next.message) {
      this.#changed();
    }
  }

  /** Somebody deleted the old volume, or put it back. Only looked at once nothing of ours reads it. */
  #isGone(): boolean {
    const status = this.#status;
    return status?.state === 'done' && statSync(status.oldPath, { throwIfNoEntry: false }) === undefined;
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

/** `CPA-Manager-Plus 1.12.2`. */
function nameOf({ program, release }: Pick<OldFacts, 'program' | 'release'>): string {
  return `${PROGRAMS[program]} ${release}`;
}

function part(done: number, total: number, from: number, to: number): number {
  return from + Math.floor(((to - from) * Math.min(done, total)) / Math.max(total, 1));
}
