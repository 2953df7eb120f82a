/** Sums over events as they were reported, before any convention is applied. Null: that program kept no such counter. */
export interface TakeoverSums {
  readonly events: number;
  readonly input: number | null;
  readonly output: number | null;
  readonly reasoning: number | null;
  readonly cached: number | null;
  readonly cache: number | null;
  readonly cacheRead: number | null;
  readonly cacheCreation: number | null;
  readonly total: number | null;
}

/** The events of a model on a day in UTC, in the old volume and here. */
export interface TakeoverDay {
  readonly model: string;
  /** `YYYY-MM-DD`; `''` for rows whose time cannot be read. */
  readonly day: string;
  readonly old: TakeoverSums;
  /** Of those of its events that are here. */
  readonly now: TakeoverSums;
  readonly equal: boolean;
}

/** Why a row of the old volume is not here as it was there. */
export type TakeoverReason =
  /** Its turn comes yet. */
  | 'not_copied'
  /** A damaged page: nothing of it could be read. */
  | 'lost'
  /** It has no hash, or no time. */
  | 'unreadable'
  /** The old volume holds the same event once more. */
  | 'duplicate'
  /** A count outside of what an event can carry. */
  | 'clamped'
  /** The row had no total; it is the sum of its parts. */
  | 'total_added'
  /** The row had no count where the record that it keeps has one. */
  | 'from_record'
  /** The event was here before, with other counts, and stayed as it was. */
  | 'there_before'
  /** It was refused, or deleted here since. */
  | 'missing';

/** One row of the old volume that differs. */
export interface TakeoverDifference {
  readonly reason: TakeoverReason;
  /** Rowid there. */
  readonly oldId: number;
  readonly model: string;
  readonly day: string;
  /** For people. */
  readonly detail: string;
}

/** Something that nobody else will do. */
export interface TakeoverAttention {
  readonly code: string;
  readonly message: string;
  /** Epoch ms at which it was to happen; null without such a time. */
  readonly dueAtMs: number | null;
}

/** What an old volume holds besides events. */
export interface TakeoverItems {
  readonly what: string;
  readonly old: number;
  /** How many of them are here. */
  readonly now: number;
  /** Of those, how many say something else here: other rates, another name. What was here stays. */
  readonly changed: number;
}

/** A table that stays in the old file, because there is no place for it here. */
export interface TakeoverLeft {
  readonly what: string;
  readonly table: string;
  readonly rows: number;
}

/**
 * How an old volume and our database compare, row by row. `equal`: everything is here as it was there; `explained`: what
 * differs is named, with its reason; `copying`: not everything was looked at yet; `different`: events are missing for which
 * there is no reason in the old volume.
 */
export interface TakeoverReport {
  readonly state: 'equal' | 'explained' | 'copying' | 'different';
  readonly attention: readonly TakeoverAttention[];
  readonly oldPath: string;
  readonly program: 'cpa-manager' | 'cpa-manager-plus';
  /** Epoch ms. */
  readonly comparedAtMs: number;
  /** Epoch ms at which the copy began and ended; null before. */
  readonly copy: {
    readonly startedAtMs: number;
    readonly endedAtMs: number | null;
    readonly added: number;
    /** Events that were here before. */
    readonly duplicates: number;
    readonly refused: number;
    /** Events that were taken without what of them lies on damaged pages: a text, the record they keep. */
    readonly shortened: number;
  } | null;
  readonly old: TakeoverSums;
  readonly now: TakeoverSums;
  /** By model, then by day. */
  readonly days: readonly TakeoverDay[];
  /** How many rows differ, by reason. */
  readonly reasons: ReadonlyArray<{ readonly reason: TakeoverReason; readonly rows: number }>;
  /** The first of them, at most 1,000. */
  readonly differences: readonly TakeoverDifference[];
  /** Rowids behind which nothing could be read; `events`: how many of them were events, null where nobody can tell. */
  readonly lost: ReadonlyArray<{
    readonly fromId: number;
    readonly toId: number;
    readonly events: number | null;
  }>;
  readonly items: readonly TakeoverItems[];
  readonly left: readonly TakeoverLeft[];
  /** What the old file still holds in clear, and how to be rid of it. */
  readonly secrets: string;
}

/**
 * How far a takeover is. `waiting`: for something that a person does (the old program is stopped, space is freed), looked
 * for again by itself. `moving`: the old files go aside, in less than a second. `copying`: the port is open and new
 * events are collected; events of the old volume come in. `reporting`: both are compared. `done`, `failed`: it is over, or
 * goes on with the next start.
 */
export type TakeoverStage = 'waiting' | 'moving' | 'copying' | 'reporting' | 'done' | 'failed';

/** The takeover of an old volume. Is told as long as that lies beside the database, after a restart too. */
export interface TakeoverStatus {
  readonly state: TakeoverStage;
  readonly program: 'cpa-manager' | 'cpa-manager-plus';
  /** The first release whose schema the old volume has, such as `1.12.2`. */
  readonly release: string;
  /** Events of the old volume that were dealt with (`copying`) or compared (`reporting`). */
  readonly done: number;
  /** All of them; while `waiting` or `moving` an estimate. */
  readonly total: number;
  /** Of the whole way, a whole number from 0 to 100; 100 only when it is `done`. */
  readonly percent: number;
  /** Epoch ms. */
  readonly startedAtMs: number;
  /** Epoch ms; null while it goes on. */
  readonly endedAtMs: number | null;
  /** The main file of the old volume, where it lies now. */
  readonly oldPath: string;
  /** One sentence on how it is. */
  readonly message: string;
  /** What there is to do about it; `''`: nothing. */
  readonly fix: string;
}

/** `GET /usage-service/takeover`. Both are null where nothing was ever taken over, or the old volume is deleted. */
export interface TakeoverAnswer {
  readonly takeover: TakeoverStatus | null;
  /** Null until `done`. */
  readonly report: TakeoverReport | null;
}

/** `GET /health`, without a login. `takeover` is there only while one goes on. */
export interface HealthAnswer {
  readonly ok: true;
  readonly service: string;
  readonly takeover?: Pick<TakeoverStatus, 'state' | 'percent'>;
}
