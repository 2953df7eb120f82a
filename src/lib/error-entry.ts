/** Process exit codes. */
export const Exit = {
  ok: 0,
  failure: 1,
  usage: 2,
  notConfigured: 3,
  notFound: 4,
  locked: 5,
  partial: 6,
  refused: 7,
  unavailable: 8,
  integrity: 9,
} as const;
export type ExitCode = (typeof Exit)[keyof typeof Exit];

/** One error that a user can meet. */
export interface ErrorEntry {
  /** HTTP status of the answer. */
  readonly status: number;
  readonly exit: ExitCode;
  /** What happened. */
  readonly sentence: string;
  /** What to do next; `''` where the sentence says it. */
  readonly hint: string;
}

export const entry = (status: number, exit: ExitCode, sentence: string, hint = ''): ErrorEntry => ({
  status,
  exit,
  sentence,
  hint,
});
