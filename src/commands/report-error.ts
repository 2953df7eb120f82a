import { AppError, Exit } from '../lib/errors.ts';
import { inert } from './shared/inert.ts';

export interface ReportOptions {
  /** Shows where an error comes from. */
  readonly verbose: boolean;
  /** Prints the error as programs read it. */
  readonly json: boolean;
}

/**
 * Prints a failure on stderr and answers the exit code that belongs to it. For people: `cpamp: ` and what happened, then
 * what to do next. With `json` one line instead, `{"code","error","hint"}` as in HTTP answers; it is the last line.
 */
export function reportError(error: unknown, { verbose, json }: ReportOptions): number {
  const message = error instanceof Error ? error.message : String(error);
  const known = error instanceof AppError ? error : null;
  const hint = known?.hint ?? (verbose ? '' : 'This was not expected. Run it again with --verbose.');
  const lines: string[] = [];
  if (verbose && error instanceof Error) lines.push(stackOf(error));
  if (json) {
    lines.push(
      JSON.stringify({ code: known?.code ?? 'internal', error: message, ...(hint ? { hint } : {}) }),
    );
  } else {
    // Names of files and what other programs answer come from anywhere.
    lines.unshift(`cpamp: ${inert(message)}`, ...(hint ? [hint] : []));
  }
  process.stderr.write(`${lines.join('\n')}\n`);
  return known?.exit ?? Exit.failure;
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackOf(error.cause)}` : own;
}
