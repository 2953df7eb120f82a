/** What stands in the place of everything that is taken out of a text. */
export const REDACTED = '[redacted]';

/** Backslashes before a quote of JSON in JSON in JSON; more are nobody's quoting, and are not counted one by one. */
const MOST_BACKSLASHES = 8;
/** No letter or digit before it, except that of an escaped line feed in JSON inside a JSON string. */
export const START = String.raw`(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))`;
const SCHEME = /(?:bearer|basic|token|digest|negotiate|ntlm|api-?key|key|jwt|aws4-hmac-sha256)\s+/iy;
const SPACE = /\s*/y;
const BARE = /[^\s"',&{}\\]+/y;
const NO_SECRET = /^(?:null|nil|none|true|false|undefined)$/i;
const NUMBER_OR_WORD = /^(?:[\d.,:%-]*|[a-z]{1,8}[.:;!?]?)$/i;

/**
 * How sure a name is. `sure`: whatever stands behind it goes. `word`: it is an ordinary word too, so that a number or
 * a short word behind it stays, unless the name is quoted as in JSON. `member`: only quoted, with a quoted value.
 */
export interface Names {
  readonly sure: string;
  readonly word: string;
  readonly member: string;
}

/** Where a value lies, without its quotes; of a list of quoted values everything from the first to the last. */
interface Value {
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
}

/**
 * A function that takes the values of named members out of a text: `name: value`, `name=value`, `"name":"value"`,
 * `"name":["value","value"]`, with single quotes too, and with quotes that are escaped because bodies hold JSON
 * inside JSON strings. Names are alternatives of a pattern. Every character is looked at a bounded number of times.
 */
export function namedValueRedactor({ sure, word, member }: Names): (text: string) => string {
  const name = new RegExp(
    String.raw`${START}(?:(?<sure>${sure})|(?<word>${word})|(?:${member}))(?<quote>\\{0,${MOST_BACKSLASHES}}["'])?\s*(?::|=>?)`,
    'gi',
  );
  return (text) => {
    let clean = '';
    let done = 0;
    name.lastIndex = 0;
    for (let match = name.exec(text); match; match = name.exec(text)) {
      const kind = match.groups ?? {};
      const mayBeBare = kind['sure'] !== undefined || kind['word'] !== undefined;
      // Read only where it may count: a value that is read and then left could be read again from its middle.
      if (!mayBeBare && kind['quote'] === undefined) continue;
      const value = valueAt(text, name.lastIndex, mayBeBare);
      if (!value || !isSecret(kind, value.quoted, text.slice(value.start, value.end))) continue;
      clean += text.slice(done, value.start) + REDACTED;
      done = value.end;
      name.lastIndex = done;
    }
    return done === 0 ? text : clean + text.slice(done);
  };
}

function isSecret(
  name: { readonly [group: string]: string | undefined },
  quoted: boolean,
  value: string,
): boolean {
  if (NO_SECRET.test(value)) return false;
  if (name['sure'] !== undefined) return true;
  if (name['quote'] !== undefined && quoted) return true;
  return name['word'] !== undefined && !NUMBER_OR_WORD.test(value);
}

function valueAt(text: string, from: number, mayBeBare: boolean): Value | null {
  const start = skip(SPACE, text, from);
  const list = text[start] === '[';
  const first = list ? skip(SPACE, text, start + 1) : start;
  const quoted = quotedAt(text, first);
  if (!quoted) return mayBeBare ? bareAt(text, start) : null;
  const end = list ? endOfList(text, quoted) : quoted.end;
  return end > quoted.start ? { start: quoted.start, end, quoted: true } : null;
}

function bareAt(text: string, start: number): Value | null {
  const end = skip(BARE, text, skip(SCHEME, text, start));
  return end > start ? { start, end, quoted: false } : null;
}

/** One quoted value: where it starts and ends, and where the text goes on behind the closing quote. */
interface Quoted {
  readonly start: number;
  readonly end: number;
  readonly after: number;
}

function endOfList(text: string, first: Quoted): number {
  let last = first;
  for (let next: Quoted | null = first; next; next = nextInList(text, next.after)) last = next;
  return last.end;
}

function nextInList(text: string, from: number): Quoted | null {
  const comma = skip(SPACE, text, from);
  return text[comma] === ',' ? quotedAt(text, skip(SPACE, text, comma + 1)) : null;
}

/**
 * The value in the quotes that open here, to the end of the text where they never close. With n backslashes before
 * the opening quote, one in the value stands as n + 1 of them for each pair: JSON doubles them at every level.
 */
function quotedAt(text: string, from: number): Quoted | null {
  let open = from;
  while (text[open] === '\\' && open - from < MOST_BACKSLASHES) open += 1;
  const quote = text[open];
  if (quote !== '"' && quote !== "'") return null;
  const level = open - from;
  const start = open + 1;
  for (let at = text.indexOf(quote, start); at >= 0; at = text.indexOf(quote, at + 1)) {
    let slash = at;
    while (slash > start && text[slash - 1] === '\\') slash -= 1;
    const run = at - slash;
    // Fewer than at the opening: the string around it ends here.
    if (run < level) return { start, end: slash, after: slash };
    if ((run - level) % (2 * (level + 1)) === 0) return { start, end: at - level, after: at + 1 };
  }
  return { start, end: text.length, after: text.length };
}

/** The position behind what a sticky pattern matches here; the same position where it matches nothing. */
function skip(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : from;
}
