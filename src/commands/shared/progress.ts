import type { Ora } from 'ora';
import type { CliContext } from './context.ts';
import { count, formatSpan } from './format.ts';

/** What runs, on a terminal only; silent in pipes and with `--quiet`. */
export interface Progress {
  /** Replaces the text; cheap enough for every batch. */
  update(text: string): void;
  /** Ends it. With a text that line stays, else nothing does. */
  done(text?: string): void;
}

/** Shows `text` on stderr with something that moves. End it before anything else is printed, also when the work failed. */
export async function startProgress(context: CliContext, text: string): Promise<Progress> {
  const { isTty, options, output, stderr } = context;
  if (!isTty.stderr || options.quiet || context.env['TERM'] === 'dumb') return SILENT;
  const { default: ora } = await import('ora');
  const spinner: Ora = ora({
    text,
    stream: stderr,
    // A terminal's input belongs to the prompts.
    discardStdin: false,
    color: output.paintTalk.level === 0 ? false : 'cyan',
  }).start();
  const stop = (): void => {
    spinner.stop();
  };
  context.signal.addEventListener('abort', stop, { once: true });
  return {
    update: (next) => {
      spinner.text = next;
    },
    done: (last) => {
      context.signal.removeEventListener('abort', stop);
      spinner.stop();
      if (last !== undefined) output.note(last);
    },
  };
}

const SILENT: Progress = { update: () => {}, done: () => {} };

export interface Advance {
  readonly done: number;
  /** `null` where nobody knows. */
  readonly total: number | null;
  /** What is counted, in the plural. */
  readonly unit: string;
  readonly elapsedMs: number;
}

/** `12,345 of 100,000 events, 12 %, 3,200/s, 27 s left`, as far as it is known. */
export function describeAdvance({ done, total, unit, elapsedMs }: Advance): string {
  const rate = elapsedMs < 500 ? null : (done * 1000) / elapsedMs;
  const parts = [total === null ? `${count(done)} ${unit}` : `${count(done)} of ${count(total)} ${unit}`];
  if (total !== null && total > 0) parts.push(`${Math.floor((done * 100) / total)} %`);
  if (rate !== null && rate >= 1) parts.push(`${count(Math.round(rate))}/s`);
  if (rate !== null && rate > 0 && total !== null && total > done) {
    parts.push(`${formatSpan(((total - done) * 1000) / rate)} left`);
  }
  return parts.join(', ');
}
