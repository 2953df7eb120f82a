/** Control codes, separators of lines, and what turns the reading direction. */
const UNRULY = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/** A text from outside as it may stand in a line on a terminal: not even colours are left of it. */
export function inert(text: string): string {
  return text.replaceAll(UNRULY, ' ');
}

/** The colours and weights that chalk writes; among the others is one that hides what follows. */
const ESCAPE = '\u001B';
const COLOUR = /^\[(?:[1-4]|2[2-4]|3[0-79]|39|9[0-7])m/;

/** The same for lines of ours with texts from outside in them: line ends, tabs and our own colours stay. */
export function inertLines(text: string): string {
  return text.replaceAll(UNRULY, (char, at: number) =>
    char === '\n' || char === '\t' || (char === ESCAPE && COLOUR.test(text.slice(at + 1, at + 6)))
      ? char
      : ' ',
  );
}
