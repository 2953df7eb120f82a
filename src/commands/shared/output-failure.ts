import { AppError } from '../../lib/errors.ts';
import { systemCode } from '../../lib/files.ts';

/** What the system says of a write that failed, as an error for people; an AppError stays what it is. */
export function outputFailure(name: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const code = systemCode(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const hint = 'Free space where the output goes, or write it elsewhere.';
    return new AppError('disk_full', { detail: name, hint, cause });
  }
  return new AppError('output_failed', { detail: `${name} (${code || String(cause)})`, cause });
}
