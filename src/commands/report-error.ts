import { AppError, Exit } from '../lib/errors.ts';

/** Prints a failure for people: what happened, and what to do next. Answers the exit code that belongs to it. */
export function reportError(error: unknown, verbose: boolean): number {
  const lines: string[] = [];
  if (error instanceof AppError) {
    lines.push(`cpamp: ${error.message}`);
    if (error.hint) lines.push(error.hint);
  } else {
    lines.push(`cpamp: ${error instanceof Error ? error.message : String(error)}`);
    if (!verbose)
      lines.push('This was not expected. Run it again with --verbose to see where it comes from.');
  }
  if (verbose && error instanceof Error) lines.push(stackOf(error));
  process.stderr.write(`${lines.join('\n')}\n`);
  return error instanceof AppError ? error.exit : Exit.failure;
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackOf(error.cause)}` : own;
}
