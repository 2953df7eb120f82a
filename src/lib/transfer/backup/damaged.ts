import { AppError, ERRORS } from '../../errors.ts';

/** Whether something that was to be a backup, or become one, is not whole. */
export function isDamaged(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'backup_damaged';
}

/** The same error with another advice; `place` says what it is about. */
export function damagedAt(error: AppError, place: string, hint: string): AppError {
  const detail = error.message.slice(ERRORS[error.code].sentence.length + 2);
  return new AppError(error.code, { detail: `${place}: ${detail}`, hint, cause: error });
}
