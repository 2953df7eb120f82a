import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { AppError } from '../../lib/errors.ts';
import type { CliContext } from './context.ts';

export interface Question {
  /** Without its blank at the end. */
  readonly text: string;
  /** What to do where nobody can be asked, such as `Give --yes.` */
  readonly otherwise: string;
}

/**
 * Asks on the terminal. Rejects with `wrong_usage` where stdin or stderr is none, so that nothing ever waits for an answer
 * that cannot come; with `cancelled` at the end of the input, and with an AbortError on a signal.
 */
export function ask(context: CliContext, question: Question): Promise<string> {
  return read(context, question, false);
}

/** The same for a secret: what is typed is not shown. */
export function askHidden(context: CliContext, question: Question): Promise<string> {
  return read(context, question, true);
}

/** Asks for a yes; anything but `y` and `yes` is a no. */
export async function confirm(context: CliContext, question: Question): Promise<boolean> {
  const answer = await ask(context, { ...question, text: `${question.text} [y/N]` });
  return /^y(es)?$/i.test(answer);
}

/** Asks before something that cannot be taken back. Rejects with `cancelled` at a no; `yes` is the answer `--yes`. */
export async function insist(context: CliContext, text: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (await confirm(context, { text, otherwise: 'Give --yes to do it without being asked.' })) return;
  throw new AppError('cancelled');
}

async function read(context: CliContext, question: Question, hidden: boolean): Promise<string> {
  const { isTty, signal, stderr, stdin } = context;
  if (!isTty.stdin || !isTty.stderr) {
    throw new AppError('wrong_usage', {
      detail: 'a question has to be answered, and this is no terminal',
      hint: question.otherwise,
    });
  }
  signal.throwIfAborted();
  const prompt = `${question.text} `;
  // The question before let go of it.
  stdin.ref();
  const shown = hidden ? new Writable({ write: (_chunk, _encoding, done) => done() }) : stderr;
  const lines = createInterface({ input: stdin, output: shown, terminal: true, historySize: 0 });
  // The terminal echoes nothing from here on: not before may anybody begin to type.
  if (hidden) stderr.write(prompt);
  const closed = Promise.withResolvers<never>();
  // A terminal in raw mode hands Ctrl-C over as a character, and Ctrl-D closes the input without an answer.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  lines.on('close', () => closed.reject(new AppError('cancelled')));
  try {
    const answer = await Promise.race([lines.question(hidden ? '' : prompt, { signal }), closed.promise]);
    return answer.trim();
  } finally {
    if (hidden) stderr.write('\n');
    closed.promise.catch(() => {});
    lines.close();
    stdin.pause();
    stdin.unref();
  }
}
