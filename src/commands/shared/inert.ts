/** Control codes, separators of lines, and what turns the reading direction. */
const UNRULY = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/** A text from outside as it may stand in a line on a terminal: not even colours are left of it. */
export function inert(text: string): string {
  return text.replaceAll(UNRULY, ' ');
}
