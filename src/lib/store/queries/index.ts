import type { Db } from '../sqlite.ts';
import { answerAliases } from './aliases.ts';
import { answerDashboard, type DashboardQuestion } from './dashboard.ts';
import { answerEvent, type EventQuestion } from './event.ts';
import { answerEvents, type EventsQuestion } from './events.ts';
import { answerUsageSummary, type UsageSummaryQuestion } from './usage-summary.ts';

/** What can be asked, by kind. */
export interface Questions {
  readonly events: EventsQuestion;
  readonly event: EventQuestion;
  readonly dashboard: DashboardQuestion;
  readonly usageSummary: UsageSummaryQuestion;
  readonly aliases: null;
}

export type QuestionKind = keyof Questions;

/** A question of one kind, as it crosses to the worker. */
export interface Question<K extends QuestionKind = QuestionKind> {
  readonly kind: K;
  readonly params: Questions[K];
}

/**
 * Work in steps: what runs between two yields takes at most about 20 ms, so that others get their turn and an end can
 * come in between. Returns the answer, which becomes JSON; throws AppError. It may be left at any yield, so a step
 * leaves no statement or transaction open.
 */
export type Steps<T = unknown> = Generator<void, T>;

type Answering = { readonly [K in QuestionKind]: (db: Db, params: Questions[K]) => Steps };

/** How each kind is answered, in a file of its own. */
const ANSWERS: Answering = {
  events: answerEvents,
  event: answerEvent,
  dashboard: answerDashboard,
  usageSummary: answerUsageSummary,
  aliases: answerAliases,
};

/** Begins to answer; nothing is read before the first step. */
export function answer<K extends QuestionKind>(db: Db, { kind, params }: Question<K>): Steps {
  return ANSWERS[kind](db, params);
}
