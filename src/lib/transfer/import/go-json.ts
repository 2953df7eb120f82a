import type { JsonObject } from '../../usage/readers.ts';

const ESCAPED = /[<>&\u2028\u2029]/g;
const ASCII = /^[\u0020-\u007e]*$/;
const escapeOne = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** JSON as Go writes a map: names in the order of their bytes, no spaces, and what could end a script escaped. */
export function goJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (isMap(value)) {
    const members = inByteOrder(Object.keys(value)).map((name) => `${text(name)}:${goJson(value[name])}`);
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'string') return text(value);
  return JSON.stringify(value) ?? 'null';
}

/** Texts in the order of their UTF-8 bytes, which beyond ASCII is not that of JavaScript. */
export function inByteOrder(texts: readonly string[]): string[] {
  if (texts.every((each) => ASCII.test(each))) return texts.toSorted();
  return texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function text(value: string): string {
  const written = JSON.stringify(value);
  // Go has no short form for these two.
  const plain = written.replaceAll(/\\[bf]/g, (short, at: number) =>
    isEscape(written, at) ? (short === '\\b' ? '\\u0008' : '\\u000c') : short,
  );
  return plain.replace(ESCAPED, escapeOne);
}

/** A backslash that is not itself escaped begins an escape. */
function isEscape(written: string, at: number): boolean {
  let before = 0;
  while (at - before > 0 && written[at - before - 1] === '\\') before += 1;
  return before % 2 === 0;
}

function isMap(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null;
}
