import { errors } from '../i18n/errors.ts';
import type { ApiError } from './api.ts';

export interface Described {
  readonly title: string;
  /** What to do; `''` where nothing is known. */
  readonly hint: string;
}

/** An error in the language in use where there is a text for its code, else in the daemon's own words. */
export function describeError(error: ApiError): Described {
  const hintKey = `${error.code}_hint`;
  const hint = errors.has(hintKey) ? errors.t(hintKey) : error.hint;
  return { title: errors.has(error.code) ? errors.t(error.code) : error.message, hint };
}
